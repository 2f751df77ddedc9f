"""Whole histories of releases, with faults, people and deaths of the runner, held against what must always be true."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.model import Colour, Kind, Outcome, Release, Request, Status, Strategy
from tests.release.world import BEFORE, World, order, release, run, runner

STRATEGIES = list(Strategy)
FAULTY = [Kind.CHECK, Kind.MIGRATE, Kind.PROVISION, Kind.ROLL, Kind.VERIFY, Kind.SHIFT]


def world(strategy: Strategy = Strategy.CANARY, **changes: object) -> World:
    wanted = order(strategy, **{key: value for key, value in changes.items() if key in type(order()).model_fields})
    rest = {key: value for key, value in changes.items() if key not in type(order()).model_fields}
    return World(record=release(wanted), **rest)  # type: ignore[arg-type]


def must_hold(after: World) -> None:
    """What is true at the end of every run, whatever happened."""
    record = after.record
    forward = [step for way, step in after.finished if way == "forward"]
    assert forward == list(record.steps[: len(forward)])
    back = [step for way, step in after.finished if way == "back"]
    assert back == list(record.way_back[: len(back)])
    assert after.torn_down_with_traffic == []
    match record.status:
        case Status.SUCCESS:
            assert (after.lineup, after.route) == (record.after, record.after.green_weight)
        case Status.ROLLED_BACK:
            assert (after.lineup, after.route) == (record.before, record.before.green_weight)
            assert record.reason
        case Status.FAILED:
            assert record.reason
            assert record.remedy or "nothing was changed" in record.reason
        case _:
            assert record.paused or not record.order.auto_promote
    assert [event.kind for event in record.events].count("status") == int(record.status.ended)


@st.composite
def histories(draw: st.DrawFn) -> World:
    strategy = draw(st.sampled_from(STRATEGIES))
    rising = st.lists(st.integers(1, 99), max_size=4, unique=True).map(lambda low: (*sorted(low), 100))
    return world(
        strategy,
        steps=draw(rising) if strategy is Strategy.CANARY else (),
        auto_promote=draw(st.booleans()),
        auto_rollback=draw(st.booleans()),
        broken=frozenset(draw(st.lists(st.sampled_from(FAULTY), max_size=1))),
        alarm_at=draw(st.none() | st.integers(1, 100)),
        ill_stable=draw(st.booleans()),
        verdict=draw(st.sampled_from(list(Outcome))),
        asked=draw(st.dictionaries(st.integers(1, 30), st.sampled_from(list(Request)), max_size=3)),
        die_at=draw(st.none() | st.integers(1, 60)),
        die_after=draw(st.booleans()),
    )


@given(histories())
@settings(max_examples=1500, deadline=None)
def test_every_history_ends_well_or_says_why_and_harms_nobody(history: World) -> None:
    run(history)
    must_hold(history)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_faults_all_traffic_ends_on_the_new_version(strategy: Strategy) -> None:
    after = world(strategy)
    assert run(after).status is Status.SUCCESS
    must_hold(after)
    assert after.record.done == len(after.record.steps)
    assert after.record.times.traffic_full_at is not None


def calls(**changes: object) -> int:
    """How many calls a run makes."""
    whole = world(**changes)  # type: ignore[arg-type]
    run(whole)
    return whole.calls


SCENARIOS: dict[str, dict[str, object]] = {
    **{f"{strategy.value} succeeds": {"strategy": strategy} for strategy in STRATEGIES},
    **{f"{strategy.value} is taken back": {"strategy": strategy, "alarm_at": 50} for strategy in STRATEGIES},
    "pods never get ready": {"broken": frozenset({Kind.PROVISION})},
}


@pytest.mark.parametrize(
    ("name", "number", "after_effect"),
    [
        (name, number, after_effect)
        for name, changes in SCENARIOS.items()
        for number, after_effect in itertools.product(range(1, calls(**changes) + 1), (False, True))
    ],
)
def test_the_death_of_the_runner_at_any_call_changes_nothing_of_the_end(
    name: str, number: int, *, after_effect: bool
) -> None:
    whole, cut = (
        world(**SCENARIOS[name]),  # type: ignore[arg-type]
        world(**SCENARIOS[name], die_at=number, die_after=after_effect),  # type: ignore[arg-type]
    )
    run(whole)
    run(cut)
    must_hold(cut)
    assert cut.record.status is whole.record.status
    assert (cut.lineup, cut.route) == (whole.lineup, whole.route)


def test_traffic_goes_back_before_anything_is_written_down_or_updated() -> None:
    after = world(alarm_at=25)
    run(after)
    turned = after.log.index("route 0")
    assert after.log[turned - 1].startswith("move shift to 25")
    assert after.log[turned + 1].startswith("journal in progress")
    assert after.log[turned + 3].startswith("move settle to 0")
    assert after.record.status is Status.ROLLED_BACK


def test_a_runner_that_died_right_after_it_took_the_traffic_back_is_not_taken_for_one_that_did_not() -> None:
    whole = world(alarm_at=25)
    run(whole)
    after = world(alarm_at=25, die_at=whole.log.index("route 0") + 1, die_after=True)
    run(after)
    died = after.log.index("route 0")
    assert not [line for line in after.log[died:] if line.startswith("move shift")]
    assert after.record.status is Status.ROLLED_BACK
    assert "the route already carries the weights from before" in str(after.record.reason)


def test_an_update_under_way_is_stopped_when_the_traffic_goes_back() -> None:
    after = world(alarm_at=25)
    run(after)
    assert after.cancelled == 1


def test_a_stable_colour_that_is_ill_as_well_stops_everything_where_it_is() -> None:
    after = world(alarm_at=25, ill_stable=True)
    run(after)
    assert (after.record.status, after.route) == (Status.FAILED, 25)
    assert "halted" in str(after.record.reason)


def test_what_cannot_be_judged_waits_for_a_person_and_is_never_promoted() -> None:
    after = world(verdict=Outcome.INCONCLUSIVE)
    run(after)
    assert (after.record.status, after.route, after.record.paused) == (Status.IN_PROGRESS, 10, True)


def test_a_person_may_promote_what_could_not_be_judged() -> None:
    after = world(verdict=Outcome.INCONCLUSIVE, steps=(50, 100))
    run(after)
    for writes in (after.writes + 1, after.writes + 8):
        after.asked[writes] = Request.PROMOTE
    paused = after.record
    assert paused.paused
    after.pending = None
    process = runner(after)
    after.asked = {}
    from release.journal.asking import Asked  # noqa: PLC0415 - only here

    after.pending = Asked(request=Request.PROMOTE, actor="person", at=after.clock_now(), token="1")
    record: Release = process.run()
    assert (record.status, after.route, record.paused) == (Status.IN_PROGRESS, 100, True)


def test_an_abort_takes_the_traffic_back() -> None:
    after = world(asked={14: Request.ABORT})
    run(after)
    assert after.record.status is Status.ROLLED_BACK
    assert "aborted by a person" in str(after.record.reason)
    must_hold(after)


def test_without_leave_to_roll_back_it_stays_where_it_failed() -> None:
    after = world(alarm_at=25, auto_rollback=False)
    run(after)
    assert (after.record.status, after.route, after.record.remedy) == (Status.FAILED, 25, "release rollback")


def test_a_failed_check_changes_nothing() -> None:
    after = world(broken=frozenset({Kind.CHECK}))
    run(after)
    assert after.record.status is Status.FAILED
    assert (after.lineup, after.route) == (BEFORE, 0)
    assert not [line for line in after.log if line.startswith(("move", "route"))]
    assert after.share(Colour.BLUE) == 100


def test_a_gate_waits_for_a_person() -> None:
    after = world(auto_promote=False)
    assert run(after).status is Status.IN_PROGRESS
    assert after.route == 10
