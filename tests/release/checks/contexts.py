"""A release to check, and ways to spoil it."""

from collections.abc import Mapping
from typing import Any

from release.checks import Context
from release.model import Colour
from tests.settings.samples import SECRET, changed, engine

STACK = "exam"


def context(changes: Mapping[str, Any] | None = None, /, **options: Any) -> Context:
    """The complete configuration, changed at the paths that ``changes`` names; green is the candidate."""
    raw = engine(changed(changes or {}))
    return Context(**{"stack": STACK, "raw": raw, "secret": SECRET, "candidate": Colour.GREEN, **options})
