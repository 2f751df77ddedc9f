"""However much is said during a release, its record stays small, and what tells how far it is stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import BadOrder
from release.journal.thinning import KEPT, LIMIT, left_out, size, size_of, thin
from release.model import Event, Release
from tests.release.journal.samples import event, release

KINDS = ["begin", "done", "failed", "verdict", "alarm", "request", "status", "takeover", "note"]
SMALL, SMALLER = 6_000, 4_500


def with_events(*events: Event) -> Release:
    return release(events=events)


def kept(one: Release) -> list[str]:
    return [event.text for event in one.events if event.kind in KEPT]


def test_what_is_small_enough_is_left_as_it_is() -> None:
    one = with_events(event("note"), event("begin"))
    assert thin(one) is one


def test_the_oldest_notes_and_verdicts_go_first_and_one_event_says_how_many() -> None:
    log = [event(kind, f"{kind} {index}") for index in range(3_000) for kind in ("verdict", "alarm", "note")]
    begin, done = event("begin", "first"), event("done", "last")
    thinned = thin(with_events(begin, *log, done))
    assert size(thinned) <= LIMIT
    assert [one for one in thinned.events if one.kind == "alarm"] == [one for one in log if one.kind == "alarm"]
    assert (thinned.events[0], thinned.events[-1]) == (begin, done)
    assert thinned.events[-2] == log[-1]
    gone = left_out(thinned.events)
    assert gone == len(log) + 2 - (len(thinned.events) - 1)
    [mark] = [one for one in thinned.events if one.figures]
    assert mark.kind == "note"
    assert mark.text == f"{gone} older events were left out here, to keep the record small"


def test_thinning_again_adds_up_what_went() -> None:
    first = thin(with_events(*(event("note", "x" * 50) for _ in range(80))), limit=SMALL, target=SMALLER)
    more = first.model_copy(update={"events": (*first.events, *(event("note", "y" * 50) for _ in range(80)))})
    second = thin(more, limit=SMALL, target=SMALLER)
    assert left_out(second.events) == 160 - (len(second.events) - 1)
    assert len([one for one in second.events if one.figures]) == 1


def test_where_only_what_counts_is_left_it_loses_figures_and_long_texts_but_is_there() -> None:
    log = [event("done", f"{index} " + "x" * 5_000, answers=index) for index in range(200)]
    thinned = thin(with_events(*log))
    assert size(thinned) <= LIMIT
    assert [one.text[:8] for one in thinned.events] == [one.text[:8] for one in log]
    assert {len(one.text) for one in thinned.events} == {200}
    assert left_out(thinned.events) == 0


def test_what_is_no_event_cannot_be_thinned_and_is_refused() -> None:
    one = release()
    big = one.model_copy(update={"order": one.order.model_copy(update={"overrides": {"django": "x" * LIMIT}})})
    with pytest.raises(BadOrder) as caught:
        thin(big)
    assert caught.value.problem.startswith(f"the record of release {one.id} would have ")


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.text("xé", max_size=300)), max_size=60))
def test_whatever_is_said_the_limit_holds_and_the_steps_stay(said: list[tuple[str, str]]) -> None:
    one = with_events(*(event(kind, f"{index} {text}", n=index) for index, (kind, text) in enumerate(said)))
    try:
        thinned = thin(one, limit=SMALL, target=SMALLER)
    except BadOrder:
        # Only where what must stay is too long by itself.
        needed = with_events(*(event(e.kind, e.text[:200]) for e in one.events if e.kind in KEPT))
        assert size(needed) + size_of(event("note", "x" * 100, leftOut=60)) > SMALLER
        return
    assert size(thinned) <= SMALL
    assert [text.split()[0] for text in kept(thinned)] == [text.split()[0] for text in kept(one)]
    marks = sum(1 for one in thinned.events if "leftOut" in one.figures)
    assert marks == (1 if left_out(thinned.events) else 0)
    assert left_out(thinned.events) + len(thinned.events) - marks == len(one.events)
    assert thin(thinned, limit=SMALL, target=SMALLER) == thinned
