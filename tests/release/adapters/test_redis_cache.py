"""A real Redis, in clear and behind TLS, and what goes wrong with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as client

from release.adapters import redis_cache
from release.adapters.redis_cache import Facts, Refused, Server
from release.adapters.web import Unclear
from release.errors import Unreachable
from tests.release.checks.servers import PASSWORD, Pki, certificates, free_port, redis, silent, tls_in_front


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    options = ("--requirepass", PASSWORD, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
    with redis(tmp_path_factory.mktemp("redis"), *options) as port:
        yield port


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return certificates(tmp_path_factory.mktemp("pki"), "redis.internal")


def server(port: int, **changes: object) -> Server:
    return Server(**{"host": "127.0.0.1", "port": port, "tls": False, **changes})  # type: ignore[arg-type]


def problem(server: Server, password: str | None = PASSWORD) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        redis_cache.look(server, None if password is None else lambda: password)
    assert caught.value.__cause__ is None
    assert not password or password not in str(caught.value)
    return caught.value


def test_facts_are_those_of_the_server(port: int) -> None:
    facts = redis_cache.look(server(port), lambda: PASSWORD)
    assert facts.used > 0
    assert facts == Facts(
        version=facts.version, replica=False, used=facts.used, limit=64 * 2**20, eviction="allkeys-lru"
    )


def test_a_name_is_verified_though_it_is_reached_elsewhere(port: int, pki: Pki) -> None:
    with tls_in_front(port, pki) as secure:
        wanted = server(6379, host="redis.internal", tls=True, authority=pki.authority)
        facts = redis_cache.look(wanted, lambda: PASSWORD, reach={"redis.internal": ("127.0.0.1", secure)})
    assert facts.limit == 64 * 2**20


def test_a_certificate_for_another_name_is_refused(port: int, pki: Pki) -> None:
    with tls_in_front(port, pki) as secure:
        found = problem(server(secure, host="localhost", tls=True, authority=pki.authority))
    assert "Hostname mismatch" in found.problem
    assert found.remedy == "mend the server's certificate, or name the authority that signed it"


def test_an_unknown_authority_is_refused(port: int, pki: Pki) -> None:
    with tls_in_front(port, pki) as secure:
        found = problem(server(secure, tls=True))
    assert "certificate verify failed" in found.problem


def test_a_wrong_password_is_told_apart(port: int) -> None:
    found = problem(server(port), "a wrong one")
    assert isinstance(found, Refused)
    assert found.remedy == "give the password of its user"


def test_a_missing_password_is_told_apart(port: int) -> None:
    found = problem(server(port), None)
    assert isinstance(found, Refused)
    assert "Authentication required" in found.problem


def test_a_user_without_the_right_leaves_it_unknown(port: int, tmp_path: Path) -> None:
    with client.Redis(port=port, password=PASSWORD) as admin:
        admin.execute_command("ACL", "SETUSER", "default", "-info")
        try:
            found = problem(server(port))
        finally:
            admin.execute_command("ACL", "SETUSER", "default", "+info")
    assert isinstance(found, Unclear)
    assert found.remedy == "allow its user PING, INFO and SELECT"


def test_a_replica_says_so(port: int, tmp_path: Path) -> None:
    with redis(tmp_path, "--replicaof", "127.0.0.1", str(port), "--masterauth", PASSWORD) as follower:
        assert redis_cache.look(server(follower)).replica


def test_nobody_there() -> None:
    found = problem(server(free_port()))
    assert not isinstance(found, Refused)
    assert "Connection refused" in found.problem


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    monkeypatch.setattr(redis_cache, "SECONDS", 0.2)
    with silent() as port:
        found = problem(server(port, tls=tls))
    assert found.problem == f"Redis at 127.0.0.1:{port} did not answer within 0.2 s"
