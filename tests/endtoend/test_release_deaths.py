"""Releases whose runner dies, and whose work another goes on with: at every step, from another checkout."""

import os
import signal
from pathlib import Path

import pytest

from rehearsal.cluster import lifecycle
from tests.endtoend.conftest import Platform, copy_checkout
from tests.endtoend.releasing import OTHER, STACK, Command, Releasing, kinds, str_of, whole

pytestmark = pytest.mark.endtoend

TRIES = 10
"""Aborts until one goes through: the first ones may find an API server that is not there yet."""


@pytest.fixture
def releasing(platform: Platform) -> Releasing:
    """The tool in the platform's checkout, where one colour has all requests and no release is in progress."""
    made = Releasing(platform=platform, checkout=platform.checkout)
    made.settle()
    return made


@pytest.fixture
def other(releasing: Releasing, tmp_path: Path) -> Releasing:
    """Another checkout, whose file knows nothing of the releases that are to come."""
    checkout = copy_checkout(tmp_path / "other")
    name = f"Pulumi.{STACK}.yaml"
    (checkout / name).write_text((releasing.checkout / name).read_text())
    return Releasing(platform=releasing.platform, checkout=checkout)


def killed(command: Command) -> None:
    """``kill -9``, of the tool alone."""
    os.kill(command.process.pid, signal.SIGKILL)
    assert command.ended() == -signal.SIGKILL


def test_killed_at_each_of_its_steps_it_ends_as_if_nothing_had_happened(
    releasing: Releasing, other: Releasing, tmp_path: Path
) -> None:
    old, new = releasing.serving, OTHER[releasing.serving]
    order = f"{releasing.images()} --version 3.0.0 --strategy blue-green --soak 3s"
    names = [str_of(step) for step in releasing.read(f"plan {order}")["release"]["steps"]]
    assert names == ["check", "save", "provision", "verify", "shift to 100 %", "watch at 100 %", "close"]
    with releasing.load(200, tmp_path) as load:
        command = releasing.start(f"deploy {order}")
        for number, name in enumerate(names):
            command.until(name, done=number)
            killed(command)
            status = other.read("status")
            assert status["release"]["status"] == "in progress"
            assert status["release"]["done"] in {number, number + 1}
            command = (other if number % 2 == 0 else releasing).start("resume")
        assert command.ended() == 0, "\n".join(command.lines)
        assert releasing.weights == {new: 100, old: 0}
    assert load.figures["errors"] == {}
    assert load.lost == 0
    record = releasing.log()
    assert (record["status"], record["done"]) == ("success", len(names))
    assert kinds(record).count("takeover") == len(names)
    whole(record)


def test_stopped_killed_and_in_each_others_way_they_can_be_taken_back_from_elsewhere(
    releasing: Releasing, other: Releasing, tmp_path: Path
) -> None:
    old, new = releasing.serving, OTHER[releasing.serving]
    order = f"{releasing.images()} --version 3.1.0 --strategy canary --steps 30,100 --soak 5m"
    with releasing.load(200, tmp_path) as load:
        deploy = releasing.start(f"deploy {order}")
        deploy.until("provision", done=2)
        error = other.refused(f"deploy {order}", 7)
        assert "release status" in error["remedy"] or "wait" in error["remedy"]
        assert deploy.end(signal.SIGTERM) == 130
        resumed = other.start("resume")
        resumed.until("watch at 30 %", done=5)
        assert releasing.weights == {old: 70, new: 30}
        assert resumed.end(signal.SIGINT) == 130
        resumed = releasing.start("resume")
        resumed.until("watch at 30 %", done=5)
        killed(resumed)
        other.good("abort")
        assert releasing.weights == {old: 100, new: 0}
    assert load.figures["errors"] == {}
    assert load.lost == 0
    record = releasing.log()
    assert record["status"] == "rolled back"
    assert "aborted by a person" in record["reason"]
    whole(record)


def test_the_api_server_may_restart_in_the_middle(releasing: Releasing) -> None:
    old, new = releasing.serving, OTHER[releasing.serving]
    deploy = releasing.start(f"deploy {releasing.images()} --version 3.2.0 --steps 30,100 --soak 5m")
    deploy.until("watch at 30 %", done=5)
    parts = {part.name: part.pid for part in lifecycle.status(releasing.platform.paths).parts}
    server = parts["kube-apiserver"]
    assert server is not None
    os.kill(server, signal.SIGKILL)
    # The runner lives through it, or its lock runs out: either way somebody can take the release back.
    assert any(releasing.tool("abort").returncode == 0 for _ in range(TRIES))
    assert deploy.ended() in {4, 10, 13}
    assert releasing.read("status")["release"] is None
    assert releasing.weights == {old: 100, new: 0}
    whole(releasing.log())
