"""What to send: how many requests, how fast, to where, and from how many clients."""

import random
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from math import ceil
from pathlib import Path
from typing import Final

CLIENT_LIMIT: Final = 90
"""Requests that one client sends within a minute: the gateway allows 100."""

CLIENTS: Final = IPv4Network("10.200.0.0/17")
"""Addresses of the clients: half of the range that is local inside the embedded cluster; its own parts use the rest."""

PATHS: Final = ("/api/exams/", "/", "/api/words/", "/admin/", "/practice")
"""The default mix: backend and frontend in turn, three to two."""


_PATH: Final = re.compile(r"/[!-~]*\Z")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9.-]+\Z")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Requests to send. Raises ValueError if they cannot be sent so."""

    domain: str
    """Name of the site: TLS server name and ``Host``."""
    ca: Path | None
    """Certificates to trust; None speaks plain HTTP."""
    host: str = "127.0.0.1"
    """Address of the gateway."""
    port: int = 443
    requests: int = 1000
    rate: float | None = None
    """Requests a second, at equal distances whatever the answers do; None sends as fast as ``concurrency`` allows."""
    concurrency: int = 16
    """Requests under way at a time, where there is no rate."""
    paths: tuple[str, ...] = PATHS
    """Asked for in turn."""
    clients: int | None = None
    """Client addresses; None is as many as keep each below ``CLIENT_LIMIT``."""
    network: IPv4Network = CLIENTS
    """Where the client addresses are taken from."""
    first_client: int = field(default_factory=lambda: random.randrange(CLIENTS.num_addresses))  # noqa: S311  # no secret
    """Number of the first client in ``network``; by chance, so that two runs within a minute do not share a limit."""
    timeout: float = 5.0
    """Seconds after which a request has failed."""
    timeline: bool = False
    """Whether to keep who answered when."""

    def __post_init__(self) -> None:
        positive = {"requests": self.requests, "concurrency": self.concurrency, "timeout": self.timeout}
        positive |= {
            "rate": 1 if self.rate is None else self.rate,
            "clients": 1 if self.clients is None else self.clients,
        }
        wrong = [name for name, value in positive.items() if value <= 0]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: must be greater than 0")
        if not self.paths or not all(map(_PATH.match, self.paths)):
            raise ValueError("paths: at least one, each begins with /, without spaces or other special characters")
        if not _DOMAIN.match(self.domain):
            raise ValueError(f"domain {self.domain!r}: letters, digits, dots and hyphens only")

    @property
    def addresses(self) -> list[str]:
        """Addresses of the clients, each used in turn."""
        per_minute = self.requests if self.rate is None else min(self.requests, self.rate * 60)
        count = self.clients if self.clients is not None else ceil(per_minute / CLIENT_LIMIT)
        usable = self.network.num_addresses - 2
        return [str(self.network[1 + (self.first_client + number) % usable]) for number in range(min(count, usable))]

    def due(self, number: int) -> float:
        """Seconds after the start at which request ``number`` is sent."""
        return 0.0 if self.rate is None else number / self.rate

    def message(self, number: int) -> bytes:
        """Bytes of request ``number``."""
        path = self.paths[number % len(self.paths)]
        fields = f"host: {self.domain}\r\nuser-agent: english-training-rehearsal\r\naccept: */*\r\n"
        return f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode("ascii")
