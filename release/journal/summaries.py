"""What a list shows of each release: small enough to come with the metadata of all of them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from release.errors import JournalUnreadable
from release.journal.faults import annotation, document, metadata, misshapen, name_of, version_of
from release.journal.names import SUMMARY
from release.model import FORMAT, Colour, Record, Release, Status, Strategy, Times

LONGEST_REASON: Final = 200
LONGEST_WORD: Final = 100
"""Characters of versions and names of people."""


class Summary(Record):
    """One release in a list."""

    format: int = FORMAT
    id: str
    kind: str
    status: Status
    strategy: Strategy
    version: str
    candidate: Colour
    actor: str
    times: Times
    requests: int = 0
    errors: int = 0
    reason: str | None = None
    done: int = 0
    """How many of the steps are finished."""
    steps: int = 0
    """How many there are."""
    rolled_back_to: str | None = None
    fence: int = 0

    def text(self) -> str:
        """It as the annotation has it."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A release in a list of which nothing is known but that it is there."""

    id: str
    problem: str
    remedy: str


Entry = Summary | Unreadable


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A release as the cluster lists it."""

    entry: Entry
    uid: str
    version: str
    """The object's ``resourceVersion``."""


def summarise(release: Release, fence: int) -> Summary:
    """What a list shows of ``release``, last written under ``fence``."""
    return Summary(
        id=release.id,
        kind=release.kind,
        status=release.status,
        strategy=release.order.strategy,
        version=_cut(release.order.version, LONGEST_WORD),
        candidate=release.candidate,
        actor=_cut(release.actor, LONGEST_WORD),
        times=release.times,
        requests=release.requests,
        errors=release.errors,
        reason=None if release.reason is None else _cut(release.reason, LONGEST_REASON),
        done=release.done,
        steps=len(release.steps),
        rolled_back_to=release.rolled_back_to,
        fence=fence,
    )


def listed(manifests: Iterable[Mapping[str, Any]], *, namespace: str) -> list[Listed]:
    """The releases in ``manifests`` (objects, or only their metadata), newest first.

    Sorted by identifier, which is the order in which they began (:func:`release.journal.ids.new_id`).
    """
    found = [
        Listed(
            entry=_entry(manifest, namespace),
            uid=str(metadata(manifest).get("uid", "")),
            version=version_of(manifest),
        )
        for manifest in manifests
    ]
    return sorted(found, key=lambda one: one.entry.id, reverse=True)


def _entry(manifest: Mapping[str, Any], namespace: str) -> Entry:
    release_id = name_of(manifest).removeprefix("release-")
    try:
        text = annotation(manifest, SUMMARY)
        document(text, manifest, namespace, "summary")
        summary = Summary.model_validate_json(text or "")
    except ValidationError as error:
        fault = misshapen(manifest, namespace, "summary", error)
    except JournalUnreadable as error:
        fault = error
    else:
        return summary.model_copy(update={"id": release_id})
    return Unreadable(id=release_id, problem=fault.problem, remedy=fault.remedy)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
