"""What a rule is, and what rules share. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from settings.model import Environment, Settings, Workload
from settings.problems import Problem

COMPONENTS = ("backend", "frontend")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the configuration comes from."""

    stack: str
    given: frozenset[str]
    """Top-level keys that are set."""
    secret: frozenset[str]
    """Top-level keys that are stored encrypted."""


Rule = Callable[[Settings, Source], Iterator[Problem]]
"""One thing that must hold between keys. Its settings may lack what is wrong by itself."""


def is_strict(settings: Settings) -> bool:
    """Whether the stricter rules hold: everywhere but in development."""
    return settings.environment is not Environment.DEVELOPMENT


def workload_of(settings: Settings, component: str) -> Workload:
    """The size of ``backend`` or ``frontend``."""
    return settings.backend if component == "backend" else settings.frontend
