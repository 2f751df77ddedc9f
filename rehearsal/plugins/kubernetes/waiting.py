"""Waiting for objects: until they are ready, or until they are gone, with the reason where that does not happen."""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rehearsal.plugins.kubernetes.cluster import Cluster
from rehearsal.plugins.kubernetes.errors import ApiError, NoSuchKind, NotReady, PluginError, Unreachable
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
from rehearsal.plugins.kubernetes.symptoms import last_warnings, pods_of, symptoms
from rehearsal.plugins.kubernetes.transport import Stream
from rehearsal.plugins.kubernetes.waitfor import expectations

DEFAULT_TIMEOUT: Final = 600.0
"""Seconds, as in the official provider."""
_LOOK: Final = 5.0
"""Seconds between two looks at an object that does not change."""
_WATCH: Final = 60
"""Seconds after which a watch is begun anew."""

Say = Callable[[str], None]
"""Shows a passing status beside the resource."""


def timeout_of(inputs: Manifest, custom: float) -> float:
    """Return how long to wait, in seconds: ``customTimeouts``, else the annotation, else :data:`DEFAULT_TIMEOUT`."""
    if custom:
        return custom
    text = annotation(inputs, TIMEOUT_SECONDS)
    return float(text) if text.isdigit() and int(text) else DEFAULT_TIMEOUT


class Cancellation:
    """Ends all waits of a plugin at once."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._waiting: set[queue.SimpleQueue[None]] = set()

    def cancel(self) -> None:
        """End every wait that is under way, and each that follows."""
        self.event.set()
        with self._lock:
            for waiter in self._waiting:
                waiter.put(None)

    def add(self, waiter: "queue.SimpleQueue[None]") -> None:
        """Wake ``waiter`` on cancellation, until :meth:`remove`."""
        with self._lock:
            self._waiting.add(waiter)

    def remove(self, waiter: "queue.SimpleQueue[None]") -> None:
        """Forget ``waiter``."""
        with self._lock:
            self._waiting.discard(waiter)


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
        verdict: Verdict = Waiting("")
        with _Watches(self.cluster, self.cancellation, live) as changes:
            while True:
                try:
                    live = self._again(live)
                    verdict = self.verdict(inputs, live, since=begun)
                except Unreachable as error:
                    raise NotReady(
                        _problem(live, "is unknown"), remedy=error.remedy, live=live, reasons=[error.problem]
                    ) from None
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
        with _Watches(self.cluster, self.cancellation, live) as changes:
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
        """Return why ``live`` is not ready: its pods' containers, and the last warnings about them."""
        try:
            pods = self._pods(live)
            uids = [pick(item, "metadata", "uid") for item in (*pods[:5], live)]
            events = [
                event
                for uid in uids
                for event in self.cluster.list(
                    Token("v1", "Event"), namespace_of(live), fieldSelector=f"involvedObject.uid={uid},type=Warning"
                )
            ]
        except (ApiError, PluginError):
            return []  # the verdict is said anyway
        return [*symptoms(pods), *last_warnings(events)]

    def _again(self, live: Manifest) -> Manifest:
        token = Token(live["apiVersion"], live["kind"])
        try:
            return self.cluster.get(token, namespace_of(live), name_of(live))
        except ApiError as error:
            raise NotReady(
                _problem(live, "was deleted while it was awaited"),
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
            return symptoms(self._pods(live))
        except (ApiError, PluginError):
            return []

    def _pods(self, live: Manifest) -> list[Manifest]:
        if live.get("kind") == "Pod":
            return [live]
        labels = pick(live, "spec", "selector", "matchLabels")
        if not labels:
            return []
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        replica_sets = (
            self.cluster.list(Token("apps/v1", "ReplicaSet"), namespace_of(live), labelSelector=selector)
            if live.get("kind") == "Deployment"
            else []
        )
        pods = self.cluster.list(Token("v1", "Pod"), namespace_of(live), labelSelector=selector)
        return pods_of(live, replica_sets, pods)


def needs_waiting(inputs: Manifest) -> bool:
    """Say whether an object has to become ready, by its kind and its annotations."""
    if annotation(inputs, SKIP_AWAIT) == "true":
        return False
    return bool(annotation(inputs, WAIT_FOR)) or has_rule(inputs)


def _problem(live: Manifest, what: str) -> str:
    return f"{title(live)} is stored, but {'its state ' if what.startswith('is unknown') else 'it '}{what}"


def _not_ready(live: Manifest, what: str, verdict: Verdict, reasons: Sequence[str]) -> NotReady:
    said = [] if isinstance(verdict, Ready) else [verdict.reason]
    return NotReady(
        _problem(live, what),
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


class _Watches:
    """Tells of changes to an object and to what decides on it. Missed changes cost only :data:`_LOOK` seconds."""

    def __init__(self, cluster: Cluster, cancellation: Cancellation, live: Manifest) -> None:
        self._cluster = cluster
        self._cancellation = cancellation
        self._changes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._closed = threading.Event()
        token = Token(live["apiVersion"], live["kind"])
        self._targets: list[tuple[Token, Mapping[str, str]]] = [
            (token, {"fieldSelector": f"metadata.name={name_of(live)}"})
        ]
        related = RELATED.get((token.api_version, token.kind))
        if related:
            self._targets.append((related[0], {"labelSelector": related[1].format(name=name_of(live))}))
        self._namespace = namespace_of(live)
        self._started = False
        self._streams: list[Stream] = []

    def __enter__(self) -> "_Watches":
        self._cancellation.add(self._changes)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._cancellation.remove(self._changes)
        for stream in self._streams:
            stream.close()

    def wait(self, seconds: float, *, after: Manifest) -> None:
        """Return at the next change to what was seen as ``after``, at a cancellation, or after ``seconds``."""
        if not self._started:
            self._started = True
            # From the version seen on, so that a change (an end, above all) before the watch begins is not missed.
            versions = [str(pick(after, "metadata", "resourceVersion")), *[""] * len(self._targets)]
            for (token, query), version in zip(self._targets, versions, strict=False):
                threading.Thread(target=self._listen, args=(token, query, version), daemon=True).start()
        try:
            self._changes.get(timeout=seconds)
            while True:  # one look serves all the changes there are
                self._changes.get_nowait()
        except queue.Empty:
            return

    def _listen(self, token: Token, query: Mapping[str, str], version: str) -> None:
        while not self._closed.is_set():
            start = {"resourceVersion": version} if version else {}
            version = ""
            try:
                stream = self._cluster.watch(token, self._namespace, seconds=_WATCH, **query, **start)
                self._streams.append(stream)
                for _ in stream:
                    self._changes.put(None)
            except (ApiError, NoSuchKind, Unreachable):
                self._closed.wait(1)
