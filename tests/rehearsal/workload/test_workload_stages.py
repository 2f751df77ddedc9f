"""kwok's pod stages: the same grammar as the simulator's, and against a real API server what a kubelet would do."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.workload import faults
from rehearsal.workload.faults import ANNOTATION
from tests.rehearsal.cluster_fixtures import EmbeddedCluster, eventually
from tests.rehearsal.workload.samples import labels

STAGES = Path(faults.__file__).parent / "stages.yaml"
NAMESPACE = "stages"


def stages() -> dict[str, dict[str, Any]]:
    return {stage["metadata"]["name"]: stage for stage in yaml.safe_load_all(STAGES.read_text(encoding="utf-8"))}


def test_the_stages_read_the_grammar_of_the_simulator() -> None:
    text = STAGES.read_text(encoding="utf-8")
    assert re.findall(r'\$fault := "(.*)"', text) == [faults.GRAMMAR]
    assert text.count(ANNOTATION) == len(re.findall(r"english-training\.dev/\S", text))


def test_every_stage_is_of_pods_and_only_the_one_that_changes_nothing_weighs_nothing() -> None:
    found = stages()
    assert all(stage["spec"]["resourceRef"] == {"apiGroup": "v1", "kind": "Pod"} for stage in found.values())
    assert [name for name, stage in found.items() if stage["spec"]["weight"] == 0] == ["pod-address-kept"]


def test_no_stage_touches_a_pod_under_deletion_but_the_one_that_removes_it() -> None:
    for name, stage in stages().items():
        expressions = stage["spec"]["selector"]["matchExpressions"]
        operator = next(e["jq"]["operator"] for e in expressions if e["jq"]["key"] == ".metadata.deletionTimestamp")
        assert operator == ("Exists" if name == "pod-delete" else "DoesNotExist")


# ---- against an API server


class Bench:
    """Pods in a namespace of the shared cluster."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.cluster = cluster

    def kubectl(self, *arguments: str, stdin: dict[str, Any] | None = None) -> str:
        return self.cluster.kubectl("--namespace", NAMESPACE, *arguments, stdin=stdin)

    def create(self, name: str, image: str, **changes: Any) -> None:
        metadata = {"name": name, "labels": labels("backend"), "annotations": changes.pop("annotations", {})}
        container = {"name": "backend", "image": image} | changes.pop("container", {})
        self.kubectl(
            "create",
            "--filename=-",
            stdin={
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 30} | changes,
            },
        )

    def pod(self, name: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.kubectl("get", "pod", name, "--output=json"))
        return read

    def ready(self, name: str) -> bool:
        conditions = self.pod(name)["status"].get("conditions", ())
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def container(self, name: str) -> dict[str, Any]:
        statuses = self.pod(name)["status"].get("containerStatuses") or [{"state": {}}]
        first: dict[str, Any] = statuses[0]
        return first

    def waiting(self, name: str) -> str:
        reason: str = self.container(name)["state"].get("waiting", {}).get("reason", "")
        return reason

    def events(self, name: str) -> str:
        """Events as `kubectl describe` shows them."""
        return self.kubectl("describe", "pod", name).partition("\nEvents:")[2]

    def seen(self, name: str, text: str) -> bool:
        return eventually(lambda: text in self.events(name))


@pytest.fixture(scope="module")
def bench(embedded_cluster: EmbeddedCluster) -> Iterator[Bench]:
    """Yield a namespace for these tests."""
    embedded_cluster.kubectl("create", "namespace", NAMESPACE)
    # Pods can be made once the controller has made the namespace's service account.
    made = Bench(embedded_cluster)
    account = ("--namespace", NAMESPACE, "get", "serviceaccount", "default")
    assert eventually(lambda: embedded_cluster.try_kubectl(*account).returncode == 0)
    made.create("crash", "backend:1", annotations={ANNOTATION: "crash-loop"})  # Its pauses pass beside the other tests.
    yield made
    embedded_cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.mark.cluster
class TestAgainstAnApiServer:
    def test_a_healthy_pod_gets_ready_with_its_addresses(self, bench: Bench) -> None:
        init = [{"name": "migrate", "image": "m:1"}, {"name": "agent", "image": "a:1", "restartPolicy": "Always"}]
        bench.create("healthy", "registry.test:5000/backend:1.4.0", initContainers=init)
        assert eventually(lambda: bench.ready("healthy"))
        status = bench.pod("healthy")["status"]
        assert status["phase"] == "Running"
        assert status["podIP"].startswith("10.244.")
        assert status["hostIP"]
        assert "startTime" in status
        assert (status["containerStatuses"][0]["ready"], status["containerStatuses"][0]["started"]) == (True, True)
        assert "running" in status["containerStatuses"][0]["state"]
        by_name = {one["name"]: one for one in status["initContainerStatuses"]}
        assert by_name["migrate"]["state"]["terminated"]["reason"] == "Completed"
        assert "running" in by_name["agent"]["state"]
        ready = next(one for one in status["conditions"] if one["type"] == "Ready")
        assert "reason" not in ready
        assert "message" not in ready
        assert bench.seen("healthy", "Started container")

    def test_a_pod_that_is_never_ready_runs_and_says_why(self, bench: Bench) -> None:
        bench.create("never", "backend:1-sim.never-ready.latency100")
        assert bench.seen("never", "Readiness probe failed: HTTP probe failed with statuscode: 503")
        pod = bench.pod("never")
        assert pod["metadata"]["annotations"][ANNOTATION] == "never-ready.latency100"
        assert pod["status"]["phase"] == "Running"
        assert not bench.ready("never")
        assert bench.container("never")["ready"] is False

    def test_faults_can_be_put_on_and_taken_off_a_running_pod(self, bench: Bench) -> None:
        bench.create("live", "backend:1")
        assert eventually(lambda: bench.ready("live"))
        bench.kubectl("annotate", "pod", "live", f"{ANNOTATION}=never-ready")
        assert eventually(lambda: not bench.ready("live"))
        bench.kubectl("annotate", "pod", "live", f"{ANNOTATION}-")
        assert eventually(lambda: bench.ready("live"))

    def test_a_slow_start_ends(self, bench: Bench) -> None:
        bench.create("slow", "backend:1-sim.slow-start3")
        assert bench.seen("slow", "Unhealthy")
        assert not bench.ready("slow")
        assert eventually(lambda: bench.ready("slow"))
        status = bench.pod("slow")["status"]
        started = status["containerStatuses"][0]["state"]["running"]["startedAt"]
        ready = next(one["lastTransitionTime"] for one in status["conditions"] if one["type"] == "Ready")
        seconds = int(ready[17:19]) - int(started[17:19])
        assert seconds % 60 in (3, 4, 5)

    def test_a_crash_loop_restarts_with_pauses(self, bench: Bench) -> None:
        assert eventually(lambda: bench.container("crash").get("restartCount", 0) >= 2)
        assert eventually(lambda: bench.waiting("crash") == "CrashLoopBackOff")
        terminated = bench.container("crash")["lastState"]["terminated"]
        assert (terminated["exitCode"], terminated["reason"]) == (1, "Error")
        assert bench.seen("crash", "Back-off restarting failed container")

    def test_a_missing_image_is_named(self, bench: Bench) -> None:
        bench.create("missing", "registry.test/backend:1-sim.missing-image")
        assert eventually(lambda: bench.waiting("missing") == "ImagePullBackOff")
        assert (
            '"registry.test/backend:1-sim.missing-image"' in bench.container("missing")["state"]["waiting"]["message"]
        )
        assert bench.seen("missing", 'Failed to pull image "registry.test/backend:1-sim.missing-image": not found')

    @pytest.mark.parametrize("text", ["errors=101", "errors=5,errors=6", "tipo", "errors=5,,latency=5"])
    def test_faults_that_cannot_be_read_keep_the_pod_from_starting(self, bench: Bench, text: str) -> None:
        name = f"malformed-{len(text)}"
        with pytest.raises(faults.MalformedFaultsError):
            faults.parse(text)
        bench.create(name, "backend:1", annotations={ANNOTATION: text})
        assert eventually(lambda: bench.waiting(name) == "CreateContainerConfigError")
        assert f'"{text}" cannot be read' in bench.container(name)["state"]["waiting"]["message"]
        assert bench.seen(name, "an example: errors=5,latency=800")

    @pytest.mark.parametrize("text", ["errors=100, latency=99999", "errors0.slow-start0", ""])
    def test_faults_that_the_simulator_reads_let_the_pod_start(self, bench: Bench, text: str) -> None:
        name = f"readable-{len(text)}"
        faults.parse(text)
        bench.create(name, "backend:1-sim.never-ready", annotations={ANNOTATION: text})
        assert eventually(lambda: bench.ready(name))

    def test_jobs_complete_and_fail_as_asked(self, bench: Bench) -> None:
        for name, image in (
            ("migrate", "backend:1-sim.errors5"),
            ("broken", "backend:1-sim.crash-loop"),
            ("failing", "backend:1-sim.fail-job"),
        ):
            template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": image}]}}
            job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}
            bench.kubectl("create", "--filename=-", stdin=job | {"spec": {"backoffLimit": 0, "template": template}})
        bench.kubectl("wait", "--for=condition=Complete", "--timeout=30s", "job/migrate")
        bench.kubectl("wait", "--for=condition=Failed", "--timeout=30s", "job/broken", "job/failing")

    def test_a_pod_of_no_job_does_not_mind_that_jobs_fail(self, bench: Bench) -> None:
        bench.create("no-job", "backend:1-sim.fail-job")
        assert eventually(lambda: bench.ready("no-job"))
        assert bench.container("no-job")["restartCount"] == 0

    def test_a_deleted_pod_stays_as_long_as_its_hook_sleeps(self, bench: Bench) -> None:
        hook = {"lifecycle": {"preStop": {"sleep": {"seconds": 2}}}}
        bench.create("hooked", "backend:1", container=hook)
        bench.create("plain", "backend:1")
        assert eventually(lambda: bench.ready("hooked") and bench.ready("plain"))
        bench.kubectl("delete", "pod", "hooked", "plain", "--wait=false")
        get = ("get", "pod", "--ignore-not-found", "--output=name")
        assert eventually(lambda: not bench.kubectl(*get, "plain"))
        assert bench.kubectl(*get, "hooked")
        assert eventually(lambda: not bench.kubectl(*get, "hooked"))

    def test_the_simulator_answers_for_the_pod(self, bench: Bench) -> None:
        bench.create("answering", "backend:1", annotations={ANNOTATION: "errors=50"})
        assert eventually(lambda: bench.ready("answering"))
        address = bench.pod("answering")["status"]["podIP"]
        script = (
            "import http.client, sys\n"
            "connection = http.client.HTTPConnection(sys.argv[1], 8000)\n"
            "for number in range(4):\n"
            "    connection.request('GET', f'/api/{number}')\n"
            "    answer = connection.getresponse()\n"
            "    print(answer.status, answer.headers['x-pod'], len(answer.read()) > 0)\n"
        )
        said = bench.cluster.inside(sys.executable, "-c", script, address).splitlines()
        assert said == ["200 answering True", "500 answering True"] * 2
