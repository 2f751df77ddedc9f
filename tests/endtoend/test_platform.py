"""What a user sees of a platform that is up."""

import json
import re

import pytest

from rehearsal.traffic import within_binomial
from tests.endtoend.conftest import Platform

pytestmark = pytest.mark.endtoend


def resources(output: str) -> dict[str, int]:
    """What ``pulumi up`` counted, by fate."""
    summary = output.rpartition("Resources:")[2]
    return {fate: int(count) for count, fate in re.findall(r"^\s+(?:[+~-]+ )?(\d+) (\w+)$", summary, re.MULTILINE)}


def test_one_command_ends_with_traffic_split_between_blue_and_green(platform: Platform) -> None:
    assert "1000 requests" in platform.greeting
    assert "failed: none" in platform.greeting
    assert f"https://localhost:{platform.https_port}/" in platform.greeting


def test_a_second_update_changes_nothing(platform: Platform) -> None:
    platform.update()
    assert resources(platform.update()).keys() == {"unchanged"}
    assert platform.shell("pulumi preview --non-interactive --expect-no-changes").returncode == 0


@pytest.mark.parametrize("green", [0, 10, 50, 100])
def test_requests_are_split_as_configured(configured: Platform, green: int) -> None:
    configured.weigh(green)
    assert configured.route_weights() == {
        "backend-blue": 100 - green,
        "backend-green": green,
        "frontend-blue": 100 - green,
        "frontend-green": green,
    }
    figures = configured.traffic(1000)
    assert figures["failed"] == 0
    for component in ("backend", "frontend"):
        answered = {group["colour"]: group["count"] for group in figures["groups"] if group["component"] == component}
        total = sum(answered.values())
        assert total > 0
        assert within_binomial(answered.get("green", 0), total, green / 100)


@pytest.mark.parametrize(
    ("path", "component"),
    [
        ("/api/exams", "backend"),
        ("/admin/", "backend"),
        ("/media/a.png", "backend"),
        ("/", "frontend"),
        ("/learn", "frontend"),
    ],
)
def test_each_path_reaches_its_component_unchanged(platform: Platform, path: str, component: str) -> None:
    answer = platform.ask(path)
    assert answer.status == 200
    assert answer.headers["x-pod"].startswith(f"{component}-")
    assert answer.headers["x-colour"] in {"blue", "green"}
    if path.startswith("/api"):
        assert json.loads(answer.body)["path"] == path


def test_plain_http_is_sent_to_https(platform: Platform) -> None:
    answer = platform.ask("/learn?unit=3", tls=False)
    assert answer.status == 301
    assert answer.headers["location"] == f"https://localhost:{platform.https_port}/learn?unit=3"


def test_one_client_gets_a_hundred_requests_a_minute_and_others_go_on(platform: Platform) -> None:
    program = (
        "from pathlib import Path\n"
        "from rehearsal.traffic import Plan, run\n"
        "from rehearsal.traffic.checks import limited\n"
        "from dataclasses import replace\n"
        f"plan = Plan(domain='localhost', ca=Path({str(platform.paths.cluster / 'ca.crt')!r}), requests=50)\n"
        "others = replace(plan, clients=50, first_client=plan.first_client + 1)\n"
        "print(limited(plan, requests=150), run(others).failed)\n"
    )
    refused, failed = map(int, platform.inside(program).split())
    # The bucket refills while the 150 are sent: a request every 0.6 s.
    assert 40 <= refused <= 50
    assert failed == 0


def test_kubectl_sees_pods_that_meet_the_restricted_standard(platform: Platform) -> None:
    pods = platform.get("pods")["items"]
    assert {pod["metadata"]["labels"]["english-training.dev/colour"] for pod in pods} == {"blue", "green"}
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    namespace = platform.get("namespace", "english-training")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_status_says_that_all_is_well(platform: Platform) -> None:
    done = platform.make("status")
    assert done.returncode == 0
    assert "kube-apiserver" in done.stdout
    assert done.stdout.rstrip().endswith("ready")
