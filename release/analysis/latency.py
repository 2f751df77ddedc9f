"""Whether the candidate answers in time, and not more slowly than stable. Pure."""

from typing import Final

from release.analysis import statistics
from release.analysis.counters import Latency
from release.analysis.material import Material
from release.analysis.statistics import ENOUGH
from release.analysis.words import duration, odds, of, percent
from release.model import Finding, Limits, Outcome

FLOOR: Final = 25.0
"""Milliseconds below which nobody minds being slower."""
TAIL: Final = 0.05
"""Share of the answers that a p95 leaves out."""
LATE: Final = 0.01
"""Share that the objective allows to be later than it (R-06: 99 %)."""
TIMES_BEFORE: Final = 3.0
"""How many times slower than stable was before fails, where there is no peer at the same time: hours differ."""


def latency(limits: Limits, made: Material, *, complete: bool) -> Finding:
    """What the times of one service's answers say. ``complete``: whether the readings hold them all."""
    own, p95 = made.candidate.latency, made.candidate.latency.quantile(1 - TAIL)
    reference = made.reference().latency.quantile(1 - TAIL)
    outcome, why = _outcome(limits, made, p95, complete=complete)
    text = (
        f"{made.target}: p95 {duration(p95)} of {own.count:,} answers"
        if p95 is not None
        else f"{made.target}: no times"
    )
    if reference is not None:
        text = f"{text}, stable {'' if made.peer else 'before '}{duration(reference)}"
    figures = {"p95Ms": p95, "stableP95Ms": reference, "answers": own.count}
    remedy = "wait for more traffic, then `release resume`; or `release rollback`"
    return Finding(
        name=f"latency of the {made.target.service}",
        outcome=outcome,
        text=f"{text}; {why}" if why else text,
        remedy=remedy if outcome in {Outcome.INCONCLUSIVE, Outcome.HALT} else None,
        figures=figures,
    )


def slow_bound(usual: Latency) -> float | None:
    """Milliseconds that are slow for stable: the first bound that 95 % of its answers kept, at least ``FLOOR``."""
    if usual.count == 0:
        return None
    kept = (b for b, count in zip(usual.bounds, usual.counts, strict=False) if count >= (1 - TAIL) * usual.count)
    return next((bound for bound in kept if bound >= FLOOR), None)


def _outcome(limits: Limits, made: Material, p95: float | None, *, complete: bool) -> tuple[Outcome, str]:
    own, limit = made.candidate.latency, limits.p95_seconds * 1000
    if p95 is None:
        return Outcome.INCONCLUSIVE, "the gateway has told none"
    if fault := _fault(limits, made, limit):
        return fault
    if not complete:
        return Outcome.INCONCLUSIVE, "the gateway's counters are not complete"
    if own.count < limits.minimum_requests:
        return Outcome.INCONCLUSIVE, f"fewer than {limits.minimum_requests} answers show nothing"
    if p95 > limit:
        return Outcome.INCONCLUSIVE, f"the limit is {duration(limit)}, but so few answers do not prove it"
    return Outcome.PASS, "" if made.reference().latency.count else "with no other colour to compare, so by the limit"


def _fault(limits: Limits, made: Material, limit: float) -> tuple[Outcome, str] | None:
    """What is wrong beyond doubt, if anything is. The first answers of cold pods are no proof."""
    if made.candidate.latency.count < limits.minimum_requests:
        return None
    if exceeds(made.candidate.latency, limit):
        if exceeds(made.stable.latency, limit):
            return Outcome.HALT, f"the limit is {duration(limit)}, and stable exceeds it as well"
        return Outcome.FAIL, f"the limit is {duration(limit)}"
    slower = _slower_than_peer(limits, made, limit) if made.peer else _slower_than_before(made)
    return (Outcome.FAIL, slower) if slower else None


def exceeds(times: Latency, limit: float) -> bool:
    """Whether the p95 is above ``limit`` milliseconds, with 95 % confidence."""
    p95 = times.quantile(1 - TAIL)
    late = times.slower_than(limit)
    return p95 is not None and p95 > limit and statistics.lower_bound(late, times.count) > TAIL


def _slower_than_before(made: Material) -> str | None:
    own, before = made.candidate.latency, made.before.latency.quantile(1 - TAIL)
    if before is None or not exceeds(own, max(FLOOR, TIMES_BEFORE * before)):
        return None
    return f"more than {TIMES_BEFORE:g} times what stable took before"


def _slower_than_peer(limits: Limits, made: Material, limit: float) -> str | None:
    own, stable = made.candidate.latency, made.stable.latency
    # The bound comes from before the step: chosen after the fact, it would make chance look like evidence.
    usual = slow_bound(made.usual.latency) or slow_bound(stable)
    for bound, share in ((usual, TAIL), (limit, LATE)):
        if bound is None:
            continue
        bad = own.slower_than(bound)
        e = statistics.evidence(made.slower_than(bound), limits.tolerated_ratio)
        if e >= ENOUGH and bad > share * own.count:
            return (
                f"{of(bad, own.count)} answers took longer than {duration(bound)} ({percent(bad, own.count)}), stable "
                f"{of(stable.slower_than(bound), stable.count)}; evidence {odds(e)} that {made.target.colour} is slower"
            )
    return None
