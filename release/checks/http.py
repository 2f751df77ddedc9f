"""How requests reach the candidate: a port of one method, and its implementation through the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import httpx

from release.adapters.web import Answer, client, fetch


class Http(Protocol):
    """Asks the site."""

    def ask(self, method: str, path: str, headers: Mapping[str, str], *, seconds: float) -> Answer:
        """The answer. Raises ``Unreachable`` where there is none within ``seconds``."""
        ...


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Asks the site as the world does, through its gateway; by default where the name service says.

    Each request has a connection of its own, so that none goes where an older one led.
    """

    domain: str
    """Name of the site: TLS server name and ``Host``."""
    port: int = 443
    """The port that clients use."""
    address: tuple[str, int] | None = None
    """Where to connect instead: host and port."""
    authority: Path | None = None
    """Certificates to trust, as PEM, instead of the system's."""

    def ask(self, method: str, path: str, headers: Mapping[str, str], *, seconds: float) -> Answer:
        """The answer; redirects are not followed."""
        url = f"https://{self.domain}:{self.port}{path}"
        return fetch(self._client, method, url, headers=headers, seconds=seconds)

    @cached_property
    def _client(self) -> httpx.Client:
        reach = {self.domain: self.address} if self.address else {}
        return client(reach=reach, authority=self.authority, reuse=False)
