"""From the strings that the engine passes to settings, or to everything that is wrong with them. Pure."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Annotated, Any, NoReturn, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from settings import rules
from settings.explain import problems_of
from settings.model import Section, Settings
from settings.problems import Problem, SettingsError
from settings.schema import field_at, is_text, section_of


def parse(stack: str, raw: Mapping[str, str], secret: Collection[str] = ()) -> Settings:
    """The settings of ``stack``.

    ``raw`` has the project's configuration, keys without their namespace: texts as they are, all else as JSON.
    ``secret`` names the keys that are stored encrypted. Raises :class:`SettingsError` with every problem at once.
    """
    # The engine passes a key without a value (`green: null`) as an empty text.
    given = {key: text for key, text in raw.items() if text or field_at((key,)) is None}
    values = {key: decode(key, text) for key, text in given.items()}
    source = rules.Source(stack=stack, given=frozenset(given), secret=frozenset(secret))
    settings, problems = _validate(values, source)
    problems += tuple(rules.judge(settings, source))
    if problems:
        raise SettingsError(stack, problems)
    return settings


def decode(key: str, text: str) -> Any:  # noqa: ANN401 - a JSON value
    """The value of a top-level key. What is no JSON stays text, and is judged as such."""
    field = field_at((key,))
    if field is None or is_text(field):
        return text
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def partial(model: type[Section], values: Mapping[str, Any]) -> Section:
    """What of ``values`` is valid by itself, and defaults; reading anything else of it raises ``Unreadable``."""
    known: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        section = section_of(field.annotation)
        if key not in values:
            if not field.is_required():
                known[name] = field.get_default(call_default_factory=True)
        elif section is not None and isinstance(values[key], dict):
            known[name] = partial(section, values[key])
        else:
            with suppress(ValidationError):
                known[name] = _adapter(field).validate_json(json.dumps(values[key]), strict=True)
    incomplete = model.model_construct()
    object.__setattr__(incomplete, "__dict__", known)
    return incomplete


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    """Judges a field by itself. Its constraints are kept apart from its annotation."""
    kind: Any = field.annotation
    for constraint in field.metadata:
        kind = Annotated[kind, constraint]
    return TypeAdapter(kind)


def _validate(values: Mapping[str, Any], source: rules.Source) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings, and nothing wrong; or what of them is valid, and all that is wrong with single keys."""
    try:
        return Settings.model_validate_json(json.dumps(values)), ()
    except ValidationError as error:
        return cast(Settings, partial(Settings, values)), tuple(problems_of(error, source.secret))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
