"""HTTP as the release tool speaks it: encrypted unless it stays on this machine, bounded, told in one line."""

import ipaddress
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from release.errors import Unreachable

LONGEST_LINE: Final = 300
"""Characters of somebody else's text that a message repeats at most."""
_MEGABYTE: Final = 2**20

Reach = Mapping[str, tuple[str, int]]
"""Where a name, ``host:port`` or ``host``, is reached, if not where the name service says: a tunnel, a forwarder."""


class Unclear(Unreachable):
    """It answered, but not with what was asked for: nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes
    seconds: float
    """From the request to the last byte."""


def client(*, reach: Reach | None = None, authority: Path | None = None, reuse: bool = True) -> httpx.Client:
    """A client that heeds no environment variables and speaks in clear to this machine only.

    ``authority`` is a file of certificates to trust instead of the system's; without ``reuse`` each request has a
    connection of its own. Raises ``Unreachable`` where it is none.
    """
    try:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
    except (OSError, ssl.SSLError) as error:
        text = f"the certificates in {authority} cannot be read: {line(str(error))}"
        raise Unreachable(text, remedy=f"put the authority's certificate, as PEM, into {authority}") from error
    limits = httpx.Limits(max_keepalive_connections=None if reuse else 0)
    transport = Guard(httpx.HTTPTransport(verify=context, trust_env=False, limits=limits), reach or {})
    # Uncompressed: what is small on the wire may be huge when unpacked.
    return httpx.Client(transport=transport, trust_env=False, headers={"accept-encoding": "identity"})


class Guard(httpx.BaseTransport):
    """Refuses to speak in clear to another machine, and goes where ``reach`` says."""

    def __init__(self, inner: httpx.BaseTransport, reach: Reach) -> None:
        self._inner = inner
        self._reach = reach

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``; certificate and ``Host`` stay those of its own address."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        address = self._reach.get(f"{url.host}:{port}") or self._reach.get(url.host)
        if address is None and url.host.endswith(".localhost"):
            address = ("127.0.0.1", port)  # RFC 6761: such a name is this machine, whatever the name service knows
        if url.scheme != "https" and not (is_local(url.host) and is_local(address[0] if address else url.host)):
            raise httpx.UnsupportedProtocol(f"{url.scheme} to {url.host} would not be encrypted")
        if address is not None:
            request = httpx.Request(
                request.method,
                url.copy_with(host=address[0], port=address[1]),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": url.host},
            )
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def is_local(host: str) -> bool:
    """Whether ``host`` names this machine: nothing sent there crosses a network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def fetch(
    http: httpx.Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float,
    largest: int = _MEGABYTE,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """The answer to a request, redirects not followed.

    Raises ``Unreachable`` where there is none in time, ``Unclear`` where it is larger than ``largest`` bytes.
    """
    place = httpx.URL(url).netloc.decode("ascii", "replace")
    started = clock()
    try:
        with http.stream(method, url, headers=headers, timeout=seconds) as response:
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > largest:
                    text = f"{place} answers with more than {largest} bytes"
                    raise Unclear(text, remedy=f"look what answers at {place}")
                if clock() - started > seconds:
                    raise httpx.ReadTimeout("the whole answer takes too long")
            return Answer(
                status=response.status_code,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=bytes(body),
                seconds=clock() - started,
            )
    except httpx.TimeoutException as error:
        remedy = f"look whether {place} is up and can be reached from here"
        raise Unreachable(f"{place} did not answer within {seconds:g} s", remedy=remedy) from error
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
        remedy = f"look whether {place} is up and can be reached from here"
        raise Unreachable(f"{place} cannot be asked: {line(str(error))}", remedy=remedy) from error


def line(text: str) -> str:
    """Somebody else's text as one line of bounded length that moves no cursor."""
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return shown if len(shown) <= LONGEST_LINE else f"{shown[: LONGEST_LINE - 1]}…"
