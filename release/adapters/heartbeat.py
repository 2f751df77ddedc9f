"""Keeps a lock alive while its holder works, and tells him the moment that he can no longer be sure of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from release.adapters.cluster_lock import steady
from release.errors import LostLock, Unreachable
from release.journal.lease import MARGIN, Held
from release.journal.ports import Lock

_BEATS: Final = 3
"""Signs of life in one duration, as client-go's defaults nearly have it (15 s, every 2 to 5 s)."""
_RETRY: Final = 1.0
"""Seconds until another try after one that failed."""
_JOIN: Final = 10.0
"""Seconds to wait for the thread's end."""


class Heartbeat:
    """Renews a lock from a thread of its own. A context manager; it does not give the lock back.

    Lost is what was not renewed for the lock's duration less a margin, by the holder's own steady clock: from then on
    another may take it. :meth:`check` looks at that clock itself, so a process that was stopped and goes on cannot
    believe what it knew before. Once lost, lost for good.
    """

    def __init__(
        self,
        lock: Lock,
        held: Held,
        *,
        margin: float = MARGIN,
        clock: Callable[[], float] = steady,
        on_lost: Callable[[LostLock], None] = lambda _: None,
    ) -> None:
        """``margin`` is in seconds, below the duration. ``on_lost`` is called once, by whoever notices first."""
        self.lost = threading.Event()
        """Set once the lock is lost."""
        self._lock = lock
        self._held = held
        self._lasts = max(held.duration - margin, held.duration / 2)
        self._clock = clock
        self._on_lost = on_lost
        self._why: LostLock | None = None
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(_JOIN)

    @property
    def fence(self) -> int:
        """The token for all writes."""
        return self._held.fence

    @property
    def held(self) -> Held:
        """The lock, as it was renewed last."""
        return self._held

    def check(self) -> None:
        """Go on only while the lock is surely held. Raises :class:`LostLock`."""
        if self._why is None and self._clock() >= self._held.renewed + self._lasts:
            self._declare(self._too_late("it could not be renewed in time"))
        if self._why is not None:
            raise LostLock(self._why.problem, remedy=self._why.remedy)

    def beat(self) -> float:
        """Renew once. Seconds until the next time; 0 where the lock is lost. The thread does this by itself."""
        if self.lost.is_set():
            return 0.0
        failure = ""
        try:
            self.check()
            self._held = self._lock.renew(self._held)
        except LostLock as error:
            self._declare(error)
            return 0.0
        except Unreachable as error:
            failure = error.problem
        rest = self._held.renewed + self._lasts - self._clock()
        if rest <= 0:
            self._declare(self._too_late(failure or "the renewal took too long"))
            return 0.0
        return min(_RETRY if failure else self._held.duration / _BEATS, rest)

    def _run(self) -> None:
        pause = self._held.duration / _BEATS
        while not self._stop.wait(pause):
            pause = self.beat()
            if self.lost.is_set():
                return

    def _too_late(self, why: str) -> LostLock:
        return LostLock(
            f"the lock that {self._held.holder} held ran out after {self._lasts:g} s without a sign of life: {why}",
            remedy="release status   (then release resume or release rollback, if the release has not ended)",
        )

    def _declare(self, why: LostLock) -> None:
        with self._guard:
            if self._why is not None:
                return
            self._why = why
            self.lost.set()
        self._on_lost(why)


@contextmanager
def holding(
    lock: Lock, holder: str, *, margin: float = MARGIN, on_lost: Callable[[LostLock], None] = lambda _: None
) -> Iterator[Heartbeat]:
    """Hold the lock for a while: taken, kept alive, and given back in the end. Raises as ``Lock.acquire``."""
    held = lock.acquire(holder)
    try:
        with Heartbeat(lock, held, margin=margin, on_lost=on_lost) as heartbeat:
            yield heartbeat
    finally:
        lock.release(held)
