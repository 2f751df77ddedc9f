"""What the rest of the release tool may ask of the journal and the lock: ports of at most four methods each.

All of them raise :class:`release.errors.Unreachable` where the cluster does not answer or does not let us in.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from release.journal.asking import Asked
from release.journal.lease import Held, LockState
from release.journal.summaries import Entry, Unreadable
from release.model import Release, Request

if TYPE_CHECKING:
    from release.journal.points import Point, Saved
    from release.journal.series import Series


class Journal(Protocol):
    """The records of releases, written by who holds the lock."""

    def read(self, release_id: str) -> Release:
        """The release, with the request that waits. Raises :class:`NotFound`, :class:`JournalUnreadable`."""

    def seize(self, release_id: str, fence: int) -> Release:
        """The release, from now on writable under ``fence`` and greater ones only.

        The first thing that a runner does with what another began: what that one writes later is refused, so nothing
        of it comes between what is read here and what is written next. Raises :class:`LostLock`, and as :meth:`read`.
        """

    def write(self, release: Release, fence: int, *, heeded: Asked | None = None) -> Release:
        """Write the release, a new one too, and return it as it stands in the journal.

        ``heeded`` is taken away in the same instant, unless another request has replaced it. ``release.request`` is
        not written: requests belong to those who ask. Writing the same again changes nothing. Raises
        :class:`LostLock` where a greater fence has written; :class:`Busy` for a new release while another has not
        ended, and where the record was changed since this journal read it.
        """

    def current(self) -> Release | None:
        """The one that has not ended, if there is one. Raises as :meth:`read`."""


class History(Protocol):
    """All releases."""

    def history(self, limit: int) -> Sequence[Entry]:
        """The newest ``limit`` releases, newest first; those that cannot be read are listed as such."""

    def trim(self, keep: int) -> int:
        """Remove old releases with their telemetry, see :mod:`release.journal.trimming`; returns how many.

        Does nothing while a release is in progress. Stops after some: the rest goes the next time.
        """


class Requests(Protocol):
    """What people ask of a release in progress. Needs no lock."""

    def ask(self, release_id: str, request: Request, *, actor: str) -> Asked:
        """Leave a request for the runner; the last word counts, but an abort stays.

        Raises :class:`NotFound`; :class:`BadOrder` where the release has ended, or is to be aborted.
        """

    def asked(self, release_id: str) -> Asked | None:
        """The request that waits. Cheap enough to be asked every second. Raises :class:`NotFound`."""

    def take(self, release_id: str, asked: Asked) -> bool:
        """Take exactly this request away; whether it was still there."""


class SeriesStore(Protocol):
    """The telemetry of releases."""

    def save(self, release_id: str, series: "Series") -> bool:
        """Keep it; whether that worked. Never raises :class:`Unreachable`: it may be lost."""

    def load(self, release_id: str) -> "Series | None":
        """What was kept, if it can be read."""


class Points(Protocol):
    """Configuration as it stood before changes."""

    def save(self, point: "Point") -> None:
        """Save it. Saving the same again changes nothing. Raises :class:`ChecksFailed`, :class:`BadOrder`."""

    def load(self, name: str) -> "Point":
        """The point. Raises :class:`NotFound`, :class:`JournalUnreadable`."""

    def saved(self) -> "Sequence[Saved | Unreadable]":
        """All of them, newest first; those that cannot be read are listed as such."""

    def trim(self, keep: int) -> int:
        """Remove old points, but none that a release one can go back to was saved for; returns how many."""


class Lock(Protocol):
    """One runner at a time."""

    def acquire(self, holder: str) -> Held:
        """Take the lock: at once if it is free, after its duration if its holder gives no sign of life.

        Raises :class:`Busy` as soon as the holder gives one.
        """

    def renew(self, held: Held) -> Held:
        """Give a sign of life. Raises :class:`LostLock` where the lock is another's; tries only once."""

    def release(self, held: Held) -> bool:
        """Give the lock back; whether it was still ours and the cluster answered. Otherwise it expires."""

    def look(self) -> LockState:
        """Who holds it."""


class Unlock(Protocol):
    """What a person may do who knows that the holder is gone."""

    def unlock(self, holder: str) -> LockState:
        """Take the lock from ``holder``, whom the person saw, and from nobody else.

        Raises :class:`Busy` where another holds it by now, :class:`NotFound` where nobody does.
        """
