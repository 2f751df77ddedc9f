"""The judgement at the end of a step: over all that both colours did while it was watched. Pure.

It passes only on evidence. Whatever is missing makes it inconclusive.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile
from math import ceil
from typing import Final

from release.analysis import statistics
from release.analysis.counters import NOTHING, Counters, Reading, Target, all_carried, stretches, total
from release.analysis.evidence import Evidence, judged
from release.analysis.guard import SERVICES
from release.analysis.latency import latency
from release.analysis.material import Material
from release.analysis.statistics import ENOUGH
from release.analysis.words import odds, of, percent, ratio
from release.model import Colour, Finding, Limits, Measure, Outcome

OBJECTIVE: Final = 0.001
"""Error ratio within the objective of 99.9 % (R-06): a candidate that keeps it does not fail for being worse."""
PASSING: Final = 0.01
"""Error ratio that a candidate has to be below, with 95 % confidence, to pass; twice stable's where that is more."""
STABLE_TIMES: Final = 2.0
GROSS_ANSWERS, GROSS_RATIO = 20, 0.5
"""More errors than good answers among at least so many fail without waiting for the hard limit's number."""
PROMISED: Final = 50
"""Requests that a candidate should have got by its share, from which getting none is a failure."""

BLIND: Final = 5.0
"""Seconds without a complete reading after which nothing passes."""

_RANK: Final = (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.HALT, Outcome.FAIL)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a judgement is made of."""

    limits: Limits
    candidate: Colour
    stable: Colour | None
    """The colour to compare with; ``None`` where there is none (a rolling update)."""
    share: int
    """The candidate's share of the requests while it was watched, in per cent."""
    readings: Sequence[Reading]
    """All readings of the step, in their order, the last one before it included. Incomplete ones do no harm, as long as
    one near the end is complete."""
    before: Mapping[str, Counters] = field(default_factory=dict)
    """What stable did before it lost its traffic, for each service (``over_time``): the measure of a candidate that has
    no peer at the same time."""
    measures: Sequence[Measure] = ()
    evidence: Sequence[Evidence] = ()
    """All samples of the measures in the step, in their order."""
    services: tuple[str, ...] = SERVICES


def judge(judgement: Judgement) -> Finding:
    """The verdict over a whole step, in words and figures: the worst of all findings, those first that decide it.

    It may be asked for as often as one likes while the step goes on: a false alarm of the comparisons with stable has
    a chance of at most 1 % for each service, criterion and step.
    """
    return combined("verdict", findings(judgement))


def findings(judgement: Judgement) -> tuple[Finding, ...]:
    """What is found in each service by itself, by each criterion."""
    readings = _known(judgement)
    services = [found for service in judgement.services for found in _service(judgement, readings, service)]
    measured = judged(judgement.measures, judgement.evidence, candidate=judgement.candidate, stable=judgement.stable)
    return (*services, *measured)


def worst(found: Iterable[Finding]) -> Outcome:
    """The outcome of several findings together; inconclusive without any.

    Fail counts more than halt: where one service is worse in the candidate alone, going back helps.
    """
    return max((one.outcome for one in found), key=_RANK.index, default=Outcome.INCONCLUSIVE)


def combined(name: str, found: Sequence[Finding]) -> Finding:
    """Several findings as one."""
    outcome = worst(found)
    if not found:
        return Finding(name=name, outcome=outcome, text="nothing was looked at", remedy="see why there are no readings")
    in_order = sorted(found, key=lambda one: -_RANK.index(one.outcome))
    told = [one for one in in_order if one.outcome is outcome] if outcome is not Outcome.PASS else in_order
    return Finding(
        name=name,
        outcome=outcome,
        text="; ".join(one.text for one in told),
        remedy=next((one.remedy for one in told if one.remedy), None),
        figures={one.name: dict(one.figures) for one in found if one.figures},
    )


def answers_needed(limits: Limits) -> int:
    """Answers without an error that a service needs in one step to pass, if stable has no errors either."""
    square = statistics.Z95**2
    return max(limits.minimum_requests, ceil(square * (1 - PASSING) / PASSING))


def _known(judgement: Judgement) -> list[Reading]:
    """The readings from the first complete one on; only from there on is it known what came anew."""
    return all_carried(dropwhile(lambda one: not one.complete, judgement.readings))


def _complete(judgement: Judgement) -> bool:
    """Whether the step's ends are known, and so all that lies between them."""
    times = [one.at for one in judgement.readings if one.complete]
    return len(times) > 1 and judgement.readings[-1].at - times[-1] <= BLIND


def material(judgement: Judgement, readings: Sequence[Reading], service: str) -> Material:
    """What ``readings`` hold of one service."""
    own = Target(service=service, colour=judgement.candidate)
    peer = Target(service=service, colour=judgement.stable) if judgement.stable else None
    candidate = stretches(readings, own, Material.STRATUM)
    stable = stretches(readings, peer, Material.STRATUM) if peer else {}
    numbers = sorted(candidate.keys() | stable.keys())
    return Material(
        target=own,
        strata=[(candidate.get(number, NOTHING), stable.get(number, NOTHING)) for number in numbers],
        candidate=total(candidate.values()),
        stable=total(stable.values()),
        usual=readings[0].counters.get(peer, NOTHING) if peer and readings else NOTHING,
        before=judgement.before.get(service, NOTHING),
    )


def _service(judgement: Judgement, readings: Sequence[Reading], service: str) -> Iterator[Finding]:
    made = material(judgement, readings, service)
    errors = _errors(judgement, made)
    yield errors
    if errors.outcome is not Outcome.HALT:  # Otherwise times show the common illness.
        yield latency(judgement.limits, made, complete=_complete(judgement))


def _errors(judgement: Judgement, made: Material) -> Finding:
    limits, own, peer = judgement.limits, made.candidate, made.stable
    e = statistics.evidence(made.errors(), limits.tolerated_ratio)
    bound = statistics.upper_bound(own.errors, own.requests)
    text = (
        f"{made.target}: {of(own.errors, own.requests)} answers were 5xx ({percent(own.errors, own.requests)}), "
        f"{made.compared()}"
    )
    outcome, more = _outcome(judgement, made, e, bound)
    return Finding(
        name=f"errors of the {made.target.service}",
        outcome=outcome,
        text=f"{text}; {more}",
        remedy=_REMEDIES.get(outcome),
        figures={
            "requests": own.requests,
            "errors": own.errors,
            "stableRequests": peer.requests,
            "stableErrors": peer.errors,
            "evidence": min(e, 1e300),
            "upperBound": bound,
        },
    )


_REMEDIES: Final = {
    Outcome.HALT: "look for what both colours share (database, cache, network), then `release resume` or "
    "`release rollback`",
    Outcome.INCONCLUSIVE: "wait for more traffic or mend the metrics, then `release resume`; or `release rollback`",
}


def _outcome(judgement: Judgement, made: Material, e: float, bound: float) -> tuple[Outcome, str]:
    """What the errors say, and why."""
    limits, own = judgement.limits, made.candidate
    if fault := _fault(judgement, made, e):
        return fault
    if not _complete(judgement):
        return Outcome.INCONCLUSIVE, "the gateway's counters are not complete"
    if own.requests < limits.minimum_requests:
        return Outcome.INCONCLUSIVE, f"fewer than {limits.minimum_requests} answers show nothing"
    wanted = max(PASSING, STABLE_TIMES * made.usual_errors())
    sure = f"really below {ratio(bound)} with 95 % confidence"
    if bound >= wanted:
        return Outcome.INCONCLUSIVE, f"{sure}, which has to be below {ratio(wanted)}; evidence {odds(e)}"
    return Outcome.PASS, sure


def _fault(judgement: Judgement, made: Material, e: float) -> tuple[Outcome, str] | None:
    """What is wrong beyond doubt, if anything is."""
    limits, own, peer = judgement.limits, made.candidate, made.stable
    stable_is_ill = peer.requests >= limits.minimum_failing and peer.errors >= limits.error_ratio * peer.requests
    if stable_is_ill and own.errors * peer.requests <= STABLE_TIMES * peer.errors * own.requests:
        return Outcome.HALT, "stable is ill itself, so going back would not help"
    if own.requests >= limits.minimum_failing and own.errors >= limits.error_ratio * own.requests:
        return Outcome.FAIL, f"the hard limit is {ratio(limits.error_ratio)} of {limits.minimum_failing}"
    if own.requests >= GROSS_ANSWERS and own.errors > GROSS_RATIO * own.requests:
        return Outcome.FAIL, "most answers are errors"
    if own.requests == 0 and _promised(judgement, peer) > PROMISED:
        return Outcome.FAIL, f"its share of {judgement.share} % promised {_promised(judgement, peer):,.0f} requests"
    if e >= ENOUGH and own.errors > OBJECTIVE * own.requests:
        return Outcome.FAIL, f"evidence {odds(e)} that {made.target.colour} is worse"
    return None


def _promised(judgement: Judgement, peer: Counters) -> float:
    """Requests that the candidate should have got, by what stable got."""
    share = judgement.share
    return peer.requests * share / (100 - share) if 0 < share < 100 else 0.0  # noqa: PLR2004 - per cent
