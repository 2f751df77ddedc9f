"""How the journal's objects are called and labelled. Pure."""

import hashlib
import re
from typing import Any, Final

from release.errors import BadOrder, NotFound

Manifest = dict[str, Any]
"""An object of the cluster, as JSON has it."""

PREFIX: Final = "english-training.dev"
PART_OF: Final = "app.kubernetes.io/part-of"
PROJECT: Final = "english-training"
JOURNAL: Final = f"{PREFIX}/journal"
"""Label: what an object of the journal is."""
STACK: Final = f"{PREFIX}/stack"
"""Label: whose releases these are; two stacks may share a namespace."""
SUMMARY: Final = f"{PREFIX}/summary"
"""Annotation of a release: what a list shows of it."""
REQUEST: Final = f"{PREFIX}/request"
"""Annotation of a release: what a person asked for. The runner's writes never set it."""
HEEDED: Final = f"{PREFIX}/heeded"
"""Annotation of a release: the token of the request that was taken away last."""
POINT: Final = f"{PREFIX}/point"
"""Annotation of a point: who saved it, when and why."""

RELEASE_KIND: Final = "release"
SERIES_KIND: Final = "series"
POINT_KIND: Final = "point"
HEAD_KIND: Final = "head"

_LABEL_LENGTH: Final = 63
"""Longest value of a label, as Kubernetes has it."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,198}[a-z0-9])?")
"""Leaves room for what stands before and behind: a name may have 253 characters."""


def labels(kind: str, stack: str) -> dict[str, str]:
    """The labels of an object of the journal of ``stack``."""
    return {PART_OF: PROJECT, JOURNAL: kind, STACK: slug(stack)}


def selector(kind: str, stack: str) -> str:
    """The label selector of all such objects."""
    return f"{JOURNAL}={kind},{STACK}={slug(stack)}"


def slug(stack: str) -> str:
    """``stack`` as a label and part of a name; two different stacks never get the same."""
    plain = re.sub(r"[^a-z0-9-]+", "-", stack.lower()).strip("-")
    if plain == stack and len(plain) <= _LABEL_LENGTH:
        return plain
    digest = hashlib.sha256(stack.encode()).hexdigest()[:8]
    return f"{plain[: _LABEL_LENGTH - 9].strip('-') or 'stack'}-{digest}"


def release_name(release_id: str) -> str:
    """The ConfigMap of a release. Raises :class:`NotFound` for what cannot be one: it becomes part of an address."""
    if _NAME.fullmatch(release_id) is None:
        raise NotFound(f"there is no release {release_id[:80]!r}", remedy="release history")
    return f"release-{release_id}"


def series_name(release_id: str) -> str:
    """The ConfigMap of a release's telemetry."""
    return f"{release_name(release_id)}-series"


def point_name(name: str) -> str:
    """The ConfigMap of a point. Raises :class:`BadOrder`."""
    if _NAME.fullmatch(name) is None:
        raise BadOrder(
            f"{name[:80]!r} cannot be the name of a configuration: lower-case letters, digits, '-' and '.' only",
            remedy="release config list",
        )
    return f"config-{name}"


def head_name(stack: str) -> str:
    """The ConfigMap that says which release is the latest."""
    return f"releases-{slug(stack)}"


def lease_name(stack: str) -> str:
    """The Lease that is the lock."""
    return f"release-{slug(stack)}"
