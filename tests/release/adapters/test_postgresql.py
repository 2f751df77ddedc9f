"""A real PostgreSQL, in clear and behind TLS, and what goes wrong with it."""

from collections.abc import Iterator

import psycopg
import pytest

from release.adapters import postgresql
from release.adapters.postgresql import Facts, Refused, Server
from release.errors import Unreachable
from tests.rehearsal.cluster_fixtures import eventually
from tests.release.checks.servers import PASSWORD, Pki, certificates, free_port, silent, tls_in_front
from tests.release.checks.servers import postgresql as running

RESERVED = 3
"""Connections that PostgreSQL keeps for administrators by default."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running(tmp_path_factory.mktemp("postgresql"), "max_connections=20") as port:
        with psycopg.connect(_conninfo(port), autocommit=True) as connection:
            connection.execute("create database exam")
            connection.execute("create role narrow login password 'narrow one' connection limit 5")
            connection.execute("create database closed")
            connection.execute("revoke connect on database closed from public")
        with psycopg.connect(_conninfo(port, "exam"), autocommit=True) as connection:
            connection.execute("create table schema_version (version int)")
            connection.execute("insert into schema_version values (6), (7)")
        yield port


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return certificates(tmp_path_factory.mktemp("pki"), "db.internal")


def _conninfo(port: int, database: str = "postgres") -> str:
    return f"host=127.0.0.1 port={port} user=exam password='{PASSWORD}' dbname={database} sslmode=disable"


def server(port: int, **changes: object) -> Server:
    known: dict[str, object] = {"host": "127.0.0.1", "port": port, "name": "exam", "user": "exam"}
    return Server(**{"ssl_mode": "disable", **known, **changes})  # type: ignore[arg-type]


def problem(server: Server, password: str = PASSWORD, **options: object) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        postgresql.look(server, lambda: password, **options)  # type: ignore[arg-type]
    assert caught.value.__cause__ is None
    assert password not in str(caught.value)
    return caught.value


def test_facts_are_those_of_the_server(port: int) -> None:
    version = postgresql.look(server(port), lambda: PASSWORD).version
    assert version >= 150000
    most = 20 - RESERVED
    known = Facts(version=version, encrypted=False, standby=False, free=most - 1, most=most, schema=None)
    # The server notices a little later that the connections which filled it have ended.
    assert eventually(lambda: postgresql.look(server(port), lambda: PASSWORD) == known)


def test_the_schema_is_read_where_a_table_has_it(port: int) -> None:
    assert postgresql.look(server(port), lambda: PASSWORD, schema_table="schema_version").schema == 7
    assert postgresql.look(server(port), lambda: PASSWORD, schema_table="public.schema_version").schema == 7
    assert postgresql.look(server(port), lambda: PASSWORD, schema_table="other").schema is None
    assert postgresql.look(server(port), lambda: PASSWORD, schema_table="x'; drop table y; --").schema is None


def test_a_role_that_may_not_read_the_schema_is_let_in_without_it(port: int) -> None:
    narrow = server(port, user="narrow")
    assert postgresql.look(narrow, lambda: "narrow one", schema_table="schema_version").schema is None


def test_a_role_with_few_connections_has_those(port: int) -> None:
    narrow = server(port, user="narrow")
    assert postgresql.look(narrow, lambda: "narrow one").most == 5
    # The server notices a little later that a connection has ended.
    assert eventually(lambda: postgresql.look(narrow, lambda: "narrow one").free == 4)


def test_a_name_is_verified_though_it_is_reached_elsewhere(port: int, pki: Pki) -> None:
    with tls_in_front(port, pki, postgresql=True) as secure:
        wanted = server(5432, host="db.internal", ssl_mode="verify-full", authority=pki.authority)
        facts = postgresql.look(wanted, lambda: PASSWORD, reach={"db.internal:5432": ("127.0.0.1", secure)})
    assert facts.encrypted


def test_the_environment_leads_nowhere_else(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOSTADDR", "PGOPTIONS", "PGSSLROOTCERT", "PGPASSFILE"):
        monkeypatch.setenv(name, "192.0.2.1")
    assert postgresql.look(server(port), lambda: PASSWORD).most == 17


def test_a_certificate_for_another_name_is_refused(port: int, pki: Pki) -> None:
    with tls_in_front(port, pki, postgresql=True) as secure:
        found = problem(server(secure, host="localhost", ssl_mode="verify-full", authority=pki.authority))
    assert 'server certificate for "db.internal" does not match host name "localhost"' in found.problem
    assert found.remedy == "mend the server's certificate, or name the authority that signed it"


def test_an_unknown_authority_is_refused(port: int, pki: Pki) -> None:
    with tls_in_front(port, pki, postgresql=True) as secure:
        found = problem(server(secure, ssl_mode="verify-full"))
    assert "certificate verify failed" in found.problem


def test_a_server_without_tls_is_refused_where_it_is_wanted(port: int) -> None:
    found = problem(server(port, ssl_mode="require"))
    assert "server does not support SSL, but SSL was required" in found.problem


def test_a_wrong_password_is_told_apart(port: int) -> None:
    found = problem(server(port), "a wrong one")
    assert isinstance(found, Refused)
    assert 'password authentication failed for user "exam"' in found.problem


def test_a_missing_database_or_right_is_told_apart(port: int) -> None:
    for wanted, said in {
        server(port, name="none"): 'database "none" does not exist',
        server(port, name="closed", user="narrow"): 'permission denied for database "closed"',
    }.items():
        found = problem(wanted, {"exam": PASSWORD, "narrow": "narrow one"}[wanted.user])
        assert isinstance(found, Refused)
        assert said in found.problem


def test_nobody_there_and_nobody_answering() -> None:
    found = problem(server(free_port()))
    assert not isinstance(found, Refused)
    assert "Connection refused" in found.problem


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "CONNECT_SECONDS", 2)
    with silent() as port:
        found = problem(server(port))
    assert found.problem == f"PostgreSQL at 127.0.0.1:{port} did not answer within 2 s"


def test_the_password_is_in_no_text_even_if_the_library_says_it(port: int) -> None:
    # The server names the user, and here the password is the same.
    found = problem(server(port, user="repeated"), "repeated")
    assert found.problem.endswith('password authentication failed for user "…"')
