"""What changes between two sets of inputs, and whether that replaces the object. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from rehearsal.plugins.kubernetes.objects import AUTONAMED, Manifest, annotation, group, name_of, namespace_of, pick
from rehearsal.plugins.kubernetes.replacing import Pattern, fixed_properties
from rehearsal.plugins.wire import UNKNOWN

Path = tuple[str | int, ...]
_ABSENT: Final = object()


class Change(Enum):
    """What happens to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, kw_only=True)
class PropertyChange:
    """One property that differs."""

    path: Path
    change: Change
    replaces: bool
    """The object has to be made anew for it."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All that differs between old and new inputs."""

    changes: tuple[PropertyChange, ...]
    same_place: bool
    """Old and new object have the same name and namespace, and the user chose the name."""

    @property
    def replaces(self) -> tuple[Path, ...]:
        """The properties that force a replacement."""
        return tuple(change.path for change in self.changes if change.replaces)

    @property
    def delete_first(self) -> bool:
        """The new object takes the old one's place, so the old one has to go first."""
        return self.same_place and bool(self.replaces)


def compare(
    old: Manifest, new: Manifest, *, mutable_config_maps: bool = False, mutable_secrets: bool = False
) -> Difference:
    """Return how ``new`` inputs differ from ``old`` ones (both without secrets' wrappers).

    A value that is not known yet counts as changed. A namespace that is absent on one side is not a change: the API
    server, or the provider's configuration, fills it in.
    """
    if not (namespace_of(old) and pick(new, "metadata", "namespace") is not None):
        old, new = _without_namespace(old), _without_namespace(new)
    fixed = fixed_properties(new, mutable_config_maps=mutable_config_maps, mutable_secrets=mutable_secrets)
    if group(str(old.get("apiVersion", ""))) != group(str(new.get("apiVersion", ""))):
        fixed = (*fixed, ("apiVersion",))
    changes = tuple(
        PropertyChange(path=path, change=change, replaces=any(_touches(path, was, now, pattern) for pattern in fixed))
        for path, change, was, now in differences(old, new)
    )
    same_name = name_of(new) == name_of(old) and namespace_of(new) == namespace_of(old)
    user_named = bool(name_of(new)) and annotation(new, AUTONAMED) != "true"
    return Difference(changes=changes, same_place=same_name and user_named)


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, Change, Any, Any]]:  # noqa: ANN401 - JSON
    """Yield each property that differs with its old and new value; the outermost one where a whole branch differs.

    A null is the same as an absent property, and lists are compared by position.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _step(_value(old, key), _value(new, key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            was = old[index] if index < len(old) else _ABSENT
            now = new[index] if index < len(new) else _ABSENT
            yield from _step(was, now, (*path, index))
    elif not same(old, new):
        yield path, Change.UPDATE, old, new


def same(old: object, new: object) -> bool:
    """Say whether two values are the same JSON; unlike in Python, ``true`` is not 1, and an unknown is like nothing."""
    if old is UNKNOWN or new is UNKNOWN or isinstance(old, bool) != isinstance(new, bool):
        return False
    return old == new


def _step(old: object, new: object, path: Path) -> Iterator[tuple[Path, Change, Any, Any]]:
    if old is _ABSENT and new is _ABSENT:
        return
    if old is _ABSENT:
        yield path, Change.ADD, None, new
    elif new is _ABSENT:
        yield path, Change.DELETE, old, None
    else:
        yield from differences(old, new, path)


def _value(mapping: Manifest, key: str) -> object:
    found = mapping.get(key)
    return _ABSENT if found is None else found


def _touches(path: Path, old: object, new: object, pattern: Pattern) -> bool:
    """Say whether a change at ``path`` changes what ``pattern`` names: below it, or above it with it inside."""
    names = tuple(step for step in path if isinstance(step, str))
    if names[: len(pattern)] == pattern:
        return True
    rest = pattern[len(path) :]
    inside = path == pattern[: len(path)]
    return inside and (pick(old, *rest) is not None or pick(new, *rest) is not None)


def _without_namespace(manifest: Manifest) -> Manifest:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or "namespace" not in metadata:
        return manifest
    return {**manifest, "metadata": {key: item for key, item in metadata.items() if key != "namespace"}}


def ignored(path: Path, ignore: Sequence[Path]) -> bool:
    """Say whether ``path`` lies at or below one of the paths to ignore, in which ``*`` stands for any step."""
    return any(
        len(pattern) <= len(path) and all(want in ("*", have) for want, have in zip(pattern, path, strict=False))
        for pattern in ignore
    )


def parse_path(text: str) -> Path:
    """Return the steps of a property path as the engine writes it: ``spec.ports[0]["a.b"]``, ``spec.list[*]``."""
    steps: list[str | int] = []
    rest = text
    while rest:
        if rest.startswith('["'):
            raw, _, rest = rest[2:].partition('"]')
            steps.append(raw.replace('\\"', '"'))
        elif rest.startswith("["):
            raw, _, rest = rest[1:].partition("]")
            steps.append(int(raw) if raw.lstrip("-").isdigit() else raw)
        else:
            rest = rest.removeprefix(".")
            end = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
            steps.append(rest[:end])
            rest = rest[end:]
    return tuple(steps)
