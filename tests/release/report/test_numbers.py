"""The counting rules of DORA's metrics and of R-57, one case each."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from release.model import Event, Kind, Lineup, Release, Status, Step
from release.report.figures import Availability, Cost, Coverage, Numbers
from release.report.numbers import MOST_LINES, numbers
from tests.release.report.samples import at, busy_month, commit, release, unit

HOUR = 3600.0


def counted(*releases: Release, days: int = 10, **changes: Any) -> Numbers:
    given_: dict[str, Any] = {"stack": "production", "since": at(0), "until": at(days)}
    return numbers(releases, **{**given_, **changes})


def value(report: Numbers, key: str) -> float | None:
    return report.figure(key).value


def rolled_back(name: str, started: datetime, **changes: Any) -> Release:
    given_: dict[str, Any] = {"failed_after": 2, "recovered_after": 3}
    return release(name, started, status=Status.ROLLED_BACK, **{**given_, **changes})


def went_back(name: str, started: datetime, **changes: Any) -> Release:
    """A rollback that a person asked for."""
    return release(name, started, kind="rollback", minutes=1, **changes)


def test_without_releases_nothing_is_known_but_how_often() -> None:
    report = counted()
    assert {figure.key: figure.value for figure in report.figures if figure.value is not None} == {
        "deployment_frequency_per_day": 0.0,
        "deployment_frequency_median_per_working_day": 0.0,
        "manual_interventions_per_month": 0.0,
    }
    assert [figure.key for figure in report.figures if figure.met is not None] == [
        "deployment_frequency_per_day",
        "manual_interventions_per_month",
    ]


class TestFrequency:
    def test_successes_that_carried_traffic_count_once_each(self) -> None:
        report = counted(
            release("1", at(0, 9)),
            release("2", at(1, 9)),
            rolled_back("3", at(2, 9)),
            release("4", at(3, 9), traffic=False),
            release("5", at(4, 9), status=Status.FAILED),
            release("6", at(4, 12), minutes=None, status=Status.IN_PROGRESS),
        )
        figure = report.figure("deployment_frequency_per_day")
        assert (figure.value, figure.n, figure.met) == (0.2, 2, False)

    def test_a_retry_with_the_same_id_is_the_same_release(self) -> None:
        again = release("1", at(0, 9), status=Status.FAILED)
        assert counted(again, release("1", at(0, 9))).figure("deployment_frequency_per_day").n == 1

    def test_a_rollback_is_recovery_and_no_deployment(self) -> None:
        report = counted(release("1", at(0, 9)), went_back("2", at(0, 12)))
        assert (report.figure("deployment_frequency_per_day").n, report.releases) == (1, 1)

    def test_what_changes_nothing_does_not_count(self) -> None:
        same = Lineup(green_weight=100, blue=unit("1.0.0"), green={**unit("1.0.0"), "standby": "cold"})
        assert counted(release("1", at(0, 9), after=same)).figure("deployment_frequency_per_day").n == 0

    def test_other_settings_for_the_same_images_count(self) -> None:
        other = Lineup(green_weight=100, blue=unit("1.0.0"), green={**unit("1.0.0"), "overrides": {"django": {"X": 1}}})
        assert counted(release("1", at(0, 9), after=other)).figure("deployment_frequency_per_day").n == 1

    def test_another_stack_is_counted_apart(self) -> None:
        report = counted(release("1", at(0, 9), stack="staging"), release("2", at(0, 9)))
        assert (report.releases, [line.id for line in report.lines]) == (1, ["2"])

    def test_the_end_decides_to_which_window_a_release_belongs(self) -> None:
        report = counted(
            release("1", at(-1, 23, 55), minutes=5),
            release("2", at(9, 23, 55), minutes=4),
            release("3", at(9, 23, 55), minutes=5),
            release("4", at(-1, 23, 50), minutes=5),
        )
        assert sorted(line.id for line in report.lines) == ["1", "2"]

    def test_the_median_is_over_whole_working_days_with_their_zeros(self) -> None:
        report = counted(
            *(release(f"a{turn}", at(0, 9 + turn)) for turn in range(4)),
            *(release(f"b{turn}", at(1, 9 + turn)) for turn in range(2)),
            release("c", at(2, 9)),
            release("saturday", at(5, 9)),
            days=7,
        )
        figure = report.figure("deployment_frequency_median_per_working_day")
        assert (figure.value, figure.n) == (1.0, 5)

    def test_it_is_not_known_for_fewer_than_five(self) -> None:
        report = counted(release("1", at(0, 9)), since=at(0, 0, 1), until=at(7))
        figure = report.figure("deployment_frequency_median_per_working_day")
        assert (figure.value, figure.n) == (None, 4)


class TestLeadTime:
    def test_each_commit_counts_at_its_first_success(self) -> None:
        merged = at(0, 8)
        both = {"commits": (commit("a", merged), commit("b", merged))}
        report = counted(
            release("1", at(0, 9), minutes=60, order_={"commits": (commit("a", merged),)}),
            release("2", at(0, 11), minutes=60, order_=both),
        )
        assert [(lead.sha, lead.seconds) for lead in report.lead_times] == [("a", 2 * HOUR), ("b", 4 * HOUR)]

    def test_the_clock_of_a_rolled_back_commit_runs_on(self) -> None:
        change = {"commits": (commit("a", at(0, 8)),)}
        back = rolled_back("1", at(0, 9), order_=change)
        assert (counted(back).lead_times, counted(back).waiting_commits) == ((), 1)
        report = counted(back, release("2", at(1, 7), minutes=60, order_=change))
        assert [lead.seconds for lead in report.lead_times] == [24 * HOUR]
        assert report.waiting_commits == 0

    def test_so_does_that_of_a_commit_undone_after_its_success(self) -> None:
        change = {"commits": (commit("a", at(0, 8)),)}
        report = counted(
            release("1", at(0, 9), order_=change),
            went_back("2", at(0, 12)),
            release("3", at(1, 7), minutes=60, order_=change),
        )
        assert [lead.seconds for lead in report.lead_times] == [24 * HOUR]

    def test_percentiles_need_five(self) -> None:
        made = [
            release(str(hour), at(0, hour), minutes=60, order_={"commits": (commit(str(hour), at(0, 0), at(-1, 0)),)})
            for hour in range(1, 6)
        ]
        four, five = counted(*made[:4]), counted(*made)
        median, p90 = "change_lead_time_median_seconds", "change_lead_time_p90_seconds"
        assert (value(four, median), value(four, p90), four.figure(median).n) == (None, None, 4)
        # Lead times of 2, 3, 4, 5 and 6 hours.
        assert (value(five, median), value(five, p90), five.figure(median).n) == (4 * HOUR, 5.6 * HOUR, 5)
        assert value(five, "change_lead_time_authored_median_seconds") == 28 * HOUR

    def test_a_commit_without_a_merge_or_merged_after_its_release_says_nothing(self) -> None:
        odd = {"commits": (commit("a"), commit("b", at(3)))}
        assert counted(release("1", at(0, 9), order_=odd)).lead_times == ()

    def test_a_success_before_the_window_ends_the_wait(self) -> None:
        change = {"commits": (commit("a", at(-3)),)}
        report = counted(release("1", at(-2, 9), order_=change), release("2", at(1, 9), order_=change))
        assert report.lead_times == ()


class TestFailures:
    @pytest.mark.parametrize(
        ("releases", "part", "whole"),
        [
            ([release("1", at(0, 9))], 0, 1),
            ([rolled_back("1", at(0, 9))], 1, 1),
            ([rolled_back("1", at(0, 9), traffic=False)], 0, 0),
            ([release("1", at(0, 9), status=Status.FAILED, traffic=False)], 0, 0),
            ([release("1", at(0, 9), status=Status.FAILED)], 1, 1),
            ([release("1", at(0, 9)), went_back("2", at(5, 12))], 1, 1),
            ([release("1", at(0, 9)), release("2", at(1, 9), order_={"cause": "unplanned-fix"})], 1, 2),
            ([release("1", at(0, 9)), release("2", at(1, 9, 11), order_={"cause": "unplanned-fix"})], 0, 2),
            ([release("1", at(0, 9)), rolled_back("2", at(0, 10)), went_back("3", at(0, 11))], 2, 2),
            ([release("1", at(0, 9)), release("2", at(0, 10)), went_back("3", at(0, 11))], 1, 2),
            ([release("1", at(0, 9)), release("2", at(0, 10)), went_back("3", at(1)), went_back("4", at(2))], 2, 2),
        ],
        ids=[
            "success",
            "rolled back at ten per cent",
            "aborted before any traffic",
            "failed before any traffic",
            "left failed",
            "undone after its success, whenever",
            "fixed within 24 hours",
            "fixed later",
            "one that came back by itself is not undone again",
            "only the newest is undone",
            "then the one before",
        ],
    )
    def test_change_fail_rate(self, releases: list[Release], part: int, whole: int) -> None:
        figure = counted(*releases).figure("change_fail_rate_ratio")
        assert (figure.value, figure.n) == (part / whole if whole else None, whole)

    def test_an_incident_counts_if_it_was_linked_within_24_hours(self) -> None:
        one = release("1", at(0, 9), minutes=10)
        soon, late = {"1": at(1, 9, 10)}, {"1": at(1, 9, 10, 1)}
        assert value(counted(one, incidents=soon), "change_fail_rate_ratio") == 1.0
        assert value(counted(one, incidents=late), "change_fail_rate_ratio") == 0.0

    def test_recovery_is_from_the_first_bad_request(self) -> None:
        made = [rolled_back(str(day), at(day, 9), failed_after=1, recovered_after=1 + day) for day in range(1, 6)]
        report = counted(*made)
        assert value(report, "failed_deployment_recovery_time_median_seconds") == 180.0
        assert value(report, "failed_deployment_recovery_time_p90_seconds") == 276.0
        assert report.figure("failed_deployment_recovery_time_median_seconds").met is True

    def test_one_that_is_not_over_is_shown_and_left_out(self) -> None:
        left = release("1", at(0, 9), status=Status.FAILED, failed_after=2)
        going = release("2", at(1, 9), minutes=None, status=Status.IN_PROGRESS, failed_after=2)
        report = counted(left, going)
        assert [(one.id, one.since) for one in report.running] == [("1", at(0, 9, 2)), ("2", at(1, 9, 2))]
        figure = report.figure("failed_deployment_recovery_time_median_seconds")
        assert (figure.n, figure.value) == (0, None)
        assert figure.note == "2 still running, left out; fewer than 5, so no percentile"

    def test_the_next_success_ends_what_was_left_failed(self) -> None:
        left = release("1", at(0, 9), status=Status.FAILED, failed_after=2)
        report = counted(left, release("2", at(0, 10), minutes=12))
        assert report.running == ()
        assert report.figure("failed_deployment_recovery_time_median_seconds").n == 1

    def test_a_recovery_after_the_window_is_not_seen_in_it(self) -> None:
        left = release("1", at(0, 9), status=Status.FAILED, failed_after=2)
        report = counted(left, release("2", at(12, 10)))
        assert [one.id for one in report.running] == ["1"]
        assert report.figure("failed_deployment_recovery_time_median_seconds").n == 0

    def test_one_whose_first_bad_request_nobody_knows_is_said(self) -> None:
        report = counted(release("1", at(0, 9)), went_back("2", at(0, 12)))
        note = report.figure("failed_deployment_recovery_time_median_seconds").note
        assert note == "1 without a known first bad request, left out; fewer than 5, so no percentile"

    def test_rework_is_the_fix_and_not_the_rollback(self) -> None:
        report = counted(
            release("1", at(0, 9)),
            went_back("2", at(0, 10)),
            release("3", at(0, 11), order_={"cause": "unplanned-fix"}),
            release("4", at(0, 12), traffic=False, status=Status.FAILED),
        )
        figure = report.figure("deployment_rework_rate_ratio")
        assert (figure.value, figure.n) == (1 / 3, 3)


class TestRatesAndTimes:
    def test_whatever_started_counts_against_success(self) -> None:
        report = counted(
            release("1", at(0, 9)),
            release("2", at(1, 9)),
            rolled_back("3", at(2, 9)),
            release("4", at(3, 9), status=Status.FAILED, traffic=False),
        )
        assert (value(report, "success_rate_ratio"), report.figure("success_rate_ratio").met) == (0.5, False)
        assert value(report, "rollback_rate_ratio") == 0.25

    def test_one_undone_later_succeeded_and_was_rolled_back(self) -> None:
        report = counted(release("1", at(0, 9)), went_back("2", at(0, 10)))
        assert (value(report, "success_rate_ratio"), value(report, "rollback_rate_ratio")) == (1.0, 1.0)

    def test_99_per_cent_is_not_more_than_99_per_cent(self) -> None:
        made = [release(str(turn), at(0, 0, turn), minutes=1) for turn in range(99)]
        report = counted(*made, release("bad", at(1), status=Status.FAILED))
        assert (value(report, "success_rate_ratio"), report.figure("success_rate_ratio").met) == (0.99, False)

    def test_the_soak_is_no_deployment_time(self) -> None:
        report = counted(
            release("1", at(0, 9), minutes=10), release("2", at(0, 10), minutes=6), rolled_back("3", at(1))
        )
        figure = report.figure("deployment_time_mean_seconds")
        # Each of them watched for two minutes.
        assert (figure.value, figure.n, figure.met) == (360.0, 2, True)

    def test_rollback_and_detection_count_from_the_first_bad_request(self) -> None:
        noticed = {"detected_at": at(0, 9, 2, 3)}
        report = counted(
            rolled_back("1", at(0, 9), failed_after=2, recovered_after=3, times=noticed),
            rolled_back("2", at(1, 9), failed_after=2, recovered_after=5),
            release("3", at(2, 9), status=Status.FAILED, failed_after=2),
        )
        back, seen = report.figure("rollback_time_mean_seconds"), report.figure("detection_time_mean_seconds")
        assert (back.value, back.n, back.met) == (120.0, 2, True)
        assert (seen.value, seen.n, seen.met) == (3.0, 1, True)

    def test_a_rollback_on_demand_ends_when_it_has_all_requests(self) -> None:
        bad = release("1", at(0, 9))
        undo = went_back("2", at(0, 10), times={"failed_at": at(0, 9, 57)})
        # Asked for at ten, done a minute later.
        assert value(counted(bad, undo), "rollback_time_mean_seconds") == 240.0


class TestOperation:
    def test_availability_is_what_was_not_an_error(self) -> None:
        report = counted(availability=Availability(requests=100_000, errors=100, source="prometheus"))
        figure = report.figure("availability_ratio")
        assert (figure.value, figure.n, figure.met) == (0.999, 100_000, False)

    @pytest.mark.parametrize("given_", [None, Availability(requests=0, errors=0, source="prometheus")])
    def test_without_requests_it_is_not_known(self, given_: Availability | None) -> None:
        assert value(counted(availability=given_), "availability_ratio") is None

    def test_more_errors_than_requests_are_refused(self) -> None:
        with pytest.raises(ValidationError, match="more errors than requests"):
            Availability(requests=1, errors=2, source="prometheus")

    def test_a_step_that_waited_for_a_person_is_not_automated(self) -> None:
        steps = (Step(kind=Kind.CHECK), Step(kind=Kind.SHIFT, share=50), Step(kind=Kind.SHIFT, share=100, gate=True))
        report = counted(
            release("1", at(0, 9), steps=steps),
            rolled_back("2", at(1, 9), steps=steps, done=1, way_back=(Step(kind=Kind.DIVERT),), returned=1),
        )
        figure = report.figure("automation_coverage_ratio")
        assert (figure.value, figure.n, figure.met) == (0.8, 5, False)

    def test_the_runbooks_list_wins_where_it_is_known(self) -> None:
        report = counted(release("1", at(0)), coverage=Coverage(automated=17, steps=20, source="docs/runbooks"))
        figure = report.figure("automation_coverage_ratio")
        assert (figure.value, figure.note) == (0.85, "17 of 20: steps of docs/runbooks")

    def test_people_who_start_and_approve_do_what_is_meant(self) -> None:
        def event(kind: str, text: str, minute: int, actor: str = "person", **figures: Any) -> Event:
            return Event(at=at(0, 9, minute), kind=kind, text=text, actor=actor, figures=figures)

        events = (
            event("status", "pending", 0),
            event("request", "pause", 1, request="pause"),
            event("request", "promote", 2, request="promote"),
            event("request", "Resume: seen", 3),
            event("request", "promote, it is fine", 4),
            event("verdict", "pass", 5, actor="machine"),
            event("takeover", "taken over by bob@laptop", 6),
            event("approve", "approved by eve", 7),
        )
        report = counted(release("1", at(0, 9), events=events), days=30)
        figure = report.figure("manual_interventions_per_month")
        assert (figure.value, figure.n, figure.met) == (3.0, 3, True)

    def test_asking_for_a_rollback_is_an_intervention_scaled_to_a_month(self) -> None:
        report = counted(release("1", at(0, 9)), went_back("2", at(0, 10)), days=15)
        assert value(report, "manual_interventions_per_month") == 2.0

    def test_the_cost_is_what_somebody_says(self) -> None:
        cost = Cost(amount=Decimal("12.30"), currency="EUR", source="bill", on=date(2026, 11, 1))
        assert (counted(cost=cost).cost, counted().cost) == (cost, None)


class TestWindow:
    def test_a_trimmed_journal_shortens_it(self) -> None:
        report = counted(release("1", at(6, 9)), history_since=at(5))
        assert (report.since, value(report, "deployment_frequency_per_day")) == (at(5), 0.2)

    def test_a_journal_that_reaches_further_back_does_not(self) -> None:
        assert counted(history_since=at(-5)).since == at(0)

    @pytest.mark.parametrize(
        ("since", "until"),
        [(at(1), at(1)), (at(2), at(1)), (datetime(2026, 11, 2), at(1))],
    )
    def test_one_that_makes_no_sense_is_refused(self, since: datetime, until: datetime) -> None:
        with pytest.raises(ValueError, match="the report's window must"):
            counted(since=since, until=until)

    def test_days_are_utc_whatever_the_times_say(self) -> None:
        east = timezone(timedelta(hours=8))
        one = release("1", at(1, 23, 30), minutes=10)
        report = counted(one, since=at(0).astimezone(east), until=at(3).astimezone(east))
        assert [(day.day.day, day.succeeded) for day in report.days] == [(2, 0), (3, 1), (4, 0)]
        assert report.since.tzinfo is UTC

    def test_the_list_is_newest_first_and_bounded(self) -> None:
        made = [release(f"{turn:03}", at(0, 0, turn), minutes=1) for turn in range(MOST_LINES + 1)]
        lines = counted(*made).lines
        assert (len(lines), lines[0].id, lines[-1].id) == (MOST_LINES, "200", "001")

    def test_a_month_of_it(self) -> None:
        report = numbers(busy_month(), stack="production", since=at(0), until=at(28))
        assert {
            "deployment_frequency_per_day": 2.0,
            "deployment_frequency_median_per_working_day": 3.0,
            "change_fail_rate_ratio": 5 / 61,
            "deployment_rework_rate_ratio": 4 / 61,
            "success_rate_ratio": 56 / 61,
            "rollback_rate_ratio": 4 / 61,
        }.items() <= {figure.key: figure.value for figure in report.figures}.items()

    @given(st.permutations(busy_month()[:14]))
    def test_the_order_of_the_journal_says_nothing(self, releases: list[Release]) -> None:
        assert counted(*releases, days=28) == counted(*busy_month()[:14], days=28)


def test_what_is_written_as_json_is_read_again() -> None:
    report = counted(*busy_month(), days=28)
    assert Numbers.model_validate_json(report.model_dump_json(by_alias=True)) == report


def test_other_programs_see_whether_a_target_is_met() -> None:
    document = json.loads(counted(*busy_month(), days=28).as_json())
    met = {figure["key"]: figure["met"] for figure in document["figures"] if figure["target"]}
    assert (met["success_rate_ratio"], met["deployment_time_mean_seconds"], met["availability_ratio"]) == (
        False,
        True,
        None,
    )
    assert (document["waitingCommits"], document["days"][2]) == (
        4,
        {"day": "2026-11-04", "succeeded": 2, "rolledBack": 1, "failed": 0},
    )
