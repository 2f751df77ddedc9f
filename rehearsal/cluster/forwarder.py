"""Carries connections from inherited listening sockets, which belong to the host, to addresses in this namespace.

``python -m rehearsal.cluster.forwarder --from=ADDRESS DESCRIPTOR=HOST:PORT...``
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

CHUNK: Final = 64 * 1024
BACKLOG: Final = 512


@dataclass(frozen=True, kw_only=True)
class Route:
    """One listening socket and where its connections go."""

    descriptor: int
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Route":
        """``5=127.0.0.1:443``."""
        number, _, target = text.partition("=")
        host, _, port = target.rpartition(":")
        return cls(descriptor=int(number), host=host, port=int(port))


async def splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, route: Route, source: str | None) -> None:
    """Carry one accepted connection both ways until both ends are closed."""
    with contextlib.suppress(OSError):
        try:
            there = await asyncio.open_connection(
                route.host, route.port, limit=CHUNK, local_addr=(source, 0) if source else None
            )
            try:
                await asyncio.gather(_carry(reader, there[1]), _carry(there[0], writer))
            finally:
                there[1].close()
        finally:
            writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, then close that one direction. A slow reader slows the writer: ``drain`` waits for it."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def serve(routes: Sequence[Route], source: str | None) -> None:
    """Accept on every route's socket, for ever."""
    servers = [
        await asyncio.start_server(
            partial(splice, route=route, source=source),
            sock=socket.socket(fileno=route.descriptor),
            limit=CHUNK,
            backlog=BACKLOG,
        )
        for route in routes
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main(arguments: Sequence[str]) -> None:
    """Entry point of the process."""
    source, *routes = arguments
    asyncio.run(serve([Route.parse(text) for text in routes], source.removeprefix("--from=")))


if __name__ == "__main__":
    main(sys.argv[1:])
