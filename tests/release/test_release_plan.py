from typing import Any

import pytest

from release.errors import BadOrder
from release.model import Colour, Kind, Lineup, Migration, Strategy
from release.plan import applied, lineup_after, longest, plan, rollback, same, schema_of, serving, unit_of
from tests.release.world import BEFORE, OLD, OLDER, order, release

CONTRACT = Migration(image="r/b:2", phase="contract")
COLD = BEFORE.with_unit(Colour.GREEN, {**OLDER, "standby": "cold"})


def kinds(wanted: Any, before: Lineup = BEFORE) -> list[str]:
    return [str(step) for step in plan(wanted, before).steps]


def test_a_canary_rises_and_watches_at_each_share() -> None:
    assert kinds(order(steps=(10, 100))) == [
        "check",
        "save",
        "provision",
        "verify",
        "shift to 10 %",
        "watch at 10 %",
        "shift to 100 %",
        "watch at 100 %",
        "close",
    ]


def test_a_canary_rises_by_the_steps_of_the_specification_by_default() -> None:
    shares = [step.share for step in plan(order(), BEFORE).steps if step.kind is Kind.SHIFT]
    assert shares == [10, 25, 50, 75, 100]


def test_blue_green_is_one_shift() -> None:
    assert kinds(order(Strategy.BLUE_GREEN))[4:] == ["shift to 100 %", "watch at 100 %", "close"]


def test_a_rolling_update_stays_in_its_colour_and_moves_no_traffic() -> None:
    made = plan(order(Strategy.ROLLING), BEFORE)
    assert made.candidate is Colour.BLUE
    assert [step.kind for step in made.steps] == [
        Kind.CHECK,
        Kind.SAVE,
        Kind.ROLL,
        Kind.VERIFY,
        Kind.WATCH,
        Kind.CLOSE,
    ]
    assert [step.kind for step in made.way_back] == [Kind.SETTLE]
    assert made.after.green_weight == 0


def test_a_migration_comes_before_the_pods() -> None:
    steps = kinds(order(schema_version=2, migration=Migration(image="r/b:2")))
    assert steps.index("migrate") == steps.index("provision") - 1


def test_without_leave_to_promote_every_further_share_has_a_gate() -> None:
    gated = [step.share for step in plan(order(auto_promote=False), BEFORE).steps if step.gate]
    assert gated == [25, 50, 75, 100]


@pytest.mark.parametrize("steps", [(50, 25, 100), (10, 10, 100), (10, 50), (0, 100)])
def test_steps_that_do_not_rise_to_100_are_refused(steps: tuple[int, ...]) -> None:
    with pytest.raises(BadOrder, match="must rise from at least 1 and end at 100"):
        plan(order(steps=steps), BEFORE)


def test_only_a_canary_has_steps() -> None:
    with pytest.raises(BadOrder, match="blue-green knows none"):
        plan(order(Strategy.BLUE_GREEN, steps=(50, 100)), BEFORE)


def test_while_both_colours_serve_neither_is_free() -> None:
    with pytest.raises(BadOrder) as caught:
        plan(order(), BEFORE.with_share(Colour.GREEN, 90))
    assert "blue 10 % / green 90 %" in caught.value.problem
    assert caught.value.remedy == "decide for one: pulumi config set greenWeight 100 && pulumi up"


def test_an_older_schema_than_the_databases_is_refused() -> None:
    before = BEFORE.with_unit(Colour.BLUE, {**OLD, "schemaVersion": 3})
    with pytest.raises(BadOrder, match="schema version 2 is older than the database's, 3"):
        plan(order(schema_version=2), before)


def test_a_contract_migration_waits_until_the_old_colour_is_gone() -> None:
    wanted = order(schema_version=2, migration=CONTRACT)
    with pytest.raises(BadOrder, match=r"takes away what green \(0.9.0\) needs"):
        plan(wanted, BEFORE)
    assert plan(wanted, COLD).candidate is Colour.GREEN
    stated = order(schema_version=2, migration=CONTRACT, accept_no_rollback=True)
    assert plan(stated, BEFORE).candidate is Colour.GREEN


def test_a_contract_migration_cannot_run_under_the_pods_that_it_replaces() -> None:
    with pytest.raises(BadOrder, match="takes away what the serving version needs"):
        plan(order(Strategy.ROLLING, schema_version=2, migration=CONTRACT), COLD)


def test_each_step_leaves_what_it_should_in_force() -> None:
    made = release(order(steps=(25, 100)))
    new = unit_of(made.order)
    weights = [lineup_after(made, done).green_weight for done in range(len(made.steps) + 1)]
    assert weights == [0, 0, 0, 0, 0, 25, 25, 100, 100, 100]
    assert lineup_after(made, 2).unit(Colour.GREEN) == OLDER
    assert lineup_after(made, 3).unit(Colour.GREEN) == new
    assert lineup_after(made, len(made.steps)) == made.after
    assert all(applied(made, made.after, step) == made.before for step in made.way_back) is False


def test_watching_may_take_twice_its_time() -> None:
    assert longest(plan(order(steps=(50, 100), soak_seconds=30), BEFORE).steps) == 120


class TestRollback:
    def test_to_a_warm_unit_it_is_one_change_of_weights_route_first(self) -> None:
        made = rollback(BEFORE, OLDER, soak_seconds=10)
        assert [step.kind for step in made.steps] == [Kind.DIVERT, Kind.SETTLE]
        assert made.after == BEFORE.with_share(Colour.GREEN, 100)

    def test_to_a_unit_without_pods_it_is_provisioned_and_verified_first(self) -> None:
        made = rollback(COLD, OLDER, soak_seconds=10)
        assert [step.kind for step in made.steps][2:5] == [Kind.PROVISION, Kind.VERIFY, Kind.SHIFT]
        assert made.after.unit(Colour.GREEN) == OLDER

    def test_to_what_serves_already_it_is_refused(self) -> None:
        with pytest.raises(BadOrder, match=r"version 1\.0\.0 serves already"):
            rollback(BEFORE, OLD, soak_seconds=10)


def test_standing_by_makes_no_other_unit() -> None:
    assert same({**OLD, "standby": "cold"}, {**OLD, "migration": "expand"})
    assert not same(OLD, OLDER)
    assert not same(None, None)
    assert schema_of(None) == 0
    assert serving(BEFORE) is Colour.BLUE
