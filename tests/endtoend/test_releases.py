"""Releases that go well, and the ways back after them: under load, and no request fails."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.endtoend.conftest import Platform, copy_checkout
from tests.endtoend.releasing import COLOUR, OTHER, STACK, Releasing, kinds, whole

pytestmark = pytest.mark.endtoend

UP = f"pulumi up --yes --skip-preview --non-interactive --stack {STACK}"


@pytest.fixture
def releasing(platform: Platform) -> Releasing:
    """The tool in the platform's checkout, where one colour has all requests and no release is in progress."""
    made = Releasing(platform=platform, checkout=platform.checkout)
    made.settle()
    return made


def test_blue_green_and_both_ways_back_without_a_failed_request(releasing: Releasing, tmp_path: Path) -> None:
    old, new = releasing.serving, OTHER[releasing.serving]
    order = f"{releasing.images()} --version 2.0.0 --strategy blue-green --soak 5s"
    with releasing.load(200, tmp_path) as load:
        deployed = json.loads(releasing.good(f"deploy {order} --output json"))
        assert releasing.weights == {new: 100, old: 0}
        pods = releasing.pods(old) | releasing.pods(new)

        back = json.loads(releasing.good("rollback --output json"))
        assert releasing.weights == {new: 0, old: 100}

        again = json.loads(releasing.good(f"rollback --to {deployed['id']} --output json"))
        assert releasing.weights == {new: 100, old: 0}
        assert releasing.pods(old) | releasing.pods(new) == pods
    assert load.figures["errors"] == {}
    assert set(load.colours()) == {old, new}
    assert (load.colours()[0], load.colours()[-1]) == (old, new)
    assert load.lost == 0
    assert (deployed["status"], deployed["errors"], deployed["candidate"]) == ("success", 0, new)
    assert deployed["requests"] > 0
    for record in (back, again):
        assert [step["kind"] for step in record["steps"]] == ["divert", "settle"]
        assert (record["status"], record["kind"]) == ("success", "rollback")
    for record in (deployed, back, again):
        whole(record)
    assert [entry["id"] for entry in releasing.read("history --limit 3")] == [
        again["id"],
        back["id"],
        deployed["id"],
    ]


def test_a_canary_in_whose_middle_others_run_updates(releasing: Releasing, tmp_path: Path) -> None:
    releasing.decided()
    file = (releasing.checkout / f"Pulumi.{STACK}.yaml").read_text()
    clean = Releasing(platform=releasing.platform, checkout=copy_checkout(tmp_path / "clean"))
    (clean.checkout / f"Pulumi.{STACK}.yaml").write_text(file)
    old, new = releasing.serving, OTHER[releasing.serving]
    order = f"{releasing.images()} --version 2.1.0 --strategy canary --steps 40,100 --soak 8s --no-auto-promote"
    with releasing.load(300, tmp_path) as load:
        deploy = releasing.start(f"deploy {order}")
        deploy.until("watch at 40 %", done=5)
        assert releasing.weights == {old: 60, new: 40}

        # A colleague's update, from a checkout that knows nothing of the release: nothing changes.
        done = clean.shell(UP)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "unchanged" in done.stdout
        assert not any(
            f" {word}" in done.stdout.rpartition("Resources:")[2] for word in ("updated", "created", "deleted")
        )
        assert releasing.weights == {old: 60, new: 40}
        assert {one["spec"]["minReplicas"] for one in releasing.platform.get("hpa")["items"]} == {2}

        # A colleague who moves traffic by hand is refused, and told by whom and what next.
        assert clean.shell(f"pulumi config set greenWeight 7 --stack {STACK}").returncode == 0
        done = clean.shell(UP)
        said = done.stdout + done.stderr
        assert done.returncode != 0
        assert releasing.read("status")["release"]["id"] in said
        assert "release status" in said
        assert "greenWeight" in said
        assert releasing.weights == {old: 60, new: 40}

        deploy.until("", done=6)  # what was watched is well; now it waits for a person
        assert releasing.weights == {old: 60, new: 40}
        assert releasing.read("promote")["asked"] == "promote"
        assert deploy.ended() == 0, "\n".join(deploy.lines)
        assert releasing.weights == {new: 100, old: 0}
    assert load.figures["errors"] == {}
    assert load.lost == 0
    record = releasing.log()
    assert (record["status"], record["errors"]) == ("success", 0)
    assert releasing.standing["open"] is False
    assert releasing.standing["values"]["greenWeight"] == (100 if new == "green" else 0)
    whole(record)


@contextmanager
def watched(platform: Platform, colour: str) -> Iterator[list[dict[str, Any]]]:
    """Every state of a colour's Deployments, from now until the block ends."""
    states: list[dict[str, Any]] = []
    process = platform.start(
        f"kubectl get deployments --namespace english-training --selector {COLOUR}={colour} "
        "--watch --output jsonpath='{.metadata.name} {.spec.replicas} {.status.availableReplicas}{\"\\n\"}'"
    )
    try:
        yield states
    finally:
        process.terminate()
        said, _ = process.communicate()
        for line in said.splitlines():
            name, _, numbers = line.partition(" ")
            wanted, _, available = numbers.partition(" ")
            states.append({"name": name, "wanted": int(wanted), "available": int(available or 0)})


def test_a_rolling_update_keeps_three_quarters_of_the_pods(releasing: Releasing, tmp_path: Path) -> None:
    serving = releasing.serving
    before = releasing.pods(serving)
    order = f"{releasing.images()} --version 2.2.0 --strategy rolling --soak 4s"
    with releasing.load(300, tmp_path) as load, watched(releasing.platform, serving) as states:
        record = json.loads(releasing.good(f"deploy {order} --output json"))
    assert load.figures["errors"] == {}
    assert load.lost == 0
    assert set(load.colours()) == {serving}
    assert (record["status"], record["candidate"]) == ("success", serving)
    assert not set(before.values()) & set(releasing.pods(serving).values())
    assert {state["name"] for state in states} == {f"backend-{serving}", f"frontend-{serving}"}
    assert len(states) > 4
    assert [state for state in states if state["available"] < 0.75 * state["wanted"]] == []
    whole(record)


def test_the_glass_can_be_broken_when_pulumi_is_out_of_reach(releasing: Releasing, tmp_path: Path) -> None:
    nowhere = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/nowhere"}
    with releasing.load(200, tmp_path) as load:
        if not instant(releasing):
            releasing.good(f"deploy {releasing.images()} --version 2.3.0 --strategy blue-green --soak 5s")
        old, new = OTHER[releasing.serving], releasing.serving
        assert releasing.tool(f"rollback --stack {STACK}", nowhere).returncode != 0
        assert releasing.weights == {new: 100, old: 0}
        moved = json.loads(releasing.good(f"rollback --break-glass --stack {STACK} --output json", nowhere))
        assert releasing.weights == {new: 0, old: 100}
        assert (moved["status"], moved["done"], moved["remedy"].split()[:2]) == (
            "in progress",
            1,
            ["release", "resume"],
        )

        # Whoever runs an update now is told of it, or moves nothing.
        releasing.shell(UP)
        assert releasing.weights == {new: 0, old: 100}

        ended = json.loads(releasing.good("resume --output json"))
        assert (ended["id"], ended["status"]) == (moved["id"], "success")
        assert releasing.weights == {new: 0, old: 100}
        assert releasing.standing["values"]["greenWeight"] == (100 if old == "green" else 0)
        releasing.platform.update()
        assert releasing.weights == {new: 0, old: 100}
    assert load.figures["errors"] == {}
    assert kinds(ended)[0] == "request"


def instant(releasing: Releasing) -> bool:
    """Whether the last release is one that the route alone could take back."""
    newest = releasing.read("history --limit 1")
    return bool(newest) and newest[0]["status"] == "success" and newest[0]["strategy"] != "rolling"
