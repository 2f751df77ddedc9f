"""How the last build of each module went: for the next one's estimate, and for the doctor."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE: Final = "builds.json"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One build, however it ended."""

    at: str
    """When it ended: ISO 8601, UTC."""
    seconds: float
    packages: int
    """How many packages it compiled; the others were compiled before."""
    error: str = ""
    """Why it failed; empty if it did not."""


def read(cache: Path) -> Mapping[str, Attempt]:
    """The last attempt of each module by name; a history that is absent or damaged is empty."""
    try:
        return {name: Attempt(**kept) for name, kept in json.loads((cache / FILE).read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def remember(cache: Path, name: str, attempt: Attempt) -> None:
    """Note an attempt, unless the disk is full. Only for the holder of the cache's lock."""
    everything = {**read(cache), name: attempt}
    partial = cache / f".{FILE}"
    with suppress(OSError):
        partial.write_text(json.dumps({each: asdict(kept) for each, kept in everything.items()}, indent=2))
        partial.replace(cache / FILE)
