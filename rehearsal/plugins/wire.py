"""What the engine and a plugin say to each other, as plain Python values.

Properties travel as a protobuf ``Struct``, that is as JSON, with the values that JSON lacks written as strings and
objects that nobody would write by chance: an unknown value is one of a few fixed identifiers, and a secret, an output,
an asset, an archive and a resource reference are objects whose key :data:`SIGNATURE` holds the identifier of their
kind. All of these identifiers are fixed by the engine's protocol (``sdk/go/common/resource`` and
``sdk/go/common/resource/plugin`` of ``pulumi/pulumi``).

In Python, an unknown value is :data:`UNKNOWN`, a secret is a :class:`Secret` (or its bare value), an output is its
value, and assets, archives and resource references stay the objects that they are on the wire.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key that marks an object as a value of a special kind; its value is one of the identifiers below."""
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - an identifier, not a password
"""A secret: ``value`` holds what is kept secret."""
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
"""An output: ``value`` (absent while unknown), ``secret``, ``dependencies``."""
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"

UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""An unknown value of any type; the only one that a plugin sends."""
UNKNOWN_STRINGS: Final = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
"""Every way in which the engine may say that a value is not known yet."""

Json = Any
"""A JSON value that may hold :data:`UNKNOWN` and :class:`Secret` anywhere."""

Path = tuple[str | int, ...]
"""Where a value lies: keys of objects and indexes of lists, from the outside in."""


class Unknown:
    """The type of :data:`UNKNOWN`, a value that is known only once the update has run. There is exactly one."""

    _only: "Unknown | None" = None

    def __new__(cls) -> "Unknown":
        """Return the only instance."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, _memo: object) -> "Unknown":
        return self

    def __bool__(self) -> bool:
        raise TypeError("a value that is not known yet is neither true nor false: compare with `is UNKNOWN`")


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must be stored encrypted and never shown. Its ``repr`` does not show it either."""

    value: Json = field(repr=False)


def decode(struct: Struct, *, keep_secrets: bool = False) -> dict[str, Any]:
    """Return the properties in ``struct``; secrets are bare values unless ``keep_secrets``.

    Numbers without a fraction become ``int``, because the wire knows only doubles.
    """
    return {key: _from_value(value, keep_secrets) for key, value in struct.fields.items()}


def encode(value: Mapping[str, Any]) -> Struct:
    """Return ``value`` as the engine expects it; the inverse of :func:`decode` with ``keep_secrets``.

    Integers beyond 2**53 lose their last digits, as they do in the engine. Raises ``TypeError`` on what is not JSON, an
    :data:`UNKNOWN` or a :class:`Secret`, naming where it lies.
    """
    return Struct(fields={key: _to_value(item, (key,)) for key, item in _string_items(value, ())})


def has_unknown(value: Json) -> bool:
    """Say whether anything in ``value``, however deep, is :data:`UNKNOWN`."""
    return any(leaf is UNKNOWN for _, leaf in _leaves(value))


def has_secret(value: Json) -> bool:
    """Say whether anything in ``value``, however deep, is a :class:`Secret`."""
    return next(secret_paths(value), None) is not None


def strip_secrets(value: Json) -> Json:
    """Return ``value`` with every :class:`Secret` in it replaced by what it hides."""
    match value:
        case Secret():
            return strip_secrets(value.value)
        case Mapping():
            return {key: strip_secrets(item) for key, item in value.items()}
        case list() | tuple():
            return [strip_secrets(item) for item in value]
        case _:
            return value


def secret_paths(value: Json) -> Iterator[Path]:
    """Yield where each outermost :class:`Secret` of ``value`` lies."""
    match value:
        case Secret():
            yield ()
        case Mapping():
            for key, item in value.items():
                yield from ((key, *path) for path in secret_paths(item))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from ((index, *path) for path in secret_paths(item))


def mark_secrets(value: Json, paths: Iterable[Path]) -> Json:
    """Return ``value`` with what lies at each of ``paths`` made a :class:`Secret`.

    Paths that lead nowhere are ignored.
    """
    wanted = list(paths)
    if not wanted:
        return value
    if () in wanted:
        return value if isinstance(value, Secret) else Secret(value)
    match value:
        case Secret():
            return value
        case Mapping():
            return {key: mark_secrets(item, _below(wanted, key)) for key, item in value.items()}
        case list() | tuple():
            return [mark_secrets(item, _below(wanted, index)) for index, item in enumerate(value)]
        case _:
            return value


def _below(paths: Sequence[Path], step: str | int) -> list[Path]:
    return [path[1:] for path in paths if path[0] == step]


def _leaves(value: Json, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    match value:
        case Secret():
            yield from _leaves(value.value, path)
        case Mapping():
            for key, item in value.items():
                yield from _leaves(item, (*path, key))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _leaves(item, (*path, index))
        case _:
            yield path, value


def _from_value(value: Value, keep_secrets: bool) -> Json:  # noqa: FBT001 - private, and called once per leaf
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in UNKNOWN_STRINGS else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_from_value(item, keep_secrets) for item in value.list_value.values]
        case "struct_value":
            return _from_object(
                {k: _from_value(v, keep_secrets) for k, v in value.struct_value.fields.items()}, keep_secrets
            )
        case _:
            return None


def _from_object(members: dict[str, Any], keep_secrets: bool) -> Json:  # noqa: FBT001 - as above
    match members.get(SIGNATURE):
        case signature if signature == SECRET_SIGNATURE:
            hidden = members.get("value")
            return _secret(hidden) if keep_secrets else hidden
        case signature if signature == OUTPUT_SIGNATURE:
            # Unlike a null, an absent value is one that is not known yet.
            inner = members.get("value", UNKNOWN)
            return _secret(inner) if keep_secrets and members.get("secret") is True else inner
        case _:
            return members


def _secret(value: Json) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


def _string_items(value: Mapping[Any, Any], path: Path) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError(f"{_show(path)}: the key {key!r} of an object is not a string")
        yield key, item


def _to_value(value: Json, path: Path) -> Value:  # noqa: PLR0911 - one line per kind of value
    match value:
        case None:
            return Value(null_value=NullValue.NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case Unknown():
            return Value(string_value=UNKNOWN_STRING)
        case Secret():
            return _to_value({SIGNATURE: SECRET_SIGNATURE, "value": value.value}, path)
        case Mapping():
            fields = {key: _to_value(item, (*path, key)) for key, item in _string_items(value, path)}
            return Value(struct_value=Struct(fields=fields))
        case list() | tuple():
            items = [_to_value(item, (*path, index)) for index, item in enumerate(value)]
            return Value(list_value=ListValue(values=items))
        case _:
            raise TypeError(f"{_show(path)}: a {type(value).__name__} cannot be sent to the engine")


def _show(path: Path) -> str:
    return ".".join(map(str, path)) or "properties"
