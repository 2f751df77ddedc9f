from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings.standing import OWNED, Overtaken, Standing, digest, mark, stand

OLD: dict[str, Any] = {"greenWeight": 0, "blue": {"version": "1"}}
NEW: dict[str, Any] = {"greenWeight": 0, "blue": {"version": "1"}, "green": {"version": "2"}}
HALF: dict[str, Any] = {**NEW, "greenWeight": 50}
FULL: dict[str, Any] = {**NEW, "greenWeight": 100}


def written(values: dict[str, Any], serial: int, last: Standing | None, *, in_progress: bool = True) -> Standing:
    """What stands after the release tool wrote ``values``."""
    return stand(values, mark("r1", serial=serial, values=values, in_progress=in_progress), last)


@pytest.fixture
def midway() -> Standing:
    """A release in progress that has moved half of the requests, begun from ``OLD``."""
    return written(HALF, 2, written(NEW, 1, stand(OLD, None, None)))


def test_at_first_the_file_stands() -> None:
    assert stand(OLD, None, None) == Standing(values=OLD, base=digest(OLD))


def test_what_the_tool_writes_stands_and_the_base_stays_what_people_decided(midway: Standing) -> None:
    assert midway == Standing(values=HALF, base=digest(OLD), serial=2, release="r1", open=True)


def test_a_checkout_from_before_the_release_changes_nothing(midway: Standing) -> None:
    assert stand(OLD, None, midway) == midway


def test_a_checkout_that_the_tool_left_behind_earlier_changes_nothing(midway: Standing) -> None:
    assert written(NEW, 1, midway) == midway


def test_a_person_cannot_move_what_a_release_in_progress_moves(midway: Standing) -> None:
    with pytest.raises(Overtaken) as caught:
        stand({**OLD, "greenWeight": 30}, None, midway)
    assert caught.value.release == "r1"
    assert caught.value.keys == ["greenWeight", "green"]


def test_after_the_release_a_person_decides(midway: Standing) -> None:
    ended = written(FULL, 3, midway, in_progress=False)
    assert stand(OLD, None, ended) == ended
    decided = stand({**FULL, "greenWeight": 0}, None, ended)
    assert decided.values == {**FULL, "greenWeight": 0}
    assert decided.base == digest({**FULL, "greenWeight": 0})


def test_an_edit_of_what_the_tool_wrote_is_a_persons(midway: Standing) -> None:
    ended = written(FULL, 3, midway, in_progress=False)
    left_behind = mark("r1", serial=3, values=FULL, in_progress=False)
    assert stand({**FULL, "greenWeight": 20}, left_behind, ended).values["greenWeight"] == 20


def test_once_a_checkout_has_caught_up_a_return_to_its_former_values_is_a_decision(midway: Standing) -> None:
    ended = written(FULL, 3, midway, in_progress=False)
    caught_up = stand(FULL, None, ended)
    assert caught_up.values == FULL
    assert caught_up.base == digest(FULL)
    assert stand(OLD, None, caught_up).values == OLD


def test_in_mid_release_nobody_catches_up(midway: Standing) -> None:
    assert stand(HALF, None, midway) == midway


def test_a_new_stack_takes_what_the_tool_wrote_elsewhere() -> None:
    found = written(FULL, 7, None, in_progress=False)
    assert (found.values, found.base, found.serial) == (FULL, digest(FULL), 7)


@given(st.lists(st.sampled_from([OLD, NEW, HALF, FULL]), min_size=1), st.booleans())
def test_whoever_repeats_an_update_changes_nothing(history: list[dict[str, Any]], in_progress: bool) -> None:
    last = None
    for serial, values in enumerate(history, start=1):
        last = written(values, serial, last, in_progress=in_progress)
        assert written(values, serial, last, in_progress=in_progress) == last
        assert last.values == values


@given(st.sampled_from([OLD, NEW, HALF, FULL]))
def test_it_comes_back_from_the_engine_as_it_went(values: dict[str, Any]) -> None:
    standing = written(values, 1, None)
    floats = {**standing.model_dump(), "serial": 1.0}
    floats["values"] = {k: float(v) if isinstance(v, int) else v for k, v in floats["values"].items()}
    assert Standing.of(floats) == standing


@pytest.mark.parametrize("output", [3, {}, {"values": {}}, {**Standing(values={}, base="").model_dump(), "more": 1}])
def test_an_output_of_another_shape_is_refused(output: object) -> None:
    with pytest.raises(ValueError, match="output standing of the stack is not readable"):
        Standing.of(output)


def test_the_order_of_keys_and_the_writing_of_numbers_do_not_matter() -> None:
    assert digest({"green": {"a": 1, "b": 2.0}, "greenWeight": 1.0}) == digest(
        {"greenWeight": 1, "green": {"b": 2, "a": 1.0}, "blue": None, "other": 3}
    )
    assert OWNED == ("greenWeight", "blue", "green")
