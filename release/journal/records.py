"""A release as an object of the cluster, and back. Pure.

One ConfigMap per release: the record whole under ``record``, what a list shows of it in an annotation, what a person
asked for in another.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from release.journal.asking import Asked, asked_in, taking
from release.journal.faults import document, metadata, misshapen, name_of, unreadable
from release.journal.names import JOURNAL, RELEASE_KIND, STACK, SUMMARY, Manifest, labels, release_name, slug
from release.journal.summaries import summarise
from release.journal.thinning import thin
from release.model import Release

RECORD: Final = "record"
"""Key of the ConfigMap under which the record is."""


def encode(release: Release, fence: int) -> str:
    """The record's JSON: thinned, under ``fence``, and without the request, which has a place of its own."""
    return thin(release.model_copy(update={"request": None, "fence": fence})).model_dump_json(by_alias=True)


def to_object(release: Release, fence: int) -> Manifest:
    """The ConfigMap of a release that is not in the journal yet."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": release_name(release.id),
            "labels": labels(RELEASE_KIND, release.stack),
            "annotations": {SUMMARY: summarise(release, fence).text()},
        },
        "data": {RECORD: encode(release, fence)},
    }


def change(release: Release, fence: int, *, version: str, heeded: Asked | None = None) -> Manifest:
    """The merge patch that writes the record over ``version`` (the object's ``resourceVersion``) and nothing else.

    With ``heeded``, it also takes that request away.
    """
    whole = to_object(release, fence)
    annotations = {**whole["metadata"]["annotations"], **(taking(heeded) if heeded else {})}
    return {"metadata": {"resourceVersion": version, "annotations": annotations}, "data": whole["data"]}


def from_object(manifest: Mapping[str, Any], *, namespace: str) -> Release:
    """The release in a ConfigMap, with the request that waits there. Raises :class:`JournalUnreadable`."""
    data = manifest.get("data")
    text = data.get(RECORD) if isinstance(data, Mapping) else None
    document(text, manifest, namespace, RECORD)
    try:
        release = Release.model_validate_json(str(text))
    except ValidationError as error:
        raise misshapen(manifest, namespace, RECORD, error) from None
    if name_of(manifest) != release_name(release.id):
        raise unreadable(manifest, namespace, f"has the record of another release, {release.id!r}")
    asked = asked_in(manifest, namespace=namespace)
    return release.model_copy(update={"request": asked.request if asked else None})


def is_release(manifest: Mapping[str, Any], stack: str) -> bool:
    """Whether an object is a release of ``stack``, by its labels."""
    found = metadata(manifest).get("labels") or {}
    return bool(found.get(JOURNAL) == RELEASE_KIND and found.get(STACK) == slug(stack))
