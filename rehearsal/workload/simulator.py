"""The server: one process that stands for every application pod of the rehearsal."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rehearsal.workload import metrics
from rehearsal.workload.connection import Connection
from rehearsal.workload.metrics import Meter
from rehearsal.workload.pods import PORTS, Component, Pod, Pods


@dataclass(kw_only=True)
class Simulator:
    """Hands each connection to the pod whose address it came in on, and keeps the pods' counters."""

    pods: Pods
    ports: dict[int, Component] = field(default_factory=lambda: {port: component for component, port in PORTS.items()})
    """Which component answers on which port."""
    clock: Callable[[], float] = time.time
    _connections: dict[str, set[Connection]] = field(default_factory=lambda: defaultdict(set))
    _meters: dict[str, Meter] = field(default_factory=dict)

    async def listen(self, addresses: Sequence[str]) -> list[asyncio.Server]:
        """Listen on every port of every address. Raises OSError if one is taken."""
        loop = asyncio.get_running_loop()
        return [
            await loop.create_server(lambda: Connection(self), address, port, backlog=4096, reuse_address=True)
            for address in addresses
            for port in self.ports
        ]

    def arrived(self, connection: Connection, address: str, port: int) -> Pod | None:
        """Say which pod accepts a new connection to ``address``, None if nobody does."""
        pod = self.pods.at(address)
        if pod is None or self.ports.get(port) is not pod.component or not pod.serves(self.clock()):
            return None
        self._connections[pod.uid].add(connection)
        return pod

    def left(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        if connection.pod is None:
            return
        uid = connection.pod.uid
        self._connections[uid].discard(connection)
        if not self._connections[uid]:
            del self._connections[uid]

    def meter(self, pod: Pod) -> Meter:
        """Return the counters of the pod's container; a container that was started again counts from zero."""
        since = pod.started or 0.0
        found = self._meters.get(pod.uid)
        if found is None or found.since != since:
            found = self._meters[pod.uid] = Meter(component=pod.component, since=since)
        return found

    def exposition(self, pod: Pod) -> str:
        """Return the pod's metrics as text."""
        meter, now = self.meter(pod), self.clock()
        # A pod has no processor of its own here: it owns up to a millisecond per request.
        cpu = sum(one.count for one in meter.series.values()) / 1000
        return metrics.exposition(pod, meter, now=now, cpu=cpu)

    def changed(self, uid: str) -> None:
        """Let the connections of a pod follow its new state: end with it, or go on with its new faults."""
        pod = self.pods.get(uid)
        if pod is None:
            self._meters.pop(uid, None)
        for connection in list(self._connections.get(uid, ())):
            if pod is None:
                connection.finish()
            elif pod.started is None:
                connection.reset()
            else:
                connection.pod = pod
