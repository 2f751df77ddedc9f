"""What a supervised process of the embedded cluster is."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Gate(Enum):
    """What a part waits for before it starts, and stops without."""

    GATEWAY_API = "the Gateway API in the cluster"
    """The resource types that Envoy Gateway watches; it looks for them only once, so a new one restarts it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One supervised process."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside the few variables that every part gets."""
    health: str | None = None
    """What :func:`rehearsal.cluster.health.healthy` looks at; without it, a part is ready when it has started."""
    after: tuple[str, ...] = ()
    """Parts that must be ready first; stopping goes the other way."""
    gate: Gate | None = None
    child: str | None = None
    """A process that this part starts and does not start again by itself: its loss restarts the part."""
    child_traces: Path | None = None
    """A folder that gets a new entry whenever the part starts its child."""
    descriptors: tuple[int, ...] = ()
    """Inherited file descriptors that the part keeps."""
    end: signal.Signals = signal.SIGTERM
    """What asks the part to end."""


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module of ours."""
    return (sys.executable, "-m", module, *arguments)
