"""One HTTP/1.1 connection to the simulator, answered as the pod whose address it came in on."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, cast

import httptools

from rehearsal.workload.answers import Answer, answer, refusal, response
from rehearsal.workload.metrics import Meter
from rehearsal.workload.pods import Pod

HEAD_LIMIT: Final = 32 * 1024
"""Bytes of a request line with its headers; more is answered 431."""
BODY_LIMIT: Final = 16 * 2**20
"""Bytes of a request's body; more is answered 413."""
PIPELINE_LIMIT: Final = 64
"""Requests of one connection that may wait for their answer before reading pauses."""

_RESET: Final = struct.pack("ii", 1, 0)


class Registry(Protocol):
    """What a connection asks the simulator."""

    @property
    def clock(self) -> Callable[[], float]:
        """Tells the time, seconds since the epoch."""

    def arrived(self, connection: "Connection", address: str, port: int) -> Pod | None:
        """Say which pod accepts a new connection to ``address``, None if nobody does."""

    def left(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""

    def meter(self, pod: Pod) -> Meter:
        """Return the counters of the pod's container."""

    def exposition(self, pod: Pod) -> str:
        """Return the pod's metrics as text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Waiting:
    due: float
    """When to send it, on the event loop's clock."""
    received: float
    data: bytes
    last: bool
    answer: Answer | None
    """None for a refusal, which is not counted."""
    method: str


class Connection(asyncio.Protocol):
    """Reads requests, answers them in their order, and follows the fate of its pod."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self.pod: Pod | None = None
        self._url = b""
        self._head = True  # whether the head of a request is still being read
        self._received = 0
        self._body = 0
        self._ending = False  # whether nothing more is read
        self._writable = True

    # ---- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find the pod; reset the connection if it has died since the kernel took the connection."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is none by inheritance
        self.pod = self._registry.arrived(self, *transport.get_extra_info("sockname"))
        if self.pod is None:
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason makes no difference
        """Forget everything that was waiting."""
        self._ending = True
        self._waiting.clear()
        if self._timer:
            self._timer.cancel()
        self._registry.left(self)

    def data_received(self, data: bytes) -> None:
        """Read as many requests as ``data`` completes."""
        if self._ending:
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._ending = True  # answered as HTTP/1.1; what follows the request is another protocol
            self._finish()
        except httptools.HttpParserError:
            self._refuse(400)
        if self._head and self._received > HEAD_LIMIT:
            self._refuse(431)

    def eof_received(self) -> bool:
        """The other side sends no more: answer what is waiting, then close."""
        self.finish()
        return True

    def pause_writing(self) -> None:
        """Stop reading while the other side does not read its answers."""
        self._writable = False
        self._throttle()

    def resume_writing(self) -> None:
        """Read again."""
        self._writable = True
        self._throttle()

    # ---- the parser's side

    def on_url(self, url: bytes) -> None:
        """Collect the request's target, which can come in pieces."""
        self._url += url

    def on_headers_complete(self) -> None:
        """Count the body from here on."""
        self._head = False

    def on_body(self, body: bytes) -> None:
        """Measure a body, and let it go."""
        self._body += len(body)
        if self._body > BODY_LIMIT:
            self._refuse(413)

    def on_message_complete(self) -> None:
        """Answer the request."""
        target, self._url = self._url, b""
        self._received = self._body = 0
        self._head = True
        pod = self.pod
        if pod is None or self._ending:
            return
        method = self._parser.get_method().decode("ascii")
        now = self._registry.clock()
        given = answer(
            pod,
            method,
            target.partition(b"?")[0].decode("latin-1"),
            now=now,
            ordinal=self._registry.meter(pod).next,
            exposition=lambda: self._registry.exposition(pod),
        )
        last = not self._parser.should_keep_alive() or not pod.serves(now)
        data = response(pod, given, head_only=method == "HEAD", close=last)
        self._send(data, delay=given.delay, last=last, given=given, method=method)

    # ---- answering

    def _refuse(self, status: int) -> None:
        if not self._ending:
            self._send(refusal(status), delay=0.0, last=True, given=None, method="")

    def _send(self, data: bytes, *, delay: float, last: bool, given: Answer | None, method: str) -> None:
        now = self._loop.time()
        self._ending = self._ending or last
        waiting = _Waiting(due=now + delay, received=now, data=data, last=last, answer=given, method=method)
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            self._flush()
        self._throttle()

    def _flush(self) -> None:
        """Send every answer whose time has come, in the order of the requests."""
        self._timer = None
        now = self._loop.time()
        while self._waiting and self._waiting[0].due <= now:
            one = self._waiting.popleft()
            self._transport.write(one.data)
            if one.answer is not None and self.pod is not None:
                meter = self._registry.meter(self.pod)
                seconds, size = now - one.received, len(one.answer.body)
                meter.count(one.answer.view, one.method, one.answer.status, seconds=seconds, size=size)
                if one.answer.unhandled:
                    meter.unhandled[one.answer.view] += 1
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0].due, self._flush)
        self._throttle()
        self._finish()

    def _throttle(self) -> None:
        if self._transport.is_closing():
            return
        if self._writable and len(self._waiting) < PIPELINE_LIMIT:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # ---- the pod's fate

    def finish(self) -> None:
        """Read nothing more, answer what waits, then close: a process that shuts down."""
        self._ending = True
        self._finish()

    def _finish(self) -> None:
        if self._ending and not self._waiting:
            self._transport.close()

    def reset(self) -> None:
        """End at once, with a TCP reset: a process that died."""
        self._ending = True
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
