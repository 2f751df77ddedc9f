"""What the gate of Envoy Gateway shows, and what counts as healthy."""

import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster.health import gateway_kinds, healthy
from rehearsal.cluster.layout import Layout

LAYOUT = Layout(root=Path("/nowhere"))
ROUTES = ["GatewayClass", "Gateway", "HTTPRoute"]
GROUPS = {
    "/apis/gateway.networking.k8s.io/v1": ROUTES,
    "/apis/gateway.networking.k8s.io/v1beta1": ["ReferenceGrant"],
    "/apis/gateway.envoyproxy.io/v1alpha1": ["EnvoyProxy"],
}


class Discovery:
    """An API server that only says which kinds it knows."""

    def __init__(self, groups: Mapping[str, list[str]]) -> None:
        self.groups = groups

    def get(self, path: str) -> dict[str, Any] | None:
        kinds = self.groups.get(path)
        return None if kinds is None else {"resources": [{"kind": kind} for kind in kinds]}

    def apply(self, path: str, content: Mapping[str, Any], *, manager: str) -> dict[str, Any]:
        raise AssertionError((path, content, manager))

    def delete(self, path: str) -> None:
        raise AssertionError(path)


def test_the_gate_shows_every_kind_once_the_essential_ones_are_there() -> None:
    everything = {**GROUPS, "/apis/gateway.networking.k8s.io/v1": [*ROUTES, "GRPCRoute"]}
    expected = frozenset({*ROUTES, "GRPCRoute", "ReferenceGrant", "EnvoyProxy"})
    assert gateway_kinds(Discovery(everything)) == expected


@pytest.mark.parametrize("group", GROUPS)
def test_the_gate_is_closed_while_a_group_is_missing_or_not_complete(group: str) -> None:
    assert gateway_kinds(Discovery({name: kinds for name, kinds in GROUPS.items() if name != group})) is None
    assert gateway_kinds(Discovery({**GROUPS, group: []})) is None


@pytest.fixture
def answers() -> Iterator[HTTPServer]:
    """Yield a server that is well at ``/well`` and ill everywhere else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/well" else 503)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(("path", "expected"), [("/well", True), ("/ill", False)])
def test_only_200_is_healthy(answers: HTTPServer, path: str, *, expected: bool) -> None:
    assert healthy(f"http://127.0.0.1:{answers.server_port}{path}", LAYOUT) is expected


def test_what_does_not_answer_is_not_healthy(answers: HTTPServer) -> None:
    port = answers.server_port
    answers.server_close()
    assert healthy(f"http://127.0.0.1:{port}/well", LAYOUT, timeout=0.2) is False


def test_a_port_that_accepts_connections_is_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        assert healthy(f"tcp://127.0.0.1:{port}", LAYOUT)
    assert not healthy(f"tcp://127.0.0.1:{port}", LAYOUT)


@pytest.mark.parametrize(("last", "well"), [("ready   ", True), ("starting", False), ("stopping", False)])
def test_postgresql_is_well_once_it_says_so(tmp_path: Path, last: str, well: bool) -> None:
    file = tmp_path / "postmaster.pid"
    file.write_text(f"7\n/data\n1700000000\n5432\n\n10.20.0.10\n  1234  0\n{last}\n")
    assert healthy(f"postmaster:{file}", LAYOUT) is well


@pytest.mark.parametrize("content", [None, ""])
def test_a_postgresql_that_has_not_said_anything_is_not_well(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "postmaster.pid"
    if content is not None:
        file.write_text(content)
    assert not healthy(f"postmaster:{file}", LAYOUT)
