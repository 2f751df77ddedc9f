"""One process at a time builds into a cache; others wait, and say for whom."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from rehearsal.report import Reporter

EVERY: Final = 15.0
"""Seconds between two words of a process that waits."""


@contextmanager
def alone(cache: Path, checkout: Path, report: Reporter, *, every: float = EVERY) -> Iterator[None]:
    """Hold the lock of ``cache``. The kernel takes it from a process that died, so it is never stale."""
    cache.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(cache / "lock"), cache / "lock.holder"
    _acquire(lock, holder, report, every)
    try:
        holder.write_text(
            json.dumps({"pid": os.getpid(), "checkout": str(checkout), "since": f"{datetime.now():%H:%M}"})
        )
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, holder: Path, report: Reporter, every: float) -> None:
    timeout = 0.0
    while True:
        try:
            lock.acquire(timeout=timeout)
        except Timeout:
            report.step(f"waiting for {_who(holder)}, which builds the toolchain into the same cache")
            timeout = every
        else:
            return


def _who(holder: Path) -> str:
    try:
        said = json.loads(holder.read_text())
        return f"process {said['pid']} of {said['checkout']} (since {said['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
