"""PostgreSQL and Redis: what their facts mean, and both asked for real over TLS."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from release.adapters import postgresql as database_server
from release.adapters import redis_cache as cache_server
from release.checks import only, pre_checks, run
from release.checks.base import failed, passed
from release.checks.data import judge_cache, judge_database
from release.model import Finding, Outcome
from tests.release.checks.contexts import context
from tests.release.checks.servers import PASSWORD, certificates, free_port, postgresql, redis, tls_in_front
from tests.settings.samples import changed, read

DATABASE = database_server.Server(host="db.internal", port=5432, name="exam", user="exam", ssl_mode="verify-full")
CACHE = cache_server.Server(host="redis.internal", port=6379, tls=True)
GIB = 2**30


def database(**changes: Any) -> Finding:
    known: dict[str, Any] = {
        "version": 150018, "encrypted": True, "standby": False, "free": 90, "most": 97, "schema": None
    }  # fmt: skip
    facts = database_server.Facts(**{**known, **changes})
    return judge_database(DATABASE, facts, read(changed({})), connections_per_pod=4)


def figures(**changes: int) -> dict[str, int]:
    return {"version": 150018, "free": 90, "connections": 97, "wanted": 20, **changes}


def test_a_database_with_room_passes() -> None:
    text = "PostgreSQL at db.internal:5432 answers over TLS: version 15.18, schema 7, 90 of 97 connections free"
    assert database(schema=7) == passed("database", text, figures(schema=7))
    assert database(encrypted=False).text.startswith("PostgreSQL at db.internal:5432 answers in clear: ")


def test_a_database_with_little_room_warns() -> None:
    assert "Warning" not in database(free=20).text
    assert database(free=19) == passed(
        "database",
        "PostgreSQL at db.internal:5432 answers over TLS: version 15.18, 19 of 97 connections free. Warning: the "
        "candidate's backend may open 20: 5 pods of 4 each, at maxReplicas and the quarter that a rolling update adds",
        figures(free=19),
    )


def test_a_database_that_takes_no_writes_or_is_too_old_fails() -> None:
    assert database(standby=True) == failed(
        "database",
        "PostgreSQL at db.internal:5432 is a standby and takes no writes",
        remedy="set english-training:database.host to the server that takes writes",
        figures=figures(),
    )
    assert database(version=140022) == failed(
        "database",
        "PostgreSQL at db.internal:5432 is version 14.22, older than 15",
        remedy="move the database to PostgreSQL 15 or newer",
        figures=figures(version=140022),
    )


def cache(**changes: Any) -> Finding:
    known: dict[str, Any] = {
        "version": "7.0.15", "replica": False, "used": GIB, "limit": 4 * GIB, "eviction": "allkeys-lru"
    }  # fmt: skip
    return judge_cache(CACHE, cache_server.Facts(**{**known, **changes}))


@pytest.mark.parametrize(
    ("changes", "outcome", "text"),
    [
        ({}, Outcome.PASS, "answers over TLS: version 7.0.15, 1Gi used of 4Gi, eviction allkeys-lru"),
        (
            {"limit": 0},
            Outcome.PASS,
            "answers over TLS: version 7.0.15, 1Gi used, without a limit, eviction allkeys-lru",
        ),
        ({"replica": True}, Outcome.FAIL, "is a replica and takes no writes"),
        ({"version": "6.2.5"}, Outcome.FAIL, "is version 6.2.5, older than 7"),
        ({"version": "new"}, Outcome.FAIL, "is version new, older than 7"),
        (
            {"eviction": "noeviction", "limit": 10 * GIB, "used": 9 * GIB},
            Outcome.FAIL,
            "is about to refuse writes: 9Gi used of 10Gi, and it throws nothing out (noeviction)",
        ),
        (
            {"eviction": "noeviction", "limit": 10 * GIB, "used": 9 * GIB - 1},
            Outcome.PASS,
            "answers over TLS: version 7.0.15, 9216Mi used of 10Gi, eviction noeviction",
        ),
        (
            {"limit": 10 * GIB, "used": 10 * GIB},
            Outcome.PASS,
            "answers over TLS: version 7.0.15, 10Gi used of 10Gi, eviction allkeys-lru",
        ),
    ],
)
def test_what_the_caches_facts_mean(changes: dict[str, Any], outcome: Outcome, text: str) -> None:
    found = cache(**changes)
    assert (found.outcome, found.text) == (outcome, f"Redis at redis.internal:6379 {text}")
    assert (found.remedy is None) is (outcome is Outcome.PASS)


def test_the_database_is_asked_as_configured(tmp_path: Path) -> None:
    pki = certificates(tmp_path / "pki", "db.internal")
    with postgresql(tmp_path) as port, tls_in_front(port, pki, postgresql=True) as secure:
        asked = context(
            {"database.name": "postgres"},
            reach={"db.internal:5432": ("127.0.0.1", secure)},
            database_authority=pki.authority,
        )
        (found,) = run(only(pre_checks(asked), ["database"]))
    assert found.outcome is Outcome.PASS, found.text
    assert found.text.startswith("PostgreSQL at db.internal:5432 answers over TLS: version ")
    assert found.text.endswith(" of 97 connections free")


def test_the_cache_is_asked_as_configured(tmp_path: Path) -> None:
    pki = certificates(tmp_path / "pki", "redis.internal")
    with redis(tmp_path, "--requirepass", PASSWORD) as port, tls_in_front(port, pki) as secure:
        asked = context(
            {"redis.database": 3},
            reach={"redis.internal:6379": ("127.0.0.1", secure)},
            cache_authority=pki.authority,
            cache_password=lambda: PASSWORD,
        )
        (found,) = run(only(pre_checks(asked), ["cache"]))
    assert found.outcome is Outcome.PASS, found.text
    assert found.text.startswith("Redis at redis.internal:6379 answers over TLS: version ")


def wrong() -> str:
    return "a wrong one"


@pytest.mark.parametrize(("name", "option"), [("database", "database_password"), ("cache", "cache_password")])
def test_nobody_there_fails_and_no_password_is_shown(name: str, option: str) -> None:
    reach = {host: ("127.0.0.1", free_port()) for host in ("db.internal", "redis.internal")}
    password: Callable[[], str] = wrong
    (found,) = run(only(pre_checks(context(reach=reach, **{option: password})), [name]))
    assert found.outcome is Outcome.FAIL
    assert "Connection refused" in found.text
    assert wrong() not in str(found)
