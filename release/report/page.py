"""The pages: one HTML file each, with everything in it, readable offline, in light and dark, wide, narrow and printed.

Pure: the page is returned as text. Every value is escaped by the templates; only our own drawings are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import jinja2

from release.model import Colour, Release, Status
from release.report import number_plots, release_plots, say, table
from release.report.figures import Figure, Numbers
from release.report.plots import NARROW, WIDE
from release.report.series import Row
from release.report.timeline import decisions, step_lines

TEMPLATES: Final = Path(__file__).parent / "templates"
MOMENTS: Final = 60
"""Rows of the table that repeats the plots."""
_TONES: Final = {
    Status.PENDING: "plain",
    Status.IN_PROGRESS: "plain",
    Status.SUCCESS: "good",
    Status.FAILED: "bad",
    Status.ROLLED_BACK: "doubt",
}
_HEADLINES: Final = (
    "deployment_frequency_per_day",
    "change_lead_time_median_seconds",
    "change_fail_rate_ratio",
    "failed_deployment_recovery_time_median_seconds",
    "deployment_rework_rate_ratio",
    "success_rate_ratio",
)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One row of the table that repeats the plots: what each service answered in each colour."""

    elapsed: str
    shares: str
    cells: tuple[str, ...]
    """Errors and p95 for each of the table's columns."""


def release_page(release: Release, rows: Sequence[Row], *, now: datetime) -> str:
    """The page of one release. ``rows`` may be empty: then nothing was measured, and the page says so."""
    columns = sorted({(row.service, row.colour) for row in rows})
    plots = [release_plots.plot(release, rows, size=size, now=now) for size in (WIDE, NARROW)] if rows else []
    return _render(
        "release.html.j2",
        release=release,
        tone=_TONES[release.status],
        took=say.duration(_seconds(release.times.started, release.times.ended or now)),
        cards=_cards(release),
        plots=plots,
        services=sorted({row.service for row in rows}),
        decisions=decisions(release),
        steps=step_lines(release),
        columns=columns,
        moments=moments(release, rows, columns),
    )


def numbers_page(report: Numbers) -> str:
    """The page of a report on many releases."""
    groups: dict[str, list[Figure]] = {}
    for one in report.figures:
        groups.setdefault(one.group, []).append(one)
    return _render(
        "numbers.html.j2",
        report=report,
        headlines=[report.figure(key) for key in _HEADLINES],
        groups=groups,
        plots=[number_plots.plot(report, size=size) for size in (WIDE, NARROW)],
        remarks=table.remarks(report)[len(report.running) :],  # those that run stand at the top
        tones=_TONES,
    )


def moments(
    release: Release, rows: Sequence[Row], columns: Sequence[tuple[str, str]], most: int = MOMENTS
) -> list[Moment]:
    """At most ``most`` looks, evenly spread over the release, in the words of the table."""
    looks: dict[datetime, dict[tuple[str, str], Row]] = {}
    for row in rows:
        looks.setdefault(row.at, {})[row.service, row.colour] = row
    at = sorted(looks)
    if len(at) > most:
        at = [at[place * (len(at) - 1) // (most - 1)] for place in range(most)]
    return [_moment(release, moment, looks[moment], columns) for moment in at]


def _moment(
    release: Release, at: datetime, look: dict[tuple[str, str], Row], columns: Sequence[tuple[str, str]]
) -> Moment:
    share = next(iter(look.values())).share
    return Moment(
        elapsed=say.elapsed(_seconds(release.times.started, at)),
        shares=f"{release.candidate.value} {share} %",
        cells=tuple(_cell(look.get(column)) for column in columns),
    )


def _cell(row: Row | None) -> str:
    if row is None or (row.error_ratio is None and row.p95_ms is None):
        return "–"
    errors = "–" if row.error_ratio is None else say.ratio(row.error_ratio)
    return f"{errors}, {'–' if row.p95_ms is None else f'{row.p95_ms:.0f} ms'}"


def _cards(release: Release) -> list[tuple[str, str, str]]:
    """Name, value and remark of the figures that stand out."""
    times = release.times
    errors = say.ratio(release.errors / release.requests) if release.requests else "n/a"
    cards = [
        ("Answers of the candidate", f"{release.requests:,}", f"{release.candidate.value}, all services"),
        ("Of those, errors", f"{release.errors:,}", errors),
    ]
    if times.failed_at is not None and times.detected_at is not None:
        noticed = say.duration(_seconds(times.failed_at, times.detected_at))
        cards.append(("Noticed after", noticed, "first bad request to alarm"))
    if times.failed_at is not None and times.recovered_at is not None:
        back = say.duration(_seconds(times.failed_at, times.recovered_at))
        cards.append(("Back after", back, "first bad request to none, target < 5 min (R-04)"))
    if times.traffic_full_at is not None:
        full = say.duration(_seconds(times.started, times.traffic_full_at))
        cards.append(("All requests after", full, "from the start, soak included"))
    return cards


def _seconds(begin: datetime, end: datetime) -> float:
    return max(0.0, (end - begin) / timedelta(seconds=1))


def _render(name: str, **values: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        plain=say.plain,
        moment=say.moment,
        duration=say.duration,
        value=say.figure,
        target=say.target,
        met=say.met,
        since=lambda at, start: say.elapsed(_seconds(start, at)),
    )
    return environment.get_template(name).render(colours=list(Colour), **values)
