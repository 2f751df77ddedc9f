"""What must hold between keys. A rule that needs a value which is itself wrong waits until that is mended. Pure."""

from collections.abc import Iterator
from contextlib import suppress

from settings.model import Settings, Unreadable
from settings.problems import Problem
from settings.rules import access, capacity, releases
from settings.rules.base import Rule, Source

__all__ = ["RULES", "Rule", "Source", "judge"]

RULES: tuple[Rule, ...] = (*access.RULES, *releases.RULES, *capacity.RULES)


def judge(settings: Settings, source: Source) -> Iterator[Problem]:
    """Everything that is wrong between the keys; ``settings`` may lack what is wrong by itself."""
    for rule in RULES:
        with suppress(Unreadable):
            yield from rule(settings, source)
