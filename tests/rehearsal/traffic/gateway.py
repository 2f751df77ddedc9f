"""A stand-in for the gateway on loopback, in a thread of its own, and certificates for it."""

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rehearsal.traffic import Plan

DOMAIN = "site.test"
LOOPBACK = IPv4Network("127.88.0.0/16")


def reply(status: int = 200, *, component: str = "", colour: str = "", extra: str = "") -> bytes:
    """An answer, as a pod or (without component) as the gateway itself gives it."""
    who = f"x-component: {component}\r\nx-colour: {colour}\r\n" if component else ""
    return f"HTTP/1.1 {status} X\r\n{who}{extra}content-length: 2\r\n\r\nok".encode()


Behaviour = Callable[[str], bytes | None]
"""From the path to the bytes of the answer; None closes the connection without one."""


@dataclass(kw_only=True)
class Gateway:
    """What was seen, and where it listens."""

    port: int = 0
    connections: Counter[str] = field(default_factory=Counter)
    """Connections by client address."""
    requests: Counter[str] = field(default_factory=Counter)
    """Requests by client address."""
    heads: list[str] = field(default_factory=list)

    def plan(self, **changes: Any) -> Plan:
        """A plan for this gateway, from loopback clients, without TLS unless ``ca`` is given."""
        defaults = {"domain": DOMAIN, "ca": None, "port": self.port, "network": LOOPBACK, "requests": 20}
        return Plan(**{**defaults, **changes})


@contextmanager
def gateway(behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, delay: float = 0.0) -> Iterator[Gateway]:
    """Serve until the block ends; ``delay`` in seconds comes before each answer."""
    seen, ready, loop = Gateway(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")[0]
        seen.connections[client] += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                seen.requests[client] += 1
                seen.heads.append(head)
                await asyncio.sleep(delay)
                data = behaviour(head.split(" ")[1])
                if data is None:
                    break
                writer.write(data)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        seen.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    ready.wait()
    try:
        yield seen
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def certificate(self) -> Path:
        """The authority's own certificate."""
        path = self.folder / "ca.crt"
        if not path.exists():
            path.write_bytes(self._issue("ca", self.key, days=10, authority=True))
        return path

    def context(self, domain: str = DOMAIN, *, days: int = 1) -> ssl.SSLContext:
        """A server's TLS context with a certificate that ends in ``days`` (which may be past)."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.folder / f"{domain}.pem"
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(key.private_bytes(*form) + self._issue(domain, key, days=days, authority=False))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _issue(self, name: str, key: ec.EllipticCurvePrivateKey, *, days: int, authority: bool) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
