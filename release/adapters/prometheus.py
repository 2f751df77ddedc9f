"""Prometheus: the second opinion of a step's end, and whatever else an order wants to have measured.

Every question names its time, and looks back 45 seconds at most: what was not scraped since does not count as known.
An answer that is absent, not a number or not one number is no value, with the reason beside it.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from string import Template
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from release.adapters import web
from release.analysis import SERVICES, Evidence, Measure
from release.errors import Unreachable
from release.model import Colour, Limits, Order

STALE: Final = 45.0
"""Seconds after which a sample says nothing any more: three scrapes of the slowest job."""
SHORTEST: Final = 10.0
"""Seconds that a window covers at least: two scrapes of a job that is scraped often."""
TIMEOUT: Final = 2.0
"""Seconds to wait for one answer."""
AT_ONCE: Final = 8
LARGEST: Final = 2**20
"""Bytes of an answer, which should be one number."""

_CLUSTER: Final = 'envoy_cluster_name=~"service/$namespace/$service-$colour/.*"'
_POD: Final = 'namespace="$namespace",pod=~"$service-$colour-.*",container!=""'


def measures(limits: Limits) -> tuple[Measure, ...]:
    """What is asked for each colour unless an order says otherwise: errors, latency, saturation."""
    answers, times = "envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time_bucket"
    errors = f'sum(rate({answers}{{{_CLUSTER},envoy_response_code_class="5"}}[$window]))'
    return (
        Measure(
            name="error-ratio",
            query=f"({errors} or vector(0)) / (sum(rate({answers}{{{_CLUSTER}}}[$window])) > 0)",
            maximum=limits.error_ratio,
        ),
        Measure(
            name="p95-latency",
            query=f"histogram_quantile(0.95, sum by (le) (rate({times}{{{_CLUSTER}}}[$window])))",
            maximum=limits.p95_seconds * 1000,
            unit="ms",
        ),
        Measure(
            name="cpu-saturation",
            query=f"sum(rate(container_cpu_usage_seconds_total{{{_POD}}}[$window])) / "
            'sum(kube_pod_container_resource_limits{resource="cpu",namespace="$namespace",pod=~"$service-$colour-.*"})',
            maximum=0.9,
        ),
        Measure(
            name="memory-saturation",
            query=f"max(container_memory_working_set_bytes{{{_POD}}}) / "
            'min(kube_pod_container_resource_limits{resource="memory",namespace="$namespace",'
            'pod=~"$service-$colour-.*"})',
            maximum=0.9,
        ),
    )


def wanted(order: Order, names: Collection[str] | None) -> tuple[Measure, ...]:
    """What a release is measured by: the stack's own measures called ``names`` (all without), and the order's.

    One of the order's stands in for the stack's of the same name.
    """
    own = {one.name for one in order.measures}
    usual = (one for one in measures(order.limits) if (names is None or one.name in names) and one.name not in own)
    return (*usual, *order.measures)


class Prometheus:
    """One Prometheus server."""

    def __init__(
        self,
        url: str,
        *,
        http: httpx.Client,
        namespace: str,
        now: Callable[[], float],
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """``url`` is where its API is, without ``/api/v1``; ``now`` gives seconds since the epoch."""
        self._url = url.rstrip("/")
        self._http = http
        self._namespace = namespace
        self._now = now
        self._headers = dict(headers or {})
        self._timeout = timeout

    def sample(
        self,
        measures: Iterable[Measure],
        colours: Sequence[Colour],
        services: Sequence[str] = SERVICES,
        seconds: float = STALE,
    ) -> tuple[Evidence, ...]:
        """A sample of every measure for each of its services and each colour, all for the same time.

        ``seconds``: how long ago the candidate became one; a window reaches no further back, if it can. Nothing that
        Prometheus does raises: a value that is missing has its reason.
        """
        at, window = self._now(), f"{min(STALE, max(SHORTEST, seconds)):.0f}s"
        asked = [
            (measure, service, colour)
            for measure in measures
            for service in measure.services
            if service in services
            for colour in colours
        ]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="prometheus") as pool:
            return tuple(pool.map(lambda one: self._evidence(at, window, *one), asked))

    def _evidence(self, at: float, window: str, measure: Measure, service: str, colour: Colour) -> Evidence:
        value, why = None, None
        try:
            names = {"namespace": self._namespace, "service": service, "colour": colour.value}
            query = Template(measure.query).substitute(names, window=window)
            value = self._ask(query, at)
        except NoValueError as error:
            why = str(error)
        except (KeyError, ValueError) as error:
            why = f"its query has an unknown placeholder: {error}"
        return Evidence(name=measure.name, service=service, colour=colour, value=value, why=why)

    def _ask(self, query: str, at: float) -> float:
        asked = urlencode(
            {
                "query": query,
                "time": f"{at:.3f}",
                "timeout": f"{self._timeout:g}s",
                "lookback_delta": f"{STALE:.0f}s",
            }
        )
        try:
            answer = web.fetch(
                self._http,
                "GET",
                f"{self._url}/api/v1/query?{asked}",
                headers=self._headers,
                seconds=self._timeout,
                largest=LARGEST,
            )
        except Unreachable as error:
            raise NoValueError(error.problem) from None
        return value(answer.status, answer.body, at)


class NoValueError(Exception):
    """There is no value; the text says why."""


def value(status: int, body: bytes, at: float) -> float:
    """The one number in an answer of ``/api/v1/query`` for the time ``at``. Raises :class:`NoValueError`."""
    try:
        answer = json.loads(body)
        if answer["status"] != "success":
            raise NoValueError(f"Prometheus refuses the query: {web.line(str(answer.get('error', '')))}")
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        found = _only(kind, result)
        taken, number = float(found[0]), float(found[1])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise NoValueError(f"Prometheus answers {status} with something else than a result") from None
    if abs(at - taken) > STALE:
        raise NoValueError(f"the value is {abs(at - taken):.0f} s away from the time asked for")
    if not math.isfinite(number):
        raise NoValueError(f"the value is {number}")
    return number


def _only(kind: str, result: Any) -> Any:  # noqa: ANN401 - JSON of somebody else
    """The sample in a result, a pair of time and number. Raises ``NoValueError`` unless there is exactly one."""
    if kind == "scalar":
        return result
    if kind != "vector":
        raise NoValueError(f"the query gives a {web.line(str(kind))} instead of one number")
    if not result:
        raise NoValueError("there is no such series, or nothing was scraped for 45 s")
    if len(result) > 1:
        raise NoValueError(f"the query gives {len(result)} series instead of one number")
    return result[0]["value"]
