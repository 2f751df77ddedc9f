"""Names of releases sort as the releases began, whatever the clocks say."""

import random
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.journal.ids import ALPHABET, holder, new_id
from release.journal.names import release_name

MOMENT = datetime(2026, 11, 24, 10, 45, 59, 999_999, tzinfo=UTC)


def draw(_: int) -> int:
    return 3


def test_a_release_is_named_after_its_second_in_utc() -> None:
    assert new_id(MOMENT.astimezone(timezone(timedelta(hours=8))), draw) == "20261124-104559-5555"


def test_after_a_release_named_by_a_clock_years_ahead_names_go_on_from_there() -> None:
    assert new_id(MOMENT, draw, after="20360101-000000-zzzz") == "20360101-000001-5555"


@pytest.mark.parametrize("after", [None, "", "r1", "20269999-999999-abcd", "99991231-235958-abcd"])
def test_any_other_name_is_no_hindrance(after: str | None) -> None:
    assert new_id(datetime(9999, 12, 31, 23, 59, 58, tzinfo=UTC), draw, after=after)[:4] == "9999"


@given(st.lists(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=20), st.integers())
def test_whatever_the_clocks_names_rise_and_fit_into_names_of_objects(clocks: list[datetime], seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable, guards nothing
    names: list[str] = []
    for clock in clocks:
        names.append(new_id(clock.replace(tzinfo=UTC), dice.randrange, after=names[-1] if names else None))
    assert names == sorted(set(names))
    assert all(release_name(name) == f"release-{name}" for name in names)
    assert all(re.fullmatch(rf"\d{{8}}-\d{{6}}-[{ALPHABET}]{{4}}", name) for name in names)


def test_a_holder_is_told_from_another_with_the_same_pid() -> None:
    assert holder(user="ana", host="build-7", pid=7, draw=draw) == "ana@build-7/7/55555555"
    assert holder(user="a b\n@", host="", pid=7, draw=draw) == "a-b-@unknown/7/55555555"
