"""What metrics beside the gateway's counters say: measures, their samples over a step, and what follows. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from release.analysis.words import figure
from release.model import Colour, Finding, Measure, Outcome


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One sample of a measure."""

    name: str
    """The measure's."""
    service: str
    colour: Colour
    value: float | None
    """``None`` if there is none: absent, not a number, too old, or nobody answered."""
    why: str | None = None
    """Why there is none."""


def judged(
    measures: Iterable[Measure],
    evidence: Sequence[Evidence],
    *,
    candidate: Colour,
    stable: Colour | None,
) -> Iterator[Finding]:
    """What each measure's samples of a step say of the candidate, for each of its services."""
    for measure in measures:
        for service in measure.services:
            of_service = [one for one in evidence if (one.name, one.service) == (measure.name, service)]
            own = [one for one in of_service if one.colour is candidate]
            peer = [one for one in of_service if one.colour is stable]
            yield _judged(measure, f"{service} {candidate}", own, peer)


def _judged(measure: Measure, target: str, own: Sequence[Evidence], peer: Sequence[Evidence]) -> Finding:
    values = _values(own)
    if not values or len(values) * 2 < len(own) or own[-1].value is None:
        why = next((one.why for one in reversed(own) if one.why), "it was never asked for")
        text = f"{target}: {measure.name} is not known in {len(own) - len(values)} of {len(own)} samples: {why}"
        return Finding(
            name=measure.name, outcome=Outcome.INCONCLUSIVE, text=text, remedy="see why the metric is missing"
        )
    value, shown = median(values), figure(median(values), measure.unit)
    figures = {"measure": measure.name, "value": value, "samples": len(values)}
    text = f"{target}: {measure.name} {shown}"
    if measure.maximum is not None and value > measure.maximum:
        text = f"{text}, more than the {figure(measure.maximum, measure.unit)} allowed"
        return Finding(name=measure.name, outcome=Outcome.FAIL, text=text, figures=figures)
    if measure.times_stable is None:
        return Finding(name=measure.name, outcome=Outcome.PASS, text=text, figures=figures)
    others = _values(peer)
    if not others:
        text = f"{text}, and there is no value of stable to compare it with"
        outcome = Outcome.INCONCLUSIVE if peer or measure.maximum is None else Outcome.PASS
        return Finding(name=measure.name, outcome=outcome, text=text, figures=figures)
    other = median(others)
    outcome = Outcome.FAIL if value > measure.times_stable * other else Outcome.PASS
    text = f"{text}, stable {figure(other, measure.unit)}, {measure.times_stable:g} times as much allowed"
    return Finding(name=measure.name, outcome=outcome, text=text, figures={**figures, "stable": other})


def _values(samples: Iterable[Evidence]) -> list[float]:
    return [one.value for one in samples if one.value is not None]
