"""Traffic for the judgement's tests: counters written down, and counters that seeded requests make."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from release.analysis import SERVICES, Counters, Latency, Reading, Target
from release.model import Colour

BLUE, GREEN = Colour.BLUE, Colour.GREEN
BOUNDS = (0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)
"""Envoy's buckets, in milliseconds."""


def target(name: str) -> Target:
    """``backend green``."""
    service, colour = name.split()
    return Target(service=service, colour=Colour(colour))


def latency(*milliseconds: float) -> Latency:
    """The histogram of these times."""
    within = tuple(sum(one <= bound for one in milliseconds) for bound in BOUNDS)
    return Latency(bounds=BOUNDS, counts=(*within, len(milliseconds)), total_ms=sum(milliseconds))


def times(answers: int, milliseconds: float = 8.0) -> Latency:
    """The histogram of so many answers that all took as long."""
    within = tuple(answers if milliseconds <= bound else 0 for bound in BOUNDS)
    return Latency(bounds=BOUNDS, counts=(*within, answers), total_ms=answers * milliseconds)


def counted(requests: int = 0, errors: int = 0, milliseconds: float = 8.0, **others: int) -> Counters:
    """Answered requests that took ``milliseconds`` each."""
    values = {"started": requests, "endpoints": 2, **others}
    return Counters(requests=requests, errors=errors, latency=times(requests, milliseconds), **values)


def reading(at: float, counters: Mapping[str, Counters], *, complete: bool = True) -> Reading:
    """A reading of what is named, and of nothing else."""
    return Reading(at=at, counters={target(name): one for name, one in counters.items()}, complete=complete)


QUIET = {f"{service} {colour}": counted() for service in SERVICES for colour in Colour}
"""All four targets, without a request."""


@dataclass(kw_only=True)
class Requests:
    """Requests that come at random, answered badly at random, all from one seed."""

    seed: int
    per_second: Mapping[str, float]
    """By target."""
    bad: Mapping[str, float] = field(default_factory=dict)
    """Share of the answers that are 5xx, by target."""
    first_bad: float | None = None
    """When the first 5xx of green came."""

    def readings(self, seconds: float, every: float = 1.0) -> Iterator[Reading]:
        """What is read every so many seconds."""
        chance = random.Random(self.seed)  # noqa: S311 - not for secrets
        arrivals = sorted(
            (at, name) for name, rate in self.per_second.items() for at in _arrivals(chance, rate, seconds)
        )
        totals = {name: [0, 0] for name in self.per_second}
        done = 0
        for number in range(int(seconds / every) + 1):
            while done < len(arrivals) and arrivals[done][0] <= number * every:
                at, name = arrivals[done]
                bad = chance.random() < self.bad.get(name, 0.0)
                totals[name][0] += 1
                totals[name][1] += bad
                if bad and name.endswith("green") and self.first_bad is None:
                    self.first_bad = at
                done += 1
            yield reading(number * every, {name: counted(*total) for name, total in totals.items()})


def _arrivals(chance: random.Random, rate: float, seconds: float) -> Iterator[float]:
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)
