"""One release over time: weights, errors and latency above one another, with the points of decision. Pure."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from release.model import Colour, Release
from release.report import say
from release.report.plots import MARK, ROLES, WIDE, Size, drawing, figure, markup
from release.report.series import Row
from release.report.timeline import Decision, Tone, decisions

_TONES: Final = {Tone.PLAIN: "muted", Tone.GOOD: "good", Tone.BAD: "bad", Tone.DOUBT: "doubt"}
_SIGNS: Final = {Tone.PLAIN: "", Tone.GOOD: " ✓", Tone.BAD: " ✕", Tone.DOUBT: ""}
_LEVELS: Final = 9
"""Rows of labels above the plots at most."""
_CLOCK: Final = (1, 2, 5, 10, 15, 30, *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440)))
"""Seconds between two ticks."""
_LEFT: Final = 52
_RIGHT: Final = 14
_STYLES: Final[tuple[Any, ...]] = ("-", (0, (4, 2)), (0, (1, 1.5)))
"""Line of the first, second and any further service."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """A decision's label above the plots: where, how high, and on which side of its line."""

    decision: Decision
    x: float
    """Pixels from the left of the plots."""
    level: int
    text: str
    to_the_left: bool


def plot(release: Release, rows: Sequence[Row], *, size: Size, now: datetime) -> Markup:
    """The three aligned plots of ``release``, from its start to its end, or to ``now`` while it goes on."""
    start, end = release.times.started, release.times.ended or now
    span = max(1.0, (end - start).total_seconds(), *((row.at - start).total_seconds() for row in rows[-1:]))
    width = size.width - _LEFT - _RIGHT
    labels = place(decisions(release), start=start, span=span, width=width, size=size)
    line = size.font * 1.45
    strip = line * (1 + max((label.level for label in labels), default=0))
    heights = (strip, 96.0, 150.0, 150.0)
    total = sum(heights) + 3 * 44 + 40
    with drawing(size):
        made, axes = figure(size, total, heights)
        made.subplots_adjust(
            left=_LEFT / size.width,
            right=1 - _RIGHT / size.width,
            top=1 - 4 / total,
            bottom=34 / total,
            hspace=44 / (sum(heights) / len(heights)),
        )
        axes[0].set_xlim(0, span)
        _marks(axes, labels, span=span, width=width, line=line, strip=strip)
        _weights(axes[1], release, rows, start, span)
        _errors(axes[2], release, rows, start)
        _latency(axes[3], rows, start)
        axes[3].xaxis.set_major_locator(MultipleLocator(_tick(span, 9 if size is WIDE else 4)))
        axes[3].xaxis.set_major_formatter(FuncFormatter(lambda value, _: say.elapsed(value)))
        return markup(
            made,
            name=f"release-{size.name}",
            title=f"Release {say.plain(release.id)} over time",
            description=describe(release, rows),
        )


def _tick(span: float, most: int) -> float:
    """Seconds between two ticks, such as a clock has, so that there are at most ``most``."""
    return next((step for step in _CLOCK if span / step <= most), span / most)


def describe(release: Release, rows: Sequence[Row]) -> str:
    """The plots in words."""
    highest = max((row.share for row in rows), default=0)
    parts = [f"Three plots over the release's time. {release.candidate.value} got at most {highest} % of the requests."]
    for colour in Colour:
        errors = [row.error_ratio for row in rows if row.colour == colour and row.error_ratio is not None]
        slow = [row.p95_ms for row in rows if row.colour == colour and row.p95_ms is not None]
        if errors:
            parts.append(f"Highest error ratio of {colour.value}: {say.ratio(max(errors))}.")
        if slow:
            parts.append(f"Highest 95th percentile of {colour.value}'s latency: {max(slow):.0f} ms.")
    parts.append("The same figures are in the table below.")
    return " ".join(parts)


def place(found: Sequence[Decision], *, start: datetime, span: float, width: float, size: Size) -> list[Label]:
    """A place for each label at which it covers no other; a number alone where there is no room for words.

    A decision for which there is no room at all keeps its line and its row in the table.
    """
    taken: dict[int, list[tuple[float, float]]] = defaultdict(list)
    labels = []
    for decision in found:
        x = min(max((decision.at - start).total_seconds() / span, 0.0), 1.0) * width
        words = f"{decision.number} {decision.label}{_SIGNS[decision.tone]}"
        for text in (words, str(decision.number)) if size is WIDE else (str(decision.number),):
            label = _fit(decision, text, x, width=width, size=size, taken=taken)
            if label is not None:
                labels.append(label)
                break
    return labels


def _fit(
    decision: Decision,
    text: str,
    x: float,
    *,
    width: float,
    size: Size,
    taken: dict[int, list[tuple[float, float]]],
) -> Label | None:
    long = len(text) * size.font * 0.62 + 8
    to_the_left = x + long > width
    begin, end = (x - long, x) if to_the_left else (x, x + long)
    for level in range(_LEVELS):
        if all(end <= other_begin or begin >= other_end for other_begin, other_end in taken[level]):
            taken[level].append((begin, end))
            return Label(decision=decision, x=x, level=level, text=text, to_the_left=to_the_left)
    return None


def _marks(
    axes: Sequence[Axes], labels: Sequence[Label], *, span: float, width: float, line: float, strip: float
) -> None:
    top = axes[0]
    top.set_axis_off()
    top.set_ylim(0, strip)
    for label in labels:
        at, role = label.x / width * span, ROLES[_TONES[label.decision.tone]]
        strong = label.decision.tone is not Tone.PLAIN
        style: dict[str, Any] = {
            "color": role,
            "linewidth": 1.2 if strong else 0.7,
            "alpha": 0.9 if strong else 0.55,
            "zorder": 1,
        }
        top.plot([at, at], [-44, label.level * line + line * 0.6], clip_on=False, **style)
        for plot_axes in axes[1:]:
            plot_axes.axvline(at, **style)
    for label in labels:
        role = ROLES[_TONES[label.decision.tone]]
        top.text(
            label.x / width * span,
            label.level * line + line * 0.5,
            label.text,
            color=role if label.decision.tone is not Tone.PLAIN else ROLES["ink"],
            ha="right" if label.to_the_left else "left",
            va="center",
            gid=MARK,
            fontweight="bold" if label.decision.tone is not Tone.PLAIN else "normal",
            bbox={"facecolor": ROLES["surface"], "edgecolor": "none", "pad": 1.0},
            zorder=3,
        )


def _weights(axes: Axes, release: Release, rows: Sequence[Row], start: datetime, span: float) -> None:
    axes.set_title("Share of the requests, %")
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100])
    steps = [(0.0, release.before.share(release.candidate))]
    for row in rows:
        if row.share != steps[-1][1]:
            steps.append(((row.at - start).total_seconds(), row.share))
    steps.append((span, steps[-1][1]))
    times, shares = [at for at, _ in steps], [float(share) for _, share in steps]
    for colour, values in ((release.candidate, shares), (release.candidate.other, [100 - share for share in shares])):
        axes.step(times, values, where="post", color=ROLES[colour.value], zorder=4)
        axes.fill_between(times, values, step="post", color=ROLES[colour.value], alpha=0.12, linewidth=0, zorder=2)


def _errors(axes: Axes, release: Release, rows: Sequence[Row], start: datetime) -> None:
    axes.set_title("Errors, % of the answers")
    for colour, style, points in _lines(rows, start, lambda row: row.error_ratio):
        axes.plot(
            [at for at, _ in points], [value * 100 for _, value in points], color=colour, linestyle=style, zorder=4
        )
    highest = max((row.error_ratio * 100 for row in rows if row.error_ratio is not None), default=0.0)
    limit = release.order.limits.error_ratio * 100
    axes.set_ylim(0, max(1.0, highest * 1.12))
    if highest > limit / 2:
        axes.axhline(limit, color=ROLES["bad"], linewidth=1.0, linestyle=(0, (6, 3)), zorder=3)
        axes.text(
            0.004, limit, f"limit {limit:g} %", transform=axes.get_yaxis_transform(), va="bottom", color=ROLES["bad"]
        )
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _latency(axes: Axes, rows: Sequence[Row], start: datetime) -> None:
    axes.set_title("Latency, ms: p50 to p95 of the slower service")
    highest = 0.0
    for colour in Colour:
        slowest: dict[datetime, Row] = {}
        for row in rows:
            if row.colour == colour and row.p95_ms is not None:
                known = slowest.get(row.at)
                slowest[row.at] = row if known is None or (known.p95_ms or 0) < row.p95_ms else known
        at = [(moment - start).total_seconds() for moment in sorted(slowest)]
        p95 = [slowest[moment].p95_ms or 0.0 for moment in sorted(slowest)]
        p50 = [math.nan if (value := slowest[moment].p50_ms) is None else value for moment in sorted(slowest)]
        role = ROLES[colour.value]
        axes.fill_between(at, p50, p95, color=role, alpha=0.14, linewidth=0, zorder=2)
        axes.plot(at, p95, color=role, zorder=4)
        axes.plot(at, p50, color=role, linewidth=0.9, zorder=4)
        highest = max([highest, *p95])
    axes.set_ylim(0, max(1.0, highest * 1.08))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _lines(
    rows: Sequence[Row], start: datetime, value: Callable[[Row], float | None]
) -> Iterator[tuple[str, Any, list[tuple[float, float]]]]:
    """Colour, line and points for each service and colour; the line breaks where nothing was measured."""
    for index, service in enumerate(sorted({row.service for row in rows})):
        for colour in Colour:
            points = [
                ((row.at - start).total_seconds(), math.nan if (here := value(row)) is None else here)
                for row in rows
                if row.service == service and row.colour == colour
            ]
            yield ROLES[colour.value], _STYLES[min(index, len(_STYLES) - 1)], points
