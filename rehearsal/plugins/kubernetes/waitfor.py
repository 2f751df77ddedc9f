"""The annotation ``pulumi.com/waitFor``: the user's own idea of ready. Pure.

Its value is ``condition=Type``, ``condition=Type=Status``, ``jsonpath={.path}``, ``jsonpath={.path}=value``, or a JSON
list of such expressions, which then all have to hold.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from rehearsal.plugins.kubernetes.errors import PluginError
from rehearsal.plugins.kubernetes.objects import WAIT_FOR, Manifest, pick

_STEP: Final = re.compile(
    r"""\.(?P<name>[\w-]+(?:\\\.[\w-]+)*) | \[\s*'(?P<quoted>[^']+)'\s*\] | \[\s*(?P<index>-?\d+)\s*\]
      | (?P<all>\[\*\]) | \[\?\(\s*@(?P<filter>[.\w-]+)\s*==\s*["'](?P<want>[^"']*)["']\s*\)\]""",
    re.VERBOSE,
)


class Expectation(Protocol):
    """Something to wait for."""

    def missing(self, live: Manifest) -> str:
        """Return what ``live`` still lacks, or ``""``."""


@dataclass(frozen=True)
class ConditionIs:
    """A status condition has a status."""

    kind: str
    status: str = "True"

    def missing(self, live: Manifest) -> str:
        """Return what is missing; a condition about an older generation does not count."""
        found = next((entry for entry in pick(live, "status", "conditions") or [] if self._is(entry)), None)
        if found is None:
            return f"waiting for the condition {self.kind}"
        observed = found.get("observedGeneration", pick(live, "status", "observedGeneration"))
        if observed is not None and observed < (pick(live, "metadata", "generation") or 0):
            return f"waiting for the condition {self.kind} of this generation"
        if str(found.get("status")).lower() == self.status.lower():
            return ""
        detail = found.get("message") or found.get("reason")
        return f"condition {self.kind} is {found.get('status')}, not {self.status}" + (f": {detail}" if detail else "")

    def _is(self, entry: Manifest) -> bool:
        return str(entry.get("type")).lower() == self.kind.lower()


@dataclass(frozen=True)
class PathIs:
    """A JSONPath leads somewhere, or to a value."""

    path: str
    value: str | None = None

    def missing(self, live: Manifest) -> str:
        """Return what is missing; a status about an older generation does not count."""
        observed = pick(live, "status", "observedGeneration")
        if observed is not None and observed < (pick(live, "metadata", "generation") or 0):
            return f"waiting for {self.path} of this generation"
        found = next(select(live, self.path), None)
        if found is None:
            return f"waiting for {self.path}"
        if self.value is None:
            return ""
        text = json.dumps(found) if isinstance(found, bool | dict | list) else str(found)
        return "" if text == self.value else f"{self.path} is {text}, not {self.value}"


def expectations(annotation: str) -> tuple[Expectation, ...]:
    """Return what the annotation asks for. Raises :class:`PluginError` on anything else than the documented syntax."""
    try:
        values = json.loads(annotation)
    except ValueError:
        values = [annotation]
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        values = [annotation]
    return tuple(_expectation(value) for value in values)


def _expectation(text: str) -> Expectation:
    if text.startswith("condition="):
        kind, _, status = text.removeprefix("condition=").partition("=")
        if kind:
            return ConditionIs(kind, status or "True")
    match = re.fullmatch(r"jsonpath=\{\s*(?P<path>[^}]+?)\s*\}(?:=(?P<value>.+))?", text)
    if match:
        path = match["path"].removeprefix("$")
        if _STEP.sub("", path) == "":
            return PathIs(path, match["value"])
    raise PluginError(
        f"annotation {WAIT_FOR}: {text!r} is not an expression",
        remedy="write condition=Type[=Status] or jsonpath={.path}[=value], or a JSON list of such expressions",
    )


def select(live: Any, path: str) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Yield the values that ``path``, a JSONPath without braces, selects."""
    match = _STEP.match(path)
    if match is None:
        yield live
        return
    rest = path[match.end() :]
    for found in _children(live, match):
        yield from select(found, rest)


def _children(live: Any, step: re.Match[str]) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if step["name"] or step["quoted"]:
        key = (step["name"] or "").replace("\\.", ".") or step["quoted"]
        if isinstance(live, dict) and live.get(key) is not None:
            yield live[key]
    elif not isinstance(live, list):
        return
    elif step["index"]:
        if (found := pick(live, int(step["index"]))) is not None:
            yield found
    elif step["all"]:
        yield from live
    else:
        yield from (item for item in live if next(select(item, step["filter"]), None) == step["want"])
