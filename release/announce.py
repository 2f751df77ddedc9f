"""Tells people what happens, by comparing each look at a release with the one before."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from release.model import Kind, Release, Status
from release.notify.notice import Happening, Notice, about
from release.runner import Look


class Telling(Protocol):
    """Delivers notices in the background."""

    def tell(self, notice: Notice) -> None:
        """Have people told. Returns at once, and never raises."""


class Announcer:
    """A view that tells people instead of showing anything."""

    def __init__(self, telling: Telling, now: Callable[[], datetime]) -> None:
        self._telling, self._now = telling, now
        self._last: Release | None = None

    def __call__(self, look: Look) -> None:
        """Tell what has happened since the last look."""
        last, self._last = self._last, look.release
        for event, share in happenings(last, look.release):
            self._telling.tell(about(look.release, event, at=self._now(), share=share))


def happenings(last: Release | None, new: Release) -> list[tuple[Happening, int | None]]:
    """What is worth telling between two looks. Pure."""
    if last is new:
        return []
    found: list[tuple[Happening, int | None]] = []
    if new.status is Status.IN_PROGRESS and new.done == 0 and new.begun and (last is None or not last.begun):
        found.append((Happening.STARTED, None))
    done = last.done if last is not None else new.done
    moving = {Kind.SHIFT, Kind.ROLL, Kind.DIVERT}
    found += [(Happening.SHIFTED, step.share) for step in new.steps[done : new.done] if step.kind in moving]
    if new.paused and (last is None or not last.paused):
        found.append((Happening.WAITING, None))
    if new.status.ended and (last is None or not last.status.ended):
        found.append((_ENDS[new.status] if not _halted(new) else Happening.HALTED, None))
    return found


_ENDS = {
    Status.SUCCESS: Happening.SUCCEEDED,
    Status.FAILED: Happening.FAILED,
    Status.ROLLED_BACK: Happening.ROLLED_BACK,
}


def _halted(release: Release) -> bool:
    return release.status is Status.FAILED and (release.reason or "").startswith("halted")
