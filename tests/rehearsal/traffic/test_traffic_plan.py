"""Plans: who asks, when, and what is refused before anything is sent."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.traffic.plan import CLIENT_LIMIT, CLIENTS, Plan


def plan(**changes: Any) -> Plan:
    defaults: dict[str, Any] = {"domain": "site.test", "ca": None, "first_client": 0}
    return Plan(**{**defaults, **changes})


@given(st.integers(1, 50_000), st.none() | st.floats(0.1, 5_000))
def test_no_client_asks_more_than_its_limit_within_a_minute(requests: int, rate: float | None) -> None:
    made = plan(requests=requests, rate=rate)
    clients = len(made.addresses)
    within_a_minute = requests if rate is None else min(requests, int(60 * rate) + 1)
    per_client = Counter(number % clients for number in range(within_a_minute))
    assert max(per_client.values()) <= CLIENT_LIMIT + 1  # one more if the window begins at a request


@given(st.integers(0, CLIENTS.num_addresses), st.integers(1, 200))
def test_addresses_are_distinct_hosts_of_the_network(first: int, count: int) -> None:
    addresses = plan(clients=count, first_client=first).addresses
    assert len(set(addresses)) == count
    assert {"10.200.0.0", "10.200.127.255"}.isdisjoint(addresses)
    assert all(address.startswith("10.200.") for address in addresses)


def test_two_plans_start_with_different_clients() -> None:
    firsts = {Plan(domain="site.test", ca=None).first_client for _ in range(20)}
    assert len(firsts) > 1


def test_a_rate_spreads_requests_evenly() -> None:
    steady = plan(rate=200)
    assert [steady.due(number) for number in (0, 1, 200, 1000)] == [0, 0.005, 1, 5]
    assert plan().due(7) == 0


def test_requests_take_the_paths_in_turn() -> None:
    made = plan(paths=("/a", "/b"))
    assert made.message(1) == (
        b"GET /b HTTP/1.1\r\nhost: site.test\r\nuser-agent: english-training-rehearsal\r\naccept: */*\r\n\r\n"
    )
    assert made.message(2).startswith(b"GET /a ")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"requests": 0}, "requests: must be greater than 0"),
        ({"rate": 0.0, "clients": -1}, "rate, clients: must be greater than 0"),
        ({"timeout": 0.0}, "timeout: must be greater than 0"),
        ({"paths": ()}, "paths: at least one"),
        ({"paths": ("api",)}, "paths: at least one, each begins with /"),
        ({"paths": ("/a b",)}, "paths: at least one, each begins with /"),
        ({"paths": ("/a\r\nx: y",)}, "paths: at least one, each begins with /"),
        ({"domain": "site.test\r\nx: y"}, "letters, digits, dots and hyphens only"),
    ],
)
def test_what_cannot_be_sent_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        plan(**changes)
