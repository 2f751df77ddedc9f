"""Loads: pacing against a clock that is passed in, and everything else over real sockets."""

import asyncio
from ipaddress import IPv4Network
from itertools import count
from pathlib import Path

import pytest

from rehearsal.errors import CertificateExpired, NotRunning, TrafficFailed
from rehearsal.traffic import checks, run
from rehearsal.traffic.client import CONNECTIONS, Reply
from rehearsal.traffic.load import Load
from rehearsal.traffic.plan import Plan
from tests.rehearsal.traffic.gateway import DOMAIN, Authority, gateway, reply

BLUE = reply(component="backend", colour="blue")


# ---- pacing


class Time:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


class Instant:
    """A client whose answers take the given seconds of that clock."""

    def __init__(self, time: Time, seconds: float = 0.0) -> None:
        self.time, self.seconds = time, seconds
        self.asked: list[float] = []

    async def ask(self, message: bytes) -> Reply:
        self.asked.append(round(self.time.now, 6))
        self.time.now += self.seconds
        return Reply(status=200, component="backend", colour="blue", location="")


def paced(plan: Plan, client: Instant, *, stop: asyncio.Event | None = None) -> Load:
    time = client.time
    return Load(
        plan=plan,
        clients=[client],  # type: ignore[list-item]  # asks the clock, not a socket
        stop=stop or asyncio.Event(),
        clock=time.clock,
        sleep=time.sleep,
    )


def test_a_steady_load_sends_at_equal_distances() -> None:
    client = Instant(Time())
    asyncio.run(paced(Plan(domain=DOMAIN, ca=None, requests=5, rate=10), client).steadily())
    assert client.asked == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_what_waits_for_its_turn_counts_as_late() -> None:
    client = Instant(Time(), seconds=0.25)  # four a second is all that this client can
    load = paced(Plan(domain=DOMAIN, ca=None, requests=4, rate=10), client)
    asyncio.run(load.steadily())
    assert client.asked == [0.0, 0.25, 0.5, 0.75]
    assert [round(one.seconds, 6) for one in load.answers] == [0.25, 0.4, 0.55, 0.7]


def test_a_load_can_be_stopped_early() -> None:
    async def scene() -> int:
        stop, time = asyncio.Event(), Time()
        client = Instant(time)
        load = paced(Plan(domain=DOMAIN, ca=None, requests=1000, rate=10), client, stop=stop)

        async def sleep(seconds: float) -> None:
            await time.sleep(seconds)
            if time.now > 0.45:
                stop.set()

        load.sleep = sleep
        await load.steadily()
        return len(load.answers)

    assert asyncio.run(scene()) == 6


# ---- over sockets


def test_answers_are_counted_by_who_gave_them() -> None:
    turn = count()

    def behaviour(path: str) -> bytes:
        component = "backend" if path.startswith("/api") else "frontend"
        return reply(component=component, colour="green" if next(turn) % 4 == 0 else "blue")

    with gateway(behaviour) as seen:
        report = run(seen.plan(requests=40, paths=("/api/", "/"), concurrency=1))
    assert (report.requests, report.failed) == (40, 0)
    assert (report.answered("backend"), report.answered("frontend")) == (20, 20)
    assert report.count("backend", "green") + report.count("frontend", "green") == 10


def test_requests_are_shared_among_clients_that_use_their_connections_again() -> None:
    with gateway(lambda _: BLUE) as seen:
        run(seen.plan(requests=200, concurrency=4, first_client=0))
    assert dict(seen.requests) == {"127.88.0.1": 67, "127.88.0.2": 67, "127.88.0.3": 66}
    assert max(seen.connections.values()) <= CONNECTIONS
    assert seen.heads[0].startswith("GET /")
    assert f"\r\nhost: {DOMAIN}\r\n" in seen.heads[0]


def test_a_rate_ends_on_time_although_answers_are_slow() -> None:
    with gateway(lambda _: BLUE, delay=0.2) as seen:
        report = run(seen.plan(requests=50, rate=100, clients=25))
    assert report.failed == 0
    assert 0.5 <= report.seconds < 2  # one after the other it were ten seconds
    assert report.latency.p50 is not None
    assert report.latency.p50 >= 0.2


def test_each_kind_of_failure_is_named() -> None:
    answers = {
        "/5xx": reply(503),
        "/429": reply(429),
        "/404": reply(404),
        "/none": None,
        "/nonsense": b"nonsense\r\n\r\n",
    }
    with gateway(answers.__getitem__) as seen:
        report = run(seen.plan(requests=5, paths=tuple(answers), concurrency=1))
    assert report.errors == {"closed": 2, "5xx": 1, "429": 1, "4xx": 1}


def test_a_request_that_takes_too_long_has_failed() -> None:
    with gateway(lambda _: BLUE, delay=0.5) as seen:
        report = run(seen.plan(requests=2, timeout=0.1))
    assert report.errors == {"timeout": 2}


def test_a_connection_that_the_gateway_ends_is_replaced() -> None:
    with gateway(lambda _: reply(extra="connection: close\r\n", component="backend", colour="blue")) as seen:
        report = run(seen.plan(requests=10, concurrency=1))
    assert report.failed == 0
    assert seen.connections.total() == 10


def test_a_gateway_that_is_not_there_is_not_running() -> None:
    with gateway(lambda _: BLUE) as seen:
        plan = seen.plan()
    with pytest.raises(NotRunning, match=rf"nothing listens at 127\.0\.0\.1:{plan.port}: Connection refused") as caught:
        run(plan)
    assert caught.value.remedy == "make up"


def test_clients_outside_the_cluster_s_network_are_told_where_to_go() -> None:
    with gateway(lambda _: BLUE) as seen:
        plan = seen.plan(network=IPv4Network("192.0.2.0/24"), first_client=0)
        with pytest.raises(NotRunning, match=r"the client address 192\.0\.2\.1 is not on this machine") as caught:
            run(plan)
    assert caught.value.remedy == "make traffic"


def test_tls_proves_the_domain(tmp_path: Path) -> None:
    authority = Authority(folder=tmp_path)
    with gateway(lambda _: BLUE, tls=authority.context()) as seen:
        report = run(seen.plan(ca=authority.certificate))
        assert (report.failed, report.count("backend", "blue")) == (0, 20)
        with pytest.raises(TrafficFailed, match=r"does not prove other.test: Hostname mismatch"):
            run(seen.plan(ca=authority.certificate, domain="other.test"))


def test_an_expired_certificate_is_named_with_its_remedy(tmp_path: Path) -> None:
    authority = Authority(folder=tmp_path)
    with (
        gateway(lambda _: BLUE, tls=authority.context(days=-1)) as seen,
        pytest.raises(CertificateExpired, match=f"for {DOMAIN} has expired") as caught,
    ):
        run(seen.plan(ca=authority.certificate))
    assert caught.value.remedy == "make up"


def test_a_stranger_s_certificate_fails(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ours, theirs = Authority(folder=tmp_path / "a"), Authority(folder=tmp_path / "b")
    with gateway(lambda _: BLUE, tls=theirs.context()) as seen, pytest.raises(TrafficFailed, match="does not prove"):
        run(seen.plan(ca=ours.certificate))


def test_a_port_without_tls_is_named(tmp_path: Path) -> None:
    authority = Authority(folder=tmp_path)
    with gateway(lambda _: BLUE) as seen, pytest.raises((TrafficFailed, NotRunning)) as caught:
        run(seen.plan(ca=authority.certificate, timeout=1))
    assert str(seen.port) in caught.value.problem


def test_a_missing_authority_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=f"no certificate authority at {tmp_path}/none"):
        run(Plan(domain=DOMAIN, ca=tmp_path / "none"))


def test_the_redirect_is_shown() -> None:
    moved = reply(301, extra=f"location: https://{DOMAIN}/\r\n")
    with gateway(lambda _: moved) as seen:
        found = checks.redirect(seen.plan(paths=("/",)), port=seen.port)
    assert (found.status, found.location) == (301, f"https://{DOMAIN}/")


def test_the_limit_is_asked_by_one_client_for_one_path() -> None:
    turn = count(1)
    with gateway(lambda _: BLUE if next(turn) <= 100 else reply(429)) as seen:
        assert checks.limited(seen.plan(), requests=150) == 50
    assert list(seen.requests.values()) == [150]
    assert {head.split(" ")[1] for head in seen.heads} == {"/api/exams/"}
