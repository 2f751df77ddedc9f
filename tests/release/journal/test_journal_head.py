"""Which release is the latest, also where the object that says it is gone or damaged."""

from typing import Any

import pytest

from release.journal import head
from release.journal.head import Head
from release.journal.summaries import Entry, Unreadable, summarise
from release.model import Status
from tests.release.journal.samples import STACK, release


def entry(name: str, status: Status, fence: int) -> Entry:
    return summarise(release(name, status=status), fence)


def test_it_comes_back_as_it_went() -> None:
    one = Head(fence=7, latest="2026-a")
    assert head.from_object(head.to_object(one, STACK)) == one
    assert head.to_object(one, STACK)["metadata"]["name"] == "releases-staging"
    assert head.change(one, version="9") == {
        "metadata": {"resourceVersion": "9"},
        "data": {"fence": "7", "latest": "2026-a"},
    }


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"fence": "7"},
        {"fence": "-1", "latest": "a"},
        {"fence": "7", "latest": ""},
        {"fence": "²", "latest": "a"},
        {"fence": "9" * 5_000, "latest": "a"},
        {"fence": 7, "latest": "a"},
        {"fence": "7", "latest": 1},
    ],
)
def test_what_makes_no_sense_is_told_from_what_does(data: Any) -> None:
    assert head.from_object({"data": data}) is None


def test_the_releases_themselves_tell_it_the_one_that_has_not_ended_first() -> None:
    done, going = entry("c", Status.SUCCESS, 5), entry("b", Status.IN_PROGRESS, 9)
    assert head.recovered([done, going]) == Head(fence=9, latest="b")
    assert head.recovered([done, entry("a", Status.FAILED, 2)]) == Head(fence=5, latest="c")
    assert head.recovered([Unreadable(id="d", problem="", remedy=""), done]) == Head(fence=5, latest="d")
    assert head.recovered([]) == Head(fence=0, latest=None)
