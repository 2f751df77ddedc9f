"""What is said of an object of the journal that cannot be read. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from release.errors import JournalUnreadable
from release.model import FORMAT

_SHOWN: Final = 3
"""So many of a record's faults are told."""
_LONGEST: Final = 200
"""Characters of each."""


def document(text: object, manifest: Mapping[str, Any], namespace: str, where: str) -> dict[str, Any]:
    """The JSON object in ``text``, which stands under ``where``. Raises :class:`JournalUnreadable`.

    Everything that the journal keeps names its format: a newer one is told from a corrupted one.
    """
    if not isinstance(text, str):
        raise unreadable(manifest, namespace, f"has no {where}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise unreadable(manifest, namespace, f"has something other than JSON as its {where}") from None
    written = found.get("format") if isinstance(found, dict) else None
    if type(written) is not int:
        raise unreadable(manifest, namespace, f"has a {where} that names no format")
    if written > FORMAT:
        raise newer(manifest, namespace, written)
    return dict(found)


def unreadable(manifest: Mapping[str, Any], namespace: str, what: str) -> JournalUnreadable:
    """The error that says what is wrong with an object, and how to look at it."""
    name = name_of(manifest)
    return JournalUnreadable(
        f"the ConfigMap {namespace}/{name} {what}",
        remedy=f"kubectl get configmap {name} --namespace {namespace} --output yaml   (then mend it, or delete it)",
    )


def misshapen(manifest: Mapping[str, Any], namespace: str, where: str, error: ValidationError) -> JournalUnreadable:
    """The error for JSON of the wrong shape: where it is wrong and how, never what stands there."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, fault['loc'])) or where}: {fault['msg']}"[:_LONGEST] for fault in faults[:_SHOWN]]
    more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    return unreadable(manifest, namespace, f"has a {where} of the wrong shape: {'; '.join([*told, *more])}")


def newer(manifest: Mapping[str, Any], namespace: str, written: int) -> JournalUnreadable:
    """The error for what a newer version of this tool has written."""
    name = name_of(manifest)
    return JournalUnreadable(
        f"the ConfigMap {namespace}/{name} was written by a newer version of this tool: it has format {written}, "
        f"and this one reads up to format {FORMAT}",
        remedy="use the newer version; to look at it: "
        f"kubectl get configmap {name} --namespace {namespace} --output yaml",
    )


def name_of(manifest: Mapping[str, Any]) -> str:
    """The object's name."""
    return str(metadata(manifest).get("name", "?"))


def metadata(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's metadata; empty where it has none."""
    found = manifest.get("metadata")
    return found if isinstance(found, Mapping) else {}


def annotation(manifest: Mapping[str, Any], key: str) -> str | None:
    """One of the object's annotations."""
    found = metadata(manifest).get("annotations")
    value = found.get(key) if isinstance(found, Mapping) else None
    return value if isinstance(value, str) else None


def version_of(manifest: Mapping[str, Any]) -> str:
    """The object's ``resourceVersion``."""
    return str(metadata(manifest).get("resourceVersion", ""))
