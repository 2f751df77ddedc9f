"""The lock of a stack's releases: a Lease in the cluster, taken, kept alive, given back, taken over, forced.

See :mod:`release.journal.lease` for the rules. The greater its fence the later a holder; all he writes into the journal
carries it, so that a holder who was paused and taken for dead does no harm when he wakes.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from release.adapters.cluster_objects import LEASES, AbsentError, ClusterObjects, ConflictError
from release.errors import Busy, LostLock, NotFound, Unreachable
from release.journal import lease as leases
from release.journal.lease import DURATION, Held, Lease, LockState, Watch
from release.journal.names import lease_name

_POLLS: Final = 15
"""How often a holder is looked at while his time runs out."""
_ATTEMPTS: Final = 5
"""A sign of life is sent so often at most, and each is waited for that part of the duration."""
_ROUNDS: Final = 20
"""How often giving the lock back starts again because the Lease was changed in between."""


def steady() -> float:
    """Seconds that go on while the machine sleeps, where the system has such a clock: a holder asleep is no holder."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class ClusterLock:
    """The ports ``Lock`` and ``Unlock`` of :mod:`release.journal.ports`, for one stack."""

    def __init__(
        self,
        objects: ClusterObjects,
        stack: str,
        *,
        duration: float = DURATION,
        floor: Callable[[], int] = lambda: 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = steady,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``duration`` is in seconds. ``floor`` tells the greatest fence in use, asked only where no Lease is.

        Somebody may have deleted it: then the fences must not begin again, or the journal would refuse them. ``now`` is
        for people; ``clock`` is what counts.
        """
        self._objects = objects
        self._stack = stack
        self._name = lease_name(stack)
        self._duration = duration
        self._floor = floor
        self._now = now
        self._clock = clock
        self._sleep = sleep
        self._watch: Watch | None = None
        self._mine: Lease | None = None
        """As this holder wrote it last."""

    def acquire(self, holder: str) -> Held:
        """See ``Lock.acquire``."""
        sent: float | None = None
        while True:
            lease = self._observe()
            if lease is None or lease.holder != holder:
                state = leases.state(lease, self._watch, self._clock(), self._duration)
                if not state.expired:
                    self._await_expiry(state)
                    continue
                sent = self._clock()
                lease = self._take(lease, holder)
            if lease is not None:  # also where it turned out that we have it: then the answer to that was lost
                return self._settled(lease, holder, sent)

    def renew(self, held: Held) -> Held:
        """See ``Lock.renew``. Raises :class:`Unreachable` too: then it may be tried again while there is time."""
        within = self._duration / _ATTEMPTS
        for _ in range(_ATTEMPTS):
            begun = self._clock()
            try:
                lease = self._mine or Lease.of(self._objects.get(LEASES, self._name, within=within))
                _require(held, lease)
                change = leases.renewing(lease, now=self._now())
                self._mine = Lease.of(self._objects.patch(LEASES, self._name, change, within=within))
            except AbsentError:
                raise _lost(held, None) from None
            except (ConflictError, Unreachable) as error:
                self._mine = None  # look again: somebody has changed it, or we have, and the answer was lost
                if isinstance(error, Unreachable):
                    raise
                continue
            _require(held, self._mine)
            return replace(held, renewed=begun)
        raise Unreachable(
            f"the Lease {self._objects.namespace}/{self._name} is changed by others all the time",
            remedy=f"kubectl get lease {self._name} --namespace {self._objects.namespace} --output yaml --watch",
        )

    def release(self, held: Held) -> bool:
        """See ``Lock.release``."""
        for _ in range(_ROUNDS):
            try:
                lease = self._look()
                if lease is None or lease.holder != held.holder or lease.fence != held.fence:
                    return False
                self._objects.patch(LEASES, self._name, leases.freeing(lease, forced=False))
            except ConflictError:
                continue
            except (AbsentError, Unreachable):
                return False
            return True
        return False

    def look(self) -> LockState:
        """See ``Lock.look``."""
        lease = self._observe()
        return leases.state(lease, self._watch, self._clock(), self._duration)

    def unlock(self, holder: str) -> LockState:
        """See ``Unlock.unlock``."""
        for tried in range(_ROUNDS):
            lease = self._observe()
            if lease is None or lease.holder is None:
                if tried:
                    break  # the answer to our own was lost
                raise NotFound(f"the lock of stack {self._stack} is free: nobody holds it", remedy="release status")
            if lease.holder != holder:
                raise Busy(
                    f"the lock of stack {self._stack} is held by {lease.holder}, not by {holder}: nothing was changed",
                    remedy="release status   (shows what the holder does; unlock names the holder that you mean)",
                )
            try:
                self._objects.patch(LEASES, self._name, leases.freeing(lease, forced=True))
            except (ConflictError, AbsentError):
                continue
            break
        return self.look()

    def _await_expiry(self, state: LockState) -> None:
        """Watch the holder until his time has run out. Raises :class:`Busy` at his first sign of life."""
        watched = self._watch
        while self._clock() < (watched.since if watched else 0.0) + state.duration:
            self._sleep(state.duration / _POLLS)
            lease = self._observe()
            if lease is None or lease.holder is None:
                return
            if self._watch != watched:
                seconds = f"{lease.renewed:%Y-%m-%d %H:%M:%S} UTC by its clock" if lease.renewed else "just now"
                raise Busy(
                    f"{lease.holder} holds the lock of stack {self._stack} and is alive (last sign of life {seconds})",
                    remedy="release status --watch   (and try again when it has ended)",
                )

    def _take(self, lease: Lease | None, holder: str) -> Lease | None:
        """The Lease as ours; ``None`` where somebody was faster, or it is not known."""
        try:
            if lease is None:
                fence = leases.following(self._floor())
                made = leases.new(self._stack, holder, fence=fence, duration=self._duration, now=self._now())
                return Lease.of(self._objects.create(LEASES, made))
            change = leases.taking(lease, holder, duration=self._duration, now=self._now())
            return Lease.of(self._objects.patch(LEASES, self._name, change))
        except (ConflictError, AbsentError):
            return None

    def _observe(self) -> Lease | None:
        """The Lease; remembers since when it has been seen as it is."""
        lease = self._look()
        if lease is None:
            self._watch = None
        elif self._watch is None:
            self._watch = Watch(version=lease.version, since=self._clock())
        else:
            self._watch = self._watch.seeing(lease, self._clock())
        return lease

    def _look(self) -> Lease | None:
        try:
            return Lease.of(self._objects.get(LEASES, self._name))
        except AbsentError:
            return None

    def _settled(self, lease: Lease, holder: str, sent: float | None) -> Held:
        """The lock as held since ``sent``, when it was asked for; renewed at once where that is long ago or unknown."""
        self._mine = lease
        now = self._clock()
        held = Held(holder=holder, fence=lease.fence, duration=self._duration, renewed=now if sent is None else sent)
        late = sent is None or now - sent > self._duration / _ATTEMPTS
        return self.renew(held) if late else held


def _require(held: Held, lease: Lease) -> None:
    if lease.holder != held.holder or lease.fence != held.fence:
        raise _lost(held, lease.holder)


def _lost(held: Held, other: str | None) -> LostLock:
    by = f"is held by {other} now" if other else "was given up or deleted"
    return LostLock(
        f"the lock that {held.holder} held {by}: this runner must not touch anything any more",
        remedy="release status   (then release resume or release rollback, if the release has not ended)",
    )
