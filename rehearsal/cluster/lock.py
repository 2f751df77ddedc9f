"""One command at a time a checkout."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.errors import Busy, ClusterFailed
from rehearsal.paths import Paths

_held: set[Path] = set()


@contextmanager
def exclusive(paths: Paths) -> Iterator[None]:
    """Hold the checkout's lock; within a process that holds it already, do nothing.

    The kernel lets go of the lock when its holder ends, in whatever way: a lock file by itself means nothing.
    Raises :class:`Busy` if another process holds the lock, :class:`ClusterFailed` if this user may not take it.
    """
    path = paths.state / "lock"
    if path in _held:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        raise ClusterFailed(
            f"this user may not write to {path.parent}: another user ran the rehearsal in this checkout",
            remedy=f"as that user: make clean; or: sudo chown -R $(id -u) {path.parent}",
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise Busy(
                f"another command (process {holder}) is at work in {paths.checkout}",
                remedy=f"wait for it to end, or end it (kill {holder}), then run the command again",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        _held.add(path)
        try:
            yield
        finally:
            _held.discard(path)
    finally:
        os.close(descriptor)
