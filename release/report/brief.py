"""A verdict in a few words: what a person wants to see of one that passed. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from release.analysis.words import duration, of
from release.model import Event, Outcome

_ERRORS: Final = "errors of the "
_LATENCY: Final = "latency of the "


def brief(event: Event) -> str:
    """Answers, errors and latency of each service where a comparison passed; all else as the journal tells it."""
    parts = list(_services(event.figures))
    if event.figures.get("outcome") != Outcome.PASS or not parts:
        return event.text
    if not all(service in event.text for service, _ in parts):  # somebody let it pass before it was judged
        return event.text
    return "; ".join(text for _, text in parts)


def _services(figures: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    for name, found in figures.items():
        if not name.startswith(_ERRORS) or not isinstance(found, dict):
            continue
        service = name.removeprefix(_ERRORS)
        stable = _number(found, "stableRequests")
        text = f"{service} {of(_number(found, 'errors'), _number(found, 'requests'))} failed"
        if stable:
            text += f" (stable {of(_number(found, 'stableErrors'), stable)})"
        times = figures.get(f"{_LATENCY}{service}")
        yield service, text + (_latency(times) if isinstance(times, dict) else "")


def _latency(figures: Mapping[str, JsonValue]) -> str:
    own, stable = figures.get("p95Ms"), figures.get("stableP95Ms")
    if not isinstance(own, int | float):
        return ""
    beside = f" (stable {duration(stable)})" if isinstance(stable, int | float) else ""
    return f", p95 {duration(own)}{beside}"


def _number(figures: Mapping[str, JsonValue], key: str) -> int:
    value = figures.get(key)
    return int(value) if isinstance(value, int | float) else 0
