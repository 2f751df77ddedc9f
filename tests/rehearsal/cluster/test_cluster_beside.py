"""The real servers beside the real cluster: from this machine, by TLS, and after they were killed."""

import http.client
import json
import os
import signal
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
import redis
from psycopg import sql

from rehearsal import images
from rehearsal.cluster import lifecycle, prepare
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.postgresql import Database
from rehearsal.cluster.state import State
from rehearsal.report import Lines
from tests.rehearsal.cluster_fixtures import EmbeddedCluster, eventually, programs, start

pytestmark = pytest.mark.cluster

BACKEND = images.Reference(repository="english-training-system/backend", tag="9.9.9")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """Yield a cluster that tests may stop and start."""
    made = start(tmp_path_factory.mktemp("beside"), programs())
    yield made
    lifecycle.stop(made.paths)


def database(cluster: EmbeddedCluster) -> Database:
    known = Database.read(Layout(root=cluster.paths.cluster))
    assert known is not None
    return known


def connect(cluster: EmbeddedCluster, **changes: Any) -> "psycopg.Connection[Any]":
    """The application's connection to its database, by the name that it has there."""
    known = database(cluster)
    return psycopg.connect(
        **{
            "host": "postgresql.internal",
            "hostaddr": "127.0.0.1",
            "port": cluster.running.beside["postgresql"],
            "dbname": known.name,
            "user": known.user,
            "password": known.password,
            "sslmode": "verify-full",
            "sslrootcert": str(cluster.running.ca),
            "connect_timeout": 10,
            **changes,
        }
    )


def cache(cluster: EmbeddedCluster) -> "redis.Redis":
    return redis.Redis(
        port=cluster.running.beside["redis"], ssl=True, ssl_ca_certs=str(cluster.running.ca), socket_timeout=10
    )


def kill(cluster: EmbeddedCluster, name: str) -> None:
    """Kill a part, and wait until it runs again."""
    before = cluster.part(name)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    assert eventually(lambda: cluster.part(name).restarts == before.restarts + 1)
    assert eventually(lambda: cluster.part(name).state is State.RUNNING)


def works(cluster: EmbeddedCluster) -> bool:
    try:
        connect(cluster).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_applications_database_belongs_to_its_user_who_is_no_superuser(cluster: EmbeddedCluster) -> None:
    with connect(cluster) as connection:
        row = connection.execute(
            "SELECT current_user, pg_get_userbyid(datdba), rolsuper, pg_encoding_to_char(encoding), ssl"
            " FROM pg_database, pg_roles, pg_stat_ssl"
            " WHERE datname = current_database() AND rolname = current_user AND pid = pg_backend_pid()"
        ).fetchone()
    assert row == ("english_training", "english_training", False, "UTF8", True)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sslmode": "disable"}, "no encryption"),
        ({"password": "wrong"}, "password authentication failed"),
        ({"user": "postgres"}, "password authentication failed"),
    ],
)
def test_nobody_else_and_nobody_in_the_clear_gets_in(
    cluster: EmbeddedCluster, changes: dict[str, str], why: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=why):
        connect(cluster, **changes)


def test_what_was_committed_outlives_a_killed_database(cluster: EmbeddedCluster) -> None:
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    kill(cluster, "postgresql")
    assert eventually(lambda: works(cluster))
    with connect(cluster) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]
        connection.execute("DROP TABLE kept")


def test_no_secret_of_the_database_is_in_a_command_or_a_log(cluster: EmbeddedCluster) -> None:
    password = database(cluster).password
    with connect(cluster) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute(sql.SQL("SELECT {} FROM nowhere").format(sql.Literal(password)))
    logs = Layout(root=cluster.paths.cluster).logs.glob("*.log")
    assert not [log.name for log in logs if password in log.read_text(errors="replace")]
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert password not in commands


def test_redis_keeps_its_keys_when_it_is_killed(cluster: EmbeddedCluster) -> None:
    cache(cluster).set("kept", "yes")
    # Redis hands its log to the kernel before it answers, and to the disk within a second.
    kill(cluster, "redis")
    assert cache(cluster).get("kept") == b"yes"


def test_redis_does_not_answer_in_the_clear(cluster: EmbeddedCluster) -> None:
    with pytest.raises(redis.RedisError):
        redis.Redis(port=cluster.running.beside["redis"], socket_timeout=10).ping()


def test_an_image_that_was_pushed_is_there_under_its_digest(cluster: EmbeddedCluster) -> None:
    registry = images.registry_of(cluster.paths)
    path = f"/v2/{BACKEND.repository}/manifests/{BACKEND.tag}"
    assert registry.call("HEAD", path) is None
    digest = images.push(registry, BACKEND)
    headers = registry.call("HEAD", path)
    assert headers is not None
    assert headers["Docker-Content-Digest"] == digest == images.make(BACKEND).manifest.digest
    assert images.push(registry, BACKEND) == digest


def test_only_what_is_missing_here_is_seeded(cluster: EmbeddedCluster) -> None:
    registry, host = images.registry_of(cluster.paths), "registry.localhost/english-training-system"
    names = [f"{host}/frontend:1.0.0", f"{host}/frontend:1.0.0", "other.test/x:1", f"{host}/backend@sha256:{'0' * 64}"]
    assert list(images.seed(registry, names)) == [f"{host}/frontend:1.0.0"]
    assert list(images.seed(registry, names)) == []


def prometheus(cluster: EmbeddedCluster, path: str) -> dict[str, Any]:
    """The data in Prometheus's answer to ``GET path`` of its API."""
    way = http.client.HTTPConnection("localhost", cluster.running.beside["prometheus"], timeout=10)
    with closing(way):
        way.request("GET", f"/api/v1/{path}")
        return dict(json.load(way.getresponse())["data"])


def test_prometheus_scrapes_and_its_rules_have_no_error(cluster: EmbeddedCluster) -> None:
    def health() -> set[str]:
        return {rule["health"] for group in prometheus(cluster, "rules")["groups"] for rule in group["rules"]}

    query = urllib.parse.urlencode({"query": 'up{job="envoy-proxy"}'})
    assert eventually(lambda: prometheus(cluster, f"query?{query}")["result"])
    assert eventually(lambda: health() == {"ok"})


def test_ports_data_and_a_new_password_are_there_after_a_stop_and_a_start(cluster: EmbeddedCluster) -> None:
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE moved (n int)")
    digest, before = images.push(images.registry_of(cluster.paths), BACKEND), cluster.running
    cache(cluster).set("moved", "yes")
    wanted = Database(name="english_training", user="english_training", password="another one, it's new")
    assert lifecycle.stop(cluster.paths)
    again = lifecycle.start(cluster.paths, cluster.programs, before.ports, Lines(), wanted)
    assert again.beside == before.beside
    with connect(cluster) as connection:
        assert connection.execute("SELECT count(*) FROM moved").fetchone() == (0,)
    assert database(cluster) == wanted
    assert cache(cluster).get("moved") == b"yes"
    headers = images.registry_of(cluster.paths).call("HEAD", f"/v2/{BACKEND.repository}/manifests/{BACKEND.tag}")
    assert headers is not None
    assert headers["Docker-Content-Digest"] == digest


def test_another_password_starts_a_running_cluster_again(cluster: EmbeddedCluster) -> None:
    layout, known = Layout(root=cluster.paths.cluster), database(cluster)
    launcher = lifecycle.status(cluster.paths).launcher
    lifecycle.start(cluster.paths, cluster.programs, cluster.running.ports, Lines(), known)
    assert lifecycle.status(cluster.paths).launcher == launcher
    other = Database(name=known.name, user=known.user, password="and yet another")
    lifecycle.start(cluster.paths, cluster.programs, cluster.running.ports, Lines(), other)
    assert lifecycle.status(cluster.paths).launcher != launcher
    assert prepare.database(layout, other) is False
    assert works(cluster)
