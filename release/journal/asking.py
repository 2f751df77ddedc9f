"""What a person asks of a release in progress, and how that waits for the runner. Pure.

It is an annotation of the release's ConfigMap, not a field of the record: the runner's writes name only the record and
the summary, so none of them can lose or undo it, and who asks can never touch the record. It is found with the
object's metadata alone, a kilobyte or two, however long the record is; and it goes with the object when that goes. Each
has a token of its own: the runner takes away the one that it heeded, in the same write that heeds it, and no later one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from release.errors import BadOrder, JournalUnreadable
from release.journal.faults import annotation, document, misshapen, name_of
from release.journal.names import HEEDED, REQUEST, Manifest
from release.model import FORMAT, Record, Request


class Asked(Record):
    """A request that waits."""

    format: int = FORMAT
    request: Request
    actor: str
    """Who asks, as ``user@host``."""
    at: datetime
    token: str
    """Tells it from any other, even of the same kind."""

    def text(self) -> str:
        """It as the annotation has it."""
        return self.model_dump_json(by_alias=True)


def asked_in(manifest: Mapping[str, Any], *, namespace: str) -> Asked | None:
    """The request that waits in a release's object, or in its metadata. Raises :class:`JournalUnreadable`."""
    text = annotation(manifest, REQUEST)
    if text is None:
        return None
    try:
        document(text, manifest, namespace, "request")
        return Asked.model_validate_json(text)
    except ValidationError as error:
        fault = misshapen(manifest, namespace, "request", error)
    except JournalUnreadable as error:
        fault = error
    name = name_of(manifest)
    remedy = f"to take the request away: kubectl annotate configmap {name} --namespace {namespace} {REQUEST}-"
    raise JournalUnreadable(fault.problem, remedy=remedy)


def token_in(manifest: Mapping[str, Any]) -> str | None:
    """The token of the request that waits; ``None`` where there is none or it makes no sense."""
    try:
        return Asked.model_validate_json(annotation(manifest, REQUEST) or "").token
    except ValidationError:
        return None


def asking(asked: Asked, version: str) -> Manifest:
    """The merge patch that leaves a request in the object's ``version``."""
    return {"metadata": {"resourceVersion": version, "annotations": {REQUEST: asked.text()}}}


def taking(asked: Asked) -> dict[str, str | None]:
    """The annotations that say that a request was taken away, and which: for who asked and got no answer."""
    return {REQUEST: None, HEEDED: asked.token}


def was_heeded(asked: Asked, manifest: Mapping[str, Any]) -> bool:
    """Whether it was this request that was taken away last."""
    return annotation(manifest, HEEDED) == asked.token


def replaces(new: Asked, waiting: Asked | None, release_id: str) -> bool:
    """Whether ``new`` takes the place of what waits; not if that is the very same.

    The last word counts, but an abort stays: who says ``promote`` a moment later has not seen it. Raises
    :class:`BadOrder` then.
    """
    if waiting is None:
        return True
    if waiting.token == new.token:
        return False
    if waiting.request is Request.ABORT and new.request is not Request.ABORT:
        raise BadOrder(
            f"{waiting.actor} has asked to abort release {release_id}: "
            f"it cannot be asked to {new.request.value} any more",
            remedy="release status",
        )
    return waiting.request is not new.request
