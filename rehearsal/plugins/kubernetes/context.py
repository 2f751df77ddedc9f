"""What all verbs share: the cluster, the configuration, and what the engine is told of a resource."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rehearsal.plugins.kubernetes.changes import Cancellation
from rehearsal.plugins.kubernetes.cluster import Cluster
from rehearsal.plugins.kubernetes.configuration import Configuration
from rehearsal.plugins.kubernetes.errors import NoSuchKind, NotReady, Unreachable
from rehearsal.plugins.kubernetes.objects import (
    FIELD_MANAGER,
    PATCH_FIELD_MANAGER,
    PATCH_FORCE,
    Manifest,
    Token,
    annotation,
    group,
    pick,
    to_outputs,
)
from rehearsal.plugins.kubernetes.scopes import CLUSTER_SCOPED
from rehearsal.plugins.kubernetes.secrecy import conceal
from rehearsal.plugins.kubernetes.waiting import Waiter
from rehearsal.plugins.wire import has_unknown

Properties = dict[str, Any]
"""Inputs or outputs, with :class:`~rehearsal.plugins.wire.Secret` and ``UNKNOWN`` in them."""
Say = Callable[[str], None]
"""Shows text to the user."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What the engine is to record of a resource. An empty ``id`` means that it does not exist (yet)."""

    id: str
    outputs: Properties
    inputs: Properties
    problem: NotReady | None = None
    """The object is stored, but it is not ready."""


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How a verb talks to the user while it works."""

    status: Say
    """Passing text beside the resource; ``""`` clears it."""
    warn: Say
    """A warning that stays."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One configured cluster. Safe to use from many threads at once."""

    configuration: Configuration
    cluster: Cluster
    cancellation: Cancellation
    waiter: Waiter
    _planned: dict[Token, bool] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def manager(self, inputs: Manifest) -> str:
        """Return the field manager of an object."""
        return annotation(inputs, PATCH_FIELD_MANAGER) or FIELD_MANAGER

    def force(self, inputs: Manifest) -> bool:
        """Say whether the user lets an object take fields over from other managers."""
        return self.configuration.patch_force or annotation(inputs, PATCH_FORCE) == "true"

    def plan(self, inputs: Manifest) -> None:
        """Remember the scope of a kind that the program itself defines, for objects checked before it is served."""
        if inputs.get("kind") != "CustomResourceDefinition" or has_unknown(inputs):
            return
        spec = inputs.get("spec") or {}
        with self._lock:
            for version in spec.get("versions") or []:
                token = Token(f"{spec.get('group')}/{version.get('name')}", str(pick(spec, "names", "kind")))
                self._planned[token] = spec.get("scope") == "Namespaced"

    def namespaced(self, inputs: Manifest, *, ask: bool) -> bool | None:
        """Say whether the kind is namespaced; ``None`` where that is not known; ``ask`` asks the API server."""
        token = Token(inputs["apiVersion"], inputs["kind"])
        if (group(token.api_version), token.kind) in CLUSTER_SCOPED:
            return False
        with self._lock:
            planned = self._planned.get(token)
        if planned is not None or not ask:
            return planned
        try:
            return self.cluster.served(token).namespaced
        except (NoSuchKind, Unreachable):
            return None

    def served(self, inputs: Manifest, voice: Voice) -> bool:
        """Say whether a preview can ask the API server about the kind now."""
        try:
            self.cluster.served(Token(inputs["apiVersion"], inputs["kind"]))
        except NoSuchKind:
            return False
        except Unreachable as error:
            voice.warn(f"{error.problem}: the preview is not checked by the API server")
            return False
        return True


def outputs_of(live: Manifest, inputs: Properties) -> Properties:
    """Return ``live`` as the engine stores it, secret wherever ``inputs`` are."""
    return conceal(to_outputs(live), inputs)
