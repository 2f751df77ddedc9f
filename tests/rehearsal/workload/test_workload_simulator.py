"""The simulator over real sockets: each loopback address stands for a pod's."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from rehearsal.workload.connection import BODY_LIMIT, HEAD_LIMIT, PIPELINE_LIMIT
from rehearsal.workload.faults import Faults
from rehearsal.workload.pods import Component, Pod, Pods
from rehearsal.workload.simulator import Simulator
from tests.rehearsal.workload.samples import STARTED, pod

_numbers = count(1)


class Scene:
    """A simulator whose clock stands still, and pods on loopback addresses that nobody else uses."""

    def __init__(self) -> None:
        self.now = STARTED
        self.ports = {component: _free_port() for component in Component}
        self.announced: list[list[str]] = []
        self.simulator = Simulator(
            pods=Pods(),
            ports=self.ports,
            clock=lambda: self.now,
            announce=lambda pods: self.announced.append([pod.uid for pod in pods]),
        )
        self.problems: list[dict[str, Any]] = []

    def show(self, *shown: Pod) -> None:
        for one in shown:
            self.simulator.pods.put(one)
            self.simulator.changed(one.uid)

    def remove(self, gone: Pod) -> None:
        self.simulator.pods.drop(gone.uid)
        self.simulator.changed(gone.uid)

    async def connect(self, to: Pod) -> "Wire":
        return Wire(*await asyncio.open_connection(to.address, self.ports[to.component]))

    async def ask(self, to: Pod, *requests: str) -> bytes:
        """All bytes that come back to ``requests``, of which the last asks to close."""
        wire = await self.connect(to)
        wire.send(*requests, close=True)
        return await wire.everything()


class Wire:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *requests: str, close: bool = False) -> None:
        for number, request in enumerate(requests):
            last = close and number == len(requests) - 1
            self.raw(f"{request} HTTP/1.1\r\nhost: x\r\n{'connection: close' if last else 'x: y'}\r\n\r\n".encode())

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    async def everything(self) -> bytes:
        async with asyncio.timeout(10):
            data = await self.reader.read()
        self.writer.close()
        return data

    async def answer(self) -> bytes:
        """One answer's head; its body is read over."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await self.reader.readexactly(length)
        return head


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def at(number: int) -> str:
    return f"127.77.{number // 250}.{number % 250 + 1}"


def a_pod(**fields: Any) -> Pod:
    number = next(_numbers)
    return replace(pod(), uid=f"uid-{number}", name=f"pod-{number}", address=at(number), **fields)


def play(scene: Callable[[Scene], Awaitable[None]]) -> None:
    """Run a scene as production does, and fail if the event loop had to swallow an error."""

    async def run() -> None:
        stage = Scene()
        asyncio.get_running_loop().set_exception_handler(lambda _, problem: stage.problems.append(problem))
        try:
            await scene(stage)
        finally:
            stage.simulator.close()
        assert stage.problems == []

    uvloop.run(run())


def test_each_address_answers_as_its_own_pod() -> None:
    async def scene(s: Scene) -> None:
        blue, green = a_pod(), a_pod(colour="green", version="1.5.0")
        page = a_pod(component=Component.FRONTEND)
        s.show(blue, green, page)
        assert b"x-colour: blue\r\nx-version: 1.4.0\r\n" in await s.ask(blue, "GET /api/words/")
        assert b"x-colour: green\r\nx-version: 1.5.0\r\n" in await s.ask(green, "GET /api/words/")
        assert b"x-component: frontend\r\n" in await s.ask(page, "GET /")

    play(scene)


def test_addresses_without_a_pod_and_ports_of_the_other_component_refuse() -> None:
    async def scene(s: Scene) -> None:
        backend = a_pod()
        s.show(backend)
        for wrong in (replace(backend, component=Component.FRONTEND), a_pod(), a_pod(started=None)):
            with pytest.raises(ConnectionRefusedError):
                await s.connect(wrong)

    play(scene)


def test_a_crash_resets_connections_and_refuses_new_ones_until_the_container_runs_again() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod()
        s.show(one)
        wire = await s.connect(one)
        wire.send("GET /api/")
        await wire.answer()
        s.show(replace(one, started=None))
        with pytest.raises(ConnectionResetError):
            await wire.everything()
        with pytest.raises(ConnectionRefusedError):
            await s.connect(one)
        s.show(replace(one, started=STARTED + 5))
        assert b"200 OK" in await s.ask(one, "GET /api/")

    play(scene)


def test_a_pod_that_goes_finishes_its_requests_and_then_refuses() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod(faults=Faults(latency=150))
        s.show(one)
        wire = await s.connect(one)
        wire.send("GET /api/")
        await asyncio.sleep(0.05)
        s.remove(one)
        with pytest.raises(ConnectionRefusedError):
            await s.connect(one)
        assert (await wire.everything()).startswith(b"HTTP/1.1 200 OK\r\n")

    play(scene)


def test_a_pod_under_deletion_serves_until_its_hook_ends() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod(stops=STARTED + 6)
        s.show(one)
        wire = await s.connect(one)
        wire.send("GET /api/")
        assert b"connection: keep-alive" in await wire.answer()
        s.now = STARTED + 6
        s.show(replace(one))
        with pytest.raises(ConnectionRefusedError):
            await s.connect(one)

    play(scene)


def test_new_faults_reach_connections_that_are_open_already() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod()
        s.show(one)
        wire = await s.connect(one)
        wire.send("GET /api/")
        assert b"200 OK" in await wire.answer()
        s.show(replace(one, faults=Faults(errors=100)))
        wire.send("GET /api/")
        assert b"500 Internal Server Error" in await wire.answer()

    play(scene)


def test_errors_are_exact_and_counted() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod(faults=Faults(errors=7))
        s.show(one)
        wire = await s.connect(one)
        heads = []
        for _ in range(200):
            wire.send("GET /api/words/")
            heads.append(await wire.answer())
        assert sum(b" 500 " in head for head in heads) == 14
        text = (await s.ask(one, "GET /metrics")).partition(b"\r\n\r\n")[2].decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        by_status = {x.labels["status"]: x.value for x in samples if x.name.endswith("responses_total_by_status_total")}
        assert by_status == {"200": 186, "500": 14}

    play(scene)


def test_latency_delays_answers_but_not_probes() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod(faults=Faults(latency=300))
        s.show(one)
        loop = asyncio.get_running_loop()
        started = loop.time()
        await s.ask(one, "GET /ready/")
        probed = loop.time()
        await s.ask(one, "GET /api/")
        assert probed - started < loop.time() - probed
        assert loop.time() - probed >= 0.298  # the loop counts whole milliseconds, at either end

    play(scene)


def test_a_pipeline_is_answered_in_order_even_beyond_the_limit() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod(faults=Faults(latency=20))
        s.show(one)
        paths = [f"/api/{number}" for number in range(PIPELINE_LIMIT * 2)]
        paths[1::2] = ["/health/"] * PIPELINE_LIMIT
        data = await s.ask(one, *(f"GET {path}" for path in paths))
        bodies = [part for part in data.split(b"HTTP/1.1 200 OK\r\n") if part]
        assert len(bodies) == len(paths)
        for path, body in zip(paths, bodies, strict=True):
            assert (f'"path": "{path}"' if path.startswith("/api") else '"status": "ok"').encode() in body

    play(scene)


def test_bytes_may_come_one_by_one() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod()
        s.show(one)
        wire = await s.connect(one)
        for byte in b"POST /api/x?y=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok":
            wire.raw(bytes([byte]))
            await asyncio.sleep(0)
        assert b'"path": "/api/x"' in await wire.everything()

    play(scene)


def test_head_has_no_body_and_http_1_0_closes() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod()
        s.show(one)
        assert (await s.ask(one, "HEAD /health/")).endswith(b"content-length: 16\r\nconnection: close\r\n\r\n")
        wire = await s.connect(one)
        wire.raw(b"GET /health/ HTTP/1.0\r\n\r\n")
        assert b"connection: close" in await wire.everything()

    play(scene)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400 Bad Request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n", b"400 Bad Request"),
        (b"GET /" + b"a" * (HEAD_LIMIT + 1), b"431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * (HEAD_LIMIT + 1), b"431 Request Header Fields Too Large"),
        (
            b"POST /api/ HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (BODY_LIMIT * 2) + b"a" * (BODY_LIMIT + 1),
            b"413 Request Entity Too Large",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(request_bytes: bytes, status: bytes) -> None:
    async def scene(s: Scene) -> None:
        one = a_pod()
        s.show(one)
        wire = await s.connect(one)
        wire.raw(request_bytes)
        assert (await wire.answer()).startswith(b"HTTP/1.1 " + status + b"\r\n")

    play(scene)


def test_requests_before_a_malformed_one_are_answered() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod(faults=Faults(latency=20))
        s.show(one)
        wire = await s.connect(one)
        wire.raw(b"GET /api/ HTTP/1.1\r\nhost: x\r\n\r\nnonsense\r\n\r\n")
        data = await wire.everything()
        assert data.index(b"200 OK") < data.index(b"400 Bad Request")

    play(scene)


def test_an_upgrade_is_answered_as_plain_http() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod()
        s.show(one)
        wire = await s.connect(one)
        wire.raw(b"GET /health/ HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x00\x01")
        assert b"200 OK" in await wire.everything()

    play(scene)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from([b"GET / HTTP/1.1\r\n", b"\r\n", b"host: x\r\n"]))))
def test_any_bytes_leave_the_simulator_well(chunks: list[bytes]) -> None:
    async def scene(s: Scene) -> None:
        one = a_pod()
        s.show(one)
        wire = await s.connect(one)
        for chunk in chunks:
            wire.raw(chunk)
        wire.writer.write_eof()
        await wire.everything()
        assert b"200 OK" in await s.ask(one, "GET /health/")

    play(scene)


def test_a_client_that_leaves_in_the_middle_is_forgotten() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod(faults=Faults(latency=50))
        s.show(one)
        wire = await s.connect(one)
        wire.send("GET /api/")
        await asyncio.sleep(0.01)
        wire.writer.transport.abort()
        await asyncio.sleep(0.1)
        assert b"200 OK" in await s.ask(one, "GET /health/")

    play(scene)


def test_a_container_that_starts_again_counts_from_zero() -> None:
    async def scene(s: Scene) -> None:
        one = a_pod()
        s.show(one)
        await s.ask(one, "GET /api/")
        again = replace(one, started=STARTED + 5)
        s.show(again)
        text = (await s.ask(again, "GET /metrics")).decode()
        assert "django_http_requests_before_middlewares_total 0" in text
        assert f"process_start_time_seconds {STARTED + 5}" in text

    play(scene)


def test_the_serving_pods_are_announced_whenever_they_may_have_changed() -> None:
    async def run() -> None:
        scene = Scene()
        one, other = a_pod(), a_pod()
        scene.show(one, other)
        scene.remove(one)
        scene.simulator.close()
        assert scene.announced[-2:] == [[one.uid, other.uid], [other.uid]]

    asyncio.run(run())
