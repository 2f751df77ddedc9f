"""The server: one process that stands for every application pod of the rehearsal."""

import asyncio
import logging
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rehearsal.workload import metrics
from rehearsal.workload.connection import Connection
from rehearsal.workload.metrics import Meter
from rehearsal.workload.pods import PORTS, Component, Pod, Pods

LOG: Final = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections to one pod that may wait to be accepted."""

Address = tuple[str, int]


@dataclass(kw_only=True)
class Simulator:
    """Listens on the address of each pod that runs, so that those of others refuse, and keeps the pods' counters."""

    pods: Pods
    ports: Mapping[Component, int] = field(default_factory=lambda: PORTS)
    """Where each component listens."""
    clock: Callable[[], float] = time.time
    announce: Callable[[list[Pod]], None] = lambda _serving: None
    """Told which pods serve, whenever that may have changed."""
    _listeners: dict[Address, socket.socket] = field(default_factory=dict)
    _arriving: set[asyncio.Task[Any]] = field(default_factory=set)  # keeps the tasks alive
    _connections: dict[str, set[Connection]] = field(default_factory=lambda: defaultdict(set))
    _meters: dict[str, Meter] = field(default_factory=dict)

    def changed(self, uid: str) -> None:
        """Follow a pod's new state: with its address, and with its connections."""
        pod = self.pods.get(uid)
        if pod is None:
            self._meters.pop(uid, None)
        elif pod.stops is not None and pod.serves(self.clock()):
            asyncio.get_running_loop().call_later(pod.stops - self.clock() + 0.05, self._listen)
        self._listen()
        for connection in list(self._connections.get(uid, ())):
            if pod is None:
                connection.finish()
            elif pod.started is None:
                connection.reset()
            else:
                connection.pod = pod

    def close(self) -> None:
        """Listen nowhere, and reset every connection."""
        for listener in self._listeners.values():
            self._close(listener)
        self._listeners.clear()
        for connection in [one for connections in self._connections.values() for one in connections]:
            connection.reset()

    def _listen(self) -> None:
        """Make the listening addresses those of the pods that serve: any other address refuses."""
        now = self.clock()
        serving = [pod for pod in self.pods if pod.address and pod.serves(now)]
        wanted = {(pod.address, self.ports[pod.component]) for pod in serving}
        for address in self._listeners.keys() - wanted:
            self._close(self._listeners.pop(address))
        for address in wanted - self._listeners.keys():
            self._open(address)
        self.announce(serving)

    def _open(self, address: Address) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            LOG.warning("cannot listen on %s:%d: %s", *address, error.strerror)
            return
        self._listeners[address] = listener
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _close(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(listener)
        listener.close()

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(BACKLOG):
            try:
                accepted, _peer = listener.accept()
            except OSError:  # no more, or no file descriptor left: tried again with the next connection
                return
            task = loop.create_task(loop.connect_accepted_socket(lambda: Connection(self), accepted))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    # ---- what connections ask

    def arrived(self, connection: Connection, address: str, port: int) -> Pod | None:
        """Say which pod accepts a new connection to ``address``, None if nobody does."""
        component = next(component for component, its_port in self.ports.items() if its_port == port)
        pod = self.pods.at(address, component)
        if pod is None or not pod.serves(self.clock()):
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
