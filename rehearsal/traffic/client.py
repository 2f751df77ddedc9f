"""A client of the gateway: one source address with a few connections that are used again."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import Final, cast

import httptools

from rehearsal.traffic.plan import Plan

CONNECTIONS: Final = 6
"""Connections that one client keeps at most, as a browser does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer, as far as the report needs it."""

    status: int
    component: str
    colour: str
    location: str


class _Connection(asyncio.Protocol):
    """An HTTP/1.1 connection with one request under way at most."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._pending: asyncio.Future[Reply] | None = None
        self._headers: dict[bytes, str] = {}
        self.usable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._pending and not self._pending.done():
            closed = ConnectionResetError("the gateway closed the connection")
            self._pending.set_exception(exc if isinstance(exc, OSError) else closed)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.connection_lost(ConnectionAbortedError(f"no HTTP answer: {error}"))
            self._transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name in {b"x-component", b"x-colour", b"location"}:
            self._headers[name] = value.decode("latin-1")

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.usable = False
            self._transport.close()
        headers, self._headers = self._headers, {}
        if self._pending and not self._pending.done():
            reply = Reply(
                status=status,
                component=headers.get(b"x-component", ""),
                colour=headers.get(b"x-colour", ""),
                location=headers.get(b"location", ""),
            )
            self._pending.set_result(reply)

    async def ask(self, message: bytes) -> Reply:
        """Send one request and wait for its answer."""
        self._pending = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._pending

    def abort(self) -> None:
        self.usable = False
        self._transport.abort()

    def close(self) -> None:
        self.usable = False
        self._transport.close()


@dataclass(kw_only=True)
class Client:
    """Asks from one address; more than ``CONNECTIONS`` requests at a time wait for each other."""

    plan: Plan
    address: str
    tls: ssl.SSLContext | None
    _idle: deque[_Connection] = field(default_factory=deque)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    async def ask(self, message: bytes) -> Reply:
        """Send one request. Raises OSError (also ssl.SSLError) where there is no answer, and TimeoutError."""
        async with asyncio.timeout(self.plan.timeout), self._room:
            connection = self._reused() or await self._connect()
            try:
                reply = await connection.ask(message)
            except BaseException:
                connection.abort()
                raise
            if connection.usable:
                self._idle.append(connection)
            return reply

    async def connect(self) -> None:
        """Open a connection for later. Raises as ``ask`` does."""
        async with asyncio.timeout(self.plan.timeout):
            self._idle.append(await self._connect())

    def close(self) -> None:
        """Close the connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _reused(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            _Connection,
            self.plan.host,
            self.plan.port,
            ssl=self.tls,
            server_hostname=self.plan.domain if self.tls else None,
            local_addr=(self.address, 0),
        )
        return connection
