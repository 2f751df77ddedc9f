"""Which release is the latest of a stack: one small object in which runners meet before they begin one. Pure.

A new release is written first and named here second, by compare-and-set. So of two runners, one paused and taken for
dead, only one can begin; what the other wrote is named nowhere. And the release in progress is found with two reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from release.journal.names import HEAD_KIND, Manifest, head_name, labels
from release.journal.summaries import Entry, Summary

FENCE: Final = "fence"
LATEST: Final = "latest"
_DIGITS: Final = 15


@dataclass(frozen=True, kw_only=True)
class Head:
    """The latest release and the lock's token under which it was begun."""

    fence: int = 0
    latest: str | None = None


def to_object(head: Head, stack: str) -> Manifest:
    """The ConfigMap of ``head``."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": head_name(stack), "labels": labels(HEAD_KIND, stack)},
        "data": _data(head),
    }


def change(head: Head, *, version: str) -> Manifest:
    """The merge patch that puts ``head`` in the place of ``version`` (the object's ``resourceVersion``)."""
    return {"metadata": {"resourceVersion": version}, "data": _data(head)}


def from_object(manifest: Mapping[str, Any]) -> Head | None:
    """The head in a ConfigMap; ``None`` where it makes no sense. Then :func:`recovered` has to do."""
    data = manifest.get("data")
    if not isinstance(data, Mapping):
        return None
    fence, latest = data.get(FENCE), data.get(LATEST)
    if not isinstance(fence, str) or not fence.isascii() or not fence.isdigit() or len(fence) > _DIGITS:
        return None
    return Head(fence=int(fence), latest=latest) if isinstance(latest, str) and latest else None


def recovered(entries: Sequence[Entry]) -> Head:
    """The head as the releases themselves (newest first) tell it: the newest that has not ended, else the newest."""
    summaries = [entry for entry in entries if isinstance(entry, Summary)]
    going = [summary.id for summary in summaries if not summary.status.ended]
    latest = next(iter([*going, *(entry.id for entry in entries)]), None)
    return Head(fence=max((summary.fence for summary in summaries), default=0), latest=latest)


def _data(head: Head) -> dict[str, str]:
    return {FENCE: str(head.fence), LATEST: head.latest or ""}
