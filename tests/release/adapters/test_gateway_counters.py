"""Envoy's counters: from scripted proxies, through an API server's proxy, and from a real Envoy."""

import importlib.util
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from release.adapters.cluster_wire import Answer, NoAnswerError
from release.adapters.gateway_counters import LARGEST, Fetch, GatewayCounters, cluster_proxies, path
from release.analysis import Counters, Guard, Reading
from release.errors import Unreachable
from release.model import Colour, Limits, Outcome
from tests.rehearsal.cluster_fixtures import eventually
from tests.release.analysis.traffic import target

SHOP = "shop"


def page(**clusters: tuple[int, int]) -> str:
    """A proxy's page: answers and errors by ``backend_green`` and so on."""
    lines = []
    for name, (requests, errors) in clusters.items():
        label = f'envoy_cluster_name="service/shop/{name.replace("_", "-")}/8000/http"'
        counts = {"2": requests - errors, "5": errors}
        lines += [
            f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="{digit}",{label}}} {count}'
            for digit, count in counts.items()
            if count
        ]
        lines += [
            f"envoy_cluster_upstream_rq_total{{{label}}} {requests}",
            f"envoy_cluster_upstream_rq_active{{{label}}} 1",
            f"envoy_cluster_membership_healthy{{{label}}} 2",
        ]
    return "\n".join(lines)


class Fleet:
    """Proxies that answer with the next page of their script; an exception in it is raised."""

    def __init__(self, **scripts: Sequence[str | Exception]) -> None:
        self.scripts = {name: list(script) for name, script in scripts.items()}
        self.at = 0.0
        self.searches = 0
        self.trouble: Unreachable | None = None

    def __call__(self) -> Mapping[str, Fetch]:
        self.searches += 1
        if self.trouble is not None:
            raise self.trouble
        return {name: self._fetch(name) for name in self.scripts}

    def _fetch(self, name: str) -> Fetch:
        def fetch(asked: str) -> str:
            assert asked == path(SHOP, ("backend", "frontend"))
            answer = self.scripts[name].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return fetch

    def clock(self) -> float:
        self.at += 1.0
        return self.at


@contextmanager
def source(
    fleet: Callable[[], Mapping[str, Fetch]], clock: Callable[[], float], **options: Any
) -> Iterator[GatewayCounters]:
    made = GatewayCounters(fleet, namespace=SHOP, clock=clock, **options)
    try:
        yield made
    finally:
        made.close()


def reads(fleet: Fleet, times: int) -> list[Reading]:
    with source(fleet, fleet.clock) as made:
        return [made.read() for _ in range(times)]


def green(reading: Reading) -> tuple[int, int]:
    one = reading.counters[target("backend green")]
    return one.requests, one.errors


def test_all_proxies_are_added_up() -> None:
    (found,) = reads(Fleet(a=[page(backend_green=(10, 1))], b=[page(backend_green=(20, 2), frontend_blue=(5, 0))]), 1)
    assert (found.at, found.complete) == (1.0, True)
    assert found.counters == {
        target("backend green"): Counters(requests=30, errors=3, started=30, in_flight=2, endpoints=2),
        target("frontend blue"): Counters(requests=5, errors=0, started=5, in_flight=1, endpoints=2),
    }


def test_a_proxy_that_began_anew_adds_what_it_counted_since() -> None:
    """The sum of the two pages grows, so only a look at each proxy tells."""
    fleet = Fleet(
        a=[page(backend_green=(100, 9)), page(backend_green=(7, 1))],
        b=[page(backend_green=(10, 0)), page(backend_green=(200, 0))],
    )
    assert [green(one) for one in reads(fleet, 2)] == [(110, 9), (307, 10)]


@pytest.mark.parametrize(
    "trouble", [OSError("gone"), NoAnswerError("timed out"), ValueError("500"), Unreachable("x", remedy="y")]
)
def test_a_proxy_that_does_not_answer_makes_the_reading_incomplete_and_is_made_up_for(trouble: Exception) -> None:
    fleet = Fleet(
        a=[page(backend_green=(10, 0))] * 3,
        b=[page(backend_green=(20, 0)), trouble, page(backend_green=(26, 2))],
    )
    found = reads(fleet, 3)
    assert [(green(one), one.complete) for one in found] == [((30, 0), True), ((30, 0), False), ((36, 2), True)]


def test_a_page_that_cannot_be_right_counts_as_no_answer() -> None:
    bad = page(backend_green=(10, 0)) + '\nenvoy_cluster_upstream_rq_total{a="b"} NaN'
    found = reads(Fleet(a=[page(backend_green=(10, 0)), bad, "x" * (LARGEST + 1)]), 3)
    assert [(green(one), one.complete) for one in found] == [((10, 0), True), ((10, 0), False), ((10, 0), False)]


def test_a_proxy_that_is_met_late_counts_from_then_on() -> None:
    fleet = Fleet(
        a=[page(backend_green=(10, 0))] * 3,
        b=[OSError("starting"), page(backend_green=(5000, 900)), page(backend_green=(5001, 901))],
    )
    assert [green(one) for one in reads(fleet, 3)] == [(10, 0), (10, 0), (11, 1)]


def test_a_proxy_that_went_takes_nothing_away() -> None:
    fleet = Fleet(a=[page(backend_green=(10, 0))] * 2, b=[page(backend_green=(20, 0))])
    with source(fleet, fleet.clock) as made:
        assert green(made.read()) == (30, 0)
        del fleet.scripts["b"]
        fleet.at += 10.0
        found = made.read()
    assert (green(found), found.complete) == ((30, 0), True)


def test_a_cluster_that_went_has_no_endpoints_and_counts_anew_when_it_is_back() -> None:
    fleet = Fleet(
        a=[page(backend_green=(10, 1), backend_blue=(9, 0)), page(backend_blue=(9, 0)), page(backend_green=(12, 2))]
    )
    found = [one.counters[target("backend green")] for one in reads(fleet, 3)]
    assert [(one.requests, one.errors, one.endpoints, one.in_flight) for one in found] == [
        (10, 1, 2, 1),
        (10, 1, 0, 0),
        (22, 3, 2, 1),
    ]


def test_proxies_that_know_no_such_service_are_no_complete_reading() -> None:
    (found,) = reads(Fleet(a=["envoy_server_live 1\n"]), 1)
    assert (found.counters, found.complete) == ({}, False)


def test_proxies_are_looked_for_again_after_a_while_or_a_failure() -> None:
    fleet = Fleet(a=[*[page(backend_green=(1, 0))] * 4, OSError("gone"), page(backend_green=(1, 0))])
    with source(fleet, fleet.clock) as made:
        searches = []
        for pause in (0.0, 0.0, 10.0, 0.0, 0.0, 0.0):
            fleet.at += pause
            made.read()
            searches.append(fleet.searches)
    assert searches == [1, 1, 2, 2, 2, 3]


def test_without_a_proxy_it_is_unreachable() -> None:
    with pytest.raises(Unreachable) as caught:
        reads(Fleet(), 1)
    assert (caught.value.problem, caught.value.remedy) == (
        "no proxy of the gateway can be found",
        "kubectl get gateways,pods -A",
    )


def test_known_proxies_are_asked_on_while_nobody_lists_them() -> None:
    fleet = Fleet(a=[page(backend_green=(1, 0)), page(backend_green=(2, 0))])
    with source(fleet, fleet.clock) as made:
        made.read()
        fleet.at += 20.0
        fleet.trouble = Unreachable("the API server does not answer", remedy="wait")
        assert green(made.read()) == (2, 0)
    fleet = Fleet(a=[])
    fleet.trouble = Unreachable("the API server does not answer", remedy="wait")
    with pytest.raises(Unreachable, match="the API server does not answer"):
        reads(fleet, 1)


def test_a_proxy_that_takes_too_long_is_not_waited_for_nor_asked_twice() -> None:
    answer, asked = threading.Event(), list[str]()

    def slow(_: str) -> str:
        asked.append("slow")
        assert answer.wait(30)
        return page(backend_green=(20, 0))

    fleet = {"quick": lambda _: page(backend_green=(10, 0)), "slow": slow}
    with source(lambda: fleet, iter(map(float, range(9))).__next__, timeout=0.05) as made:
        assert [(green(one), one.complete) for one in (made.read(), made.read())] == [((10, 0), False)] * 2
        assert asked == ["slow"]
        answer.set()
        assert eventually(lambda: made.read().complete)
    assert len(asked) == 2


def test_a_mistake_of_ours_is_not_taken_for_a_proxy_s() -> None:
    with pytest.raises(KeyError):
        reads(Fleet(a=[KeyError("a bug")]), 1)


@pytest.mark.parametrize("name", ["", "Shop", "shop|x", "a/b", "shop)", "-shop"])
def test_names_cannot_change_what_is_asked(name: str) -> None:
    with pytest.raises(ValueError, match="no names of a namespace"):
        GatewayCounters(dict, namespace=name, clock=float)


# Through the API server


class ApiServer:
    """Answers paths as written down, and fails on any other."""

    host = "https://api.example"

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Answer:
        assert (method, body, timeout) == ("GET", None, 1.0)
        self.asked.append(path)
        kind = "proxy" if "/proxy/" in path else path.split("?", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
        assert headers["Accept"] == ("text/plain" if kind == "proxy" else "application/json")
        answer = self.answers[kind]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Answer):
            return answer
        return Answer(status=200, body=answer.encode() if isinstance(answer, str) else json.dumps(answer).encode())


def pod(name: str, phase: str = "Running", **metadata: str) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "status": {"phase": phase}}


PREFIX = "/api/v1/namespaces/envoy-gateway-system"
LABELS = "gateway.envoyproxy.io/owning-gateway-name%3Dpublic%2Cgateway.envoyproxy.io/owning-gateway-namespace%3Dgateway"


def test_pods_are_asked_through_the_api_server() -> None:
    going = pod("c", deletionTimestamp="2026-01-01T00:00:00Z")
    api = ApiServer(pods={"items": [pod("a"), pod("b", "Pending"), going]}, proxy=page(backend_green=(3, 1)))
    with source(cluster_proxies(api), iter([1.0]).__next__) as made:
        assert green(made.read()) == (3, 1)
    assert api.asked == [
        f"{PREFIX}/pods?labelSelector={LABELS}&limit=500",
        f"{PREFIX}/pods/a:19001/proxy{path(SHOP, ('backend', 'frontend'))}",
    ]


def test_services_are_asked_where_there_are_no_pods() -> None:
    service = {"metadata": {"name": "envoy-admin"}, "spec": {"ports": [{"port": 19000}]}}
    api = ApiServer(pods={"items": []}, services={"items": [service]}, proxy=page(backend_green=(3, 1)))
    with source(cluster_proxies(api), iter([1.0]).__next__) as made:
        assert green(made.read()) == (3, 1)
    assert api.asked[1:] == [
        f"{PREFIX}/services?labelSelector=english-training.dev/stats%3Denvoy&limit=500",
        f"{PREFIX}/services/envoy-admin:19000/proxy{path(SHOP, ('backend', 'frontend'))}",
    ]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(status=403, body=b"{}"), "the API server does not list the gateway's proxies: 403"),
        (NoAnswerError("timed out"), "the API server does not list the gateway's proxies: timed out"),
        ("[]", "the API server's list of the gateway's proxies cannot be read"),
        ("<html>", "the API server's list of the gateway's proxies cannot be read"),
    ],
)
def test_proxies_that_cannot_be_listed_are_unreachable(answer: object, why: str) -> None:
    with pytest.raises(Unreachable) as caught:
        cluster_proxies(ApiServer(pods=answer))()
    assert (caught.value.problem, caught.value.remedy) == (why, f"kubectl get --raw '{PREFIX}/pods'")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=503, body=b"no endpoints"),
        NoAnswerError("timed out"),
        Answer(status=200, body=b"\xff"),
        Answer(status=200, body=b"x" * (LARGEST + 1)),
    ],
)
def test_a_proxy_behind_the_api_server_that_does_not_answer_makes_the_reading_incomplete(answer: object) -> None:
    api = ApiServer(pods={"items": [pod("a")]}, proxy=answer)
    with source(cluster_proxies(api), iter([1.0]).__next__) as made:
        assert made.read() == Reading(at=1.0, counters={}, complete=False)


# A real Envoy


class Upstream(BaseHTTPRequestHandler):
    """Answers with the status that the server was made with."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Say nothing."""


@contextmanager
def upstream(status: int) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.status = status  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def envoy_program() -> Path:
    spec = importlib.util.find_spec("envoy")
    program = (
        Path(spec.submodule_search_locations[0]) / "_bin" / "envoy"
        if spec and spec.submodule_search_locations
        else None
    )
    if program is None or not program.is_file():
        pytest.skip("the package envoy-server is not installed")
    return program


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def configuration(clusters: Mapping[str, int | None]) -> dict[str, Any]:
    """Envoy with one cluster for each Service, named as Envoy Gateway names them, and routed to by its name."""
    names = {name: f"service/shop/{name}/8000/http" for name in clusters}
    extensions = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{extensions}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": f"{extensions}.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {"match": {"prefix": f"/{short}"}, "route": {"cluster": name}} for short, name in names.items()
                    ],
                }
            ]
        },
    }
    return {
        "admin": {"address": address(0)},
        "static_resources": {
            "listeners": [
                {
                    "name": "in",
                    "address": address(0),
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": names[short],
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": names[short],
                        "endpoints": [
                            {"lb_endpoints": [] if port is None else [{"endpoint": {"address": address(port)}}]}
                        ],
                    },
                }
                for short, port in clusters.items()
            ],
        },
    }


@contextmanager
def envoy(folder: Path, clusters: Mapping[str, int | None]) -> Iterator[tuple[str, str]]:
    """URLs of its statistics and of its listener."""
    where = folder / "admin"
    argv = [
        str(envoy_program()),
        *("--config-yaml", json.dumps(configuration(clusters))),
        *("--admin-address-path", str(where)),
        *("--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"),
    ]
    process = subprocess.Popen(argv)
    try:
        assert eventually(lambda: where.is_file() and bool(where.read_text()))
        admin = f"http://{where.read_text()}"
        assert eventually(lambda: "in::127.0.0.1:" in get(f"{admin}/listeners"))
        listener = get(f"{admin}/listeners").split("in::")[1].split()[0]
        yield admin, f"http://{listener}"
    finally:
        process.terminate()
        process.wait(10)


def get(url: str) -> str:
    with urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def ask(url: str, times: int) -> None:
    for _ in range(times):
        try:
            get(url)
        except OSError as error:
            assert "HTTP Error 50" in str(error), error  # noqa: PT017 - an error status is an answer as well


def test_a_real_envoy_is_read_and_a_real_fault_alarms(tmp_path: Path) -> None:
    with upstream(200) as good, upstream(500) as bad:
        clusters = {"backend-blue": good, "backend-green": bad, "frontend-blue": good, "frontend-green": None}
        with envoy(tmp_path, clusters) as (admin, listener):
            fleet: dict[str, Fetch] = {"envoy": lambda asked: get(f"{admin}{asked}")}
            with source(lambda: fleet, time.monotonic, timeout=10.0) as made:
                guard = Guard(limits=Limits(), candidate=Colour.GREEN, stable=Colour.BLUE, share=10).see(made.read())
                ask(f"{listener}/backend-blue", 9)
                ask(f"{listener}/backend-green", 3)
                ask(f"{listener}/frontend-blue", 2)
                ask(f"{listener}/frontend-green", 1)
                reading = made.read()
                seen = {str(name): (one.requests, one.errors, one.endpoints) for name, one in reading.counters.items()}
                assert reading.complete
                assert seen == {
                    "backend blue": (9, 0, 1),
                    "backend green": (3, 3, 1),
                    "frontend blue": (2, 0, 1),
                    "frontend green": (1, 1, 0),
                }
                assert all(one.unanswered == 0 for one in reading.counters.values())
                alarm = guard.see(reading).alarm
                assert alarm is not None
                assert alarm.outcome is Outcome.FAIL
                assert alarm.text.startswith("backend green: 3 of 3 answers were 5xx (100 %) within ")
                # Envoy hands its histograms on every five seconds.
                assert eventually(lambda: made.read().counters[target("backend blue")].latency.count == 9)
                assert len(get(f"{admin}{path(SHOP, ('backend', 'frontend'))}").splitlines()) < 200
