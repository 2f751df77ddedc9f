"""Keeps a record small enough for the cluster: what tells least goes first, and it is said that it went. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from release.errors import BadOrder
from release.model import Event, Release

LIMIT: Final = 512 * 1024
"""Bytes of a record's JSON. The API server takes 1 MiB for all of a ConfigMap's data."""
TARGET: Final = LIMIT * 3 // 4
"""Bytes to which a record is thinned, so that it need not be done again at the next event."""
KEPT: Final = frozenset({"begin", "done", "status", "takeover"})
"""Events that tell how far the release is: never lost."""
LONGEST_TEXT: Final = 200
"""Characters that are left of a text where even those that stay have to be cut."""
LEFT_OUT: Final = "leftOut"
"""Figure of the one event that says how many others are gone."""


def thin(release: Release, *, limit: int = LIMIT, target: int = TARGET) -> Release:
    """``release``, at most ``limit`` bytes long as JSON.

    Too long, it loses its oldest notes and verdicts until it has ``target`` bytes; if that does not do, its other
    events lose figures and the rest of long texts; last go the oldest of all that is not in :data:`KEPT`. One event
    says how many went. Raises :class:`BadOrder` where what is no event is too long already.
    """
    if size(release) <= limit:
        return release
    for step in (_without_talk, _cut_short, _without_all_but_the_kept):
        release = step(release, target)
        if size(release) <= target:
            break
    if size(release) > limit:
        raise BadOrder(
            f"the record of release {release.id} would have {size(release)} bytes, and the journal takes {limit}",
            remedy="make the overrides in the order, or those in the stack's configuration, shorter",
        )
    return release


def size(release: Release) -> int:
    """Bytes of the release's JSON."""
    return len(release.model_dump_json(by_alias=True).encode())


def left_out(events: Sequence[Event]) -> int:
    """How many events are gone from ``events``."""
    return sum(count for event in events if isinstance(count := event.figures.get(LEFT_OUT), int))


def _without_talk(release: Release, target: int) -> Release:
    return _drop(release, target, lambda event: event.kind in {"note", "verdict"})


def _without_all_but_the_kept(release: Release, target: int) -> Release:
    return _drop(release, target, lambda event: event.kind not in KEPT)


def _cut_short(release: Release, _: int) -> Release:
    return release.model_copy(update={"events": tuple(_short(event) for event in release.events)})


def _short(event: Event) -> Event:
    if _is_mark(event):
        return event
    text = event.text if len(event.text) <= LONGEST_TEXT else f"{event.text[: LONGEST_TEXT - 1]}…"
    return event.model_copy(update={"text": text, "figures": {}})


def _drop(release: Release, target: int, droppable: Callable[[Event], bool]) -> Release:
    """``release`` without its oldest droppable events, as few as bring it to ``target`` bytes."""
    surplus = size(release) - target + size_of(_mark(10**9, release.times.started)) + 1
    gone: set[int] = set()
    for index, event in enumerate(release.events):
        if surplus <= 0:
            break
        if droppable(event) and not _is_mark(event):
            gone.add(index)
            surplus -= size_of(event) + 1
    if not gone:
        return release
    last = max(gone)
    count = len(gone) + left_out(release.events)
    events: list[Event] = []
    for index, event in enumerate(release.events):
        if index == last:
            events.append(_mark(count, event.at))
        elif index not in gone and not _is_mark(event):
            events.append(event)
    return release.model_copy(update={"events": tuple(events)})


def size_of(event: Event) -> int:
    """Bytes of the event's JSON."""
    return len(event.model_dump_json(by_alias=True).encode())


def _mark(count: int, at: datetime) -> Event:
    text = f"{count} older events were left out here, to keep the record small"
    return Event(at=at, kind="note", text=text, figures={LEFT_OUT: count})


def _is_mark(event: Event) -> bool:
    return LEFT_OUT in event.figures
