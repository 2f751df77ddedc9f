"""What there is to know of the Redis that both colours use, asked with its own client."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import redis
from redis.backoff import NoBackoff
from redis.connection import SSLConnection
from redis.retry import Retry

from release.adapters.web import Reach, Unclear, line
from release.errors import Unreachable

SECONDS: Final = 5.0
"""How long connecting, and one answer, may take."""
_REACH: Final = "look whether it is up and can be reached from here (english-training:redis.host, .port and .tls)"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Redis, and how to reach it."""

    host: str
    port: int
    tls: bool
    database: int = 0
    authority: Path | None = None
    """Certificates to trust instead of the system's."""

    def __str__(self) -> str:
        return f"Redis at {self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the server says of itself."""

    version: str
    replica: bool
    """It only follows another server, and takes no writes."""
    used: int
    """Bytes."""
    limit: int
    """Bytes; 0 is no limit."""
    eviction: str
    """``maxmemory-policy``: what goes when the limit is reached."""


class Refused(Unreachable):
    """The server is there, but does not let us in."""


def look(server: Server, password: Callable[[], str] | None = None, *, reach: Reach | None = None) -> Facts:
    """What the server says of itself, after it answered ``PING``.

    Raises ``Unreachable``, of those ``Refused`` for a wrong or missing password, and ``Unclear`` where ``INFO`` is
    forbidden. No text has the password.
    """
    secret = password() if password else None
    connection = _client(server, secret, reach or {})
    try:
        connection.ping()
        return _facts(server, cast("Mapping[str, Any]", connection.info()))
    except (redis.RedisError, OSError, UnicodeError) as error:
        raise _explained(server, error, secret) from None  # its text, and the frames behind it, may hold the password
    finally:
        connection.close()


class _Elsewhere(SSLConnection):
    """TLS with the server called ``host``, reached at another address."""

    def __init__(self, *, server_name: str, **options: Any) -> None:  # noqa: ANN401 - the base class's
        super().__init__(**options)
        self._server_name = server_name

    def _wrap_socket_with_ssl(self, sock: Any) -> Any:  # noqa: ANN401 - the base class's
        address, self.host = self.host, self._server_name
        try:
            return super()._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]  # publishes no types here
        finally:
            self.host = address


def _client(server: Server, secret: str | None, reach: Reach) -> redis.Redis:
    host, port = reach.get(f"{server.host}:{server.port}") or reach.get(server.host) or (server.host, server.port)
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "db": server.database,
        "password": secret,
        "socket_timeout": SECONDS,
        "socket_connect_timeout": SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        "protocol": 2,
        "client_name": "english-training-release-check",
    }
    if server.tls:
        authority = str(server.authority) if server.authority else None
        options |= {"connection_class": _Elsewhere, "server_name": server.host, "ssl_ca_certs": authority}
    return redis.Redis(connection_pool=redis.ConnectionPool(**options))


def _facts(server: Server, told: Mapping[str, Any]) -> Facts:
    try:
        return Facts(
            version=line(str(told["redis_version"])),
            replica=told["role"] != "master",
            used=int(told["used_memory"]),
            limit=int(told["maxmemory"]),
            eviction=line(str(told["maxmemory_policy"])),
        )
    except (KeyError, ValueError) as error:
        raise Unclear(f"{server} does not say how it is: INFO lacks {error}", remedy="allow its user INFO") from None


def _explained(server: Server, error: Exception, secret: str | None) -> Unreachable:
    """The error in words, without the password whatever the server or the library said."""
    text = str(error).replace(secret, "…") if secret else str(error)
    said = f"{server} cannot be asked: {line(text)}"
    if isinstance(error, redis.exceptions.NoPermissionError):
        return Unclear(said, remedy="allow its user PING, INFO and SELECT")
    if isinstance(error, redis.AuthenticationError | redis.exceptions.AuthorizationError) or _wants_password(error):
        return Refused(f"{server} refuses us: {line(text)}", remedy="give the password of its user")
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return Unreachable(f"{server} did not answer within {SECONDS:g} s", remedy=_REACH)
    if isinstance(error, redis.BusyLoadingError):
        return Unreachable(f"{server} is still loading its data", remedy="wait until it has, then try again")
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError) or "certificate" in text:
        return Unreachable(said, remedy="mend the server's certificate, or name the authority that signed it")
    return Unreachable(said, remedy=_REACH)


def _wants_password(error: Exception) -> bool:
    return isinstance(error, redis.ResponseError) and str(error).startswith(("NOAUTH", "WRONGPASS"))
