"""The other ends that a release needs, each as small as can be. Adapters implement them; tests fake them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from release.model import Colour, Finding, Lineup, Release

Tell = Callable[[str], None]
"""Takes one line of progress."""


class Clock(Protocol):
    """Time, so that tests can hold it still."""

    def now(self) -> datetime:
        """The time in UTC, for people and reports."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that an update would touch."""

    operation: str
    """As the engine names it: ``create``, ``update``, ``replace``, ``delete`` …"""
    urn: str

    def __str__(self) -> str:
        return f"{self.operation} {self.urn.rsplit('::', maxsplit=1)[-1]}"


@dataclass(frozen=True, kw_only=True)
class Move:
    """One change of the stack by a release."""

    release: str
    lineup: Lineup
    """What the stack is to have in force afterwards."""
    colour: Colour
    """The colour whose resources may change, beside the route."""
    migrate_only: bool = False
    """Of the new release unit, only the migration: no pods yet."""
    open: bool = True
    """Whether the release is still in progress afterwards."""
    again: bool = False
    """An earlier try may have died halfway: take over what it made."""


class Stack(Protocol):
    """The stack, through Pulumi."""

    def lineup(self) -> Lineup:
        """What stands: the lineup that the last update left in force."""

    def left_open(self) -> str | None:
        """The release that the stack believes to be in progress, if any."""

    def preview(self, move: Move) -> Sequence[Change]:
        """What a move would touch, over the whole stack. Changes nothing."""

    def move(self, move: Move, tell: Tell) -> None:
        """Write the configuration and update the release's own resources. Raises ``UpdateFailed``."""

    def cancel(self) -> None:
        """Ask an update of this process to stop where it is; it then fails. Harmless without one."""


class Route(Protocol):
    """The route that carries the weights."""

    def share(self, colour: Colour) -> int:
        """The share of ``colour`` that the route carries now. Raises ``Unreachable``."""

    def write(self, lineup: Lineup, *, guard: Callable[[], object]) -> None:
        """Make the route carry a lineup's weights at once, as its usual owner.

        ``guard`` is called after the route was read and before it is written: it raises if the lock is lost.
        """


class Checks(Protocol):
    """What must hold before a release, and of its candidate."""

    def before(self, release: Release) -> Sequence[Finding]:
        """Findings of everything that must hold before anything changes (R-51)."""

    def candidate(self, release: Release) -> Sequence[Finding]:
        """Findings about the candidate, asked for by header (R-52)."""
