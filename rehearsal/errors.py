"""The one tree of errors a user of the rehearsal can meet, each with its exit code and the next command to run.

They are turned into text and an exit code once, in :mod:`rehearsal.cli`.
"""

from typing import ClassVar


class RehearsalError(Exception):
    """Something the user can mend. ``problem`` says what is wrong and where; ``remedy`` is the next command to run."""

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n  remedy: {self.remedy}"


class UsageError(RehearsalError):
    """The command was asked for something that there is not."""

    exit_code = 2


class Missing(RehearsalError):
    """A program that the machine must have (Go, git, unshare) is not there."""

    exit_code = 3


class NoRoom(RehearsalError):
    """Too little free disk or memory to build or to run."""

    exit_code = 4


class BuildFailed(RehearsalError):
    """A tool of the toolchain could not be built or verified."""

    exit_code = 5


class PortInUse(RehearsalError):
    """A port that the rehearsal has to listen on belongs to somebody else."""

    exit_code = 6


class Busy(RehearsalError):
    """Another command holds this checkout's lock."""

    exit_code = 7


class ClusterFailed(RehearsalError):
    """A part of the embedded control plane did not come up."""

    exit_code = 8


class CertificateExpired(RehearsalError):
    """A certificate of the embedded cluster is no longer valid."""

    exit_code = 9


class NotRunning(RehearsalError):
    """The command needs a running embedded cluster."""

    exit_code = 10


class UpdateFailed(RehearsalError):
    """``pulumi`` ended with an error."""

    exit_code = 11


class TrafficFailed(RehearsalError):
    """Requests through the gateway failed where none may fail."""

    exit_code = 12


class ReleaseFailed(RehearsalError):
    """A release did not end as it should have."""

    exit_code = 13
