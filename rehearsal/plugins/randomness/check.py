"""Judging what a program wrote: every wrong input at once, each named."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from rehearsal.plugins.randomness.kinds import Failure, Input, Kind, Values, complete
from rehearsal.plugins.wire import UNKNOWN, has_unknown


def judge(kind: Kind, inputs: Values) -> tuple[dict[str, Any], list[Failure]]:
    """Return the inputs as the types of ``kind`` want them, and what is wrong with them.

    Numbers and truth values written as strings are taken for what they mean. What is not known yet is not judged.
    ``inputs`` must not hold secrets.
    """
    failures = [*_strangers(kind, inputs), *_missing(kind, inputs)]
    taken: dict[str, Any] = {}
    for name, entry in kind.inputs.items():
        if inputs.get(name) is None:
            continue
        try:
            taken[name] = _take(entry, inputs[name])
        except ValueError as error:
            failures.append(Failure(property=name, reason=str(error)))
    if not failures and not has_unknown(taken):
        failures.extend(kind.check(complete(kind, taken)))
    return taken, failures


def _strangers(kind: Kind, inputs: Values) -> Iterator[Failure]:
    for name in sorted(inputs.keys() - kind.inputs.keys()):
        # The engine's own additions.
        if not name.startswith("__"):
            yield Failure(property=name, reason=f"is not a property here; there are {', '.join(sorted(kind.inputs))}")


def _missing(kind: Kind, inputs: Values) -> Iterator[Failure]:
    for name, entry in kind.inputs.items():
        if entry.required and inputs.get(name) is None:
            yield Failure(property=name, reason="is required")


def _take(entry: Input, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if value is UNKNOWN:
        return value
    taken = _TAKERS[entry.kind](value)
    if entry.least is not None and taken < entry.least:
        raise ValueError(f"is {taken}, but must be at least {entry.least}")
    return taken


def _integer(value: Any) -> int:  # noqa: ANN401 - any JSON value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    raise _wrong("a whole number", value)


def _boolean(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _wrong("true or false", value)


def _string(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise _wrong("a string", value)


def _strings(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, list):
        raise _wrong("a list of strings", value)
    return [item if item is UNKNOWN else _string(item) for item in value]


def _keepers(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, Mapping):
        raise _wrong("a map of strings", value)
    return {key: item if item is UNKNOWN else _string(item) for key, item in value.items() if item is not None}


def _wrong(expected: str, value: Any) -> ValueError:  # noqa: ANN401 - any JSON value
    # The type only: the value may be a secret.
    return ValueError(f"must be {expected}, not a value of type {type(value).__name__}")


_TAKERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "integer": _integer,
    "boolean": _boolean,
    "string": _string,
    "strings": _strings,
    "keepers": _keepers,
}
