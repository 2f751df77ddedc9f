"""Who may take the lock, and when: by what an observer sees himself, and by nobody's wall clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from release.journal import lease as leases
from release.journal.lease import Lease, Watch
from tests.release.journal.samples import STACK, STARTED


def standing(**spec: Any) -> Lease:
    manifest = leases.new(STACK, "ana@build-7/1/a", fence=4, duration=15.0, now=STARTED)
    manifest["metadata"]["resourceVersion"] = "10"
    manifest["spec"] |= spec
    return Lease.of(manifest)


def test_a_lease_comes_back_as_it_went() -> None:
    assert standing() == Lease(
        holder="ana@build-7/1/a", fence=4, duration=15.0, acquired=STARTED, renewed=STARTED, version="10"
    )


@pytest.mark.parametrize("spec", [None, [], {"holderIdentity": 7, "leaseTransitions": "x", "renewTime": "soon"}])
def test_what_makes_no_sense_in_a_lease_counts_as_not_said(spec: Any) -> None:
    assert Lease.of({"spec": spec}) == Lease(
        holder=None, fence=0, duration=15.0, acquired=None, renewed=None, version=""
    )


def test_age_counts_from_when_this_observer_first_saw_the_lease_as_it_is() -> None:
    one = standing()
    watch = Watch(version="9", since=100.0).seeing(one, 200.0)
    assert watch == Watch(version="10", since=200.0)
    assert watch.seeing(one, 210.0) is watch
    assert leases.state(one, watch, 214.9, 15.0).expired is False
    assert leases.state(one, watch, 215.0, 15.0).expired is True
    assert leases.state(one, None, 999.0, 15.0).age == 0.0
    assert leases.state(one, Watch(version="9", since=0.0), 999.0, 15.0).expired is False


@pytest.mark.parametrize("years", [-10, 10])
def test_the_times_in_a_lease_change_nothing(years: int) -> None:
    other = (STARTED + timedelta(days=365 * years)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    one = standing(renewTime=other, acquireTime=other)
    assert not leases.state(one, Watch(version="10", since=0.0), 14.9, 15.0).expired


def test_a_free_lock_and_none_at_all_may_be_taken_at_once() -> None:
    assert leases.state(standing(holderIdentity=""), None, 0.0, 15.0).expired
    assert leases.state(None, None, 0.0, 15.0).expired


def test_the_longer_of_both_durations_is_waited_for_but_not_for_ever() -> None:
    assert standing(leaseDurationSeconds=60).patience(15.0) == 60.0
    assert standing(leaseDurationSeconds=5).patience(15.0) == 15.0
    assert standing(leaseDurationSeconds=10**9).patience(15.0) == 300.0


def test_taking_over_counts_up_and_hits_only_what_was_seen() -> None:
    assert leases.taking(standing(), "bob@desk/2/b", duration=15.0, now=STARTED) == {
        "metadata": {"resourceVersion": "10"},
        "spec": {
            "holderIdentity": "bob@desk/2/b",
            "leaseDurationSeconds": 15,
            "leaseTransitions": 5,
            "acquireTime": "2026-11-24T10:45:59.000000Z",
            "renewTime": "2026-11-24T10:45:59.000000Z",
        },
    }


@pytest.mark.parametrize("now", [STARTED, STARTED - timedelta(days=4000)])
def test_a_sign_of_life_shows_even_from_a_clock_that_stands_still_or_goes_back(now: datetime) -> None:
    assert leases.renewing(standing(), now=now)["spec"] == {"renewTime": "2026-11-24T10:45:59.000001Z"}


def test_giving_back_keeps_the_fence_and_forcing_counts_it_up() -> None:
    assert leases.freeing(standing(), forced=False)["spec"] == {"holderIdentity": ""}
    assert leases.freeing(standing(), forced=True)["spec"] == {"holderIdentity": "", "leaseTransitions": 5}


def test_the_fence_fits_into_its_field_for_ever() -> None:
    assert leases.following(2**31 - 1) == 2**31 - 1
    assert leases.following(0) == 1
    assert STARTED.tzinfo is UTC
