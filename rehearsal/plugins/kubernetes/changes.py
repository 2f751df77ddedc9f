"""Changes to objects as they happen, and the one signal that ends all waiting for them."""

import queue
import threading
from collections.abc import Mapping
from typing import Final

from rehearsal.plugins.kubernetes.cluster import Cluster
from rehearsal.plugins.kubernetes.errors import ApiError, NoSuchKind, Unreachable
from rehearsal.plugins.kubernetes.objects import Manifest, Token, name_of, namespace_of, pick
from rehearsal.plugins.kubernetes.ready import RELATED
from rehearsal.plugins.kubernetes.transport import Stream

_WATCH: Final = 60
"""Seconds after which a watch is begun anew."""


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


class Changes:
    """Tells of changes to an object and to what decides on it. A missed change costs only the wait for it."""

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

    def __enter__(self) -> "Changes":
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
