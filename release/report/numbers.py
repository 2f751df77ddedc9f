"""The figures of R-57, from the journal: DORA's five metrics and the rest, each beside its target. Pure.

Releases are counted in the window in which they ended, in UTC, one stack at a time. A figure without enough to say has
no value: never 0 instead, and no percentile of fewer than five.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from release.model import Release, Status
from release.report import dora, operation
from release.report.deployments import Deployment, deployments
from release.report.figures import Availability, Cost, Coverage, Day, Line, Numbers
from release.report.window import Window

MOST_LINES: Final = 200
"""Releases that the report lists."""


def numbers(
    releases: Iterable[Release],
    *,
    stack: str,
    since: datetime,
    until: datetime,
    history_since: datetime | None = None,
    availability: Availability | None = None,
    coverage: Coverage | None = None,
    cost: Cost | None = None,
    incidents: Mapping[str, datetime] | None = None,
) -> Numbers:
    """The report on ``stack`` from ``since`` to ``until``.

    Args:
        releases: The journal, in any order, also what ended outside the window: commits and recoveries reach across it.
        stack: One environment's stack; others are left out.
        since: Beginning of the window, aware.
        until: Its end, excluded, usually now.
        history_since: Where the trimmed journal begins: the window does not reach further back.
        availability: Requests and errors of the window; without them availability is not known.
        coverage: Steps of the runbooks' list; without it, the releases' own steps are counted.
        cost: The monthly cost of the infrastructure, if somebody knows it.
        incidents: When an incident was linked to a release, by the release's id.

    Raises ``ValueError`` for a window that does not go forward or a naive time.
    """
    journal = list(releases)
    window = Window(since=max(since, history_since) if history_since else since, until=until)
    known = deployments(journal, stack=stack, incidents=incidents)
    ended = [one for one in known if window.holds(one.release.times.ended)]
    leads, authored = dora.lead_times(known, window)
    return Numbers(
        stack=stack,
        since=window.since,
        until=window.until,
        history_since=history_since,
        releases=len(ended),
        figures=(
            *dora.frequency(ended, window),
            *dora.lead_figures([lead.seconds for lead in leads], authored),
            *dora.failures(ended, known, window),
            *operation.rates(ended),
            *operation.times(ended),
            operation.available(availability),
            operation.automation(ended, coverage),
            operation.manual(journal, window, stack=stack),
        ),
        running=dora.running(known, window),
        waiting_commits=dora.waiting_commits(known),
        cost=cost,
        days=_days(ended, window),
        lead_times=tuple(leads),
        lines=_lines(journal, window, stack=stack),
    )


def _days(ended: Sequence[Deployment], window: Window) -> tuple[Day, ...]:
    counts = Counter((one.ended.date(), one.release.status) for one in ended)
    return tuple(
        Day(
            day=day.date(),
            succeeded=counts[day.date(), Status.SUCCESS],
            rolled_back=counts[day.date(), Status.ROLLED_BACK],
            failed=counts[day.date(), Status.FAILED],
        )
        for day in window.touched_days()
    )


def _lines(releases: Sequence[Release], window: Window, *, stack: str) -> tuple[Line, ...]:
    latest = {release.id: release for release in releases if release.stack == stack}.values()
    shown = [release for release in latest if window.holds(release.times.ended)]
    shown.sort(key=lambda release: (release.times.ended or release.times.started, release.id), reverse=True)
    return tuple(
        Line(
            id=release.id,
            kind=release.kind,
            version=release.order.version,
            strategy=release.order.strategy.value,
            status=release.status,
            actor=release.actor,
            started=release.times.started,
            ended=release.times.ended,
            reason=release.reason,
        )
        for release in shown[:MOST_LINES]
    )
