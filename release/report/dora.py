"""DORA's five metrics, by the counting rules of :mod:`release.report.deployments`. Pure."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Final

from release.report import targets
from release.report.deployments import Deployment, first_successes
from release.report.figures import Figure, LeadTime, Running, Unit
from release.report.measures import FEWEST, percentiles, share
from release.report.window import Window

GROUP: Final = "DORA"
_SATURDAY: Final = 5


def frequency(ended: Sequence[Deployment], window: Window) -> list[Figure]:
    """Successful deployments per day of the window, and per working day (Monday to Friday, whole days only)."""
    counted = [one for one in ended if one.counts]
    per_day = Counter(one.ended.date() for one in counted)
    working = [day for day in window.whole_days() if day.weekday() < _SATURDAY]
    enough = len(working) >= FEWEST
    return [
        Figure(
            key="deployment_frequency_per_day",
            group=GROUP,
            title="Deployment frequency",
            unit=Unit.PER_DAY,
            value=len(counted) / window.days,
            n=len(counted),
            target=targets.SEVERAL_A_DAY,
            note=f"successful deployments over {window.days:g} days",
        ),
        Figure(
            key="deployment_frequency_median_per_working_day",
            group=GROUP,
            title="Deployment frequency, working days",
            unit=Unit.PER_DAY,
            value=float(statistics.median([per_day[day.date()] for day in working])) if enough else None,
            n=len(working),
            note="median; n is working days" if enough else f"fewer than {FEWEST} working days",
        ),
    ]


def lead_times(known: Sequence[Deployment], window: Window) -> tuple[list[LeadTime], list[float]]:
    """Each commit's wait from its merge, and from its author's time, until all requests went to it."""
    leads, authored = [], []
    for commit, deployment in first_successes(known).values():
        full = deployment.release.times.traffic_full_at
        if full is None or not window.holds(deployment.release.times.ended):
            continue
        if commit.merged is not None and commit.merged <= full:
            leads.append(LeadTime(sha=commit.sha, released=full, seconds=(full - commit.merged).total_seconds()))
        if commit.authored is not None and commit.authored <= full:
            authored.append((full - commit.authored).total_seconds())
    return sorted(leads, key=lambda lead: (lead.released, lead.sha)), authored


def waiting_commits(known: Sequence[Deployment]) -> int:
    """Commits of releases that failed or came back, which none has brought since: their clocks run."""
    tried = {
        commit.sha
        for one in known
        if one.rolled_back or (one.release.status.ended and not one.succeeded)
        for commit in one.release.order.commits
    }
    return len(tried - first_successes(known).keys())


def lead_figures(merged: Sequence[float], authored: Sequence[float]) -> list[Figure]:
    """Change lead time, per commit."""
    return [
        *percentiles("change_lead_time", "Change lead time", group=GROUP, values=merged, note="n is merged commits"),
        *percentiles(
            "change_lead_time_authored",
            "Lead time since authored",
            group=GROUP,
            values=authored,
            note="n is commits",
        ),
    ]


def failures(ended: Sequence[Deployment], known: Sequence[Deployment], window: Window) -> list[Figure]:
    """Change fail rate, failed deployment recovery time, deployment rework rate."""
    changes = [one for one in ended if one.in_traffic]
    troubled = [one for one in changes if one.needed_help]
    recoveries = [
        (one.recovered_at - one.failed_at).total_seconds()
        for one in troubled
        if one.failed_at is not None and one.recovered_at is not None and one.recovered_at < window.until
    ]
    fixes = sum(one.release.order.cause == "unplanned-fix" for one in ended)
    return [
        share(
            "change_fail_rate",
            "Change fail rate",
            group=GROUP,
            part=len(troubled),
            whole=len(changes),
            note="needed help, of those that reached traffic",
        ),
        *percentiles(
            "failed_deployment_recovery_time",
            "Failed deployment recovery time",
            group=GROUP,
            values=recoveries,
            target=targets.RECOVERY_TIME,
            note=_left_out(troubled, len(running(known, window))),
        ),
        share(
            "deployment_rework_rate",
            "Deployment rework rate",
            group=GROUP,
            part=fixes,
            whole=len(ended),
            note="unplanned fixes, of all",
        ),
    ]


def running(known: Sequence[Deployment], window: Window) -> tuple[Running, ...]:
    """Failures in traffic that had begun by the window's end and were not over."""
    return tuple(
        Running(id=one.release.id, since=one.failed_at)
        for one in known
        if one.in_traffic
        and one.failed_at is not None
        and one.failed_at < window.until
        and (one.recovered_at is None or one.recovered_at >= window.until)
    )


def _left_out(troubled: Sequence[Deployment], still: int) -> str | None:
    unknown = sum(one.failed_at is None for one in troubled)
    said = [f"{still} still running, left out"] if still else []
    said += [f"{unknown} without a known first bad request, left out"] if unknown else []
    return "; ".join(said) or None
