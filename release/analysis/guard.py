"""The fast path: looks at every reading of the gateway's counters, and says when traffic has to leave at once. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from release.analysis.counters import NOTHING, Counters, Reading, Target, carried, changes
from release.analysis.cusum import ALARM, CALM, MINIMUM_ERRORS, Cusum, Recent, counted, kept
from release.analysis.flow import Flow
from release.analysis.statistics import lower_bound
from release.analysis.words import of, percent, ratio
from release.model import Colour, Finding, Limits, Outcome

SERVICES: Final = ("backend", "frontend")
"""What is judged, each by itself."""
WINDOW: Final = 60.0
"""Seconds over which the hard limit and stable's usual error ratio are counted."""
FEW: Final = 100
"""Stable's answers below which its error ratio is not trusted to be high."""
CONNECT_SECONDS: Final = 10.0
CONNECT_FAILURES: Final = 5
CONNECT_READINGS: Final = 3
CONNECT_SHARE: Final = 0.2
"""Pods refuse connections: so many failures within so many seconds, in so many readings, and so large a share of the
answers. A pod that ends in an orderly way causes a few at one moment."""
PATIENCE, EXPECTED = 2.0, 3
"""Seconds that an alarm waits while stable has had so few answers that, at the candidate's error ratio, fewer than so
many errors of it were to be expected: what ails both colours shows first in the one with more traffic."""
_EVER: Final = float("-inf")
ABSENT: Final = 3
"""Complete readings in a row in which a colour with traffic has no endpoint."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """What has been seen of one target."""

    flow: Flow
    cusum: Cusum = CALM
    recent: tuple[Recent, ...] = ()
    answers: int = 0
    """Since the guard began."""
    errors: int = 0
    absent: int = 0
    """Complete readings in a row without an endpoint."""
    alarmed_at: float | None = None
    """Since when its errors have been a fault."""

    def see(self, previous: Reading, reading: Reading, now: Counters, change: Counters, usual: float) -> "Side":
        """The same after another reading, in which the target is at ``now``, and ``change`` has happened since.

        ``usual`` is the error ratio that is no fault.
        """
        new = Recent(
            at=reading.at,
            answers=change.requests,
            errors=change.errors,
            connect_failures=change.connect_failures,
        )
        cusum = self.cusum.see(previous.at, change.requests, change.errors, usual)
        return Side(
            flow=self.flow.see(reading.at, change.requests, now.unanswered)
            if reading.complete
            else self.flow.interrupted(),
            cusum=cusum,
            recent=kept(self.recent, new, WINDOW),
            answers=self.answers + change.requests,
            errors=self.errors + change.errors,
            absent=self.absent if not reading.complete else self.absent + 1 if now.endpoints == 0 else 0,
            alarmed_at=None if not cusum.alarms else reading.at if self.alarmed_at is None else self.alarmed_at,
        )

    def usual(self) -> float:
        """Error ratio over the last minute; doubtful while there are few answers, and then rather too low."""
        answers, errors = counted(self.recent, _EVER)
        return errors / max(answers, FEW)

    def refused(self) -> tuple[int, int]:
        """Connections refused and answers lately; (0, 0) unless it goes on for several readings."""
        chosen = [one for one in self.recent if self.recent[-1].at - one.at < CONNECT_SECONDS]
        if sum(one.connect_failures > 0 for one in chosen) < CONNECT_READINGS:
            return 0, 0
        return sum(one.connect_failures for one in chosen), sum(one.answers for one in chosen)

    def refuses(self) -> bool:
        """Whether connections fail so often that pods must be missing."""
        refused, answers = self.refused()
        return refused >= CONNECT_FAILURES and refused >= CONNECT_SHARE * (answers or 1)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Watches one candidate. A fold: each reading gives the next guard, and the first alarm stays."""

    limits: Limits
    candidate: Colour
    stable: Colour | None
    """The colour to compare with; ``None`` where there is none at the same time (a rolling update)."""
    share: int
    """The candidate's share of the requests, in per cent."""
    services: tuple[str, ...] = SERVICES
    last: Reading | None = None
    sides: Mapping[Target, Side] = field(default_factory=dict)
    first_bad_at: float | None = None
    """When the first reading was taken that held an error of the candidate, on the readings' clock."""
    complete_at: float | None = None
    """When the last complete reading was taken, or the very first one."""
    alarm: Finding | None = None
    """Fail: go back at once. Halt: stable is ill as well, so stop and call somebody."""

    def see(self, reading: Reading) -> "Guard":
        """The same after another reading, which is later than those before; one that is not changes nothing."""
        if self.last is None:
            return replace(self, last=reading, complete_at=reading.at)
        if reading.at <= self.last.at:
            return self
        reading = carried(self.last, reading)
        change = changes(self.last, reading)
        sides = {target: self._side(target, reading, change) for target in self._targets()}
        bad = any(change.get(target, NOTHING).errors for target in sides if target.colour is self.candidate)
        after = replace(
            self,
            last=reading,
            sides=sides,
            first_bad_at=reading.at if bad and self.first_bad_at is None else self.first_bad_at,
            complete_at=reading.at if reading.complete else self.complete_at,
        )
        return after if after.alarm else replace(after, alarm=after._alarm())

    def with_share(self, share: int) -> "Guard":
        """The same once the candidate's share is another; what has been seen stays."""
        return replace(self, share=share)

    @property
    def blind_seconds(self) -> float:
        """How long there has been no complete reading."""
        return 0.0 if self.last is None or self.complete_at is None else self.last.at - self.complete_at

    @property
    def answers(self) -> int:
        """The candidate's answers since the guard began, all services together."""
        return sum(side.answers for target, side in self.sides.items() if target.colour is self.candidate)

    @property
    def errors(self) -> int:
        """Of those, with 5xx."""
        return sum(side.errors for target, side in self.sides.items() if target.colour is self.candidate)

    def _targets(self) -> list[Target]:
        colours = [self.candidate, *([self.stable] if self.stable else [])]
        return [Target(service=service, colour=colour) for service in self.services for colour in colours]

    def _side(self, target: Target, reading: Reading, change: Mapping[Target, Counters]) -> Side:
        assert self.last is not None  # noqa: S101 - only called with one, and mypy has to know
        side = self.sides.get(target) or Side(flow=Flow(tolerated=self.limits.p95_seconds))
        peer = None if target.colour is self.stable else self._peer(target.service)
        now = reading.counters.get(target, NOTHING)
        others = (Target(service=target.service, colour=colour) for colour in Colour)
        if target not in reading.counters and (
            target in self.last.counters or side.absent or any(other in reading.counters for other in others)
        ):
            # Envoy Gateway removes the cluster of a Service without endpoints. A service of which nothing at all has
            # ever been seen is another matter: nobody counts it.
            now = replace(NOTHING, endpoints=0)
        return side.see(self.last, reading, now, change.get(target, NOTHING), peer.usual() if peer else 0.0)

    def _peer(self, service: str) -> Side | None:
        return self.sides.get(Target(service=service, colour=self.stable)) if self.stable else None

    def _alarm(self) -> Finding | None:
        found = [finding for service in self.services if (finding := self._ill(service))]
        # If one service is worse in the candidate alone, going back helps, whatever ails the other.
        return min(found, key=lambda one: one.outcome is Outcome.HALT, default=None)

    def _ill(self, service: str) -> Finding | None:
        target = Target(service=service, colour=self.candidate)
        side, peer = self.sides[target], self._peer(service)
        if peer is not None and _undecided(self.limits, side, peer):
            return None
        for text, shared in self._symptoms(target, side, peer):
            figures = {"service": service, "answers": side.answers, "errors": side.errors}
            if not shared:
                return Finding(name="guard", outcome=Outcome.FAIL, text=text, figures=figures)
            return Finding(
                name="guard",
                outcome=Outcome.HALT,
                text=f"{text}; {service} {self.stable} is ill as well, so going back would not help",
                remedy="look for what both colours share (database, cache, network), then `release resume` or "
                "`release rollback`",
                figures=figures,
            )
        return None

    def _symptoms(self, target: Target, side: Side, peer: Side | None) -> Iterator[tuple[str, bool]]:
        """What the candidate suffers from, in words, and whether stable does as well."""
        if side.cusum.alarms:
            yield self._errors(target, side, peer)
        for since in (_EVER, None):
            answers, errors = counted(side.recent, since) if since is not None else (side.answers, side.errors)
            if self._over(answers, errors):
                text = f"{target}: {of(errors, answers)} answers were 5xx ({percent(errors, answers)})"
                text = f"{text}, the hard limit is {ratio(self.limits.error_ratio)} of {self.limits.minimum_failing}"
                yield text, _alike(self.limits, side, peer, _EVER)
        if self.share > 0 and side.absent >= ABSENT:
            text = f"{target}: no endpoint, though it gets {self.share} % of the requests"
            yield text, peer is not None and peer.absent >= ABSENT
        if side.flow.hangs:
            text = f"{target}: at least {side.flow.stuck:,} requests have waited longer than {side.flow.tolerated:g} s"
            yield text, peer is not None and peer.flow.suspicious > 0
        if side.refuses():
            refused, answers = side.refused()
            text = f"{target}: {refused:,} connections to its pods failed in {CONNECT_SECONDS:.0f} s"
            yield f"{text}, beside {answers:,} answers", peer is not None and peer.refuses()

    def _errors(self, target: Target, side: Side, peer: Side | None) -> tuple[str, bool]:
        run = side.cusum
        assert run.since is not None  # noqa: S101 - a score above 0 has a run
        seconds = side.recent[-1].at - run.since
        text = f"{target}: {of(run.errors, run.answers)} answers were 5xx ({percent(run.errors, run.answers)})"
        text = f"{text} within {seconds:.0f} s"
        if peer is not None:
            answers, errors = counted(peer.recent, run.since)
            text = f"{text}, stable {of(errors, answers)}"
        return f"{text}; score {run.score:.1f}, alarm at {ALARM}", _alike(self.limits, side, peer, run.since)

    def _over(self, answers: int, errors: int) -> bool:
        limits = self.limits
        enough = answers >= limits.minimum_failing and errors >= MINIMUM_ERRORS
        return enough and errors >= limits.error_ratio * answers


def _alike(limits: Limits, side: Side, peer: Side | None, since: float) -> bool:
    """Whether stable has had at least half the candidate's error ratio: going back would hardly help.

    Where stable is ill beyond doubt, the candidate has the benefit of few answers.
    """
    if peer is None:
        return False
    answers, errors = counted(side.recent, since)
    others, wrong = counted(peer.recent, since)
    if wrong == 0 or answers == 0:
        return False
    ill = wrong >= limits.error_ratio * others
    return 2 * wrong / others >= (lower_bound(errors, answers) if ill else errors / answers)


def _undecided(limits: Limits, side: Side, peer: Side) -> bool:
    """Whether stable has traffic, but too little of it to say whether it is ill as well, and waiting may tell."""
    run, now = side.cusum, side.recent[-1].at
    if run.since is None or side.alarmed_at is None or now - side.alarmed_at >= PATIENCE:
        return False
    answers, _ = counted(peer.recent, run.since)
    has_traffic = counted(peer.recent, _EVER)[0] > 0
    return has_traffic and answers * run.errors < EXPECTED * run.answers and not _alike(limits, side, peer, run.since)
