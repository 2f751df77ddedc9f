"""The shape of the configuration as data: which fields lie where. Pure."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, get_args

from pydantic.fields import FieldInfo

from settings.model import Section, Settings
from settings.problems import Location
from settings.secret import Secret


def fields(model: type[Section]) -> Mapping[str, FieldInfo]:
    """The fields of a section by their key in the configuration."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def section_of(annotation: Any) -> type[Section] | None:  # noqa: ANN401 - a type expression
    """The section that a field holds, alone, optionally or in a list; ``None`` for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := section_of(part))), None)


def model_at(location: Location) -> type[Section] | None:
    """The section at ``location``, if there is one."""
    model: type[Section] | None = Settings
    for part in location:
        if model is None or part == "[key]":
            return None
        if isinstance(part, int):
            continue
        field = fields(model).get(part)
        model = None if field is None else section_of(field.annotation)
    return model


def field_at(location: Location) -> FieldInfo | None:
    """The field at ``location``, or whose list that is; ``None`` inside maps of free keys, and where there is none."""
    *parents, last = location
    while isinstance(last, int):
        *parents, last = parents
    model = model_at(tuple(parents))
    return fields(model).get(last) if model is not None and isinstance(last, str) else None


def is_secret(field: FieldInfo) -> bool:
    """Whether the field's value is a secret."""
    return field.annotation is Secret


def is_text(field: FieldInfo) -> bool:
    """Whether the field's value is a text, which the engine passes without quotes."""
    kind = field.annotation
    return kind in {str, Secret} or (isinstance(kind, type) and issubclass(kind, StrEnum))


def required_leaves(model: type[Section], location: Location = ()) -> Iterator[tuple[Location, FieldInfo]]:
    """The plain fields without a default at and below ``location``, whose section is ``model``."""
    for key, field in fields(model).items():
        section = section_of(field.annotation)
        if field.is_required() and section is not None:
            yield from required_leaves(section, (*location, key))
        elif field.is_required():
            yield (*location, key), field
