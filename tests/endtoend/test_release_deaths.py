"""Releases whose runner dies, and whose work another goes on with: at every step, from another checkout."""

import os
import signal
from pathlib import Path

import pytest

from tests.endtoend.conftest import Platform, copy_checkout
from tests.endtoend.releasing import OTHER, STACK, Command, Releasing, kinds, str_of, whole

pytestmark = pytest.mark.endtoend


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
