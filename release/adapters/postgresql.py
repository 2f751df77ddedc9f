"""What there is to know of the PostgreSQL that both colours use, asked with its own client."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from release.adapters.web import Reach, line
from release.errors import Unreachable

CONNECT_SECONDS: Final = 5
QUERY_SECONDS: Final = 5

_NOT_LET_IN: Final = ("authentication failed", "no pg_hba.conf entry", "permission denied", "does not exist")
"""libpq gives no code for a failed connection, only the server's words, English unless it was told otherwise."""
_REACH: Final = "look whether it is up and can be reached from here (english-training:database.host and .port)"
_ROLE: Final = "mend english-training:database.user, .name or databasePassword, or the rights of that role"

_FACTS: Final[LiteralString] = """
    select 1,
           pg_is_in_recovery(),
           current_setting('max_connections')::int,
           current_setting('superuser_reserved_connections')::int
               + coalesce(current_setting('reserved_connections', true)::int, 0),
           (select count(*) from pg_stat_activity where backend_type = 'client backend')::int,
           (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
           (select count(*) from pg_stat_activity where usename = current_user)::int
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A database, and how to reach it."""

    host: str
    port: int
    name: str
    user: str
    ssl_mode: str
    """libpq's ``sslmode``."""
    authority: Path | None = None
    """Certificates to trust (libpq's ``sslrootcert``) instead of the system's."""

    def __str__(self) -> str:
        return f"PostgreSQL at {self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the server says of itself."""

    version: int
    """As ``server_version_num``: 150018 is 15.18."""
    encrypted: bool
    standby: bool
    """It only follows another server, and takes no writes."""
    free: int
    """Connections that this role may still open; our own counts as used."""
    most: int
    """Connections that this role may have at all."""
    schema: int | None
    """Version of the schema, where a table says it."""


class Refused(Unreachable):
    """The server is there, but does not let this role in."""


def look(
    server: Server, password: Callable[[], str], *, reach: Reach | None = None, schema_table: str | None = None
) -> Facts:
    """What the server says of itself. ``schema_table`` has a column ``version``.

    Raises ``Unreachable``, and of those ``Refused`` for a wrong password or a missing right. No text has the password.
    """
    secret = password()
    try:
        with psycopg.connect(**_parameters(server, secret, reach or {}), autocommit=True) as connection:
            # Set here, not by `options`: poolers between here and the server refuse those.
            connection.execute(sql.SQL("set statement_timeout = {}").format(sql.Literal(f"{QUERY_SECONDS}s")))
            row = connection.execute(_FACTS).fetchone()
            schema = _schema(connection, schema_table) if schema_table else None
            return _facts(connection, row, schema)
    except psycopg.errors.QueryCanceled:
        text = f"{server} did not answer a query within {QUERY_SECONDS} s"
        raise Unreachable(text, remedy="look at its load and its locks") from None
    except psycopg.Error as error:
        raise _explained(server, error, secret) from None  # its text, and the frames behind it, may hold the password


def _parameters(server: Server, secret: str, reach: Reach) -> dict[str, Any]:
    """What libpq is told. All that could lead elsewhere is said, lest ``PGHOSTADDR`` and its like decide it."""
    host, port = reach.get(f"{server.host}:{server.port}") or reach.get(server.host) or ("", server.port)
    return {
        "host": server.host,
        "hostaddr": host,
        "port": port,
        "dbname": server.name,
        "user": server.user,
        "password": secret,
        "passfile": "/dev/null",
        "sslmode": server.ssl_mode,
        "sslrootcert": str(server.authority) if server.authority else _system_authorities(server.ssl_mode),
        "gssencmode": "disable",
        "options": "",
        "application_name": "english-training-release-check",
        "connect_timeout": CONNECT_SECONDS,
        "target_session_attrs": "any",
    }


def _system_authorities(ssl_mode: str) -> str:
    """What ``sslrootcert`` is by default: libpq takes the system's authorities only where it verifies the name, too."""
    return "system" if ssl_mode == "verify-full" else ""


def _schema(connection: psycopg.Connection[Any], table: str) -> int | None:
    """The schema's version; ``None`` where there is no such table yet, or this role may not read it."""
    name = sql.Identifier(*table.split("."))
    found = connection.execute("select to_regclass(%s)", (name.as_string(connection),)).fetchone()
    if found is None or found[0] is None:
        return None
    try:
        row = connection.execute(sql.SQL("select max(version)::int from {}").format(name)).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return None if row is None else row[0]


def _facts(connection: psycopg.Connection[Any], row: Any, schema: int | None) -> Facts:  # noqa: ANN401 - a row
    _, standby, most, reserved, used, own_most, own_used = row
    free, most = most - reserved - used, most - reserved
    if own_most is not None:
        free, most = min(free, own_most - own_used), min(most, own_most)
    return Facts(
        version=connection.info.server_version,
        encrypted=connection.pgconn.ssl_in_use,
        standby=standby,
        free=max(0, free),
        most=most,
        schema=schema,
    )


def _explained(server: Server, error: psycopg.Error, secret: str) -> Unreachable:
    """The error in words, without the password whatever the server or the library said."""
    said = line(str(error).replace(secret, "…"))
    if isinstance(error, psycopg.errors.ConnectionTimeout) or "timeout expired" in said:
        return Unreachable(f"{server} did not answer within {CONNECT_SECONDS} s", remedy=_REACH)
    if any(sign in said for sign in _NOT_LET_IN):
        return Refused(f"{server} does not let us in: {said}", remedy=_ROLE)
    if "certificate" in said or "SSL" in said:
        remedy = "mend the server's certificate, or name the authority that signed it"
        return Unreachable(f"{server} cannot be asked: {said}", remedy=remedy)
    return Unreachable(f"{server} cannot be asked: {said}", remedy=_REACH)
