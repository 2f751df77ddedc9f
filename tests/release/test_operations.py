"""What a person can ask for: who may, where it leads, and what it leaves behind."""

import pytest

from release.errors import BadOrder, Busy, JournalUnreadable, NotFound, Unreachable
from release.model import Colour, Kind, Lineup, Order, Outcome, Release, Request, Status, Strategy
from release.operations import KEEP, Passed
from release.plan import serving
from tests.release.office import ME, OTHER, Office, office
from tests.release.world import BEFORE, OLD, OLDER, Died, order


def deployed(at: Office, wanted: Order | None = None) -> Release:
    """A release that went well."""
    ended = at.operations.begin(wanted or order())
    assert ended.status is Status.SUCCESS
    return ended


def died(at: Office, call: int, wanted: Order | None = None) -> Release:
    """A release whose runner died at a call of a port, and whose lock has run out."""
    at.world.die_at = at.world.calls + call
    with pytest.raises(Died):
        at.operations.begin(wanted or order())
    at.world.die_at = None
    return at.world.record


class TestBegin:
    def test_a_release_is_carried_out_under_the_lock(self) -> None:
        at = office()
        ended = deployed(at)
        assert (ended.id, ended.kind, ended.stack, ended.actor, ended.fence) == ("r-1", "deploy", "test", ME, 0)
        assert at.world.lineup == ended.after
        assert at.lock.log == [f"{ME}/1 takes it", f"{ME}/1 gives it back"]
        assert at.books.trimmed == [KEEP]

    def test_while_another_runner_lives_nothing_begins(self) -> None:
        at = office()
        at.lock.holder = OTHER
        with pytest.raises(Busy, match=f"{OTHER} holds the lock and is alive"):
            at.operations.begin(order())
        assert (at.world.calls, at.books.history(9), at.lock.log) == (0, [], [])

    def test_an_interrupted_release_stands_in_the_way(self) -> None:
        at = office()
        begun = died(at, 6)
        with pytest.raises(Busy) as caught:
            at.operations.begin(order())
        assert caught.value.problem == f"release r-1 (2.0.0) is in progress, begun by {ME}"
        assert caught.value.remedy == "release status, then release resume or release abort"
        assert at.world.record is begun
        assert at.lock.holder is None

    @pytest.mark.parametrize("steps", [(50, 25, 100), (10, 50), (0, 100), (50, 50, 100)])
    def test_an_order_that_makes_no_sense_leaves_no_trace(self, steps: tuple[int, ...]) -> None:
        at = office()
        with pytest.raises(BadOrder, match="must rise from at least 1 and end at 100"):
            at.operations.begin(order(steps=steps))
        assert (at.world.calls, at.books.history(9), at.lock.holder) == (0, [], None)

    def test_a_plan_is_not_written_down(self) -> None:
        at = office()
        planned = at.operations.planned(order())
        assert (planned.id, planned.status, planned.steps[0].kind) == ("r-1", Status.PENDING, Kind.CHECK)
        assert (at.world.calls, at.lock.log) == (0, [])

    def test_a_history_that_cannot_be_trimmed_now_fails_no_release(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def trim(_: int) -> int:
            raise Unreachable("gone", remedy="look")

        at = office()
        monkeypatch.setattr(at.books, "trim", trim)
        deployed(at)


class TestResume:
    @pytest.mark.parametrize("call", range(2, 20))
    def test_it_goes_on_wherever_its_runner_died(self, call: int) -> None:
        at = office()
        begun = died(at, call, order(steps=(50, 100)))
        ended = at.operations.resume()
        assert isinstance(ended, Release)
        assert (ended.id, ended.status) == (begun.id, Status.SUCCESS)
        assert at.world.lineup == ended.after
        takeover = next(event for event in ended.events if event.kind == "takeover")
        assert (takeover.text, takeover.actor) == (f"{ME} goes on with it", "person")

    def test_with_nothing_in_progress_there_is_nothing_to_resume(self) -> None:
        at = office()
        with pytest.raises(NotFound) as caught:
            at.operations.resume()
        assert caught.value.problem == "no release of stack test is in progress"
        assert caught.value.remedy == "release history"
        assert at.lock.holder is None

    def test_a_release_that_only_the_stack_believes_in_is_closed_and_moves_nothing(self) -> None:
        at = office()
        at.engine.open = "r-9"
        with pytest.raises(NotFound, match="the stack took release r-9 for one in progress, though it has ended"):
            at.operations.resume()
        [move] = at.engine.moves
        assert (move.release, move.lineup, move.colour, move.open, move.again) == (
            "r-9",
            BEFORE,
            Colour.GREEN,
            False,
            True,
        )

    def test_while_another_runner_lives_it_is_left_to_him(self) -> None:
        at = office()
        died(at, 8)
        at.lock.holder = OTHER
        with pytest.raises(Busy, match="is alive"):
            at.operations.resume()

    def test_a_pause_is_ended_by_the_runner_who_lives(self) -> None:
        at = office(verdict=Outcome.INCONCLUSIVE)
        paused = at.operations.begin(order())
        assert paused.paused
        at.lock.holder = OTHER
        assert at.operations.resume() == Passed(release=paused, request=Request.RESUME)
        assert at.world.pending is not None
        assert at.world.pending.request is Request.RESUME

    def test_a_pause_is_ended_here_where_no_runner_lives(self) -> None:
        at = office(verdict=Outcome.INCONCLUSIVE)
        at.operations.begin(order())
        at.world.verdict = Outcome.PASS
        ended = at.operations.resume()
        assert isinstance(ended, Release)
        assert (ended.status, at.world.pending) == (Status.SUCCESS, None)


class TestAsking:
    def test_a_pause_needs_nobody(self) -> None:
        at = office()
        begun = died(at, 8)
        assert at.operations.ask(Request.PAUSE) == Passed(release=begun, request=Request.PAUSE)
        assert at.lock.log == [f"{ME}/1 takes it", f"{ME}/1 gives it back"]

    @pytest.mark.parametrize("request_", [Request.PROMOTE, Request.ABORT])
    def test_a_runner_who_lives_is_left_to_heed_it(self, request_: Request) -> None:
        at = office()
        begun = died(at, 8)
        at.lock.holder = OTHER
        assert at.operations.ask(request_) == Passed(release=begun, request=request_)
        assert at.world.pending is not None
        assert (at.world.pending.request, at.world.pending.actor) == (request_, ME)
        assert at.world.record is begun

    def test_an_abort_of_one_that_nobody_runs_is_done_here(self) -> None:
        at = office()
        died(at, 14)
        ended = at.operations.ask(Request.ABORT)
        assert isinstance(ended, Release)
        assert (ended.status, at.world.lineup, at.world.route) == (Status.ROLLED_BACK, BEFORE, 0)

    def test_without_a_release_nothing_can_be_asked(self) -> None:
        with pytest.raises(NotFound, match="no release of stack test is in progress"):
            office().operations.ask(Request.PROMOTE)


class TestRollback:
    def test_after_promotion_it_is_one_change_of_weights(self) -> None:
        at = office()
        deployed(at)
        calls = len(at.world.log)
        back = at.operations.go_back(None, soak_seconds=1.0)
        assert isinstance(back, Release)
        assert (back.kind, back.status, [step.kind for step in back.steps]) == (
            "rollback",
            Status.SUCCESS,
            [Kind.DIVERT, Kind.SETTLE],
        )
        effects = [line for line in at.world.log[calls:] if not line.startswith("journal")]
        assert effects[0] == "route 0"
        assert (at.world.route, at.world.lineup.unit(Colour.BLUE)) == (0, OLD)

    def test_a_second_rollback_takes_the_first_one_back(self) -> None:
        at = office()
        deployed(at)
        at.operations.go_back(None, soak_seconds=1.0)
        again = at.operations.go_back(None, soak_seconds=1.0)
        assert isinstance(again, Release)
        assert (again.status, at.world.route) == (Status.SUCCESS, 100)

    def test_from_the_release_in_progress_it_is_an_abort(self) -> None:
        at = office()
        died(at, 14)
        back = at.operations.go_back(None, soak_seconds=1.0)
        assert isinstance(back, Release)
        assert (back.id, back.status, at.world.route) == ("r-1", Status.ROLLED_BACK, 0)
        assert "aborted by a person" in str(back.reason)

    def test_to_a_named_one_while_one_is_in_progress_it_is_refused(self) -> None:
        at = office()
        died(at, 14)
        with pytest.raises(Busy) as caught:
            at.operations.go_back("r-0", soak_seconds=1.0)
        assert caught.value.problem == "release r-1 is in progress"
        assert caught.value.remedy.startswith("release resume")

    def test_without_any_release_there_is_nothing_to_go_back_to(self) -> None:
        at = office()
        with pytest.raises(NotFound, match="no release to go back from"):
            at.operations.go_back(None, soak_seconds=1.0)
        assert (at.world.calls, at.lock.holder) == (0, None)

    def test_to_a_release_that_failed_it_is_refused(self) -> None:
        at = office(broken=frozenset({Kind.PROVISION}))
        failed = at.operations.begin(order())
        assert failed.status is Status.ROLLED_BACK
        with pytest.raises(BadOrder, match=r"release r-1 \(2\.0\.0\) is rolled back, and only a success"):
            at.operations.go_back("r-1", soak_seconds=1.0)

    def test_to_a_named_success_whose_pods_are_gone_they_are_made_first(self) -> None:
        at = office()
        first = deployed(at)
        deployed(at, order(version="3.0.0"))
        deployed(at, order(version="4.0.0"))
        back = at.operations.go_back(first.id, soak_seconds=1.0)
        assert isinstance(back, Release)
        assert [step.kind for step in back.steps][:4] == [Kind.CHECK, Kind.SAVE, Kind.PROVISION, Kind.VERIFY]
        assert (back.order.version, back.status) == ("2.0.0", Status.SUCCESS)

    def test_one_that_failed_halfway_is_taken_up_again_and_not_turned_round(self) -> None:
        at = office()
        deployed(at)
        at.world.broken = frozenset({Kind.SETTLE})
        stuck = at.operations.go_back(None, soak_seconds=1.0)
        assert isinstance(stuck, Release)
        assert (stuck.status, at.world.route, at.world.lineup.green_weight) == (Status.FAILED, 0, 100)
        assert stuck.remedy is not None
        assert stuck.remedy.startswith("release rollback   (tries it anew)")
        at.world.broken = frozenset()
        back = at.operations.go_back(None, soak_seconds=1.0)
        assert isinstance(back, Release)
        assert (back.status, back.candidate, at.world.route) == (Status.SUCCESS, Colour.BLUE, 0)
        assert at.world.lineup.green_weight == 0

    def test_an_old_release_that_is_damaged_is_in_nobodys_way(self) -> None:
        at = office()
        deployed(at)
        at.books.damaged["r-0"] = JournalUnreadable("damaged", remedy="mend it")
        back = at.operations.go_back(None, soak_seconds=1.0)
        assert isinstance(back, Release)
        assert back.status is Status.SUCCESS


class TestBreakingTheGlass:
    def test_it_does_without_pulumi_and_takes_the_lock_from_who_holds_it(self) -> None:
        at = office()
        deployed(at)
        at.unreachable, at.lock.holder = True, OTHER
        moved = at.operations.break_glass()
        assert (at.world.route, at.world.lineup.green_weight) == (0, 100)
        assert (moved.kind, moved.status, moved.done, moved.remedy) == (
            "rollback",
            Status.IN_PROGRESS,
            1,
            "release resume   (makes the stack agree)",
        )
        assert [(event.kind, event.actor) for event in moved.events] == [("request", "person")]
        assert f"taken from {OTHER}" in at.lock.log

    def test_resuming_makes_the_stack_agree_and_moves_nothing(self) -> None:
        at = office()
        deployed(at)
        at.operations.break_glass()
        calls = len(at.world.log)
        ended = at.operations.resume()
        assert isinstance(ended, Release)
        assert (ended.status, at.world.route, at.world.lineup.green_weight) == (Status.SUCCESS, 0, 0)
        assert not [line for line in at.world.log[calls:] if line.startswith("route")]

    def test_in_a_release_it_is_its_way_back(self) -> None:
        at = office()
        begun = died(at, 14)
        assert at.world.route == 10
        moved = at.operations.break_glass()
        assert (moved.id, moved.returning, moved.returned, at.world.route) == (begun.id, True, 1, 0)
        ended = at.operations.resume()
        assert isinstance(ended, Release)
        assert (ended.status, at.world.lineup) == (Status.ROLLED_BACK, BEFORE)

    @pytest.mark.parametrize("stage", ["dead", "failed"])
    def test_in_a_rollback_that_is_stuck_it_goes_where_that_was_going(self, stage: str) -> None:
        at = office()
        deployed(at)
        if stage == "failed":
            at.world.broken = frozenset({Kind.SETTLE})
            at.operations.go_back(None, soak_seconds=1.0)
            at.world.broken = frozenset()
        else:
            at.world.die_at = at.world.calls + 4
            with pytest.raises(Died):
                at.operations.go_back(None, soak_seconds=1.0)
            at.world.die_at = None
        at.operations.break_glass()
        assert at.world.route == 0
        ended = at.operations.resume()
        assert isinstance(ended, Release)
        assert (ended.status, at.world.route, at.world.lineup.green_weight) == (Status.SUCCESS, 0, 0)

    def test_it_does_not_go_where_no_pods_are(self) -> None:
        at = office()
        deployed(at)
        at.world.ready = {Colour.GREEN}
        with pytest.raises(BadOrder) as caught:
            at.operations.break_glass()
        assert caught.value.problem == "blue has no pods that could answer, so the route cannot go there"
        assert (at.world.route, at.lock.holder) == (100, None)

    def test_without_any_release_there_is_nothing_to_do(self) -> None:
        with pytest.raises(NotFound, match="no release whose traffic the route alone could take back"):
            office().operations.break_glass()


class TestRetiring:
    def test_the_old_colour_is_kept_until_its_time_is_over(self) -> None:
        at = office()
        deployed(at, order(keep_warm_seconds=600))
        with pytest.raises(BadOrder, match="is kept warm until"):
            at.operations.retire(at_once=False)
        assert at.engine.moves == []
        at.world.now += 601
        assert at.operations.retire(at_once=False) is Colour.BLUE
        [move] = at.engine.moves
        assert move.lineup.unit(Colour.BLUE) == {**OLD, "standby": "cold"}
        assert (move.lineup.green_weight, move.open, move.again, move.release) == (100, False, True, "r-1")

    def test_a_person_may_give_up_the_way_back_at_once(self) -> None:
        at = office()
        deployed(at)
        assert at.operations.retire(at_once=True) is Colour.BLUE

    def test_a_colour_without_pods_cannot_be_retired(self) -> None:
        for before in (Lineup(green_weight=0, blue=OLD), BEFORE.with_unit(Colour.GREEN, {**OLDER, "standby": "cold"})):
            with pytest.raises(NotFound, match="green has no pods to end"):
                office(before).operations.retire(at_once=True)

    def test_not_in_the_middle_of_a_release(self) -> None:
        at = office()
        died(at, 14)
        with pytest.raises(Busy, match="is in progress"):
            at.operations.retire(at_once=True)


def test_the_lock_is_taken_only_from_who_is_named() -> None:
    at = office()
    with pytest.raises(NotFound):
        at.operations.unlock(OTHER)
    at.lock.holder = OTHER
    at.operations.unlock(OTHER)
    assert at.lock.holder is None


def test_a_rolling_update_is_taken_back_in_place() -> None:
    at = office()
    deployed(at, order(Strategy.ROLLING))
    assert at.world.lineup.unit(Colour.BLUE) != OLD
    back = at.operations.go_back(None, soak_seconds=1.0)
    assert isinstance(back, Release)
    assert back.status is Status.SUCCESS
    now = at.world.lineup
    assert now.unit(serving(now)) == OLD
