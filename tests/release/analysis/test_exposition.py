"""What a proxy writes, and what somebody writes in its name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.adapters.gateway_counters import clusters
from release.analysis import Counters, Latency
from release.analysis.exposition import Sample, counters, samples
from tests.release.analysis.traffic import target

NAMES = clusters("shop", ("backend", "frontend"))
GREEN = 'envoy_cluster_name="service/shop/backend-green/8000/http"'

PAGE = f"""\
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",{GREEN}}} 90
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="4",{GREEN}}} 7
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",{GREEN}}} 3
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="1",{GREEN}}} 2
envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",envoy_cluster_name="xds_cluster"}} 5
envoy_cluster_upstream_rq_total{{{GREEN}}} 110
envoy_cluster_upstream_rq_active{{{GREEN}}} 6
envoy_cluster_upstream_rq_pending_active{{{GREEN}}} 1
envoy_cluster_upstream_rq_timeout{{{GREEN}}} 2
envoy_cluster_upstream_rq_per_try_timeout{{{GREEN}}} 1
envoy_cluster_upstream_cx_connect_fail{{{GREEN}}} 4
envoy_cluster_membership_healthy{{{GREEN}}} 2
envoy_cluster_external_upstream_rq_xx{{envoy_response_code_class="2",{GREEN}}} 90
# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{{{GREEN},le="0.5"}} 10
envoy_cluster_upstream_rq_time_bucket{{{GREEN},le="25"}} 90
envoy_cluster_upstream_rq_time_bucket{{{GREEN},le="+Inf"}} 100
envoy_cluster_upstream_rq_time_sum{{{GREEN}}} 1234.50000000000000000012
envoy_cluster_upstream_rq_time_count{{{GREEN}}} 100
"""


def test_a_page_becomes_counters() -> None:
    assert counters(PAGE, NAMES) == {
        target("backend green"): Counters(
            requests=100,
            errors=3,
            started=108,
            connect_failures=4,
            timeouts=3,
            latency=Latency(bounds=(0.5, 25.0), counts=(10, 90, 100), total_ms=1234.5),
            in_flight=6,
            queued=1,
            endpoints=2,
        )
    }


def test_clusters_of_one_colour_at_two_ports_count_together() -> None:
    other = PAGE.replace("/8000/", "/8080/")
    found = counters(PAGE + other, NAMES)[target("backend green")]
    assert (found.requests, found.errors, found.latency.count, found.endpoints) == (200, 6, 200, 2)


@pytest.mark.parametrize(
    "name",
    [
        "service/shop/backend-green-2/8000/http",
        "service/shop2/backend-green/8000/http",
        "httproute/shop/backend-green/rule/0",
        "service/shop/cache-green/8000/http",
        "service/shop/backend-red/8000/http",
        "x/service/shop/backend-green/8000/http",
    ],
)
def test_other_clusters_are_left_alone(name: str) -> None:
    assert counters(PAGE.replace("service/shop/backend-green/8000/http", name), NAMES) == {}


def test_nothing_is_read_from_nothing() -> None:
    assert counters("", NAMES) == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}} NaN", "this is no count: 'NaN'"),
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}} +Inf", "this is no count: '+Inf'"),
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}} -1", "this is no count: '-1'"),
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}} 1e300", "this is no count: '1e300'"),
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}} 1_000", "this is no count: '1_000'"),
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}} ١٢", "this is no count: '١٢'"),
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}}", "this is no sample: "),
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}} 1 2 3", "this is no sample: "),
        (f"envoy_cluster_upstream_rq_total{{{GREEN} 1", "this is no sample: "),
        ("envoy_cluster_upstream_rq_total{a=b} 1", "these are no labels: 'a=b'"),
        (f"envoy_cluster_upstream_rq_total{{{GREEN},{GREEN}}} 1", "these are no labels: "),
        (f"envoy_cluster_upstream_rq_total{{{GREEN}}} 111", "envoy_cluster_upstream_rq_total is there twice"),
        (f'envoy_cluster_upstream_rq_time_bucket{{{GREEN},le="50"}} 80', "a histogram's counts fall"),
        (f'envoy_cluster_upstream_rq_time_bucket{{{GREEN},le="x"}} 80', "this is no count: 'x'"),
        ("#" * 5000, "a line has 5,000 characters"),
    ],
)
def test_what_cannot_be_right_is_refused_whole(line: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is what is looked at
        counters(f"{PAGE}{line}\n", NAMES)
    assert str(caught.value).startswith(why)


def test_a_histogram_that_was_cut_off_is_refused() -> None:
    cut = PAGE[: PAGE.index(f'envoy_cluster_upstream_rq_time_bucket{{{GREEN},le="+Inf"}}')]
    with pytest.raises(ValueError, match="do not reach to infinity"):
        counters(cut, NAMES)


def test_labels_may_hold_anything() -> None:
    line = r'up{a="x,y=\"z\" {}",b="\\\n",} 1.5e2 1700000000000'
    assert list(samples(line, {"up"})) == [Sample(name="up", labels={"a": 'x,y="z" {}', "b": "\\\n"}, value=150.0)]


@given(st.text(max_size=200), st.integers(0, len(PAGE)))
def test_no_text_breaks_the_reader(text: str, at: int) -> None:
    try:
        found = counters(PAGE[:at] + text + PAGE[at:], NAMES)
    except ValueError:
        return
    for one in found.values():
        assert 0 <= one.errors <= one.requests
        assert one.started >= 0
