"""Secrets: which outputs are kept secret, and how messages are kept free of them. Pure."""

import base64
import binascii
import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from rehearsal.plugins.kubernetes.objects import LAST_APPLIED, Manifest, pick
from rehearsal.plugins.wire import Path, Secret, mark_secrets, secret_paths

MASK: Final = "[secret]"
_SHORTEST: Final = 3
"""Shorter values would blot out half of any message; they are masked only where they stand in quotes."""


def conceal(values: Manifest, inputs: Any) -> Manifest:  # noqa: ANN401 - properties with secrets
    """Return ``values`` (outputs, or inputs that were checked) with everything secret marked as such.

    Secret is what ``inputs`` mark, the whole list where something inside a list is (its order may change), and all
    data of a Secret object, however it got there.
    """
    paths = [_to_list(path) for path in secret_paths(inputs)]
    if values.get("kind") == "Secret":
        paths += [("data",), ("stringData",), ("metadata", "annotations", LAST_APPLIED)]
    marked: Manifest = mark_secrets(values, paths)
    return marked


def _to_list(path: Path) -> Path:
    return next((path[:at] for at, step in enumerate(path) if isinstance(step, int)), path)


class Mask:
    """Replaces the secret values of one resource, in each form in which a message may quote them."""

    def __init__(self, *properties: Any) -> None:  # noqa: ANN401 - properties with secrets
        forms = {form for value in _hidden(properties) for form in _forms(value)}
        self._long = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
        self._short = sorted(form for form in forms if 0 < len(form) < _SHORTEST)

    def __call__(self, text: str) -> str:
        """Return ``text`` without any of the values."""
        for form in self._long:
            text = text.replace(form, MASK)
        for form in self._short:
            for quote in ('"', "'", "`"):
                text = text.replace(f"{quote}{form}{quote}", f"{quote}{MASK}{quote}")
        return text


def _hidden(value: Any) -> Iterator[str]:  # noqa: ANN401 - properties with secrets
    match value:
        case Secret():
            yield from _texts(value.value)
        case dict():
            if value.get("kind") == "Secret":
                yield from _texts(pick(value, "data"))
                yield from _texts(pick(value, "stringData"))
                yield from _texts(pick(value, "metadata", "annotations", LAST_APPLIED))
            for item in value.values():
                yield from _hidden(item)
        case list() | tuple():
            for item in value:
                yield from _hidden(item)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - properties with secrets
    match value:
        case Secret():
            yield from _texts(value.value)
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
        case str():
            yield value
        case int() | float() if not isinstance(value, bool):
            yield str(value)


def _forms(value: str) -> Iterable[str]:
    """Yield ``value``, its lines, and all of that as base64, from base64, and as quoted text."""
    plain = [value, *(line for line in value.splitlines() if len(line) > _SHORTEST)]
    with contextlib.suppress(binascii.Error, ValueError):
        plain.append(base64.b64decode(value, validate=True).decode())
    for text in plain:
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield base64.b64encode(text.encode()).decode()
