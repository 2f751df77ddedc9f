"""One command at a time a checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.cluster.lock import exclusive
from rehearsal.errors import Busy
from rehearsal.paths import REPOSITORY, Paths

HOLD = """
import sys
from pathlib import Path
from rehearsal.cluster.lock import exclusive
from rehearsal.paths import Paths
with exclusive(Paths(checkout=Path(sys.argv[1]), cache=Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def paths(folder: Path) -> Paths:
    return Paths(checkout=folder, cache=folder)


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Start another process that holds the lock of ``folder``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_command_is_told_which_process_is_at_work(tmp_path: Path) -> None:
    with hold(tmp_path) as other:
        with pytest.raises(Busy) as caught, exclusive(paths(tmp_path)):
            pass
        assert caught.value.problem == f"another command (process {other.pid}) is at work in {tmp_path}"
        assert f"kill {other.pid}" in caught.value.remedy
        other.communicate()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with hold(tmp_path) as other:
        other.kill()
    assert (tmp_path / ".rehearsal/lock").read_text() == f"{other.pid}\n"
    with exclusive(paths(tmp_path)):
        pass


def test_a_command_may_call_another_that_locks_too(tmp_path: Path) -> None:
    with exclusive(paths(tmp_path)), exclusive(paths(tmp_path)):
        pass
    with exclusive(paths(tmp_path)):
        pass


def test_two_checkouts_do_not_disturb_each_other(tmp_path: Path) -> None:
    with hold(tmp_path / "one") as other, exclusive(paths(tmp_path / "two")):
        other.communicate()
