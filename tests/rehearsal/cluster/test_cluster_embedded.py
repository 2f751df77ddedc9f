"""The real thing: what a managed cluster promises, and what happens when its parts die."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import envoy  # type: ignore[import-untyped]  # publishes no types
import psutil
import pytest

from rehearsal.cluster import bootstrap, lifecycle, pki
from rehearsal.cluster.api import Api
from rehearsal.cluster.host import inside_pids
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.plan import PROGRAMS, Ports
from rehearsal.cluster.state import State
from rehearsal.errors import Busy, PortInUse
from rehearsal.paths import REPOSITORY, Paths
from rehearsal.report import Lines
from tests.rehearsal.cluster_fixtures import FOLDER, EmbeddedCluster, eventually, free_ports, programs, start

pytestmark = pytest.mark.cluster

NOBODY = 65534
SOON = 15.0
"""Seconds: more than a restart takes on a busy machine, less than the rest of a lease of a kwok that is gone."""


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """Yield a cluster that tests may stop, kill and spoil."""
    cluster = start(tmp_path_factory.mktemp("second checkout"), programs())
    yield cluster
    lifecycle.stop(cluster.paths)


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "example/main:1", **spec.pop("container", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def claim(name: str, storage_class: str | None) -> dict[str, Any]:
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def deployment(name: str, *, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod(name)["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def addresses(cluster: EmbeddedCluster) -> list[tuple[str, str]]:
    """Address and node of each pod that is ready."""
    pods = json.loads(cluster.kubectl("get", "pods", "-o", "json"))["items"]
    ready = [
        p for p in pods if ("Ready", "True") in [(c["type"], c["status"]) for c in p["status"].get("conditions", [])]
    ]
    return [(p["status"]["podIP"], p["spec"]["nodeName"]) for p in ready]


def phase(cluster: EmbeddedCluster, kind: str, name: str) -> str:
    return cluster.kubectl("get", kind, name, "-o", "jsonpath={.status.phase}")


def test_the_nodes_of_three_zones_are_ready(embedded_cluster: EmbeddedCluster) -> None:
    nodes = json.loads(embedded_cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    zones = [node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes]
    assert zones == ["local-a", "local-b", "local-c"]
    ready = [c["status"] for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
    assert ready == ["True", "True", "True"]
    assert {node["status"]["capacity"]["cpu"] for node in nodes} == {"16"}
    assert [node["spec"]["podCIDR"] for node in nodes] == ["10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24"]


def test_the_context_is_called_rehearsal(embedded_cluster: EmbeddedCluster) -> None:
    assert embedded_cluster.kubectl("config", "current-context").strip() == "rehearsal"


def test_a_second_start_finds_the_cluster_up(embedded_cluster: EmbeddedCluster) -> None:
    before = lifecycle.status(embedded_cluster.paths)
    again = lifecycle.start(embedded_cluster.paths, embedded_cluster.programs, embedded_cluster.running.ports, Lines())
    assert again == embedded_cluster.running
    assert lifecycle.status(embedded_cluster.paths) == before
    assert lifecycle.running(embedded_cluster.paths) == again


def test_every_needed_part_runs_under_an_id_of_this_machine(embedded_cluster: EmbeddedCluster) -> None:
    status = lifecycle.status(embedded_cluster.paths)
    assert {part.state for part in status.parts if part.needed} == {State.RUNNING}
    names = {part.name: psutil.Process(part.pid).name() for part in status.parts if part.pid}
    assert names["kube-apiserver"] == "kube-apiserver"
    assert names["kwok"] == "kwok"


def test_a_claim_on_shared_storage_is_bound_at_once_and_its_volume_goes_with_it(
    embedded_cluster: EmbeddedCluster,
) -> None:
    embedded_cluster.kubectl("apply", "-f", "-", stdin=claim("shared", "shared"))
    assert eventually(lambda: phase(embedded_cluster, "pvc", "shared") == "Bound")
    embedded_cluster.kubectl("delete", "pvc", "shared")
    assert eventually(lambda: embedded_cluster.kubectl("get", "pv", "-o", "name") == "")


def test_a_claim_on_the_default_class_is_bound_in_the_zone_of_its_first_pod(embedded_cluster: EmbeddedCluster) -> None:
    embedded_cluster.kubectl("apply", "-f", "-", stdin=claim("disk", None))
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "disk"}}]
    user = pod("user-of-disk", volumes=volumes, nodeSelector={"topology.kubernetes.io/zone": "local-b"})
    embedded_cluster.kubectl("apply", "-f", "-", stdin=user)
    assert eventually(lambda: phase(embedded_cluster, "pvc", "disk") == "Bound")
    assert eventually(lambda: phase(embedded_cluster, "pod", "user-of-disk") == "Running")
    (volume,) = json.loads(embedded_cluster.kubectl("get", "pv", "-o", "json"))["items"]
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["local-b"]}]
    embedded_cluster.kubectl("delete", "pod/user-of-disk", "pvc/disk")


def test_pod_security_admission_refuses_a_privileged_pod(embedded_cluster: EmbeddedCluster) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    embedded_cluster.kubectl("apply", "-f", "-", stdin=namespace("restricted", **labels))
    privileged = pod("bad", container={"securityContext": {"privileged": True}})
    refused = embedded_cluster.try_kubectl("apply", "-n", "restricted", "-f", "-", stdin=privileged)
    assert refused.returncode == 1
    assert 'violates PodSecurity "restricted:latest": privileged' in refused.stderr
    embedded_cluster.kubectl("delete", "namespace", "restricted", "--wait=false")


def test_a_service_account_may_do_nothing_until_it_is_allowed_to(embedded_cluster: EmbeddedCluster) -> None:
    asked = embedded_cluster.try_kubectl("auth", "can-i", "list", "pods", "--as=system:serviceaccount:default:default")
    assert asked.stdout.strip() == "no"


def test_a_policy_in_cel_is_enforced(embedded_cluster: EmbeddedCluster) -> None:
    served = embedded_cluster.kubectl("api-resources", "--api-group=admissionregistration.k8s.io", "-o", "name")
    assert "validatingadmissionpolicies.admissionregistration.k8s.io" in served.split()


def test_a_secret_is_encrypted_in_etcd(embedded_cluster: EmbeddedCluster) -> None:
    embedded_cluster.kubectl("create", "secret", "generic", "hidden", "--from-literal=password=plain-as-day")
    key = base64.b64encode(b"/registry/secrets/default/hidden").decode()
    request = json.dumps({"key": key})
    answer = embedded_cluster.inside("curl", "-s", "http://127.0.0.1:2379/v3/kv/range", "-d", request)
    (entry,) = json.loads(answer)["kvs"]
    raw = base64.b64decode(entry["value"])
    assert raw.startswith(b"k8s:enc:secretbox:v1:key1:")
    assert b"plain-as-day" not in raw
    read = embedded_cluster.kubectl("get", "secret", "hidden", "-o", "jsonpath={.data.password}")
    assert base64.b64decode(read) == b"plain-as-day"


def test_the_audit_log_says_who_made_a_secret_but_not_what_is_in_it(embedded_cluster: EmbeddedCluster) -> None:
    embedded_cluster.kubectl("create", "secret", "generic", "audited", "--from-literal=password=never-logged")
    audit = Layout(root=embedded_cluster.paths.cluster).log("audit")

    def entries() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in audit.read_text().splitlines() if '"audited"' in line]
        return [line for line in lines if line["verb"] == "create"]

    assert eventually(entries)
    (entry,) = entries()
    assert (entry["level"], entry["user"]["username"]) == ("Metadata", "rehearsal-admin")
    assert "never-logged" not in audit.read_text()


def test_private_files_of_the_cluster_are_readable_by_their_owner_alone(embedded_cluster: EmbeddedCluster) -> None:
    layout = Layout(root=embedded_cluster.paths.cluster)
    private = [*layout.pki.iterdir(), *layout.config.iterdir(), embedded_cluster.kubeconfig, layout.inside_kubeconfig]
    assert {file.stat().st_mode & 0o077 for file in private} == {0}


def test_two_checkouts_run_side_by_side(embedded_cluster: EmbeddedCluster, second: EmbeddedCluster) -> None:
    second.kubectl("create", "configmap", "of-the-second")
    assert "of-the-second" not in embedded_cluster.kubectl("get", "configmaps", "-o", "name")
    assert second.running.api_port != embedded_cluster.running.api_port


def test_a_taken_port_is_named_with_the_checkout_that_has_it(embedded_cluster: EmbeddedCluster, tmp_path: Path) -> None:
    other = Paths(checkout=tmp_path, cache=tmp_path)
    ports = Ports(http=embedded_cluster.running.ports.http, https=free_ports().https)
    with pytest.raises(PortInUse) as caught:
        lifecycle.start(other, embedded_cluster.programs, ports, Lines())
    assert f"port {ports.http} " in caught.value.problem
    assert f"the rehearsal of the checkout {embedded_cluster.paths.checkout} " in caught.value.problem
    assert "make up HTTP_PORT=" in caught.value.remedy
    assert not lifecycle.status(other).running


def test_of_two_starts_at_once_one_is_told_to_wait(second: EmbeddedCluster) -> None:
    hold = "import sys; from pathlib import Path; from rehearsal.cluster.lock import exclusive; from rehearsal.paths import Paths\nwith exclusive(Paths(checkout=Path(sys.argv[1]), cache=Path('/'))): print('held', flush=True); sys.stdin.read()"  # noqa: E501 - a program
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(second.paths.checkout)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(Busy):
            lifecycle.start(second.paths, second.programs, second.running.ports, Lines())
        first.communicate()


@pytest.mark.parametrize(
    "name", ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "forwarder", "gateways"]
)
def test_a_killed_part_comes_back_and_nothing_is_lost(second: EmbeddedCluster, name: str) -> None:
    second.kubectl("create", "configmap", f"before-{name}", "--from-literal=kept=yes")
    before = second.part(name)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    assert eventually(lambda: second.part(name).restarts == before.restarts + 1)
    assert eventually(lambda: second.part(name).state is State.RUNNING)
    assert eventually(lambda: lifecycle.status(second.paths).ready)
    assert second.part(name).detail == ""
    assert eventually(lambda: second.try_kubectl("get", "nodes").returncode == 0)
    assert second.kubectl("get", "configmap", f"before-{name}", "-o", "jsonpath={.data.kept}") == "yes"
    second.kubectl("delete", "configmap", f"before-{name}")


def test_a_restarted_kwok_starts_new_pods_at_once_each_with_an_address_of_its_own(second: EmbeddedCluster) -> None:
    second.kubectl("apply", "-f", "-", stdin=deployment("crowd", replicas=12))
    assert eventually(lambda: len(addresses(second)) == 12)
    before = second.part("kwok")
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    second.kubectl("scale", "deployment/crowd", "--replicas=36")
    assert eventually(lambda: len(addresses(second)) == 36, patience=SOON)
    assert len({address for address, _ in addresses(second)}) == 36
    ranges = {"node-local-a": "10.244.1.", "node-local-b": "10.244.2.", "node-local-c": "10.244.3."}
    assert [(address, node) for address, node in addresses(second) if not address.startswith(ranges[node])] == []
    second.kubectl("delete", "deployment/crowd")


def test_a_node_from_before_nodes_had_ranges_gets_its_own(second: EmbeddedCluster) -> None:
    layout = Layout(root=second.paths.cluster)
    api = replace(Api.of(layout, "supervisor"), port=second.running.api_port)
    older = bootstrap.node_document("local-b", address="172.30.0.12", pods="")
    second.kubectl("delete", "node", "node-local-b")
    second.kubectl("create", "-f", "-", stdin={**older, "spec": {}})
    assert eventually(lambda: bootstrap.furnish(api, layout) == "")
    assert second.kubectl("get", "node", "node-local-b", "-o", "jsonpath={.spec.podCIDRs}") == '["10.244.2.0/24"]'


def test_a_killed_supervisor_comes_back_with_the_whole_cluster(second: EmbeddedCluster) -> None:
    second.kubectl("create", "configmap", "before-supervisor")
    launcher = lifecycle.status(second.paths).launcher
    assert launcher is not None
    supervisor = inside_pids(launcher)[1]
    os.kill(supervisor, signal.SIGKILL)
    assert eventually(lambda: inside_pids(launcher).get(1) not in (None, supervisor))
    assert eventually(lambda: lifecycle.status(second.paths).ready)
    assert eventually(lambda: second.try_kubectl("get", "configmap", "before-supervisor").returncode == 0)


def test_a_killed_launcher_takes_the_cluster_with_it_and_the_next_start_brings_it_back(
    second: EmbeddedCluster,
) -> None:
    second.kubectl("create", "configmap", "before-launcher")
    launcher = lifecycle.status(second.paths).launcher
    assert launcher is not None
    os.kill(launcher, signal.SIGKILL)
    assert eventually(lambda: not lifecycle.status(second.paths).running)
    lifecycle.start(second.paths, second.programs, second.running.ports, Lines())
    second.kubectl("get", "configmap", "before-launcher")


def test_expired_certificates_are_renewed_by_the_next_start(second: EmbeddedCluster) -> None:
    layout = Layout(root=second.paths.cluster)
    for leaf in pki.LEAVES:
        layout.certificate(leaf.name).unlink()
    pki.ensure(layout, datetime.now(UTC) - timedelta(days=pki.LEAF_DAYS + 1))
    running = lifecycle.start(second.paths, second.programs, second.running.ports, Lines())
    assert set(running.renewed) == {leaf.name for leaf in pki.LEAVES}
    second.kubectl("get", "nodes")


def test_nothing_is_left_behind_and_the_next_start_has_the_data(second: EmbeddedCluster) -> None:
    second.kubectl("create", "configmap", "kept")
    launcher = lifecycle.status(second.paths).launcher
    assert launcher is not None
    processes = [psutil.Process(launcher), *psutil.Process(launcher).children(recursive=True)]
    mounts = Path("/proc/self/mountinfo").read_text()
    shared_memory = sorted(entry.name for entry in Path("/dev/shm").iterdir())  # noqa: S108 - what is left there counts
    assert lifecycle.stop(second.paths) is True
    assert [process for process in processes if _runs(process)] == []
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert sorted(entry.name for entry in Path("/dev/shm").iterdir()) == shared_memory  # noqa: S108
    ports = second.running.ports
    assert not _listens(ports.http, ports.https, second.running.api_port)
    again = lifecycle.start(second.paths, second.programs, ports, Lines())
    assert again.api_port == second.running.api_port
    second.kubectl("get", "configmap", "kept")


def test_it_works_for_an_ordinary_user_in_a_user_namespace(tmp_path: Path) -> None:
    python, reason = _python_for_nobody(tmp_path)
    if python is None:
        pytest.skip(reason)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    os.chown(checkout, NOBODY, NOBODY)
    _link_programs(tmp_path / "programs")
    ports = free_ports()
    command = [str(python), "-m", "tests.rehearsal.cluster.drive", str(checkout), str(ports.http), str(ports.https)]
    done = _as_nobody(command, checkout, **{FOLDER: str(tmp_path / "programs")})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "three nodes, stopped"


def _runs(process: psutil.Process) -> bool:
    """Whether a process still does something; a dead one that its parent has not looked at does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _listens(*ports: int) -> bool:
    return any(c.laddr and c.laddr.port in ports for c in psutil.net_connections("tcp") if c.status == "LISTEN")


def _link_programs(folder: Path) -> None:
    """Give the programs a second name in a folder that everybody may enter, as a cache need not be."""
    folder.mkdir()
    binaries = programs()
    for name in (*PROGRAMS, "kubectl"):
        program = binaries.binary(name).resolve()
        if name in ("initdb", "postgres"):  # They look for their libraries and files beside themselves.
            (folder / name).symlink_to(program)
            continue
        if name == "envoy":  # The package's command is a script for an interpreter that may be private.
            program = Path(envoy.__file__).with_name("_bin") / "envoy"
        try:
            (folder / name).hardlink_to(program)
        except OSError:
            shutil.copy(program, folder / name)


def _as_nobody(command: list[str], home: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd=home,
        env={
            **os.environ,
            "HOME": str(home),
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _python_for_nobody(folder: Path) -> tuple[Path | None, str]:
    """A Python with this one's packages that an ordinary user can run; or why there is none."""
    if os.geteuid() != 0:
        return None, "every other test here runs as an ordinary user already"
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        if candidate is None:
            continue
        environment = folder / "environment"
        (environment / "bin").mkdir(parents=True, exist_ok=True)
        (environment / "lib" / version).mkdir(parents=True, exist_ok=True)
        link = environment / "bin" / "python"
        link.unlink(missing_ok=True)
        link.symlink_to(candidate if candidate != sys.executable else Path(candidate).resolve())
        packages = environment / "lib" / version / "site-packages"
        packages.unlink(missing_ok=True)
        packages.symlink_to(Path(pytest.__file__).parent.parent)
        home = link.readlink().parent
        (environment / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
        try:
            if _as_nobody([str(link), "-c", "import cryptography, psutil"], folder).returncode == 0:
                break
        except PermissionError:
            continue
    else:
        return None, "no Python that an ordinary user can run has this one's packages"
    trial = _as_nobody(["unshare", "--user", "--map-root-user", "--net", "true"], folder)
    return (link, "") if trial.returncode == 0 else (None, f"this machine forbids user namespaces: {trial.stderr}")
