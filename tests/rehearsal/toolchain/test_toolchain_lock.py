"""One process at a time builds into a cache."""

from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from rehearsal.toolchain.lock import alone
from tests.rehearsal.toolchain.conftest import Recorder


@dataclass
class Releasing(Recorder):
    """Lets go of the lock once it was told ``patience`` times that somebody waits for it."""

    lock: FileLock | None = None
    patience: int = 1
    held: list[str] = field(default_factory=list)

    def step(self, text: str) -> None:
        super().step(text)
        if self.lock is not None and len(self.lines) == self.patience:
            self.lock.release()


def test_who_waits_says_for_whom_again_and_again(tmp_path: Path) -> None:
    other = FileLock(tmp_path / "lock")
    other.acquire()
    (tmp_path / "lock.holder").write_text('{"pid": 77, "checkout": "/home/somebody/site", "since": "12:03"}')
    report = Releasing(lock=other, patience=2)
    with alone(tmp_path, Path("/here"), report, every=0.01):
        holder = "process 77 of /home/somebody/site (since 12:03)"
        assert report.lines == [f"waiting for {holder}, which builds the toolchain into the same cache"] * 2
    assert not (tmp_path / "lock.holder").exists()


def test_a_holder_that_has_not_yet_said_its_name_is_another_process(tmp_path: Path) -> None:
    other = FileLock(tmp_path / "lock")
    other.acquire()
    report = Releasing(lock=other)
    with alone(tmp_path, Path("/here"), report, every=0.01):
        assert report.lines == ["waiting for another process, which builds the toolchain into the same cache"]


def test_what_a_crash_left_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "lock.holder").write_text('{"pid": 1, "checkout": "/x", "since": "12:03"}')
    report = Recorder()
    with alone(tmp_path, Path("/here"), report):
        assert '"/here"' in (tmp_path / "lock.holder").read_text()
    assert report.lines == []
