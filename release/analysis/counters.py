"""What a gateway has counted for each colour of each service, and what happened between two looks at it. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from math import inf

from release.model import Colour


@dataclass(frozen=True, kw_only=True, order=True)
class Target:
    """One colour of one service."""

    service: str
    """``backend`` or ``frontend``."""
    colour: Colour

    def __str__(self) -> str:
        return f"{self.service} {self.colour}"


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long answers took: a histogram whose counts are cumulative, as Prometheus has them."""

    bounds: tuple[float, ...] = ()
    """Upper bounds of the buckets in milliseconds, rising, without infinity."""
    counts: tuple[int, ...] = (0,)
    """Answers within each bound; one more than there are bounds, the last is all answers."""
    total_ms: float = 0.0
    """All times added up."""

    @property
    def count(self) -> int:
        """Answers whose time is known."""
        return self.counts[-1]

    def quantile(self, share: float) -> float | None:
        """Milliseconds within which ``share`` (0–1) of the answers came, interpolated within its bucket.

        ``None`` without answers. Beyond the last bound it is that bound: more is not known.
        """
        if self.count == 0:
            return None
        wanted = share * self.count
        index = bisect_left(self.counts, wanted)
        if index >= len(self.bounds):
            return self.bounds[-1] if self.bounds else None
        low, below = (self.bounds[index - 1], self.counts[index - 1]) if index else (0.0, 0)
        inside = self.counts[index] - below
        return low + (self.bounds[index] - low) * ((wanted - below) / inside if inside else 1.0)

    def slower_than(self, bound: float) -> int:
        """Answers that took longer than ``bound``; between two bounds of the histogram the lower one counts."""
        index = bisect_left(self.bounds, bound)
        if index < len(self.bounds) and self.bounds[index] == bound:
            return self.count - self.counts[index]
        return self.count - (self.counts[index - 1] if index else 0)


@dataclass(frozen=True, kw_only=True)
class Counters:
    """All that was counted for one target: since a proxy's start, or between two readings."""

    requests: int = 0
    """Requests that were answered, by whatever status."""
    errors: int = 0
    """Of those, with 5xx; the gateway's own answers, for a colour that does not answer, included."""
    started: int = 0
    """Requests handed to a connection. Those whose client gave up stay in here and never become ``requests``."""
    connect_failures: int = 0
    timeouts: int = 0
    """Requests that the gateway stopped waiting for."""
    latency: Latency = Latency()
    in_flight: int = 0
    """At this moment handed to a connection and not finished; an answer still being sent counts."""
    queued: int = 0
    """At this moment waiting for a connection."""
    endpoints: int | None = None
    """At this moment able to answer; ``None`` where that is not known."""

    @property
    def unanswered(self) -> int:
        """At this moment without an answer, at most.

        An answer counts as ``requests`` with its first byte, so slow downloads are left out as far as no clients
        gave up before.
        """
        return self.queued + max(0, min(self.in_flight, self.started - self.requests))


NOTHING = Counters()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One look at all proxies."""

    at: float
    """When, in seconds of a clock that never goes back."""
    counters: Mapping[Target, Counters]
    """What is not in here has been counted by nobody."""
    complete: bool = True
    """Whether every proxy answered, and in a way that can be read."""


def difference(before: Counters | None, after: Counters | None) -> Counters:
    """What happened between two looks; never negative.

    A counter that is smaller than before began anew, so all of it is new; what is absent is 0. The state of the moment
    (``in_flight`` and so on) is that of ``after``.
    """
    if after is None:
        return NOTHING
    if before is None:
        return after
    cumulative = {name: _grown(getattr(before, name), getattr(after, name)) for name in _COUNTED}
    if cumulative["errors"] > cumulative["requests"]:
        # Only one of the two has passed its old value again since it began anew.
        cumulative["requests"], cumulative["errors"] = after.requests, after.errors
    return replace(after, **cumulative, latency=_latency_difference(before.latency, after.latency))


_COUNTED = ("requests", "errors", "started", "connect_failures", "timeouts")


def _grown(before: int, after: int) -> int:
    return after - before if after >= before else after


def _latency_difference(before: Latency, after: Latency) -> Latency:
    if before.bounds != after.bounds:
        return after
    counts = tuple(new - old for old, new in zip(before.counts, after.counts, strict=True))
    if any(count < 0 for count in counts) or any(low > high for low, high in pairwise(counts)):
        return after
    return Latency(bounds=after.bounds, counts=counts, total_ms=max(0.0, after.total_ms - before.total_ms))


def added(one: Counters, other: Counters) -> Counters:
    """Both together: two proxies, or two stretches of time."""
    known = [counters.endpoints for counters in (one, other) if counters.endpoints is not None]
    names = (*_COUNTED, "in_flight", "queued")
    return Counters(
        **{name: getattr(one, name) + getattr(other, name) for name in names},
        latency=_latency_added(one.latency, other.latency),
        # Each proxy knows all endpoints; the best informed one counts.
        endpoints=max(known) if known else None,
    )


def _latency_added(one: Latency, other: Latency) -> Latency:
    if one.count == 0 or other.count == 0:
        return other if one.count == 0 else one
    bounds = tuple(sorted(set(one.bounds) & set(other.bounds)))
    within = [_within(one, bound) + _within(other, bound) for bound in bounds]
    counts = (*within, one.count + other.count)
    return Latency(bounds=bounds, counts=counts, total_ms=one.total_ms + other.total_ms)


def _within(latency: Latency, bound: float) -> int:
    return latency.counts[bisect_left(latency.bounds, bound)]


def changes(before: Reading, after: Reading) -> dict[Target, Counters]:
    """What happened to each target between two readings.

    What an incomplete reading does not hold is not known, and so nothing that happened: it may be years of counting.
    """
    targets = sorted(before.counters.keys() | after.counters.keys())
    return {target: _change(before, after, target) for target in targets}


def _change(before: Reading, after: Reading, target: Target) -> Counters:
    old, new = before.counters.get(target), after.counters.get(target)
    if old is None and new is not None and not before.complete:
        return difference(new, new)
    return difference(old, new)


def carried(before: Reading, after: Reading) -> Reading:
    """``after`` with what is missing in it because it is incomplete, as it was before."""
    if after.complete or before.counters.keys() <= after.counters.keys():
        return after
    return replace(after, counters={**before.counters, **after.counters})


def all_carried(readings: Iterable[Reading]) -> list[Reading]:
    """The readings, each carried on from the one before."""
    found: list[Reading] = []
    for reading in readings:
        found.append(carried(found[-1], reading) if found else reading)
    return found


def total(stretches: Iterable[Counters]) -> Counters:
    """Several stretches of time together. The state of the moment has no meaning in it and is 0."""
    summed = reduce(added, stretches, NOTHING)
    return replace(summed, in_flight=0, queued=0, endpoints=None)


def stretches(readings: Sequence[Reading], target: Target, seconds: float = inf) -> dict[int, Counters]:
    """What happened to ``target`` in each stretch of so many seconds, by its number; readings are carried.

    As quick as can be: from end to end of a stretch, unless a counter began anew in between.
    """
    found: dict[int, Counters] = {}
    anchor = readings[0] if readings else None
    number = 0
    for before, after in pairwise(readings):
        now = int((after.at - readings[0].at) // seconds)
        if now != number or _anew(before.counters.get(target), after.counters.get(target)):
            found[number] = total((found.get(number, NOTHING), _change(anchor or before, before, target)))
            anchor, number = before, now
        if _anew(before.counters.get(target), after.counters.get(target)):
            found[number] = total((found.get(number, NOTHING), _change(before, after, target)))
            anchor = after
    if anchor is not None:
        found[number] = total((found.get(number, NOTHING), _change(anchor, readings[-1], target)))
    return found


def _anew(before: Counters | None, after: Counters | None) -> bool:
    if before is None or after is None:
        return before is not after
    if after.errors - before.errors > after.requests - before.requests or after.latency.count < before.latency.count:
        return True
    return any(getattr(after, name) < getattr(before, name) for name in _COUNTED)


def over_time(readings: Sequence[Reading], colour: Colour) -> dict[str, Counters]:
    """All that happened to ``colour`` between the first and the last of ``readings``, for each service."""
    known = all_carried(readings)
    targets = sorted({target for one in known for target in one.counters if target.colour is colour})
    return {target.service: total(stretches(known, target).values()) for target in targets} if len(known) > 1 else {}


@dataclass(frozen=True, kw_only=True)
class Row:
    """How one target did between two readings: a line of the live view, a point of the report's curves."""

    target: Target
    per_second: float
    """Answers in a second."""
    error_ratio: float | None
    """0–1; ``None`` without answers."""
    p50_ms: float | None
    p95_ms: float | None
    """``None`` without times: Envoy hands its histograms on every 5 seconds only."""


def sample_rows(previous: Reading, reading: Reading) -> tuple[Row, ...]:
    """Rates between two readings for each target, sorted. ``reading`` comes later, or there are no rows."""
    seconds = reading.at - previous.at
    if seconds <= 0:
        return ()
    return tuple(
        Row(
            target=target,
            per_second=change.requests / seconds,
            error_ratio=change.errors / change.requests if change.requests else None,
            p50_ms=change.latency.quantile(0.5),
            p95_ms=change.latency.quantile(0.95),
        )
        for target, change in changes(previous, reading).items()
    )
