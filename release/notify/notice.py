"""One thing worth telling, and how a release says it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from release.model import Colour, Release


class Happening(StrEnum):
    """What a notice is about; ``on`` selects among these."""

    STARTED = "started"
    SHIFTED = "shifted"
    """Traffic moved, the last time to all of it."""
    WAITING = "waiting"
    """A person has to let it go on."""
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    SUCCEEDED = "succeeded"
    HALTED = "halted"
    """Both colours are ill: neither way is better, and nothing moves."""


EVERYTHING = frozenset(Happening)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What happened, where, by whom, and what next."""

    event: Happening
    stack: str
    """Where."""
    release: str
    """The release's id."""
    status: str
    text: str
    """What happened, in a sentence or two."""
    actor: str
    """By whom: ``user@host``."""
    at: datetime
    next: str | None = None
    """The next command, where one is needed."""
    figures: Mapping[str, str] = field(default_factory=dict)
    """Shown in this order, by their names."""
    link: str | None = None
    """An ``https`` address with more."""


def about(
    release: Release, event: Happening, *, at: datetime, share: int | None = None, link: str | None = None
) -> Notice:
    """The notice on ``release`` for ``event``; ``share`` is the candidate's after traffic moved."""
    return Notice(
        event=event,
        stack=release.stack,
        release=release.id,
        status=release.status.value,
        text=_sentence(release, event, share),
        actor=release.actor,
        at=at,
        next=release.remedy or _next(release, event),
        figures=_figures(release, at, share),
        link=link,
    )


def _sentence(release: Release, event: Happening, share: int | None) -> str:
    what, where = f"Release {release.order.version}", release.stack
    because = f": {release.reason}" if release.reason else ""
    match event:
        case Happening.STARTED:
            said = f"{what} ({release.order.strategy.value}) started on {where}."
        case Happening.SHIFTED:
            part = "all requests" if share == 100 else f"{share} % of the requests"  # noqa: PLR2004 - all of them
            said = f"{what} now gets {part} on {where}."
        case Happening.WAITING:
            said = f"{what} waits on {where} until somebody lets it go on{because}."
        case Happening.FAILED:
            said = f"{what} failed on {where}{because}."
        case Happening.ROLLED_BACK:
            said = f"{what} was rolled back on {where}; the version before has all requests{because}."
        case Happening.SUCCEEDED:
            said = f"{what} succeeded on {where} and has all requests."
        case Happening.HALTED:
            said = f"{what} halted on {where}: both colours are ill, and nothing moves{because}."
    return f"{said[:-1]}" if said.endswith("..") else said


def _next(release: Release, event: Happening) -> str | None:
    match event:
        case Happening.WAITING:
            return f"release promote, or release abort (stack {release.stack})"
        case Happening.HALTED | Happening.FAILED:
            return f"release logs {release.id}"
        case _:
            return None


def _figures(release: Release, at: datetime, share: int | None) -> dict[str, str]:
    figures = {"Version": release.order.version, "Strategy": release.order.strategy.value}
    if share is not None:
        figures["Traffic"] = f"{share} % {release.candidate}, {100 - share} % {Colour(release.candidate).other}"
    if release.requests:
        figures["Errors"] = f"{release.errors} of {release.requests} requests"
    seconds = max(0, round(((release.times.ended or at) - release.times.started).total_seconds()))
    figures["Since start"] = f"{seconds // 60} min {seconds % 60} s"
    return figures
