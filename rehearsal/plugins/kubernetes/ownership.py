"""Who owns which field of an object: the API server's ledger in ``metadata.managedFields``. Pure.

A field set is nested JSON: ``f:name`` a member, ``k:{…}`` the item of a keyed list, ``v:…`` an item of a set, ``.`` the
object itself. (``sigs.k8s.io/structured-merge-diff/fieldpath``.)
"""

import json
from typing import Any, Final

from rehearsal.plugins.kubernetes.objects import Manifest, pick
from rehearsal.plugins.wire import Path

FieldSet = dict[str, Any]
_ITEM: Final = "k:"


def owned_by(live: Manifest, manager: str, *, operation: str = "Apply") -> FieldSet:
    """Return the fields of ``live`` that ``manager`` owns through ``operation``; empty if none."""
    for entry in pick(live, "metadata", "managedFields") or []:
        if (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (manager, operation, ""):
            return dict(entry.get("fieldsV1") or {})
    return {}


def owned_by_others(live: Manifest, manager: str) -> list[FieldSet]:
    """Return the field sets of everybody but ``manager``'s own applies."""
    entries = pick(live, "metadata", "managedFields") or []
    return [
        dict(entry.get("fieldsV1") or {})
        for entry in entries
        if (entry.get("manager"), entry.get("operation")) != (manager, "Apply")
    ]


def holds(fields: FieldSet, live: Any, path: Path) -> bool:  # noqa: ANN401 - JSON
    """Say whether ``fields`` hold the field at ``path`` of ``live``, or something below it."""
    for step in path:
        found = _below(fields, live, step)
        if found is None:
            return False
        fields, live = found, pick(live, step)
    return True


def item_key(entry: str) -> Manifest | None:
    """Return what identifies an item of a keyed list (``k:{"name":"app"}``), or ``None`` for any other entry."""
    if not entry.startswith(_ITEM):
        return None
    found: Manifest = json.loads(entry[len(_ITEM) :])
    return found


def _below(fields: FieldSet, live: Any, step: str | int) -> FieldSet | None:  # noqa: ANN401 - JSON
    if isinstance(step, str):
        found = fields.get(f"f:{step}")
        return None if found is None else dict(found)
    item = pick(live, step)
    for entry, below in fields.items():
        key = item_key(entry)
        if key is not None and isinstance(item, dict) and all(item.get(name) == want for name, want in key.items()):
            return dict(below)
        if entry == f"v:{json.dumps(item)}":
            return {}
    return None
