"""Releases over the days of a window: how many, how long changes waited, how many succeeded. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from statistics import median
from typing import Final

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from release.report import say, targets
from release.report.figures import Day, LeadTime, Numbers
from release.report.plots import ROLES, WIDE, Size, drawing, figure, markup
from release.report.window import DAY

TRAILING: Final = 7
"""Days over which the success rate is taken."""
_HOUR: Final = 3_600.0


def plot(report: Numbers, *, size: Size) -> Markup:
    """The three aligned plots of the window."""
    heights = (120.0, 120.0, 120.0)
    total = sum(heights) + 2 * 52 + 66
    start = datetime.combine(report.days[0].day, time(12), tzinfo=UTC)
    with drawing(size):
        made, axes = figure(size, total, heights)
        made.subplots_adjust(
            left=46 / size.width,
            right=1 - 16 / size.width,
            top=1 - 30 / total,
            bottom=36 / total,
            hspace=52 / heights[0],
        )
        _counts(axes[0], report.days)
        _waits(axes[1], report.lead_times, start)
        _success(axes[2], report.days)
        axes[2].xaxis.set_major_locator(MaxNLocator(9 if size is WIDE else 4, integer=True, steps=[1, 2, 5, 7, 10]))
        axes[2].xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{start + at * DAY:%-d %b}"))
        axes[2].set_xlim(-0.6, len(report.days) - 0.4)
        return markup(made, name=f"numbers-{size.name}", title="Releases over the window", description=describe(report))


def describe(report: Numbers) -> str:
    """The plots in words."""
    total = sum(day.succeeded + day.rolled_back + day.failed for day in report.days)
    busiest = max((day.succeeded + day.rolled_back + day.failed for day in report.days), default=0)
    waits = [lead.seconds for lead in report.lead_times]
    parts = [f"{total} releases in {len(report.days)} days, at most {busiest} a day."]
    if waits:
        parts.append(f"Changes waited {say.duration(min(waits))} to {say.duration(max(waits))}.")
    parts.append("The same figures are in the tables below.")
    return " ".join(parts)


def trailing(days: Sequence[Day]) -> list[tuple[int, float]]:
    """For each day, by its place, with releases in the seven days up to it, the share of those that succeeded."""
    found = []
    for index in range(len(days)):
        week = days[max(0, index - TRAILING + 1) : index + 1]
        ended = sum(one.succeeded + one.rolled_back + one.failed for one in week)
        if ended:
            found.append((index, sum(one.succeeded for one in week) / ended))
    return found


def _counts(axes: Axes, days: Sequence[Day]) -> None:
    axes.set_title("Releases a day")
    at = range(len(days))
    base = [0] * len(days)
    for role, counts in (
        ("good", [day.succeeded for day in days]),
        ("doubt", [day.rolled_back for day in days]),
        ("bad", [day.failed for day in days]),
    ):
        axes.bar(at, counts, bottom=base, width=0.72, color=ROLES[role], linewidth=0)
        base = [before + count for before, count in zip(base, counts, strict=True)]
    axes.set_ylim(0, max([*base, 1]) * 1.1)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))


def _waits(axes: Axes, leads: Sequence[LeadTime], start: datetime) -> None:
    axes.set_title("Change lead time, hours (a point a commit)")
    hours = [lead.seconds / _HOUR for lead in leads]
    axes.plot(
        [(lead.released - start) / DAY for lead in leads],
        hours,
        linestyle="none",
        marker="o",
        markersize=4.5,
        markeredgewidth=0,
        alpha=0.65,
        color=ROLES["blue"],
    )
    if hours:
        middle = median(hours)
        axes.axhline(middle, color=ROLES["blue"], linewidth=1.0, linestyle=(0, (6, 3)))
    axes.set_ylim(0, max([*hours, 1.0]) * 1.12)
    axes.yaxis.set_major_locator(MaxNLocator(3))


def _success(axes: Axes, days: Sequence[Day]) -> None:
    axes.set_title(f"Success rate, % of {TRAILING} days")
    points = trailing(days)
    axes.plot(
        [place for place, _ in points],
        [share * 100 for _, share in points],
        color=ROLES["green"],
        marker="o",
        markersize=3,
    )
    goal = targets.SUCCESS_RATE.limit * 100
    axes.axhline(goal, color=ROLES["muted"], linewidth=1.0, linestyle=(0, (6, 3)))
    lowest = min([share * 100 for _, share in points], default=90.0)
    floor = max(0.0, 10 * ((lowest - 2) // 10))
    axes.set_ylim(floor, 102)
    axes.yaxis.set_major_locator(MultipleLocator(10 if floor >= 70 else 25))  # noqa: PLR2004 - three or four ticks
