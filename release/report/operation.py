"""The other figures of R-57: rates, times, availability, and how much people have to do. Pure."""

from collections.abc import Sequence
from typing import Final

from release.model import Kind, Release, Step
from release.report import targets
from release.report.deployments import Deployment, interventions, rollbacks
from release.report.figures import Availability, Coverage, Figure, Unit
from release.report.measures import mean, share
from release.report.window import MONTH, Window

RELEASES: Final = "Releases"
GROUP: Final = "Operation"


def rates(ended: Sequence[Deployment]) -> list[Figure]:
    """Success rate (R-03: rolled back counts as failed) and rollback rate, of all that started."""
    won, back = sum(one.succeeded for one in ended), sum(one.rolled_back for one in ended)
    return [
        share(
            "success_rate",
            "Success rate",
            group=RELEASES,
            part=won,
            whole=len(ended),
            note="succeeded, of all started",
            target=targets.SUCCESS_RATE,
        ),
        share(
            "rollback_rate",
            "Rollback rate",
            group=RELEASES,
            part=back,
            whole=len(ended),
            note="rolled back, of all started",
        ),
    ]


def times(ended: Sequence[Deployment]) -> list[Figure]:
    """Mean deployment time (R-02, without the soak), detection time (R-07) and rollback time (R-04)."""
    failed = [one for one in ended if one.needed_help]
    worked = [
        max(0.0, (one.ended - one.release.times.started).total_seconds() - soak(one.release))
        for one in ended
        if one.succeeded
    ]
    noticed = [
        (one.detected_at - one.failed_at).total_seconds()
        for one in failed
        if one.failed_at is not None and one.detected_at is not None and one.detected_at >= one.failed_at
    ]
    back = [
        (one.recovered_at - one.failed_at).total_seconds()
        for one in failed
        if one.rolled_back and one.failed_at is not None and one.recovered_at is not None
    ]
    return [
        mean(
            "deployment_time",
            "Mean deployment time",
            group=RELEASES,
            values=worked,
            note="of the successful ones, without the soak",
            target=targets.DEPLOYMENT_TIME,
        ),
        mean(
            "detection_time",
            "Mean time to detection",
            group=RELEASES,
            values=noticed,
            note="from the first bad request to the alarm",
            target=targets.DETECTION_TIME,
        ),
        mean(
            "rollback_time",
            "Mean rollback time",
            group=RELEASES,
            values=back,
            note="from the first bad request until all requests were on the version before",
            target=targets.ROLLBACK_TIME,
        ),
    ]


def soak(release: Release) -> float:
    """Seconds for which the finished steps watched."""
    return sum(step.seconds for step in release.steps[: release.done] if step.kind is Kind.WATCH)


def available(answered: Availability | None) -> Figure:
    """The share of requests that were answered without an error (R-06)."""
    some = answered if answered is not None and answered.requests > 0 else None
    return Figure(
        key="availability_ratio",
        group=GROUP,
        title="Availability",
        unit=Unit.RATIO,
        value=None if some is None else 1 - some.errors / some.requests,
        n=0 if some is None else some.requests,
        target=targets.AVAILABILITY,
        note="no source of requests and errors" if answered is None else f"n is requests, from {answered.source}",
    )


def automation(ended: Sequence[Deployment], coverage: Coverage | None) -> Figure:
    """Automated steps ÷ all (R-08): those of the runbooks' list if given, else the releases' own."""
    if coverage is not None:
        automated, steps, note = coverage.automated, coverage.steps, f"steps of {coverage.source}"
    else:
        walked = [step for one in ended for step in _walked(one.release)]
        automated, steps = sum(not step.gate for step in walked), len(walked)
        note = "steps of the releases that waited for nobody"
    return share(
        "automation_coverage",
        "Automation coverage",
        group=GROUP,
        part=automated,
        whole=steps,
        note=note,
        target=targets.AUTOMATION,
    )


def manual(releases: Sequence[Release], window: Window, *, stack: str) -> Figure:
    """What people did beside start and approve (R-08); asking for a rollback is one."""
    latest = {release.id: release for release in releases if release.stack == stack}.values()
    asked = sum(window.holds(release.times.started) for release in rollbacks(latest, stack=stack))
    count = asked + sum(interventions(release, window.since, window.until) for release in latest)
    return Figure(
        key="manual_interventions_per_month",
        group=GROUP,
        title="Manual interventions",
        unit=Unit.PER_MONTH,
        value=count * (MONTH / (window.until - window.since)),
        n=count,
        target=targets.INTERVENTIONS,
        note="what people did beside start and approve",
    )


def _walked(release: Release) -> list[Step]:
    return [*release.steps[: release.done], *release.way_back[: release.returned]]
