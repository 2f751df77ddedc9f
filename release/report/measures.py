"""How a figure is made from values: shares, means and percentiles, none of them from too little. Pure."""

import statistics
from collections.abc import Sequence
from typing import Final

from release.report.figures import Figure, Target, Unit

FEWEST: Final = 5
"""No percentile of fewer values."""


def share(
    key: str, title: str, *, group: str, part: int, whole: int, note: str, target: Target | None = None
) -> Figure:
    """``part`` of ``whole``, 0–1; without a value where there is no whole."""
    return Figure(
        key=f"{key}_ratio",
        group=group,
        title=title,
        unit=Unit.RATIO,
        value=part / whole if whole else None,
        n=whole,
        target=target,
        note=f"{part} of {whole}: {note}" if whole else note,
    )


def mean(key: str, title: str, *, group: str, values: Sequence[float], note: str, target: Target) -> Figure:
    """The mean of ``values`` in seconds; without a value where there are none."""
    return Figure(
        key=f"{key}_mean_seconds",
        group=group,
        title=title,
        unit=Unit.SECONDS,
        value=statistics.fmean(values) if values else None,
        n=len(values),
        target=target,
        note=note,
    )


def percentiles(
    key: str,
    title: str,
    *,
    group: str,
    values: Sequence[float],
    target: Target | None = None,
    note: str | None = None,
) -> list[Figure]:
    """Median and 90th percentile of ``values`` in seconds, linear between neighbours; the target is the median's."""
    enough = len(values) >= FEWEST
    said = [note] if note else []
    said += [] if enough else [f"fewer than {FEWEST}, so no percentile"]
    return [
        Figure(
            key=f"{key}_{name}_seconds",
            group=group,
            title=f"{title}, {label}",
            unit=Unit.SECONDS,
            value=statistics.quantiles(values, n=10, method="inclusive")[tenths - 1] if enough else None,
            n=len(values),
            target=target if name == "median" else None,
            note="; ".join(said) or None,
        )
        for name, label, tenths in (("median", "median", 5), ("p90", "p90", 9))
    ]
