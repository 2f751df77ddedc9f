"""What is let go, and above all what is not."""

from hypothesis import given
from hypothesis import strategies as st

from release.journal.summaries import Entry, Unreadable, summarise
from release.journal.trimming import abandoned, needed, surplus, surplus_points
from release.model import Status
from tests.release.journal.samples import release


def entry(number: int, status: Status | None, kind: str = "deploy", done: int = 0) -> Entry:
    name = f"{number:05}"
    if status is None:
        return Unreadable(id=name, problem="?", remedy="?")
    return summarise(release(name, status=status, kind=kind, done=done), 1)


def entries(*statuses: Status | None) -> list[Entry]:
    """Newest first; the newest has the greatest number."""
    return [entry(len(statuses) - index, status) for index, status in enumerate(statuses)]


def test_what_is_beyond_the_count_goes_oldest_first() -> None:
    assert surplus(entries(*[Status.FAILED] * 5), keep=3) == ["00001", "00002"]
    assert surplus(entries(*[Status.FAILED] * 3), keep=3) == []


def test_the_last_successes_stay_however_old() -> None:
    found = entries(*[Status.FAILED] * 4, Status.SUCCESS, Status.ROLLED_BACK, Status.SUCCESS, Status.SUCCESS)
    assert surplus(found, keep=2, successes=2) == ["00001", "00003", "00005", "00006"]


def test_rollbacks_that_succeeded_do_not_push_out_the_deployments_one_goes_back_to() -> None:
    found = [entry(9 - index, Status.SUCCESS, "rollback") for index in range(5)] + [entry(1, Status.SUCCESS)]
    assert surplus(found, keep=0, successes=1) == ["00005", "00006", "00007", "00008"]


def test_what_has_not_ended_and_what_cannot_be_read_stays() -> None:
    found = entries(Status.FAILED, Status.IN_PROGRESS, None, Status.PENDING, Status.FAILED)
    assert surplus(found, keep=0) == ["00001", "00005"]


@given(st.lists(st.none() | st.sampled_from(Status), max_size=60), st.integers(0, 30), st.integers(0, 5))
def test_whatever_happened_the_rules_hold(statuses: list[Status | None], keep: int, successes: int) -> None:
    found = entries(*statuses)
    gone = surplus(found, keep=keep, successes=successes)
    left = [one for one in found if one.id not in gone]
    assert gone == sorted(set(gone))
    assert left[:keep] == found[:keep]
    assert not set(gone) & needed(found, successes=successes)
    bound = keep + successes + sum(1 for status in statuses if status is None or not status.ended)
    assert len(left) <= bound
    ended_well = [one.id for one, status in zip(found, statuses, strict=True) if status is Status.SUCCESS]
    assert not set(gone) & set(ended_well[:successes])


def test_what_was_written_but_could_not_begin_is_found_once_another_has() -> None:
    found = [
        entry(5, Status.PENDING),
        entry(4, Status.SUCCESS),
        entry(3, Status.PENDING),
        entry(2, Status.PENDING, done=1),
        entry(1, Status.IN_PROGRESS),
    ]
    assert abandoned(found, "00004") == ["00003"]
    assert abandoned(found, None) == []


def test_points_beyond_the_count_go_but_not_those_of_releases_one_can_go_back_to() -> None:
    points = [("e", "5"), ("d", None), ("c", "3"), ("b", "2"), ("a", None)]
    assert surplus_points(points, {"2"}, keep=2) == ["a", "c"]
    assert surplus_points(points, set(), keep=9) == []
