"""What becomes part of an address or a label is safe there."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import BadOrder, NotFound
from release.journal.names import lease_name, point_name, release_name, selector, series_name, slug


def test_plain_names_stay_as_they_are() -> None:
    assert slug("staging") == "staging"
    assert lease_name("staging") == "release-staging"
    assert release_name("20261124-104559-k3f9") == "release-20261124-104559-k3f9"
    assert series_name("20261124-104559-k3f9") == "release-20261124-104559-k3f9-series"
    assert point_name("before-20261124-104559-k3f9") == "config-before-20261124-104559-k3f9"
    assert selector("release", "staging") == "english-training.dev/journal=release,english-training.dev/stack=staging"


@given(st.text(min_size=1))
def test_any_stack_fits_into_a_label_and_a_name(stack: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", slug(stack))


def test_stacks_that_look_alike_are_told_apart() -> None:
    assert len({slug(stack) for stack in ("a-b", "a_b", "A-b", "org/a-b", "a-b-", "é", "ü")}) == 7


@pytest.mark.parametrize("bad", ["", "../secrets/x", "a/b", "A", "-a", "a-", "a" * 201, "a\n", "a?b=c"])
def test_what_is_no_name_never_gets_into_an_address(bad: str) -> None:
    with pytest.raises(NotFound) as caught:
        release_name(bad)
    assert caught.value.remedy == "release history"
    with pytest.raises(BadOrder) as refused:
        point_name(bad)
    assert refused.value.remedy == "release config list"
