"""What of the history is let go. Pure.

Kept is, beside the newest so many: every release that has not ended, however old; the last ten that succeeded, of
deployments and of rollbacks each, for they are what one goes back to; and what cannot be read, because it may be any of
these (a person looks at it). What lies between those successes and the newest goes, so that the journal is bounded
even where nothing ever succeeds.
"""

from collections.abc import Collection, Sequence
from typing import Final

from release.journal.summaries import Entry, Summary
from release.model import Status

KEEP_RELEASES: Final = 1_000
KEEP_POINTS: Final = 100
KEEP_SUCCESSES: Final = 10


def needed(entries: Sequence[Entry], *, successes: int = KEEP_SUCCESSES) -> set[str]:
    """The identifiers of what stays whatever its age. ``entries`` are newest first."""
    kept: set[str] = set()
    seen: dict[str, int] = {}
    for entry in entries:
        if not isinstance(entry, Summary) or not entry.status.ended:
            kept.add(entry.id)
        elif entry.status is Status.SUCCESS and seen.get(entry.kind, 0) < successes:
            seen[entry.kind] = seen.get(entry.kind, 0) + 1
            kept.add(entry.id)
    return kept


def surplus(entries: Sequence[Entry], *, keep: int = KEEP_RELEASES, successes: int = KEEP_SUCCESSES) -> list[str]:
    """The identifiers of the releases to remove, oldest first. ``entries`` are newest first."""
    kept = needed(entries, successes=successes)
    return [entry.id for entry in reversed(entries[max(keep, 0) :]) if entry.id not in kept]


def abandoned(entries: Sequence[Entry], latest: str | None) -> list[str]:
    """The identifiers of releases that were written but could not begin: nothing was done, and a later one began."""
    return [
        entry.id
        for entry in entries
        if isinstance(entry, Summary)
        and entry.status is Status.PENDING
        and entry.done == 0
        and latest is not None
        and entry.id < latest
    ]


def surplus_points(
    points: Sequence[tuple[str, str | None]], releases: Collection[str], *, keep: int = KEEP_POINTS
) -> list[str]:
    """The names of the points to remove, oldest first.

    ``points`` are names with the release that each was saved for, newest first. Those of ``releases`` stay.
    """
    return [name for name, release_id in reversed(points[max(keep, 0) :]) if release_id not in releases]
