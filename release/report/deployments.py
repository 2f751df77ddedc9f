"""Which releases count, and what became of them: the counting rules of DORA's metrics. Pure.

A deployment is a release of kind ``deploy``. A release of kind ``rollback`` is the recovery of the one before it, not a
deployment of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from release.model import Colour, Commit, Event, Lineup, Release, Request, Status

IMMEDIATE: Final = timedelta(hours=24)
"""A hotfix that begins, or an incident that is linked, within this time counts against the release before it."""
EXPECTED: Final = frozenset({"start", "started", "approve", "approved", Request.PROMOTE.value, "promoted"})
"""What people are meant to do; everything else that a person does is a manual intervention."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One release, and what it came to."""

    release: Release
    undone_by: Release | None = None
    """The rollback that a person asked for after it had ended."""
    fixed_by: Release | None = None
    """The unplanned fix that followed within 24 hours."""
    incident: bool = False
    """Whether an incident was linked to it within 24 hours."""
    recovered_by: Release | None = None
    """The first successful release after it, of either kind."""

    @property
    def ended(self) -> datetime:
        """When it ended, in UTC; its start while it has not."""
        return (self.release.times.ended or self.release.times.started).astimezone(UTC)

    @property
    def in_traffic(self) -> bool:
        """Whether it got any request of the users."""
        return self.release.times.traffic_at is not None

    @property
    def succeeded(self) -> bool:
        """Whether the journal says so; a later rollback does not change that."""
        return self.release.status is Status.SUCCESS

    @property
    def counts(self) -> bool:
        """Whether it deployed something: successful, with traffic, and different from what served before."""
        return self.succeeded and self.in_traffic and not is_no_op(self.release)

    @property
    def rolled_back(self) -> bool:
        """Whether the version before came back, by itself or by a person."""
        return self.release.status is Status.ROLLED_BACK or self.undone_by is not None

    @property
    def needed_help(self) -> bool:
        """A change failure: it had traffic, and was rolled back, left failed, fixed at once, or had an incident."""
        troubled = self.rolled_back or self.release.status is Status.FAILED
        return self.in_traffic and (troubled or self.fixed_by is not None or self.incident)

    @property
    def failed_at(self) -> datetime | None:
        """Its first bad request (R-04); ``None`` where nobody knows it."""
        undone = self.undone_by.times.failed_at if self.undone_by else None
        return self.release.times.failed_at or undone

    @property
    def detected_at(self) -> datetime | None:
        """When that was noticed."""
        undone = self.undone_by.times.detected_at if self.undone_by else None
        return self.release.times.detected_at or undone

    @property
    def recovered_at(self) -> datetime | None:
        """All requests on a good version again: its own way back, or the next release that succeeded."""
        if self.release.times.recovered_at is not None:
            return self.release.times.recovered_at
        later, failed = self.recovered_by, self.failed_at
        if later is None or failed is None:
            return None
        return max(failed, later.times.traffic_full_at or later.times.recovered_at or later.times.ended or failed)


def deployments(
    releases: Iterable[Release], *, stack: str, incidents: Mapping[str, datetime] | None = None
) -> list[Deployment]:
    """The deployments to ``stack``, oldest first, each once.

    Args:
        releases: The journal, in any order; of several records with one id the last one counts.
        stack: Others are left out.
        incidents: When an incident was linked to a release, by the release's id.
    """
    ordered = _ordered(releases, stack)
    deploys = [release for release in ordered if release.kind == "deploy"]
    undone, fixed = _undone(ordered), _fixed(deploys)
    return [
        Deployment(
            release=release,
            undone_by=undone.get(release.id),
            fixed_by=fixed.get(release.id),
            incident=_at_once(release, (incidents or {}).get(release.id)),
            recovered_by=_next_success(release, ordered),
        )
        for release in deploys
    ]


def rollbacks(releases: Iterable[Release], *, stack: str) -> list[Release]:
    """The releases of kind ``rollback``: each is a person's intervention."""
    return [release for release in _ordered(releases, stack) if release.kind == "rollback"]


def is_no_op(release: Release) -> bool:
    """Whether the candidate is what served before: the same images, schema and settings."""
    new = release.after.unit(release.candidate)
    return new is not None and _content(new) == _content(_serving(release.before))


def interventions(release: Release, since: datetime, until: datetime) -> int:
    """What people did to ``release`` beside starting it and letting it go on."""
    return sum(
        event.actor == "person" and since <= event.at < until and index > 0 and _said(event) not in EXPECTED
        for index, event in enumerate(release.events)
    )


def first_successes(done: Sequence[Deployment]) -> dict[str, tuple[Commit, Deployment]]:
    """Each commit, by its sha, with the first release that brought it and stayed."""
    found: dict[str, tuple[Commit, Deployment]] = {}
    for deployment in sorted(done, key=lambda one: one.release.times.traffic_full_at or one.release.times.started):
        if deployment.counts and deployment.undone_by is None and deployment.release.times.traffic_full_at is not None:
            for commit in deployment.release.order.commits:
                found.setdefault(commit.sha, (commit, deployment))
    return found


def _ordered(releases: Iterable[Release], stack: str) -> list[Release]:
    latest = {release.id: release for release in releases if release.stack == stack}
    return sorted(latest.values(), key=lambda release: (release.times.started, release.id))


def _undone(ordered: Sequence[Release]) -> dict[str, Release]:
    """Each rollback undoes the newest deploy with traffic that had ended before and not come back already."""
    undone: dict[str, Release] = {}
    for position, release in enumerate(ordered):
        if release.kind != "rollback":
            continue
        for earlier in reversed(ordered[:position]):
            back_already = earlier.status is Status.ROLLED_BACK or earlier.id in undone
            if earlier.kind == "deploy" and earlier.times.traffic_at and not back_already:
                undone[earlier.id] = release
                break
    return undone


def _fixed(deploys: Sequence[Release]) -> dict[str, Release]:
    """Each unplanned fix is held against the newest deploy with traffic before it, if it came at once."""
    fixed: dict[str, Release] = {}
    for position, release in enumerate(deploys):
        if release.order.cause != "unplanned-fix":
            continue
        for earlier in reversed(deploys[:position]):
            if earlier.times.traffic_at:
                if _at_once(earlier, release.times.started):
                    fixed.setdefault(earlier.id, release)
                break
    return fixed


def _at_once(release: Release, then: datetime | None) -> bool:
    reached = release.times.traffic_at
    return then is not None and reached is not None and reached <= then <= (release.times.ended or then) + IMMEDIATE


def _next_success(release: Release, ordered: Sequence[Release]) -> Release | None:
    later = (one for one in ordered if (one.times.started, one.id) > (release.times.started, release.id))
    return next((one for one in later if one.status is Status.SUCCESS and one.times.traffic_full_at), None)


def _serving(before: Lineup) -> Mapping[str, object] | None:
    return before.green if before.green_weight > before.share(Colour.BLUE) else before.blue


def _content(unit: Mapping[str, object] | None) -> dict[str, object] | None:
    return (
        None
        if unit is None
        else {key: value for key, value in unit.items() if key not in {"standby", "version", "migration"}}
    )


def _said(event: Event) -> str:
    """What a person did, in one word: the request's name, the entry's kind, or the first word of its text."""
    if event.kind in EXPECTED:
        return event.kind
    request = event.figures.get("request")
    return request if isinstance(request, str) else event.text.strip().split(" ")[0].strip(":,.").lower()
