"""The pods that the simulator answers for, as far as their addresses, faults and states matter."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from rehearsal.workload import faults
from rehearsal.workload.faults import Faults

COLOUR: Final = "english-training.dev/colour"
NAME: Final = "app.kubernetes.io/name"
VERSION: Final = "app.kubernetes.io/version"

SELECTOR: Final = "app.kubernetes.io/part-of=english-training,app.kubernetes.io/name in (backend,frontend)"
"""Label selector of the application's pods, in any namespace."""


class Component(StrEnum):
    """The two programs of the application."""

    BACKEND = "backend"
    FRONTEND = "frontend"


PORTS: Final[Mapping[Component, int]] = {Component.BACKEND: 8000, Component.FRONTEND: 3000}
"""Where each component listens."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One application pod. Instants are seconds since the epoch."""

    uid: str
    name: str
    namespace: str
    address: str
    """The pod's address, empty until it has one."""
    component: Component
    colour: str
    version: str
    faults: Faults
    ready: bool
    """Whether Kubernetes counts the pod as ready."""
    started: float | None
    """When the container started; None while it does not run (waiting, crashed, finished)."""
    stops: float | None = None
    """When a pod that is being deleted stops to accept connections: after its preStop hook. None while it is wanted."""

    def serves(self, now: float) -> bool:
        """Whether the pod accepts connections at ``now``."""
        return self.started is not None and (self.stops is None or now < self.stops)

    def probed_ready(self, now: float) -> bool:
        """Whether the pod's own readiness endpoint says yes at ``now``."""
        if self.started is None or self.faults.never_ready or self.faults.crash_loop:
            return False
        return now >= self.started + self.faults.slow_start


def pod_of(manifest: Mapping[str, Any]) -> Pod | None:
    """Read a pod from the API's JSON; None if it is not one of the application's. Raises MalformedFaultsError."""
    metadata, spec, status = manifest["metadata"], manifest["spec"], manifest.get("status", {})
    labels = metadata.get("labels") or {}
    if labels.get(NAME) not in set(Component):
        return None
    component = Component(labels[NAME])
    found = faults.of(metadata.get("annotations") or {}, [c.get("image", "") for c in spec["containers"]])
    return Pod(
        uid=metadata["uid"],
        name=metadata["name"],
        namespace=metadata["namespace"],
        address=status.get("podIP", ""),
        component=component,
        colour=labels.get(COLOUR, ""),
        version=labels.get(VERSION, ""),
        faults=found,
        ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()),
        started=_started(status, component),
        stops=_stops(metadata, spec),
    )


def _started(status: Mapping[str, Any], component: Component) -> float | None:
    """Return when the component's container started; of a pod with other names, its first container."""
    containers = status.get("containerStatuses") or ()
    own = next((c for c in containers if c["name"] == component), containers[0] if containers else {})
    running = (own.get("state") or {}).get("running")
    return _instant(running["startedAt"]) if running else None


def _stops(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> float | None:
    """Return when a pod under deletion stops: its preStop sleep after the request, within the grace period."""
    deadline = metadata.get("deletionTimestamp")
    if deadline is None:
        return None
    grace = float(metadata.get("deletionGracePeriodSeconds") or 0)
    sleep = max((_pre_stop(container) for container in spec["containers"]), default=0.0)
    requested = _instant(deadline) - grace
    # The API truncates the deadline to whole seconds: one more makes up for that.
    return requested + min(sleep, grace) + 1 if sleep else requested


def _pre_stop(container: Mapping[str, Any]) -> float:
    """Seconds that the container's preStop hook sleeps, be it written as ``sleep`` or as a command."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in hook:
        return float(hook["sleep"]["seconds"])
    words = " ".join((hook.get("exec") or {}).get("command") or ()).split()
    after = words[words.index("sleep") + 1 :] if "sleep" in words else []
    return float(after[0]) if after and after[0].isdigit() else 0.0


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@dataclass(kw_only=True)
class Pods:
    """The known pods, found by address.

    Two pods can share an address for a while, as a restarted kwok does not know at once which it gave away before:
    the one that serves is found.
    """

    _by_uid: dict[str, Pod] = field(default_factory=dict)
    _by_address: dict[str, list[Pod]] = field(default_factory=lambda: defaultdict(list))

    def __len__(self) -> int:
        return len(self._by_uid)

    def __iter__(self) -> Iterator[Pod]:
        return iter(self._by_uid.values())

    def replace(self, pods: Iterable[Pod]) -> None:
        """Forget all and know ``pods``."""
        self._by_uid.clear()
        self._by_address.clear()
        for pod in pods:
            self.put(pod)

    def put(self, pod: Pod) -> None:
        """Add ``pod``, or take its new state."""
        self.drop(pod.uid)
        self._by_uid[pod.uid] = pod
        if pod.address:
            self._by_address[pod.address].append(pod)

    def drop(self, uid: str) -> None:
        """Forget a pod, known or not."""
        pod = self._by_uid.pop(uid, None)
        if pod is None or not pod.address:
            return
        rest = [other for other in self._by_address[pod.address] if other.uid != uid]
        if rest:
            self._by_address[pod.address] = rest
        else:
            del self._by_address[pod.address]

    def get(self, uid: str) -> Pod | None:
        """Return the pod with that identity."""
        return self._by_uid.get(uid)

    def at(self, address: str, component: Component) -> Pod | None:
        """Return the pod of ``component`` behind ``address``: the ready one, else one that runs, else any."""
        pods = (pod for pod in self._by_address.get(address, ()) if pod.component is component)
        return max(pods, key=lambda pod: (pod.ready, pod.started is not None), default=None)

    def uids(self) -> frozenset[str]:
        """Identities of all known pods."""
        return frozenset(self._by_uid)
