from datetime import timedelta
from typing import Any

import pytest

from release import returning
from release.errors import BadOrder, NotFound
from release.model import Colour, Event, Kind, Lineup, Migration, Release, Status, Strategy
from release.plan import same, unit_of
from tests.release.world import BEFORE, OLD, OLDER, START, order, release


def ended(status: Status = Status.SUCCESS, before: Lineup = BEFORE, **changes: Any) -> Release:
    """A release of version 2.0.0 that has ended."""
    made = release(order(**changes.pop("order", {})), before)
    done = len(made.steps) if status is Status.SUCCESS else 6
    return made.model_copy(update={"status": status, "done": done, **changes})


def test_it_goes_back_to_what_served_before_the_last_release() -> None:
    last = ended()
    unit = returning.target([last], last.after, None)
    assert unit == OLD
    made = returning.plan_of([last], last.after, unit, soak_seconds=5)
    assert [step.kind for step in made.steps] == [Kind.DIVERT, Kind.SETTLE]
    assert made.after == last.after.with_share(Colour.BLUE, 100)


def test_without_a_release_there_is_nothing_to_go_back_from() -> None:
    with pytest.raises(NotFound, match="no release to go back from"):
        returning.target([], BEFORE, None)


def test_a_named_release_must_have_succeeded() -> None:
    failed = ended(Status.ROLLED_BACK)
    with pytest.raises(BadOrder, match=r"is rolled back, and only a success"):
        returning.target([failed], BEFORE, failed.id)
    with pytest.raises(NotFound, match="there is no release 2020"):
        returning.target([failed], BEFORE, "2020")


def test_a_named_success_is_gone_back_to() -> None:
    last = ended()
    assert same(returning.target([last], BEFORE, last.id), unit_of(last.order))


def test_after_a_persons_change_one_must_say_where_to() -> None:
    last = ended()
    with pytest.raises(BadOrder, match="a person has changed it since"):
        returning.target([last], BEFORE, None)


def test_from_a_release_that_failed_halfway_it_goes_back_to_its_stable_colour() -> None:
    failed = ended(Status.FAILED)
    now = failed.after.with_share(Colour.GREEN, 10)
    unit = returning.target([failed], now, None)
    made = returning.plan_of([failed], now, unit, soak_seconds=5)
    assert unit == OLD
    assert made.candidate is Colour.BLUE
    assert made.after.green_weight == 0


def test_from_a_rolling_update_that_failed_the_old_unit_is_put_back_in_place() -> None:
    failed = ended(Status.FAILED, order={"strategy": Strategy.ROLLING}, done=2, begun=True)
    made = returning.plan_of([failed], failed.after, OLD, soak_seconds=5)
    assert [step.kind for step in made.steps] == [Kind.SETTLE]
    assert made.after == failed.before


def test_one_that_failed_before_it_changed_anything_does_not_matter() -> None:
    last = ended()
    failed = ended(Status.FAILED, done=0, begun=True, id="20260102-000000-fail")
    assert returning.target([failed, last], last.after, None) == OLD


def test_a_contract_migration_since_closes_the_way_to_older_versions() -> None:
    contract = Migration(image="r/b:2", phase="contract")
    last = ended(order={"schema_version": 2, "migration": contract, "accept_no_rollback": True})
    with pytest.raises(BadOrder, match=r"which took away what version 1\.0\.0 needs"):
        returning.target([last], last.after, None)
    orderly = last.model_copy(update={"order": last.order.model_copy(update={"accept_no_rollback": False})})
    assert returning.target([orderly], last.after, None) == OLD
    older = ended(id="20251231-000000-older", after=BEFORE.with_unit(Colour.GREEN, OLDER))
    with pytest.raises(BadOrder, match=r"version 0\.9\.0 needs"):
        returning.target([orderly, older], last.after, older.id)


def test_the_route_alone_goes_back_by_the_journal() -> None:
    running = ended(Status.IN_PROGRESS)
    assert returning.shares_before([], running) == running.before
    last = ended()
    assert returning.shares_before([last], None) == last.after.with_share(Colour.BLUE, 100)
    with pytest.raises(NotFound, match="the route alone"):
        returning.shares_before([ended(order={"strategy": Strategy.ROLLING})], None)


def test_what_a_person_did_to_the_route_is_written_down_with_what_is_left_to_do() -> None:
    event = Event(at=START, kind="request", actor="person", text="broke the glass")
    made = returning.diverted(ended(Status.IN_PROGRESS), event)
    assert (made.returning, made.returned, made.status) == (True, 1, Status.IN_PROGRESS)
    assert made.times.recovered_at == START
    back = returning.begun(ended(Status.PENDING), event)
    assert (back.done, back.status, back.events) == (1, Status.IN_PROGRESS, (event,))


def test_the_old_colour_is_kept_for_as_long_as_was_asked() -> None:
    last = ended(order={"keep_warm_seconds": 600})
    with pytest.raises(BadOrder, match=r"kept warm until 2026-01-01 00:10 UTC, for 10 minutes"):
        returning.require_cooled(last, START)
    returning.require_cooled(last, START + timedelta(seconds=600))
