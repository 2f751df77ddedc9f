"""What a user sees when something is wrong: one clear error, and nothing lost."""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from rehearsal.cluster import lifecycle
from rehearsal.paths import REPOSITORY
from tests.endtoend.conftest import Platform, copy_checkout, run
from tests.rehearsal.cluster_fixtures import eventually

pytestmark = pytest.mark.endtoend

UP = "pulumi up --yes --skip-preview --non-interactive"
BACKEND = "registry.localhost/english-training-system/backend"


def green_pods(platform: Platform) -> list[dict[str, object]]:
    selector = "app.kubernetes.io/name=backend,english-training.dev/colour=green"
    items: list[dict[str, object]] = platform.get("pods", "--selector", selector)["items"]
    return items


def test_a_bad_image_is_explained_and_takes_no_traffic(configured: Platform) -> None:
    configured.weigh(0)
    configured.good(f"pulumi config set --path green.backendImage {BACKEND}:1.2.0-sim.missing-image")
    done = configured.shell(UP)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "backend-green-" in said
    assert "ImagePullBackOff" in said or "ErrImagePull" in said
    assert f"{BACKEND}:1.2.0-sim.missing-image" in said
    assert configured.traffic(200)["failed"] == 0


def test_every_wrong_value_is_reported_at_once_and_nothing_changes(configured: Platform) -> None:
    before = configured.route_weights()
    configured.good("pulumi config set greenWeight 101")
    configured.good("pulumi config set environment qa")
    configured.good("pulumi config set greenWait 5")
    configured.good("pulumi config rm domain")
    done = configured.shell(UP)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    for key in ("greenWeight", "environment", "greenWait", "domain"):
        assert f"english-training:{key}" in said
    assert "Traceback" not in said
    assert configured.route_weights() == before


def test_a_weight_that_is_no_number_is_named(configured: Platform) -> None:
    configured.good("pulumi config set greenWeight abc")
    done = configured.shell(UP)
    assert done.returncode != 0
    assert "english-training:greenWeight" in done.stdout + done.stderr


def test_an_update_that_was_killed_is_taken_up_again(configured: Platform) -> None:
    configured.weigh(0)
    configured.good(f"pulumi config set --path green.backendImage {BACKEND}:1.3.0-sim.slow-start5")
    update = configured.start(UP)
    assert eventually(lambda: any("1.3.0" in str(pod) for pod in green_pods(configured)))
    os.killpg(update.pid, signal.SIGKILL)
    update.communicate()
    done = run(configured.checkout, sys.executable, "-m", "rehearsal", "up", "--requests", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert eventually(lambda: all("1.3.0" in str(pod) for pod in green_pods(configured)))


def test_an_api_server_that_dies_in_an_update_costs_only_time(configured: Platform) -> None:
    configured.weigh(0)
    configured.good(f"pulumi config set --path green.backendImage {BACKEND}:1.4.0-sim.slow-start3")
    update = configured.start(UP)
    assert eventually(lambda: any("1.4.0" in str(pod) for pod in green_pods(configured)))
    [server] = [part for part in lifecycle.status(configured.paths).parts if part.name == "kube-apiserver"]
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    said, _ = update.communicate()
    if update.returncode:  # a wait that was cut off is said to be, and the next update goes on
        assert "make status" in said or "again" in said
    assert eventually(lambda: lifecycle.status(configured.paths).ready)
    configured.update()
    assert eventually(lambda: all("1.4.0" in str(pod) for pod in green_pods(configured)))


def test_two_ups_at_once_leave_one_and_an_explanation(platform: Platform) -> None:
    first = platform.start("make --no-print-directory up")
    lock = platform.paths.state / "lock"
    assert eventually(lambda: lock.read_text().strip() in _children(first.pid))
    second = run(platform.checkout, sys.executable, "-m", "rehearsal", "up")
    said, _ = first.communicate()
    assert second.returncode == 7
    assert "another command (process" in second.stderr
    assert first.returncode == 0, said


def test_a_port_that_is_taken_is_named_with_its_owner(platform: Platform) -> None:
    program = (
        "from rehearsal.cluster.ports import listen; from rehearsal.cluster.plan import Ports\n"
        f"listen(Ports(http={platform.http_port}, https={platform.https_port}), None)"
    )
    done = run(REPOSITORY, sys.executable, "-c", program)
    assert "PortInUse" in done.stderr
    assert str(platform.checkout) in done.stderr
    assert "HTTP_PORT=" in done.stderr


def test_an_unknown_stack_is_named_with_those_that_exist(platform: Platform) -> None:
    done = run(platform.checkout, sys.executable, "-m", "rehearsal", "up", "--stack", "qa")
    assert done.returncode == 2
    assert "Pulumi.qa.yaml" in done.stderr
    assert "development, production, staging" in done.stderr


def test_traffic_through_a_platform_that_is_down_says_so(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    for command in ("traffic", "status"):
        done = run(checkout, sys.executable, "-m", "rehearsal", command)
        assert done.returncode == 10
        assert "not running" in done.stdout + done.stderr
        assert "make up" in done.stdout + done.stderr


def _children(pid: int) -> set[str]:
    try:
        return {str(child.pid) for child in psutil.Process(pid).children(recursive=True)} | {str(pid)}
    except psutil.NoSuchProcess:
        return set()


def test_no_request_fails_while_all_traffic_moves_there_and_back(configured: Platform, tmp_path: Path) -> None:
    configured.weigh(0)
    figures = tmp_path / "figures.json"
    load = configured.start(f"{sys.executable} -m rehearsal traffic --rate 200 -n 6000 --file {figures}")
    begun = time.monotonic()
    configured.weigh(100)
    configured.weigh(0)
    assert load.poll() is None, f"the load ended before the switches did, after {time.monotonic() - begun:.0f} s"
    said, _ = load.communicate()
    assert load.returncode == 0, said
    counted = json.loads(figures.read_text())
    assert counted["errors"] == {}
    assert {group["colour"] for group in counted["groups"]} == {"blue", "green"}


def test_destroying_the_stack_leaves_only_the_definitions(configured: Platform) -> None:
    configured.good("pulumi destroy --yes --skip-preview --non-interactive")
    assert configured.shell("kubectl get namespace english-training gateway").returncode != 0
    left = configured.get("httproutes,gateways,gatewayclasses,envoyproxies,persistentvolumes", "--all-namespaces")
    assert left["items"] == []
    definitions = {item["metadata"]["name"] for item in configured.get("customresourcedefinitions")["items"]}
    assert "httproutes.gateway.networking.k8s.io" in definitions


def test_a_port_asked_for_that_is_taken_leaves_the_platform_as_it_is(platform: Platform) -> None:
    file = platform.checkout / "Pulumi.development.yaml"
    before = file.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(platform.checkout, sys.executable, "-m", "rehearsal", "up", "--https-port", port)
    assert done.returncode == 6
    assert f"port {port}" in done.stderr
    assert file.read_text() == before
    assert platform.ask("/").status == 200
