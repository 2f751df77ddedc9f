"""The metrics of one pod in Prometheus' text format, with the names of django-prometheus and of Node's prom-client.

Hand-kept, because they are on the path of each request: counting costs one look-up and one bisection.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from rehearsal.workload.pods import Component, Pod

BUCKETS: Final[Mapping[Component, tuple[float, ...]]] = {
    Component.BACKEND: (
        0.01,
        0.025,
        0.05,
        0.075,
        0.1,
        0.25,
        0.5,
        0.75,
        1.0,
        2.0,
        2.5,
        5.0,
        7.5,
        10.0,
        25.0,
        50.0,
        75.0,
    ),
    Component.FRONTEND: (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0),
}
"""Upper bounds in seconds. django-prometheus' and prom-client's own, with the objective of 2 s added."""

_HEAP: Final = 48 * 2**20
_RESIDENT: Final = {Component.BACKEND: 96 * 2**20, Component.FRONTEND: 110 * 2**20}

Labels = Mapping[str, str]


@dataclass(kw_only=True, slots=True)
class Series:
    """Requests of one view, method and status: how many, and how long they took."""

    counts: list[int]
    """Requests per bucket, the last is the one without bound."""
    seconds: float = 0.0
    size: int = 0
    """Bytes of the answers' bodies."""

    @property
    def count(self) -> int:
        """Requests in all buckets."""
        return sum(self.counts)


@dataclass(kw_only=True)
class Meter:
    """All that one container has counted since it started."""

    component: Component
    since: float
    """When the container started, seconds since the epoch."""
    ordinal: int = 0
    """Application requests that the faults have judged."""
    unhandled: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Requests per view that ended in an exception."""
    series: dict[tuple[str, str, int], Series] = field(default_factory=dict)

    def next(self) -> int:
        """Return how many application requests came before this one."""
        self.ordinal += 1
        return self.ordinal - 1

    def count(self, view: str, method: str, status: int, *, seconds: float, size: int) -> None:
        """Count one answered request."""
        key = (view, method, status)
        found = self.series.get(key)
        if found is None:
            found = self.series[key] = Series(counts=[0] * (len(BUCKETS[self.component]) + 1))
        found.counts[bisect_left(BUCKETS[self.component], seconds)] += 1
        found.seconds += seconds
        found.size += size


def exposition(pod: Pod, meter: Meter, *, now: float, cpu: float) -> str:
    """Every metric of ``pod`` in Prometheus' text format. ``cpu``: seconds of processor time to own up to."""
    lines = _django(meter) if pod.component is Component.BACKEND else _node(meter, now)
    return "\n".join([*lines, *_process(meter, cpu)]) + "\n"


def _family(name: str, kind: str, samples: Sequence[tuple[Labels, float]], help_text: str = "") -> Iterator[str]:
    yield f"# HELP {name} {help_text or name}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield _sample(name, labels, value)


def _sample(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value}" if inner else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _histogram(name: str, bounds: Sequence[float], series: Sequence[tuple[Labels, Series]]) -> Iterator[str]:
    yield f"# HELP {name} {name}"
    yield f"# TYPE {name} histogram"
    for labels, one in series:
        for bound, count in zip([*map(str, bounds), "+Inf"], accumulate(one.counts), strict=True):
            yield _sample(f"{name}_bucket", {**labels, "le": bound}, count)
        yield _sample(f"{name}_sum", labels, one.seconds)
        yield _sample(f"{name}_count", labels, one.count)


def _merged(meter: Meter, *names: str) -> list[tuple[Labels, Series]]:
    """Return the series added up by the given ones of ``view``, ``method``, ``status``."""
    total: dict[tuple[str, ...], Series] = {}
    for (view, method, status), one in meter.series.items():
        labels = {"view": view, "method": method, "status": str(status)}
        key = tuple(labels[name] for name in names)
        into = total.setdefault(key, Series(counts=[0] * len(one.counts)))
        into.counts = [a + b for a, b in zip(into.counts, one.counts, strict=True)]
        into.seconds += one.seconds
        into.size += one.size
    if not names and not total:
        total[()] = Series(counts=[0] * (len(BUCKETS[meter.component]) + 1))
    return [(dict(zip(names, key, strict=True)), one) for key, one in total.items()]


def _counts(series: Sequence[tuple[Labels, Series]], extra: Labels | None = None) -> list[tuple[Labels, float]]:
    return [({**labels, **(extra or {})}, one.count) for labels, one in series]


def _django(meter: Meter) -> Iterator[str]:
    bounds, everything = BUCKETS[Component.BACKEND], _merged(meter)
    queries = sum(one.count for (view, _, _), one in meter.series.items() if view in {"api", "admin:index", "ready"})
    database = {"alias": "default", "vendor": "postgresql"}
    yield from _family("django_http_requests_before_middlewares_total", "counter", _counts(everything))
    yield from _family("django_http_responses_before_middlewares_total", "counter", _counts(everything))
    yield from _family("django_http_requests_total_by_method_total", "counter", _counts(_merged(meter, "method")))
    yield from _family(
        "django_http_requests_total_by_view_transport_method_total",
        "counter",
        _counts(_merged(meter, "view", "method"), {"transport": "http"}),
    )
    yield from _family("django_http_responses_total_by_status_total", "counter", _counts(_merged(meter, "status")))
    by_all = _merged(meter, "status", "view", "method")
    yield from _family("django_http_responses_total_by_status_view_method_total", "counter", _counts(by_all))
    by_view = [({"view": view}, float(count)) for view, count in meter.unhandled.items()]
    yield from _family("django_http_exceptions_total_by_view_total", "counter", by_view)
    by_type = [({"type": "SimulatedFailure"}, float(sum(meter.unhandled.values())))] if meter.unhandled else []
    yield from _family("django_http_exceptions_total_by_type_total", "counter", by_type)
    yield from _histogram("django_http_requests_latency_including_middlewares_seconds", bounds, everything)
    by_view_method = _merged(meter, "view", "method")
    yield from _histogram("django_http_requests_latency_seconds_by_view_method", bounds, by_view_method)
    query_times = Series(counts=[queries, *([0] * len(bounds))], seconds=queries * 0.002)
    yield from _histogram("django_db_query_duration_seconds", bounds, [(database, query_times)])
    yield from _family("django_db_execute_total", "counter", [(database, queries)])
    yield from _family("django_db_errors_total", "counter", [({**database, "type": "OperationalError"}, 0)])
    yield from _family("django_migrations_unapplied_total", "gauge", [({"connection": "default"}, 0)])
    yield from _family("django_cache_get_total", "counter", [({"backend": "redis"}, queries)])
    yield from _family("django_cache_get_hits_total", "counter", [({"backend": "redis"}, queries - queries // 10)])
    yield from _family("django_cache_get_misses_total", "counter", [({"backend": "redis"}, queries // 10)])


def _node(meter: Meter, now: float) -> Iterator[str]:
    bounds = BUCKETS[Component.FRONTEND]
    requests = [
        ({"method": labels["method"], "route": labels["view"], "status_code": labels["status"]}, one)
        for labels, one in _merged(meter, "view", "method", "status")
    ]
    yield from _histogram("http_request_duration_seconds", bounds, requests)
    for name in ("", "_min", "_max", "_mean", "_stddev", "_p50", "_p90", "_p99"):
        yield from _family(
            f"nodejs_eventloop_lag{name}_seconds" if name else "nodejs_eventloop_lag_seconds", "gauge", [({}, 0.001)]
        )
    yield from _family("nodejs_active_handles_total", "gauge", [({}, 4)])
    yield from _family("nodejs_active_requests_total", "gauge", [({}, 0)])
    yield from _family("nodejs_heap_size_total_bytes", "gauge", [({}, _HEAP)])
    yield from _family("nodejs_heap_size_used_bytes", "gauge", [({}, _HEAP * 3 // 4)])
    yield from _family("nodejs_external_memory_bytes", "gauge", [({}, 2**20)])
    collections = int(max(0.0, now - meter.since) // 10)
    pauses = Series(counts=[collections, 0, 0, 0], seconds=collections * 0.001)
    yield from _histogram("nodejs_gc_duration_seconds", (0.001, 0.01, 0.1), [({"kind": "minor"}, pauses)])
    version = {"version": "v22.0.0", "major": "22", "minor": "0", "patch": "0"}
    yield from _family("nodejs_version_info", "gauge", [(version, 1)])


def _process(meter: Meter, cpu: float) -> Iterator[str]:
    yield from _family("process_cpu_seconds_total", "counter", [({}, cpu)])
    yield from _family("process_start_time_seconds", "gauge", [({}, meter.since)])
    yield from _family("process_resident_memory_bytes", "gauge", [({}, _RESIDENT[meter.component])])
    yield from _family("process_open_fds", "gauge", [({}, 24)])
    yield from _family("process_max_fds", "gauge", [({}, 1048576)])
