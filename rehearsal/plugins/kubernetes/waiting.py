"""Waiting for objects: until they are ready, or until they are gone, with the reason where that does not happen."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from rehearsal.plugins.kubernetes.changes import Cancellation, Changes
from rehearsal.plugins.kubernetes.cluster import Cluster
from rehearsal.plugins.kubernetes.errors import ApiError, NotReady, PluginError
from rehearsal.plugins.kubernetes.objects import (
    SKIP_AWAIT,
    TIMEOUT_SECONDS,
    WAIT_FOR,
    Manifest,
    Token,
    annotation,
    name_of,
    namespace_of,
    pick,
    title,
)
from rehearsal.plugins.kubernetes.ready import RELATED, Failed, Ready, Situation, Verdict, Waiting, has_rule, judge
from rehearsal.plugins.kubernetes.symptoms import MOST_PODS, last_warnings, owned, present, symptoms
from rehearsal.plugins.kubernetes.waitfor import expectations

DEFAULT_TIMEOUT: Final = 600.0
"""Seconds, as in the official provider."""
_LOOK: Final = 5.0
"""Seconds between two looks at an object that does not change."""

Say = Callable[[str], None]
"""Shows a passing status beside the resource."""


def timeout_of(inputs: Manifest, custom: float) -> float:
    """Return how long to wait, in seconds: ``customTimeouts``, else the annotation, else :data:`DEFAULT_TIMEOUT`."""
    if custom:
        return custom
    text = annotation(inputs, TIMEOUT_SECONDS)
    return float(text) if text.isdigit() and int(text) else DEFAULT_TIMEOUT


@dataclass(frozen=True, kw_only=True)
class Waiter:
    """Waits for objects of one cluster."""

    cluster: Cluster
    cancellation: Cancellation
    clock: Callable[[], float] = time.monotonic
    look: float = _LOOK

    def until_ready(self, inputs: Manifest, live: Manifest, *, timeout: float, say: Say) -> Manifest:
        """Return ``live`` as it is once ready. Raises :class:`NotReady` where it fails, times out or is cancelled."""
        if not needs_waiting(inputs):
            return live
        begun = datetime.now(UTC)
        deadline = self.clock() + timeout
        with Changes(self.cluster, self.cancellation, live) as changes:
            while True:
                try:
                    verdict = self.verdict(inputs, live, since=begun)
                    if isinstance(verdict, Ready):
                        say("")
                        return live
                    remaining = deadline - self.clock()
                    if self.cancellation.event.is_set():
                        raise _not_ready(live, "was interrupted while it was awaited", verdict, [])
                    if isinstance(verdict, Failed) or remaining <= 0:
                        what = "failed" if isinstance(verdict, Failed) else f"is not ready after {timeout:.0f} s"
                        raise _not_ready(live, what, verdict, self.reasons(live))
                    say("; ".join([verdict.reason, *self._symptoms(live)[:1]]))
                    changes.wait(min(self.look, remaining), after=live)
                    live = self._again(live)
                except (ApiError, PluginError) as error:
                    raise _recorded(error, live) from None

    def verdict(self, inputs: Manifest, live: Manifest, *, since: datetime) -> Verdict:
        """Say whether ``live`` is ready, by the user's own condition where ``inputs`` have one."""
        wanted = annotation(inputs, WAIT_FOR)
        if wanted:
            missing = [found for each in expectations(wanted) if (found := each.missing(live))]
            return Waiting("; ".join(missing)) if missing else Ready()
        return judge(live, Situation(related=self._related(live), since=since, now=datetime.now(UTC)))

    def until_gone(self, live: Manifest, *, timeout: float, say: Say) -> None:
        """Return once ``live`` is gone. Raises :class:`PluginError` with what holds it where that takes too long."""
        token = Token(live["apiVersion"], live["kind"])
        uid = pick(live, "metadata", "uid")
        deadline = self.clock() + timeout
        with Changes(self.cluster, self.cancellation, live) as changes:
            while True:
                found = self.cluster.find(token, namespace_of(live), name_of(live))
                if found is None or pick(found, "metadata", "uid") != uid:
                    say("")
                    return
                held = _held_by(found)
                remaining = deadline - self.clock()
                if self.cancellation.event.is_set():
                    raise PluginError(f"the deletion of {title(live)} was interrupted{held}", remedy="run it again")
                if remaining <= 0:
                    raise PluginError(
                        f"{title(live)} is not gone after {timeout:.0f} s{held}",
                        remedy="end what holds it, or remove its finalizers, then run it again",
                    )
                say(f"waiting for its end{held}")
                changes.wait(min(self.look, remaining), after=found)

    def reasons(self, live: Manifest) -> list[str]:
        """Return why ``live`` is not ready: its pods' containers, and the last warnings about its family."""
        try:
            makers, pods = self._family(live)
            events = [
                event
                for item in {
                    pick(item, "metadata", "uid"): item for item in (*pods[:MOST_PODS], *makers, live)
                }.values()
                for event in self._warnings(item, namespace_of(live))
            ]
        except (ApiError, PluginError):
            return []  # the verdict is said anyway
        return [*symptoms(pods), *last_warnings(events)]

    def _warnings(self, item: Manifest, namespace: str) -> list[Manifest]:
        selector = f"involvedObject.uid={pick(item, 'metadata', 'uid')},type=Warning"
        return self.cluster.list(Token("v1", "Event"), namespace, fieldSelector=selector)

    def _again(self, live: Manifest) -> Manifest:
        token = Token(live["apiVersion"], live["kind"])
        try:
            return self.cluster.get(token, namespace_of(live), name_of(live))
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise NotReady(
                f"{title(live)} was deleted while it was awaited",
                remedy="run `pulumi up --refresh`",
                live=live,
                reasons=[error.message],
            ) from None

    def _related(self, live: Manifest) -> Sequence[Manifest]:
        if live.get("kind") == "PersistentVolumeClaim":
            storage = self.cluster.find(
                Token("storage.k8s.io/v1", "StorageClass"), "", str(pick(live, "spec", "storageClassName") or "")
            )
            return [storage] if storage and storage.get("provisioner") else []
        found = RELATED.get((str(live.get("apiVersion")), str(live.get("kind"))))
        if found is None:
            return ()
        token, selector = found
        return self.cluster.list(token, namespace_of(live), labelSelector=selector.format(name=name_of(live)))

    def _symptoms(self, live: Manifest) -> list[str]:
        try:
            return symptoms(self._family(live)[1])
        except (ApiError, PluginError):
            return []

    def _family(self, live: Manifest) -> tuple[list[Manifest], list[Manifest]]:
        """Return what makes the pods of the present version of ``live``, and those pods."""
        if live.get("kind") == "Pod":
            return [], [live]
        labels = pick(live, "spec", "selector", "matchLabels")
        if not labels:
            return [], []
        namespace, selector = namespace_of(live), ",".join(f"{key}={value}" for key, value in labels.items())
        makers = [live]
        if live.get("kind") == "Deployment":
            replica_sets = self.cluster.list(Token("apps/v1", "ReplicaSet"), namespace, labelSelector=selector)
            makers = present(live, replica_sets)
        return makers, owned(self.cluster.list(Token("v1", "Pod"), namespace, labelSelector=selector), makers)


def needs_waiting(inputs: Manifest) -> bool:
    """Say whether an object has to become ready, by its kind and its annotations."""
    if annotation(inputs, SKIP_AWAIT) == "true":
        return False
    return bool(annotation(inputs, WAIT_FOR)) or has_rule(inputs)


def _recorded(error: ApiError | PluginError, live: Manifest) -> NotReady:
    """Return ``error`` as one after which the engine still records what is stored."""
    if isinstance(error, NotReady):
        return error
    problem, remedy = (
        (error.message, "see `make status`") if isinstance(error, ApiError) else (error.problem, error.remedy)
    )
    return NotReady(f"{title(live)} is stored, but its state is unknown", remedy=remedy, live=live, reasons=[problem])


def _not_ready(live: Manifest, what: str, verdict: Verdict, reasons: Sequence[str]) -> NotReady:
    said = [] if isinstance(verdict, Ready) else [verdict.reason]
    return NotReady(
        f"{title(live)} is stored, but it {what}",
        remedy="mend the cause and run `pulumi up` again: it goes on from here",
        live=live,
        reasons=[*filter(None, said), *reasons],
    )


def _held_by(live: Manifest) -> str:
    finalizers = pick(live, "metadata", "finalizers") or []
    conditions = pick(live, "status", "conditions") or []
    stuck = [str(each.get("message")) for each in conditions if each.get("status") == "True" and each.get("message")]
    parts = [f"finalizers {', '.join(finalizers)}"] if finalizers else []
    if live.get("kind") == "Namespace":
        parts += stuck[:2]
    return f" (held by {'; '.join(parts)})" if parts else ""
