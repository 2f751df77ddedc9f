"""Clients speak TLS, the server behind does not, and neither is left hanging when the other goes."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal.cluster import pki
from rehearsal.cluster.termination import Address, context_of, listen

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NAME = "redis.internal"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Certificate, key, and the authority that signed it."""
    folder, now = tmp_path_factory.mktemp("certificate"), datetime.now(UTC)
    authority = pki.issue_authority("test-ca", now)
    pair = pki.issue(authority, now, common_name=NAME, names=(NAME,))
    files = {"crt": pair.certificate, "key": pair.key, "ca": authority.certificate}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / "crt", folder / "key", folder / "ca"


def through(certificate: tuple[Path, Path, Path], handler: Handler, client: Handler, *, tls: bool = True) -> None:
    """Run ``client`` against ``handler`` with TLS ended between them."""

    async def run() -> None:
        crt, key, authority = certificate
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        target = Address(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        front = await listen(Address(host="127.0.0.1", port=0), target, context_of(str(crt), str(key)))
        context = ssl.create_default_context(cafile=str(authority)) if tls else None
        reader, writer = await asyncio.open_connection(
            *front.sockets[0].getsockname(), ssl=context, server_hostname=NAME if tls else None
        )
        try:
            await asyncio.wait_for(client(reader, writer), 20)
        finally:
            writer.close()
            front.close()
            server.close()

    asyncio.run(run())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data.upper())
        await writer.drain()
    writer.close()


def test_an_address_is_parsed() -> None:
    assert Address.parse("10.20.0.11:6379") == Address(host="10.20.0.11", port=6379)


def test_both_directions_arrive_whole(certificate: tuple[Path, Path, Path]) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 300_000)
        assert await reader.readexactly(300_000) == b"X" * 300_000

    through(certificate, echo, client)


def test_the_servers_end_reaches_an_idle_client(certificate: tuple[Path, Path, Path]) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")
        writer.close()

    async def client(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        assert await reader.read(-1) == b"bye"

    through(certificate, greet, client)


def test_the_clients_end_reaches_the_server(certificate: tuple[Path, Path, Path]) -> None:
    ended = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        ended.set()
        writer.close()

    async def client(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await ended.wait()

    through(certificate, wait, client)


def test_who_does_not_speak_tls_reaches_nobody(certificate: tuple[Path, Path, Path]) -> None:
    async def nobody(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        raise AssertionError("the server was reached in the clear")

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"PING\r\n")
        assert b"PONG" not in await reader.read(-1)

    through(certificate, nobody, client, tls=False)
