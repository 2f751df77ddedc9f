"""Speaks TLS to clients for a server that cannot, as a managed service's front does.

``python -m rehearsal.cluster.termination CERTIFICATE KEY HOST:PORT TARGET_HOST:TARGET_PORT``
"""

import asyncio
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

CHUNK: Final = 64 * 1024
HANDSHAKE_SECONDS: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where somebody listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``10.20.0.11:6379``."""
        host, _, port = text.rpartition(":")
        return cls(host=host, port=int(port))


async def splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Address) -> None:
    """Carry one accepted connection both ways until either end is closed: TLS knows no half-closed connection."""
    with suppress(OSError):
        try:
            there = await asyncio.open_connection(target.host, target.port, limit=CHUNK)
            ways = [asyncio.create_task(_carry(reader, there[1])), asyncio.create_task(_carry(there[0], writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                there[1].close()
        finally:
            writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()


async def listen(own: Address, target: Address, context: ssl.SSLContext) -> asyncio.Server:
    """The server, accepting."""
    return await asyncio.start_server(
        partial(splice, target=target),
        own.host,
        own.port,
        limit=CHUNK,
        ssl=context,
        ssl_handshake_timeout=HANDSHAKE_SECONDS,
    )


def context_of(certificate: str, key: str) -> ssl.SSLContext:
    """What the server shows its clients, of whom it asks no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


async def _serve(own: Address, target: Address, context: ssl.SSLContext) -> None:
    await (await listen(own, target, context)).serve_forever()


def main(arguments: Sequence[str]) -> None:
    """Entry point of the process."""
    certificate, key, own, target = arguments
    asyncio.run(_serve(Address.parse(own), Address.parse(target), context_of(certificate, key)))


if __name__ == "__main__":
    main(sys.argv[1:])
