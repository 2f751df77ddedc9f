"""Inputs computed back from a live object, for refresh and import. Pure.

A refresh shows drift in what the program set (or what its field manager owns), and in nothing else: defaults that the
API server or a controller filled in are not inputs. An equal value in another notation (``1000m`` for ``1``) is no
drift either.
"""

import base64
import binascii
import re
from decimal import Decimal
from typing import Any, Final

from rehearsal.plugins.kubernetes.objects import LAST_APPLIED, REVISION, SERVER_METADATA, Manifest, pick
from rehearsal.plugins.kubernetes.ownership import FieldSet, item_key

_QUANTITY: Final = re.compile(r"([+-]?[0-9.]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)")
_SUFFIX: Final = {
    **{suffix: Decimal(10) ** (3 * power) for power, suffix in enumerate(["n", "u", "m", "", "k", *"MGTPE"], start=-3)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
_QUANTITY_PARENTS: Final = frozenset(
    {"limits", "requests", "hard", "capacity", "default", "defaultRequest", "max", "min", "overhead", "podFixed"}
)
_QUANTITY_KEYS: Final = frozenset({"sizeLimit", "averageValue", "divisor"})

_SERVER_SIDE: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "Namespace": (("spec",), ("metadata", "labels", "kubernetes.io/metadata.name")),
    "PersistentVolumeClaim": (("spec", "volumeName"),),
    "Pod": (("spec", "nodeName"),),
    "Service": tuple(
        ("spec", name) for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
    ),
}
"""What the API server or a controller decides where the user leaves it out, so that an import should leave it out."""


def refreshed_inputs(last: Manifest, live: Manifest, owned: FieldSet) -> Manifest:
    """Return what the inputs would have to be for ``live`` to be their result.

    ``last`` are the inputs of the last update, ``owned`` the fields that the plugin's manager owns in ``live``.
    """
    if live.get("kind") == "Secret" and isinstance(last.get("stringData"), dict):
        last, live, owned = _as_string_data(last, live, owned)
    return _members(last, live, owned)


def imported_inputs(live: Manifest) -> Manifest:
    """Return complete inputs for an object that Pulumi did not make: ``live`` without what only a server writes."""
    inputs: Manifest = _copy({key: item for key, item in live.items() if key != "status"})
    kind = str(live.get("kind"))
    noise = (
        *(("metadata", key) for key in SERVER_METADATA),
        *(("metadata", "annotations", key) for key in (LAST_APPLIED, REVISION)),
        *(_SERVER_SIDE.get(kind, ()) if pick(live, "spec", "clusterIP") != "None" else ()),
    )
    for path in noise:
        _remove(inputs, path)
    return inputs


def same_quantity(one: object, other: object) -> bool:
    """Say whether two values are the same quantity in different notation."""
    first, second = _quantity(one), _quantity(other)
    return first is not None and first == second


def _quantity(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if match is None or match[1].count(".") > 1:
        return None
    return Decimal(match[1] + (match[2] or "")) * _SUFFIX[match[3] or ""]


def _members(last: Manifest, live: Manifest, owned: FieldSet, parent: str = "") -> Manifest:
    result: Manifest = {}
    for key, item in last.items():
        if live.get(key) is not None:
            result[key] = _either(item, live[key], owned.get(f"f:{key}") or {}, key, parent)
        elif not item:
            result[key] = item  # the API server leaves out what is empty
    for entry, below in owned.items():
        key = entry.removeprefix("f:")
        if entry.startswith("f:") and key not in last and live.get(key) is not None:
            result[key] = _project(live[key], below)
    return result


def _either(last: Any, live: Any, owned: FieldSet, key: str = "", parent: str = "") -> Any:  # noqa: ANN401 - JSON
    if isinstance(last, dict) and isinstance(live, dict):
        return _members(last, live, owned, key)
    if isinstance(last, list) and isinstance(live, list):
        return _items(last, live, owned)
    quantity = parent in _QUANTITY_PARENTS or key in _QUANTITY_KEYS
    return last if quantity and same_quantity(last, live) else live


def _items(last: list[Any], live: list[Any], owned: FieldSet) -> list[Any]:
    keys = [(key, below) for entry, below in owned.items() if (key := item_key(entry)) is not None]
    if keys:
        return _keyed_items(last, live, keys)
    if any(entry.startswith("v:") for entry in owned):
        return [item for item in last if item in live]
    paired = [_either(was, now, {}) for was, now in zip(last, live, strict=False)]
    return [*paired, *live[len(last) :]]


def _keyed_items(last: list[Any], live: list[Any], keys: list[tuple[Manifest, FieldSet]]) -> list[Any]:
    result: list[Any] = []
    left = list(keys)
    for item in last:
        found = next((pair for pair in left if _is(item, pair[0])), None)
        key, below = found or ({name: item.get(name) for name in keys[0][0]}, {})
        if found:
            left.remove(found)
        now = next((candidate for candidate in live if _is(candidate, key)), None)
        if now is not None:
            result.append(_either(item, now, below))
    for key, below in left:
        now = next((candidate for candidate in live if _is(candidate, key)), None)
        if now is not None:
            result.append(_project(now, below))
    return result


def _is(item: Any, key: Manifest) -> bool:  # noqa: ANN401 - JSON
    """Say whether ``item`` is the one that ``key`` identifies; a part of the key that it leaves out is a default."""
    return isinstance(item, dict) and all(item.get(name) in (None, want) for name, want in key.items())


def _project(live: Any, owned: FieldSet) -> Any:  # noqa: ANN401 - JSON
    if isinstance(live, dict):
        names = [entry.removeprefix("f:") for entry in owned if entry.startswith("f:")]
        if names:
            return {name: _project(live[name], owned[f"f:{name}"]) for name in names if name in live}
    if isinstance(live, list):
        keys = [(key, below) for entry, below in owned.items() if (key := item_key(entry)) is not None]
        if keys:
            return [_project(item, below) for key, below in keys for item in live if _is(item, key)]
    return live


def _as_string_data(last: Manifest, live: Manifest, owned: FieldSet) -> tuple[Manifest, Manifest, FieldSet]:
    """Move what the program wrote as ``stringData`` out of ``data``, where the API server put it as base64."""
    data = dict(pick(live, "data") or {})
    texts = {key: _decoded(data.pop(key)) for key in last["stringData"] if key in data}
    live = {**{key: item for key, item in live.items() if key != "data"}, "stringData": texts}
    if data and "data" in last:
        live["data"] = data
    return last, live, {entry: below for entry, below in owned.items() if entry not in ("f:data", "f:stringData")}


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode()
    except (binascii.Error, ValueError):
        return encoded


def _copy(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _remove(value: Manifest, path: tuple[str, ...]) -> None:
    """Remove what lies at ``path``, and its parents where that leaves them empty."""
    *parents, last = path
    chain: list[Manifest] = [value]
    for step in parents:
        below = chain[-1].get(step)
        if not isinstance(below, dict):
            return
        chain.append(below)
    chain[-1].pop(last, None)
    for step, above, below in zip(reversed(parents), reversed(chain[:-1]), reversed(chain[1:]), strict=True):
        if not below and step != "metadata":
            above.pop(step, None)
