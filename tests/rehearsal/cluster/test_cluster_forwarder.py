"""Connections through the forwarder arrive whole, end as they should, and do not pile up in memory."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress

import pytest

from rehearsal.cluster import forwarder
from rehearsal.cluster.forwarder import Route

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


def through(handler: Handler | None, client: Client) -> None:
    """Run ``client`` against ``handler`` with the forwarder between them; without a handler nobody listens."""

    async def run() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        server = await asyncio.start_server(handler or _nobody, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if handler is None:
            server.close()
        route = Route(descriptor=listening.detach(), host="127.0.0.1", port=port)
        serving = asyncio.create_task(forwarder.serve([route], None))
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(*address)
        try:
            await asyncio.wait_for(client(reader, writer), 20)
        finally:
            writer.close()
            server.close()
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving

    asyncio.run(run())


async def _nobody(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    raise AssertionError("nobody listens here")


def test_a_route_is_parsed() -> None:
    assert Route.parse("5=127.0.0.1:443") == Route(descriptor=5, host="127.0.0.1", port=443)


def test_an_answer_that_comes_after_the_client_has_closed_its_direction_still_arrives() -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(-1)
        writer.write(f"{len(data)} bytes".encode())
        writer.close()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 1_000_000)
        writer.write_eof()
        assert await reader.read(-1) == b"1000000 bytes"

    through(count, client)


def test_the_servers_end_reaches_the_client() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.close()

    async def client(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        assert await reader.read(-1) == b"bye"

    through(greet, client)


def test_a_client_that_does_not_read_holds_the_server_back() -> None:
    sent = 0

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with suppress(OSError):
            for _ in range(1000):
                writer.write(b"x" * 100_000)
                await writer.drain()
                sent += 100_000

    async def client(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"go")
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert 0 < sent < 50_000_000

    through(flood, client)


def test_a_target_that_does_not_listen_ends_the_connection() -> None:
    async def client(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            assert await reader.read(-1) == b""

    through(None, client)


@pytest.mark.parametrize("connections", [50])
def test_many_connections_at_once_are_kept_apart(connections: int) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(-1))
        writer.close()

    async def run() -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        address = listening.getsockname()
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        route = Route(descriptor=listening.detach(), host="127.0.0.1", port=port)
        serving = asyncio.create_task(forwarder.serve([route], "127.0.0.1"))
        await asyncio.sleep(0)

        async def one(number: int) -> bytes:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(str(number).encode())
            writer.write_eof()
            answer = await reader.read(-1)
            writer.close()
            return answer

        answers = await asyncio.gather(*(one(number) for number in range(connections)))
        assert answers == [str(number).encode() for number in range(connections)]
        serving.cancel()
        server.close()

    asyncio.run(run())
