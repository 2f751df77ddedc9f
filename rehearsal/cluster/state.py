"""What the supervisor says about the parts, as records that survive a trip through JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from rehearsal.cluster import files
from rehearsal.cluster.layout import Layout


class State(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    """For another part, or for what its gate asks."""
    STARTING = "starting"
    """Its process runs but is not healthy yet."""
    RUNNING = "running"
    BACKOFF = "backoff"
    """It ended without being asked to, and starts again in a moment."""
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class PartStatus:
    """One part. ``pid`` counts in the namespace of whoever reads it; ``since`` is seconds since the epoch."""

    name: str
    state: State
    since: float
    pid: int | None = None
    restarts: int = 0
    """How often it was started again after it ended, or lost a child, unasked."""
    detail: str = ""
    """What it waits for, or how it last ended."""
    needed: bool = True
    """Whether the cluster counts as ready only with this part."""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The record in ``content``."""
        return cls(**{**content, "state": State(content["state"])})


@dataclass(frozen=True, kw_only=True)
class Report:
    """The whole cluster as the supervisor sees it."""

    ready: bool
    parts: tuple[PartStatus, ...]
    problem: str = ""
    """Why setting the cluster up does not succeed, as far as it does not."""

    @classmethod
    def read(cls, layout: Layout) -> Self | None:
        """The last report; ``None`` if there is none, or one of another version of this program."""
        content = files.read_json(layout.status)
        if content is None:
            return None
        try:
            parts = tuple(PartStatus.of(part) for part in content["parts"])
            return cls(ready=content["ready"], parts=parts, problem=content["problem"])
        except (KeyError, TypeError, ValueError):
            return None

    def write(self, layout: Layout) -> None:
        """Replace the last report by this one."""
        files.write_json(layout.status, asdict(self))
