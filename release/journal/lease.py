"""The lock's arithmetic: a Lease as JSON, who may take it, and when. Pure.

Nobody's wall clock is trusted. The times in a Lease are for people; whoever waits for a holder to be gone watches, on
his own steady clock, whether the Lease changes at all. Each that takes it gets a greater number, the fence, with all
he writes: what a holder writes who was paused, and taken for dead, is known by its smaller one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from release.journal.faults import version_of
from release.journal.names import JOURNAL, PART_OF, PROJECT, STACK, Manifest, lease_name, slug

DURATION: Final = 15.0
"""Seconds without a sign of life after which a holder is taken for dead: as client-go's leader election has it."""
LONGEST: Final = 300.0
"""Seconds of patience with a holder, whatever duration his Lease claims."""
MARGIN: Final = 3.0
"""Seconds before that at which a holder stops by himself: for what he has begun to come to its end."""
_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_MOST_FENCE: Final = 2**31 - 1
"""``leaseTransitions`` is a 32-bit number."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """The lock, as its holder has it."""

    holder: str
    fence: int
    duration: float
    renewed: float
    """When the last renewal was sent, on the holder's steady clock: others cannot count from an earlier moment."""


@dataclass(frozen=True, kw_only=True)
class LockState:
    """The lock, as anybody sees it."""

    holder: str | None
    """``None`` where it is free."""
    since: datetime | None
    """When it was taken, by the holder's clock."""
    renewed: datetime | None
    """When the holder last gave a sign of life, by the holder's clock."""
    age: float
    """Seconds for which it was seen without any, by this one's steady clock; 0 at the first look."""
    duration: float
    """Seconds without a sign of life after which it can be taken over."""
    fence: int

    @property
    def expired(self) -> bool:
        """Whether it may be taken."""
        return self.holder is None or self.age >= self.duration


@dataclass(frozen=True, kw_only=True)
class Lease:
    """What stands in the cluster."""

    holder: str | None
    fence: int
    duration: float
    acquired: datetime | None
    renewed: datetime | None
    version: str
    """``resourceVersion``: every renewal makes another."""

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Lease":
        """The Lease in ``manifest``. What makes no sense there counts as not said."""
        spec = manifest.get("spec")
        spec = spec if isinstance(spec, Mapping) else {}
        holder, fence, duration = (spec.get(k) for k in ("holderIdentity", "leaseTransitions", "leaseDurationSeconds"))
        return cls(
            holder=holder if isinstance(holder, str) and holder else None,
            fence=fence if isinstance(fence, int) else 0,
            duration=float(duration) if isinstance(duration, int) else DURATION,
            acquired=_time(spec.get("acquireTime")),
            renewed=_time(spec.get("renewTime")),
            version=version_of(manifest),
        )

    def patience(self, own: float) -> float:
        """Seconds to watch it unchanged before it is taken over, by one who himself holds for ``own``."""
        return max(own, min(self.duration, LONGEST))


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A version of the Lease, and since when (steady seconds) one observer has seen no other."""

    version: str
    since: float

    def seeing(self, lease: Lease, now: float) -> "Watch":
        """The watch after another look."""
        return self if lease.version == self.version else Watch(version=lease.version, since=now)


def state(lease: Lease | None, watch: Watch | None, now: float, own: float) -> LockState:
    """What an observer can say of the lock."""
    if lease is None:
        return LockState(holder=None, since=None, renewed=None, age=0.0, duration=own, fence=0)
    age = 0.0 if watch is None or watch.version != lease.version else now - watch.since
    return LockState(
        holder=lease.holder,
        since=lease.acquired,
        renewed=lease.renewed,
        age=age,
        duration=lease.patience(own),
        fence=lease.fence,
    )


def new(stack: str, holder: str, *, fence: int, duration: float, now: datetime) -> Manifest:
    """The Lease of the first who takes the lock."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": lease_name(stack),
            "labels": {PART_OF: PROJECT, JOURNAL: "lock", STACK: slug(stack)},
        },
        "spec": _taken(holder, fence=fence, duration=duration, now=now),
    }


def taking(lease: Lease, holder: str, *, duration: float, now: datetime) -> Manifest:
    """The merge patch by which ``holder`` takes the lock, with a greater fence, if nobody was faster."""
    spec = _taken(holder, fence=following(lease.fence), duration=duration, now=now)
    return {"metadata": {"resourceVersion": lease.version}, "spec": spec}


def renewing(lease: Lease, *, now: datetime) -> Manifest:
    """The merge patch of a sign of life. Its time always differs, even from a clock that stands still."""
    moment = now if lease.renewed is None or now > lease.renewed else lease.renewed + timedelta(microseconds=1)
    return {"metadata": {"resourceVersion": lease.version}, "spec": {"renewTime": _text(moment)}}


def freeing(lease: Lease, *, forced: bool) -> Manifest:
    """The merge patch that gives the lock back; by force, with a greater fence."""
    spec: dict[str, Any] = {"holderIdentity": ""}
    if forced:
        spec["leaseTransitions"] = following(lease.fence)
    return {"metadata": {"resourceVersion": lease.version}, "spec": spec}


def following(fence: int) -> int:
    """The next fence. At one a second, the last is 68 years away."""
    return min(fence, _MOST_FENCE - 1) + 1


def _taken(holder: str, *, fence: int, duration: float, now: datetime) -> dict[str, Any]:
    return {
        "holderIdentity": holder,
        "leaseDurationSeconds": max(round(duration), 1),
        "leaseTransitions": fence,
        "acquireTime": _text(now),
        "renewTime": _text(now),
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIME)


def _time(text: object) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC) if isinstance(text, str) else None
    except ValueError:
        return None
