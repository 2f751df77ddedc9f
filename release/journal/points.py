"""Points of configuration: a stack's file as it stood before a change, saved under a name; and how two differ. Pure.

What is secret in the file is ciphertext there and stays so: a file in which it is not is refused. No value of a
secret is ever shown, encrypted or not.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import yaml
from pydantic import ValidationError

from release.errors import BadOrder, ChecksFailed
from release.journal.faults import annotation, document, misshapen, name_of, unreadable
from release.journal.names import POINT, POINT_KIND, Manifest, labels, point_name
from release.model import FORMAT, Record
from settings.problems import NAMESPACE, SECRETS, Problem

CONTENT: Final = "content"
"""Key of the ConfigMap under which the file is."""
LARGEST: Final = 512 * 1024
"""Bytes of a file that is saved."""
_MOST_VALUES: Final = 20_000
"""More values than any stack's file has: beyond, it is an attempt (YAML's aliases multiply)."""
_DEEPEST: Final = 50
_SALTS: Final = frozenset({"encryptionsalt", "encryptedkey"})
"""Keys of the file itself, beside ``config``, that are shown to nobody."""


class Saved(Record):
    """Which configuration was saved, and why."""

    format: int = FORMAT
    name: str
    stack: str
    at: datetime
    actor: str
    why: str
    release: str | None = None
    """Release before which it was saved."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A saved configuration."""

    saved: Saved
    content: str
    """The stack's file, as it stood."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One key in which two files differ."""

    key: str
    """As ``pulumi config --path`` takes it; for what is beside the configuration, the file's own key."""
    kind: Literal["added", "removed", "changed"]
    before: str | None
    """As JSON; ``None`` where there was none, and for secrets."""
    after: str | None
    secret: bool = False
    """Both values are kept back. A secret encrypted anew counts as changed: its file does differ."""


def check(content: str, stack: str) -> None:
    """Refuse what must not be saved. Raises :class:`ChecksFailed` for a secret in clear, :class:`BadOrder` else."""
    if len(content.encode()) > LARGEST:
        raise BadOrder(
            f"Pulumi.{stack}.yaml has more than {LARGEST} bytes, which is too long to be saved",
            remedy="move what is long out of the stack's configuration",
        )
    _parse(content, f"Pulumi.{stack}.yaml")
    clear = sorted(_clear(content))
    if clear:
        commands = [Problem(key=key, what="", example=None).command(stack) for key in clear]
        raise ChecksFailed(
            f"Pulumi.{stack}.yaml has secrets in clear, so it was not saved: {', '.join(clear)}",
            remedy=" && ".join(commands) + "   (and take the value for known: replace it where it is used)",
        )


def to_object(point: Point) -> Manifest:
    """The ConfigMap of a point; it cannot be changed any more. Raises as :func:`check` does."""
    check(point.content, point.saved.stack)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": point_name(point.saved.name),
            "labels": labels(POINT_KIND, point.saved.stack),
            "annotations": {POINT: point.saved.model_dump_json(by_alias=True, exclude_none=True)},
        },
        "data": {CONTENT: point.content},
        "immutable": True,
    }


def from_object(manifest: Mapping[str, Any], *, namespace: str) -> Point:
    """The point in a ConfigMap. Raises :class:`JournalUnreadable`."""
    data = manifest.get("data")
    content = data.get(CONTENT) if isinstance(data, Mapping) else None
    if not isinstance(content, str):
        raise unreadable(manifest, namespace, f"has no {CONTENT}")
    return Point(saved=saved_in(manifest, namespace=namespace), content=content)


def saved_in(manifest: Mapping[str, Any], *, namespace: str) -> Saved:
    """What the object's metadata tell of a point. Raises :class:`JournalUnreadable`."""
    text = annotation(manifest, POINT)
    document(text, manifest, namespace, "description")
    try:
        saved = Saved.model_validate_json(text or "")
    except ValidationError as error:
        raise misshapen(manifest, namespace, "description", error) from None
    if name_of(manifest) != point_name(saved.name):
        raise unreadable(manifest, namespace, f"has the description of another point, {saved.name!r}")
    return saved


def differences(before: str, after: str) -> tuple[Change, ...]:
    """In what two files differ, key by key, sorted. Raises :class:`BadOrder` for what is no stack's file."""
    left, right = (dict(_flatten(_parse(text, "the configuration"))) for text in (before, after))
    return tuple(
        _compared(key, left.get(key), right.get(key))
        for key in sorted({*left, *right})
        if left.get(key) != right.get(key)
    )


def _compared(key: str, before: "_Leaf | None", after: "_Leaf | None") -> Change:
    secret = any(leaf is not None and leaf.secret for leaf in (before, after))
    kind: Literal["added", "removed", "changed"]
    kind = "added" if before is None else "removed" if after is None else "changed"
    return Change(
        key=key,
        kind=kind,
        before=None if secret or before is None else before.text,
        after=None if secret or after is None else after.text,
        secret=secret,
    )


@dataclass(frozen=True, kw_only=True)
class _Leaf:
    text: str
    secret: bool


def _parse(content: str, what: str) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        found = False
    if found is None:
        return {}
    if not isinstance(found, Mapping) or not isinstance(found.get("config") or {}, Mapping):
        raise BadOrder(f"{what} is no stack's configuration", remedy="restore it with git, or from an older point")
    return found


def _clear(content: str) -> set[str]:
    """The keys, anywhere in the file, that hold a secret as anything but ciphertext.

    Looks at the text's own structure: of a key that stands there twice, the engine reads the last, but both are saved.
    """
    found: set[str] = set()
    seen: set[int] = set()
    waiting = [yaml.compose(content, Loader=yaml.SafeLoader)]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        pairs = node.value if isinstance(node, yaml.MappingNode) else [(None, inner) for inner in node.value]
        for key, value in pairs:
            name = str(key.value).rpartition(":")[2] if isinstance(key, yaml.ScalarNode) else ""
            if name in SECRETS and not _is_ciphertext_node(value):
                found.add(f"{NAMESPACE}:{name}")
            waiting += [key, value]
    return found


def _is_ciphertext_node(node: yaml.Node) -> bool:
    """Whether this is ``secure: …``, or nothing at all."""
    if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
        [(key, value)] = node.value
        return key.value == "secure" and isinstance(value, yaml.ScalarNode)
    return node.tag == "tag:yaml.org,2002:null"


def _flatten(file: Mapping[str, Any]) -> Iterator[tuple[str, _Leaf]]:
    waiting: list[tuple[str, Any, bool, int]] = [
        *((str(key), value, key in _SALTS, 0) for key, value in file.items() if key != "config"),
        *((str(key), value, str(key).rpartition(":")[2] in SECRETS, 0) for key, value in _config(file).items()),
    ]
    count = 0
    while waiting:
        key, value, secret, depth = waiting.pop()
        count += 1
        if count > _MOST_VALUES or depth > _DEEPEST:
            raise BadOrder("the configuration has too many values to compare", remedy="look at the file itself")
        if _is_ciphertext(value) or not isinstance(value, Mapping | list) or not value:
            yield key, _Leaf(text=_json(value), secret=secret or _is_ciphertext(value))
        elif isinstance(value, Mapping):
            waiting += [(f"{key}{_segment(str(part))}", inner, secret, depth + 1) for part, inner in value.items()]
        else:
            waiting += [(f"{key}[{index}]", inner, secret, depth + 1) for index, inner in enumerate(value)]


def _config(file: Mapping[str, Any]) -> Mapping[str, Any]:
    config = file.get("config")
    return config if isinstance(config, Mapping) else {}


def _is_ciphertext(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"} and isinstance(value["secure"], str)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _segment(part: str) -> str:
    return f".{part}" if re.fullmatch(r"[\w-]+", part, re.ASCII) else f"[{json.dumps(part, ensure_ascii=False)}]"
