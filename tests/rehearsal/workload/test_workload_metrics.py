"""A pod's metrics are what Prometheus reads, with the names that rules and dashboards use."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from rehearsal.workload.metrics import Meter, exposition
from rehearsal.workload.pods import Component
from tests.rehearsal.workload.samples import STARTED, pod

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(meter: Meter) -> Samples:
    text = exposition(pod(component=meter.component), meter, now=STARTED + 100, cpu=1.5)
    families = list(text_string_to_metric_families(text))
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples), "each series appears once"
    return found


def backend() -> Meter:
    meter = Meter(component=Component.BACKEND, since=STARTED)
    meter.count("api", "GET", 200, seconds=0.02, size=100)
    meter.count("api", "GET", 200, seconds=1.9, size=100)
    meter.count("api", "POST", 500, seconds=3.0, size=100)
    meter.unhandled["api"] += 1
    meter.count("ready", "GET", 200, seconds=0.001, size=10)
    return meter


def test_django_counts_by_status_view_and_method() -> None:
    samples = scrape(backend())
    assert samples["django_http_responses_total_by_status_total", (("status", "200"),)] == 3
    assert samples["django_http_responses_total_by_status_total", (("status", "500"),)] == 1
    by_view = "django_http_requests_total_by_view_transport_method_total"
    assert samples[by_view, (("method", "GET"), ("transport", "http"), ("view", "api"))] == 2
    by_all = "django_http_responses_total_by_status_view_method_total"
    assert samples[by_all, (("method", "POST"), ("status", "500"), ("view", "api"))] == 1
    assert samples["django_http_exceptions_total_by_view_total", (("view", "api"),)] == 1
    assert samples["django_migrations_unapplied_total", (("connection", "default"),)] == 0


def test_the_latency_objective_of_two_seconds_is_a_bucket() -> None:
    samples = scrape(backend())
    name = "django_http_requests_latency_including_middlewares_seconds"
    assert samples[f"{name}_bucket", (("le", "2.0"),)] == 3
    assert samples[f"{name}_bucket", (("le", "0.01"),)] == 1
    assert samples[f"{name}_bucket", (("le", "+Inf"),)] == samples[f"{name}_count", ()] == 4
    assert samples[f"{name}_sum", ()] == 0.02 + 1.9 + 3.0 + 0.001
    by_view = "django_http_requests_latency_seconds_by_view_method_bucket"
    assert samples[by_view, (("le", "2.0"), ("method", "GET"), ("view", "api"))] == 2


def test_node_counts_requests_in_one_histogram_and_shows_its_process() -> None:
    meter = Meter(component=Component.FRONTEND, since=STARTED)
    meter.count("/", "GET", 200, seconds=0.004, size=100)
    samples = scrape(meter)
    labels = (("method", "GET"), ("route", "/"), ("status_code", "200"))
    assert samples["http_request_duration_seconds_count", labels] == 1
    assert samples["http_request_duration_seconds_bucket", (("le", "0.005"), *labels)] == 1
    assert samples["nodejs_eventloop_lag_seconds", ()] > 0
    assert samples["nodejs_eventloop_lag_p99_seconds", ()] > 0
    assert samples["nodejs_gc_duration_seconds_count", (("kind", "minor"),)] == 10
    assert samples["process_resident_memory_bytes", ()] > 0
    assert samples["process_cpu_seconds_total", ()] == 1.5
    assert samples["process_start_time_seconds", ()] == STARTED


def test_a_pod_that_answered_nothing_has_its_totals_at_zero() -> None:
    samples = scrape(Meter(component=Component.BACKEND, since=STARTED))
    assert samples["django_http_requests_before_middlewares_total", ()] == 0
    assert samples["django_http_requests_latency_including_middlewares_seconds_count", ()] == 0


@given(st.text(min_size=1), st.sampled_from(list(Component)), st.floats(0, 100))
def test_any_view_can_be_read_back(view: str, component: Component, seconds: float) -> None:
    meter = Meter(component=component, since=STARTED)
    meter.count(view, "GET", 200, seconds=seconds, size=1)
    assert all(value >= 0 for value in scrape(meter).values())


def test_ordinals_count_up() -> None:
    meter = Meter(component=Component.BACKEND, since=STARTED)
    assert [meter.next() for _ in range(3)] == [0, 1, 2]
