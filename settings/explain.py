"""What pydantic found, in words for whoever edits the stack's file. Pure."""

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from settings.model import Section
from settings.problems import SECRETS, Location, Problem, Scalar, full_key, shown
from settings.schema import field_at, fields, is_secret, model_at, required_leaves

SHOWN = 160
"""Characters of a wrong value that a message shows."""

_WRONG_SHAPE = frozenset({"model_type", "tuple_type", "mapping_type", "dict_type"})


def problems_of(error: ValidationError, secret: Collection[str]) -> Iterator[Problem]:
    """Every error as a problem; values of ``secret`` keys are not shown."""
    for details in error.errors():
        location = tuple(part for part in details["loc"] if part != "[key]")
        hidden = location[0] in SECRETS or location[0] in secret
        if details["type"] == "missing":
            yield from missing(location)
        elif details["type"] == "extra_forbidden":
            yield unknown(location)
        elif details["loc"][-1] == "[key]":
            yield Problem(key=full_key(location), what=f"{details['ctx']['must']}", example=None)
        else:
            yield _wrong(location, details, hidden=hidden)


def missing(location: Location, why: str = "is missing") -> Iterator[Problem]:
    """A problem for the field at ``location``, or for each required one below it."""
    field, model = field_at(location), model_at(location)
    leaves = [(location, field)] if model is None else required_leaves(model, location)
    for leaf, found in leaves:
        yield Problem(key=full_key(leaf), what=f"{why}: {meaning(found)}" if found else why, example=example_of(found))


def unknown(location: Location) -> Problem:
    """The problem of a key that nothing reads. Its value is not shown: it may be a misspelt secret."""
    model = model_at(location[:-1])
    known = list(fields(model)) if model else []
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(known))}"
    return Problem(key=full_key(location), what=f"is not a known key; {hint}", example=None)


def example_of(field: FieldInfo | None) -> Scalar | Sequence[str] | None:
    """A value that would do; none for secrets."""
    if field is None:
        return "text"
    if is_secret(field):
        return None
    value = field.examples[0] if field.examples else field.get_default(call_default_factory=True)
    return value if isinstance(value, str | int | list) else None


def meaning(field: FieldInfo) -> str:
    """What a field means: the first sentence of its description, as plain text."""
    return (field.description or "").split(". ")[0].rstrip(".").replace("``", "")


def show(value: Any) -> str:  # noqa: ANN401 - a JSON value
    """A value as it stands in the file, short, without the user and password of an address."""
    text = re.sub(r"(?<=://)[^@/\s]*@", "…@", json.dumps(value, ensure_ascii=False))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _wrong(location: Location, details: ErrorDetails, *, hidden: bool) -> Problem:
    field = field_at(location)
    example = example_of(field)
    if isinstance(location[-1], int) and not isinstance(example, str | int | None):
        example = example[0]
    if field is None and details["type"] == "string_type" and isinstance(details["input"], int) and not hidden:
        example = shown(details["input"])  # a number or a truth value, that only wants quotes
    return Problem(
        key=full_key(location),
        what=_must(details, field, model_at(location)) + ("" if hidden else f", but is {show(details['input'])}"),
        example=example,
        replaces=details["type"] == "tuple_type",
    )


def _must(details: ErrorDetails, field: FieldInfo | None, model: type[Section] | None) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "format":
        return str(context["must"])
    if kind in {"int_type", "int_from_float", "int_parsing", "greater_than_equal", "less_than_equal"}:
        return f"must be a whole number{_range(field)}"
    if kind in {"literal_error", "enum"}:
        return f"must be {context['expected']}"
    if kind in _WRONG_SHAPE:
        return "must be a list" if kind == "tuple_type" else _object(model)
    return {
        "string_type": "must be text (in quotes, where it looks like a number)",
        "bool_type": "must be true or false",
        "too_short": _long_enough(field, context),
    }[kind]


def _object(model: type[Section] | None) -> str:
    return f"must hold keys of its own ({', '.join(fields(model))})" if model else "must hold keys of its own"


def _long_enough(field: FieldInfo | None, context: Mapping[str, Any]) -> str:
    unit = "characters" if field and is_secret(field) else "entries"
    return (
        f"must have at least {context['min_length']} {unit}"
        if context.get("min_length", 1) > 1
        else "must not be empty"
    )


def _range(field: FieldInfo | None) -> str:
    bounds = field.metadata if field else []
    low = next((bound.ge for bound in bounds if isinstance(bound, Ge)), None)
    high = next((bound.le for bound in bounds if isinstance(bound, Le)), None)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return "" if low is None else f" of at least {low}"
