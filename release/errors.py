"""The one tree of errors a user of the release tool can meet, each with its exit code and the next command to run.

They are turned into text and an exit code once, in :mod:`release.cli`.
"""

from typing import ClassVar


class ReleaseError(Exception):
    """Something the user can mend. ``problem`` says what is wrong and where; ``remedy`` is the next command to run."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n  remedy: {self.remedy}"


class BadOrder(ReleaseError):
    """What was asked for cannot be a release: an image, steps or a duration that make no sense. Nothing was changed."""

    exit_code = 2


class ChecksFailed(ReleaseError):
    """A check before the release failed or stayed inconclusive. Nothing was changed."""

    exit_code = 3


class RolledBack(ReleaseError):
    """The release failed, and everything is again as it was before."""

    exit_code = 4


class Stopped(ReleaseError):
    """The release failed and was left where it is, as asked or because the way back is no better."""

    exit_code = 5


class Waiting(ReleaseError):
    """The release waits for a person: paused, or not to promote by itself."""

    exit_code = 6


class Busy(ReleaseError):
    """Another runner holds the lock, or an interrupted release is in the way."""

    exit_code = 7


class OutOfBounds(ReleaseError):
    """The preview touches something outside the release's own resources. Nothing was changed."""

    exit_code = 8


class UpdateFailed(ReleaseError):
    """Pulumi could not do what it was asked for."""

    exit_code = 9


class Unreachable(ReleaseError):
    """The cluster or another service that the command needs does not answer, or does not let us in."""

    exit_code = 10


class JournalUnreadable(ReleaseError):
    """A record of the journal is corrupted, or written by a newer version of this tool."""

    exit_code = 11


class NotFound(ReleaseError):
    """There is no such release, or nothing to go back to."""

    exit_code = 12


class LostLock(ReleaseError):
    """Another runner took over while this one stood still. It must not touch anything any more."""

    exit_code = 13
