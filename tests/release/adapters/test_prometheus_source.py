"""Prometheus: from an HTTP server that answers as told, and from a real one."""

import json
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from release.adapters import web
from release.adapters.prometheus import LARGEST, NoValueError, Prometheus, measures, value, wanted
from release.analysis import Evidence, Measure
from release.model import Colour, Limits
from tests.rehearsal.cluster_fixtures import eventually
from tests.release.checks.servers import free_port, process
from tests.release.world import order

NOW = 1_700_000_000.0
PROGRAM = "ENGLISH_TRAINING_TEST_PROMETHEUS"
"""Environment variable: the program ``prometheus``. Otherwise it is looked for."""


def vector(*samples: tuple[float, str]) -> bytes:
    result = [{"metric": {}, "value": [at, number]} for at, number in samples]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


@contextmanager
def server(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[str]:
    """A server that gives ``answer`` to each path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
            """Say nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{made.server_port}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with web.client() as made:
        yield made


def prometheus(url: str, http: httpx.Client, **options: float) -> Prometheus:
    return Prometheus(url, http=http, namespace="shop", now=lambda: NOW, **options)  # type: ignore[arg-type]


QUEUE = Measure(
    name="queue", query='max(q{ns="$namespace",app="$service-$colour"}[$window]) # $$', services=("backend",)
)


def test_a_measure_is_asked_for_each_colour_at_one_time(http: httpx.Client) -> None:
    asked = list[str]()

    def answer(path: str) -> tuple[int, bytes]:
        asked.append(path)
        return 200, vector((NOW, "2.5" if "blue" in path else "7"))

    with server(answer) as url:
        found = prometheus(f"{url}/", http).sample([QUEUE], [Colour.GREEN, Colour.BLUE])
    assert found == (
        Evidence(name="queue", service="backend", colour=Colour.GREEN, value=7.0),
        Evidence(name="queue", service="backend", colour=Colour.BLUE, value=2.5),
    )
    parts = [urlsplit(one) for one in sorted(asked)]
    assert {one.path for one in parts} == {"/api/v1/query"}
    assert [parse_qs(one.query) for one in parts] == [
        {
            "query": [f'max(q{{ns="shop",app="backend-{colour}"}}[45s]) # $'],
            "time": ["1700000000.000"],
            "timeout": ["2s"],
            "lookback_delta": ["45s"],
        }
        for colour in ("blue", "green")
    ]


@pytest.mark.parametrize(("seconds", "window"), [(0.0, "10s"), (12.4, "12s"), (44.0, "44s"), (3600.0, "45s")])
def test_a_window_reaches_no_further_back_than_the_candidate_if_it_can(
    http: httpx.Client, seconds: float, window: str
) -> None:
    asked = list[str]()

    def answer(path: str) -> tuple[int, bytes]:
        asked.append(parse_qs(urlsplit(path).query)["query"][0])
        return 200, vector((NOW, "1"))

    with server(answer) as url:
        prometheus(url, http).sample([QUEUE], [Colour.BLUE], seconds=seconds)
    assert asked == [f'max(q{{ns="shop",app="backend-blue"}}[{window}]) # $']


def test_only_services_that_have_a_measure_are_asked(http: httpx.Client) -> None:
    with server(lambda _: (200, vector((NOW, "1")))) as url:
        source = prometheus(url, http)
        assert [one.service for one in source.sample([QUEUE], [Colour.BLUE])] == ["backend"]
        assert source.sample([QUEUE], [Colour.BLUE], services=("frontend",)) == ()


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, vector(), "there is no such series, or nothing was scraped for 45 s"),
        (200, vector((NOW, "NaN")), "the value is nan"),
        (200, vector((NOW, "+Inf")), "the value is inf"),
        (200, vector((NOW, "-Inf")), "the value is -inf"),
        (200, vector((NOW, "1"), (NOW, "2")), "the query gives 2 series instead of one number"),
        (200, vector((NOW - 45.1, "1")), "the value is 45 s away from the time asked for"),
        (200, vector((NOW + 46, "1")), "the value is 46 s away from the time asked for"),
        (
            200,
            b'{"status":"success","data":{"resultType":"matrix","result":[]}}',
            "the query gives a matrix instead of one number",
        ),
        (
            422,
            b'{"status":"error","errorType":"execution","error":"query timed\\u001b[31m out"}',
            "Prometheus refuses the query: query timed [31m out",
        ),
        (502, b"<html>", "Prometheus answers 502 with something else than a result"),
        (200, b"", "Prometheus answers 200 with something else than a result"),
        (200, b"[]", "Prometheus answers 200 with something else than a result"),
        (200, b'{"status":"success"}', "Prometheus answers 200 with something else than a result"),
        (200, b"[" * 100_000, "Prometheus answers 200 with something else than a result"),
        (200, vector((NOW, "many")), "Prometheus answers 200 with something else than a result"),
        (200, b"\xff\xfe", "Prometheus answers 200 with something else than a result"),
    ],
)
def test_what_is_no_number_of_now_is_no_value(status: int, body: bytes, why: str) -> None:
    with pytest.raises(NoValueError) as caught:
        value(status, body, NOW)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (vector((NOW - 45, "0.25")), 0.25),
        (b'{"status":"success","data":{"resultType":"scalar","result":[1700000000,"3"]}}', 3.0),
    ],
)
def test_a_number_of_now_is_a_value(body: bytes, wanted: float) -> None:
    assert value(200, body, NOW) == wanted


def only(found: tuple[Evidence, ...]) -> str:
    assert [one.value for one in found] == [None]
    assert found[0].why is not None
    return found[0].why


def test_nobody_there_is_no_value(http: httpx.Client) -> None:
    port = free_port()
    why = only(prometheus(f"http://127.0.0.1:{port}", http).sample([QUEUE], [Colour.BLUE]))
    assert why.startswith(f"127.0.0.1:{port} cannot be asked: ")


def test_an_answer_that_does_not_come_is_no_value(http: httpx.Client) -> None:
    done = threading.Event()

    def answer(_: str) -> tuple[int, bytes]:
        assert done.wait(30)
        return 200, vector((NOW, "1"))

    with server(answer) as url:
        try:
            why = only(prometheus(url, http, timeout=0.05).sample([QUEUE], [Colour.BLUE]))
        finally:
            done.set()
    assert why == f"{urlsplit(url).netloc} did not answer within 0.05 s"


def test_an_answer_without_end_is_no_value(http: httpx.Client) -> None:
    with server(lambda _: (200, b" " * (LARGEST + 1))) as url:
        why = only(prometheus(url, http).sample([QUEUE], [Colour.BLUE]))
    assert why == f"{urlsplit(url).netloc} answers with more than {LARGEST} bytes"


@pytest.mark.parametrize("query", ["up{x='$unknown'}", "up$"])
def test_a_placeholder_that_nobody_knows_is_no_value(http: httpx.Client, query: str) -> None:
    broken = QUEUE.model_copy(update={"query": query})
    why = only(prometheus("http://127.0.0.1:1", http).sample([broken], [Colour.BLUE]))
    assert why.startswith("its query has an unknown placeholder: ")


def test_the_usual_measures() -> None:
    found = {one.name: one.maximum for one in measures(Limits(error_ratio=0.02, p95_seconds=1.5))}
    assert found == {"error-ratio": 0.02, "p95-latency": 1500.0, "cpu-saturation": 0.9, "memory-saturation": 0.9}


# A real Prometheus

GREEN, BLUE = (f'envoy_cluster_name="service/shop/backend-{colour}/8000/http"' for colour in ("green", "blue"))


def exposition(scrape: int) -> bytes:
    """The page of a proxy at its n-th scrape: green gives a tenth 5xx and takes (50, 100] ms, blue is well."""
    lines = [
        f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",{GREEN}}} {90 * scrape}',
        f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",{GREEN}}} {10 * scrape}',
        f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",{BLUE}}} {900 * scrape}',
    ]
    for name, count, bounds in ((GREEN, 100, ("100", "+Inf")), (BLUE, 900, ("50", "100", "+Inf"))):
        for bound in ("50", "100", "+Inf"):
            within = count * scrape if bound in bounds else 0
            lines.append(f'envoy_cluster_upstream_rq_time_bucket{{{name},le="{bound}"}} {within}')
    return ("\n".join(lines) + "\n").encode()


def program() -> str:
    found = os.environ.get(PROGRAM) or shutil.which("prometheus")
    if found is None:
        pytest.skip(f"there is no prometheus on PATH, and {PROGRAM} names none")
    return found


def test_a_real_prometheus_answers_the_usual_measures(tmp_path: Path, http: httpx.Client) -> None:
    scrapes = iter(range(1, 10_000))
    with server(lambda path: (200, exposition(next(scrapes)) if path == "/stats/prometheus" else b"")) as proxy:
        job = {
            "job_name": "envoy-proxy",
            "metrics_path": "/stats/prometheus",
            "scrape_interval": "1s",
            "fallback_scrape_protocol": "PrometheusText0.0.4",
            "static_configs": [{"targets": [urlsplit(proxy).netloc]}],
        }
        (tmp_path / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
        port = free_port()
        argv = [
            program(),
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with process(argv, port, tmp_path / "prometheus.log"):
            source = Prometheus(f"http://127.0.0.1:{port}", http=http, namespace="shop", now=time.time)

            def sample() -> dict[tuple[str, str, Colour], Evidence]:
                found = source.sample(measures(Limits()), list(Colour))
                return {(one.name, one.service, one.colour): one for one in found}

            assert eventually(
                lambda: all(
                    sample()[name, "backend", colour].value is not None
                    for name in ("error-ratio", "p95-latency")
                    for colour in Colour
                )
            ), sample()
            found = sample()
    values = {key: one.value for key, one in found.items() if one.value is not None}
    assert {key: round(number, 3) for key, number in values.items()} == {
        ("error-ratio", "backend", Colour.GREEN): 0.1,
        ("error-ratio", "backend", Colour.BLUE): 0.0,
        ("p95-latency", "backend", Colour.GREEN): 97.5,
        ("p95-latency", "backend", Colour.BLUE): 47.5,
    }
    # The frontend has no traffic, and nobody measures pods: absent, and neither 0 nor NaN.
    missing = {one.why for key, one in found.items() if key not in values}
    assert missing == {"there is no such series, or nothing was scraped for 45 s"}
    assert all(math.isfinite(number) for number in values.values())


OWN_MEASURE = Measure(name="queue-length", query="max(queue)", maximum=100)


def test_an_order_is_measured_by_the_stacks_measures_and_its_own() -> None:
    asked = order(measures=(OWN_MEASURE,))
    assert wanted(asked, None) == (*measures(asked.limits), OWN_MEASURE)
    assert [one.name for one in wanted(asked, ["error-ratio"])] == ["error-ratio", "queue-length"]
    assert wanted(asked, []) == (OWN_MEASURE,)


def test_an_orders_measure_stands_in_for_the_stacks_of_the_same_name() -> None:
    own = Measure(name="error-ratio", query="0", maximum=0.01)
    assert [one for one in wanted(order(measures=(own,)), None) if one.name == "error-ratio"] == [own]
