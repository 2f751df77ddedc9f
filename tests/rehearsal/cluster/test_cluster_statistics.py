"""Envoy's statistics can be read, and nothing else of its admin interface."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rehearsal.cluster import statistics
from rehearsal.cluster.layout import Layout

LOOPBACK = ("127.0.0.1", 0)


class Admin(BaseHTTPRequestHandler):
    """An admin interface that repeats what it was asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(f"envoy was asked {self.path}".encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    """Yield the port of ``server`` while it serves."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path)


def started(layout: Layout, run: str, address: str) -> None:
    """Write down where the Envoy of ``run`` has its admin interface, as Envoy does."""
    folder = layout.gateway / "run" / run
    folder.mkdir(parents=True)
    (folder / "admin-address.txt").write_text(address)


def get(layout: Layout, *paths: str, method: str = "GET") -> list[tuple[int, str]]:
    """Status and body of each of ``paths``, asked for on one connection."""
    found = []
    with (
        serving(statistics.server(layout, LOOPBACK)) as port,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection,
    ):
        for path in paths:
            connection.request(method, path)
            answer = connection.getresponse()
            found.append((answer.status, answer.read().decode()))
    return found


def test_statistics_are_those_of_the_envoy_that_was_started_last(layout: Layout) -> None:
    with serving(ThreadingHTTPServer(LOOPBACK, Admin)) as port:
        started(layout, "20260101_100000_7", "127.0.0.1:1")
        started(layout, "20260101_110000_7", f"127.0.0.1:{port}")
        path = "/stats/prometheus?usedonly&filter=upstream_rq"
        assert get(layout, path, "/stats/prometheus") == [
            (200, f"envoy was asked {path}"),
            (200, "envoy was asked /stats/prometheus"),
        ]


@pytest.mark.parametrize("path", ["/", "/quitquitquit", "/stats", "/stats/prometheus/../certs"])
def test_any_other_path_is_unknown_and_not_passed_on(layout: Layout, path: str) -> None:
    with serving(ThreadingHTTPServer(LOOPBACK, Admin)) as port:
        started(layout, "run", f"127.0.0.1:{port}")
        assert get(layout, path) == [(404, "not found\n")]


def test_nothing_can_be_posted(layout: Layout) -> None:
    with serving(ThreadingHTTPServer(LOOPBACK, Admin)) as port:
        started(layout, "run", f"127.0.0.1:{port}")
        ((status, _),) = get(layout, "/stats/prometheus", method="POST")
        assert status == 501


@pytest.mark.parametrize("address", ["", "127.0.0.1:1"])
def test_without_an_envoy_the_service_is_unavailable(layout: Layout, address: str) -> None:
    started(layout, "run", address)
    ((status, said),) = get(layout, "/stats/prometheus")
    assert status == 503
    assert said.startswith("Envoy ")


def test_it_says_that_it_serves_before_there_is_an_envoy(layout: Layout) -> None:
    assert get(layout, "/ready", "/stats/prometheus") == [
        (200, "ready\n"),
        (503, "Envoy has not said where its admin interface is\n"),
    ]
