"""The journal on a real API server: fenced, whole whatever is lost on the way, and told in words where it cannot be."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from release.adapters.cluster_history import ClusterHistory
from release.adapters.cluster_journal import ClusterJournal
from release.adapters.cluster_objects import ClusterObjects
from release.adapters.cluster_releases import ClusterReleases
from release.adapters.cluster_requests import ClusterRequests
from release.errors import Busy, JournalUnreadable, LostLock, NotFound, ReleaseError, Unreachable
from release.model import Release, Request, Status
from tests.release.control_plane import ControlPlane, CountingWire, LossyWire
from tests.release.journal.samples import ID, STACK, ended, event, release

pytestmark = pytest.mark.cluster

EARLIER = "20261124-100000-zzzz"
LATER = "20261124-110000-aaaa"


@dataclass(kw_only=True)
class Runner:
    """One runner's view of the journal, on a connection of its own."""

    wire: LossyWire
    journal: ClusterJournal
    requests: ClusterRequests
    history: ClusterHistory
    releases: ClusterReleases


@pytest.fixture
def runner(control_plane: ControlPlane, namespace: str) -> Callable[[], Runner]:
    def make(stack: str = STACK) -> Runner:
        wire = LossyWire(control_plane.wire())
        objects = ClusterObjects(wire, namespace, sleep=lambda _: None)
        journal = ClusterJournal(objects, stack)
        return Runner(
            wire=wire,
            journal=journal,
            requests=ClusterRequests(objects, stack),
            history=ClusterHistory(objects, stack, journal),
            releases=ClusterReleases(objects, stack),
        )

    return make


@pytest.fixture
def spoil(control_plane: ControlPlane, namespace: str) -> Callable[[str, dict[str, Any]], None]:
    def patch(name: str, change: dict[str, Any]) -> None:
        control_plane.call("PATCH", f"/api/v1/namespaces/{namespace}/configmaps/{name}", change)

    return patch


Make = Callable[..., Runner]
Spoil = Callable[[str, dict[str, Any]], None]


def done(one: Release, steps: int) -> Release:
    return one.model_copy(update={"done": steps})


def test_what_one_runner_writes_another_reads(runner: Make) -> None:
    first, second = runner(), runner()
    assert first.journal.current() is None
    written = first.journal.write(release(events=(event("begin"),)), 1)
    assert written == release(events=(event("begin"),), fence=1)
    assert second.journal.read(ID) == written
    assert second.journal.current() == written
    assert first.journal.write(done(written, 1), 1) == done(written, 1)
    assert second.journal.read(ID).done == 1


def test_a_release_that_has_ended_is_not_the_current_one_and_makes_way(runner: Make) -> None:
    one = runner()
    one.journal.write(ended(), 1)
    assert one.journal.current() is None
    later = one.journal.write(release(LATER), 2)
    assert one.journal.current() == later
    assert [entry.id for entry in one.history.history(10)] == [LATER, ID]


def test_no_release_begins_beside_one_that_has_not_ended(runner: Make) -> None:
    first, second = runner(), runner()
    first.journal.write(release(status=Status.IN_PROGRESS), 1)
    with pytest.raises(Busy) as caught:
        second.journal.write(release(LATER), 2)
    assert caught.value.problem == f"release {ID} of stack {STACK} is in progress, begun by ana@build-7"
    assert caught.value.remedy == "release status, then release resume or release abort"
    assert [entry.id for entry in first.history.history(10)] == [ID]


def test_a_paused_runner_cannot_write_once_another_has_seized_its_release(runner: Make) -> None:
    paused, other = runner(), runner()
    old = paused.journal.write(release(), 1)
    assert other.journal.seize(ID, 2) == old.model_copy(update={"fence": 2})
    with pytest.raises(LostLock):
        paused.journal.write(done(old, 1), 1)
    with pytest.raises(LostLock):
        paused.journal.write(old, 1)
    assert other.journal.read(ID) == old.model_copy(update={"fence": 2})
    with pytest.raises(LostLock):
        paused.journal.seize(ID, 1)


def test_a_paused_runner_that_reads_anew_cannot_write_either(runner: Make) -> None:
    paused, other = runner(), runner()
    paused.journal.write(release(), 1)
    other.journal.seize(ID, 2)
    fresh = paused.journal.read(ID)
    with pytest.raises(LostLock):
        paused.journal.write(done(fresh, 1), 1)


def test_what_the_old_holder_wrote_last_is_not_overwritten_by_what_was_read_before_it(runner: Make) -> None:
    old, new = runner(), runner()
    first = old.journal.write(release(), 1)
    stale = new.journal.read(ID)
    old.journal.write(done(first, 1), 1)
    with pytest.raises(Busy) as caught:
        new.journal.write(done(stale, 0).model_copy(update={"paused": True}), 2)
    assert caught.value.problem == f"release {ID} was changed since it was read, under the lock's token 1"
    assert new.journal.seize(ID, 2).done == 1


def test_a_runner_paused_before_its_first_write_begins_nothing_beside_a_later_one(runner: Make) -> None:
    paused, other = runner(), runner()
    other.journal.write(ended(LATER), 2)
    with pytest.raises(LostLock):
        paused.journal.write(release(), 1)
    assert [entry.id for entry in other.history.history(10)] == [LATER]


@pytest.mark.parametrize(("later", "error"), [(2, Busy), (0, LostLock)])
def test_of_two_that_begin_at_the_same_moment_one_does_and_the_other_leaves_no_trace(
    runner: Make, later: int, error: type[ReleaseError]
) -> None:
    first, second = runner(), runner()
    first.journal.write(ended(EARLIER), 0)
    put = second.releases.put_head
    journal: Any = second.journal

    def overtaken(*arguments: Any) -> None:
        journal._releases.put_head = put
        first.journal.write(release(LATER), 1)
        put(*arguments)

    journal._releases.put_head = overtaken
    with pytest.raises(error):
        second.journal.write(release(), later)
    assert [entry.id for entry in first.history.history(10)] == [LATER, EARLIER]
    assert first.journal.current() == release(LATER, fence=1)


def test_the_first_release_of_all_counts_although_its_runner_died_before_it_was_named(runner: Make) -> None:
    died, other = runner(), runner()
    journal: Any = died.journal
    journal._releases.put_head = None
    with pytest.raises(TypeError):
        died.journal.write(release(), 1)
    assert other.journal.current() == release(fence=1)
    with pytest.raises(Busy):
        other.journal.write(release(LATER), 2)


def test_a_later_one_whose_runner_died_before_it_was_named_is_in_nobodys_way(runner: Make) -> None:
    died, other = runner(), runner()
    other.journal.write(ended(EARLIER), 1)
    journal: Any = died.journal
    journal._releases.put_head = None
    with pytest.raises(TypeError):
        died.journal.write(release(), 2)
    assert other.journal.current() is None
    other.journal.write(ended(LATER), 3)
    assert other.history.trim(1000) == 1
    assert [entry.id for entry in other.history.history(10)] == [LATER, EARLIER]


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
def test_a_release_whose_answers_are_lost_begins_once(runner: Make, lost: int) -> None:
    one = runner()
    one.wire.lose = lost
    assert one.journal.write(release(), 1) == release(fence=1)
    assert one.journal.current() == release(fence=1)
    assert [entry.id for entry in one.history.history(10)] == [ID]
    assert one.wire.lose == 0


@pytest.mark.parametrize("lost", [1, 3])
def test_a_write_whose_answer_is_lost_is_known_as_done(runner: Make, lost: int) -> None:
    one = runner()
    first = one.journal.write(release(), 1)
    one.wire.lose = lost
    assert one.journal.write(done(first, 1), 1) == done(first, 1)
    assert runner().journal.read(ID) == done(first, 1)


def test_a_write_whose_answer_is_lost_while_another_takes_over_is_known_as_overtaken(runner: Make) -> None:
    old, new = runner(), runner()
    first = old.journal.write(release(), 1)
    send = old.wire.send
    wire: Any = old.wire

    def overtaken(*arguments: Any, **options: Any) -> Any:
        if arguments[0] == "PATCH":
            wire.send = send
            try:
                return send(*arguments, **options)
            finally:
                assert new.journal.seize(ID, 2).done == 1
        return send(*arguments, **options)

    old.wire.lose = 1
    wire.send = overtaken
    with pytest.raises(LostLock):
        old.journal.write(done(first, 1), 1)
    assert new.journal.read(ID).fence == 2


def test_a_write_survives_the_api_servers_restart(control_plane: ControlPlane, namespace: str) -> None:
    restarted: list[float] = []

    def restart(seconds: float) -> None:
        if not restarted:
            control_plane.start_api()
        restarted.append(seconds)

    objects = ClusterObjects(CountingWire(control_plane.wire()), namespace, sleep=restart)
    journal = ClusterJournal(objects, STACK)
    first = journal.write(release(), 1)
    control_plane.stop_api()
    assert journal.write(done(first, 1), 1) == done(first, 1)
    assert len(restarted) >= 1
    assert ClusterJournal(objects, STACK).current() == done(first, 1)


def test_a_request_waits_beside_the_record_and_no_write_of_the_runner_undoes_it(runner: Make) -> None:
    one, person = runner(), runner()
    first = one.journal.write(release(), 1)
    asked = person.requests.ask(ID, Request.PAUSE, actor="bob@desk")
    written = one.journal.write(done(first, 1), 1)
    assert written == done(first, 1).model_copy(update={"request": Request.PAUSE})
    assert one.requests.asked(ID) == asked
    heeding = written.model_copy(update={"paused": True, "request": None})
    assert one.journal.write(heeding, 1, heeded=asked) == heeding
    assert person.requests.asked(ID) is None


def test_a_request_that_came_after_the_one_that_is_heeded_is_not_taken_away_with_it(runner: Make) -> None:
    one, person = runner(), runner()
    first = one.journal.write(release(), 1)
    pause = person.requests.ask(ID, Request.PAUSE, actor="bob@desk")
    assert one.requests.asked(ID) == pause
    abort = person.requests.ask(ID, Request.ABORT, actor="eve@desk")
    written = one.journal.write(first.model_copy(update={"paused": True}), 1, heeded=pause)
    assert (written.paused, written.request) == (True, Request.ABORT)
    assert one.requests.asked(ID) == abort


@pytest.mark.parametrize("lost", [1, 2])
def test_heeding_whose_answer_is_lost_happens_once(runner: Make, lost: int) -> None:
    one = runner()
    first = one.journal.write(release(), 1)
    asked = one.requests.ask(ID, Request.PROMOTE, actor="bob@desk")
    one.wire.lose = lost
    written = one.journal.write(first.model_copy(update={"promoted": 1}), 1, heeded=asked)
    assert (written.promoted, written.request) == (1, None)
    assert one.requests.asked(ID) is None


def test_a_request_can_be_taken_away_alone_and_only_the_one_that_is_meant(runner: Make) -> None:
    one = runner()
    one.journal.write(release(), 1)
    pause = one.requests.ask(ID, Request.PAUSE, actor="bob@desk")
    resume = one.requests.ask(ID, Request.RESUME, actor="bob@desk")
    assert one.requests.take(ID, pause) is False
    one.wire.lose = 1
    assert one.requests.take(ID, resume) is True
    assert one.requests.take(ID, resume) is False
    assert one.requests.asked(ID) is None


def test_asking_whose_answer_is_lost_asks_once_also_when_it_was_heeded_meanwhile(runner: Make) -> None:
    one, person = runner(), runner()
    first = one.journal.write(release(), 1)
    heeded: list[Request | None] = []
    sleep: Any = person.requests

    def heed(_: float) -> None:
        asked = one.requests.asked(ID)
        heeded.append(asked.request if asked else None)
        one.journal.write(first.model_copy(update={"promoted": 1}), 1, heeded=asked)

    sleep._objects._sleep = heed
    person.wire.lose = 1
    person.requests.ask(ID, Request.PROMOTE, actor="bob@desk")
    assert heeded == [Request.PROMOTE]
    assert one.requests.asked(ID) is None


def test_requests_and_writes_at_the_same_time_lose_nothing_and_heed_nothing_twice(runner: Make) -> None:
    one, person = runner(), runner()
    count = 20
    current = one.journal.write(release(), 1)

    def ask_often() -> list[str]:
        tokens: list[str] = []
        while len(tokens) < count:
            if person.requests.asked(ID) is None:
                tokens.append(person.requests.ask(ID, Request.PROMOTE, actor="bob@desk").token)
        return tokens

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_often)
        heeded: list[str] = []
        while len(heeded) < count:
            asked = one.requests.asked(ID)
            current = current.model_copy(update={"requests": current.requests + 1, "promoted": len(heeded)})
            current = one.journal.write(current, 1, heeded=asked)
            heeded += [asked.token] if asked else []
    assert heeded == asking.result()
    assert runner().journal.read(ID) == current


def test_nothing_is_asked_of_a_release_that_has_ended_or_does_not_exist(runner: Make) -> None:
    one = runner()
    one.journal.write(ended(), 1)
    with pytest.raises(ReleaseError) as caught:
        one.requests.ask(ID, Request.PAUSE, actor="bob@desk")
    assert caught.value.problem == f"release {ID} has ended (success): there is nothing to pause"
    with pytest.raises(NotFound):
        one.requests.ask(LATER, Request.PAUSE, actor="bob@desk")


def test_releases_of_another_stack_in_the_same_namespace_are_not_seen(runner: Make) -> None:
    mine, other = runner(), runner("production")
    mine.journal.write(release(), 1)
    assert other.history.history(10) == []
    assert other.journal.current() is None
    with pytest.raises(NotFound) as caught:
        other.journal.read(ID)
    assert caught.value.problem == f"there is no release {ID} of stack production"


@pytest.mark.parametrize(
    "record", [None, "{", json.dumps({"format": 2}), json.dumps({"format": 1, "id": ID}), "[" * 200_000]
)
def test_a_record_that_cannot_be_read_stops_what_needs_it_and_nothing_else(
    runner: Make, spoil: Spoil, namespace: str, record: str | None
) -> None:
    one = runner()
    one.journal.write(ended(EARLIER), 1)
    first = one.journal.write(release(), 2)
    spoil(f"release-{ID}", {"data": {"record": record}})
    attempts: list[Callable[[], object]] = [
        lambda: one.journal.read(ID),
        one.journal.current,
        lambda: one.journal.write(done(first, 1), 2),
        lambda: runner().journal.write(release(LATER), 3),
    ]
    for attempt in attempts:
        with pytest.raises(JournalUnreadable) as caught:
            attempt()
        assert f"{namespace}/release-{ID} " in caught.value.problem
        assert f"kubectl get configmap release-{ID} --namespace {namespace} --output yaml" in caught.value.remedy
    assert [entry.id for entry in one.history.history(10)] == [ID, EARLIER]
    assert one.journal.read(EARLIER).status is Status.SUCCESS


@pytest.mark.parametrize("data", [None, {"fence": "x"}, {"latest": "release-of-nobody"}])
def test_where_the_object_that_names_the_latest_is_gone_or_wrong_the_releases_tell_it(
    runner: Make, spoil: Spoil, control_plane: ControlPlane, namespace: str, data: dict[str, str] | None
) -> None:
    one = runner()
    one.journal.write(release(), 7)
    if data is None:
        control_plane.call("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/releases-{STACK}")
    else:
        spoil(f"releases-{STACK}", {"data": data})
    fresh = runner()
    assert fresh.journal.current() == release(fence=7)
    assert fresh.releases.fence() == 7
    with pytest.raises(Busy):
        fresh.journal.write(release(LATER), 8)
    fresh.journal.write(fresh.journal.seize(ID, 8).model_copy(update={"status": Status.FAILED}), 8)
    fresh.journal.write(release(LATER), 8)
    assert runner().journal.current() == release(LATER, fence=8)


def test_a_release_that_was_deleted_meanwhile_is_not_made_again(
    runner: Make, control_plane: ControlPlane, namespace: str
) -> None:
    one = runner()
    first = one.journal.write(release(), 1)
    control_plane.call("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/release-{ID}")
    with pytest.raises(NotFound) as caught:
        one.journal.write(done(first, 1), 1)
    assert caught.value.problem == f"release {ID} was deleted from the journal meanwhile"
    assert one.journal.current() is None


def test_a_release_with_half_a_megabyte_of_talk_fits_and_keeps_its_steps(runner: Make) -> None:
    one = runner()
    log = [event("verdict", "x" * 400) for _ in range(3_000)]
    written = one.journal.write(release(events=(event("begin"), *log, event("done"))), 1)
    assert len(written.model_dump_json(by_alias=True)) <= 512 * 1024
    assert [written.events[0].kind, written.events[-1].kind] == ["begin", "done"]
    again = one.journal.write(written.model_copy(update={"events": (*written.events, event("status"))}), 1)
    assert again.events[-1].kind == "status"


def test_without_permission_every_call_says_which_and_how_to_see_it(
    control_plane: ControlPlane, namespace: str
) -> None:
    wire = control_plane.wire(control_plane.account(namespace))
    objects = ClusterObjects(wire, namespace, sleep=lambda _: None)
    journal = ClusterJournal(objects, STACK)
    for verb, attempt in (
        ("get", lambda: journal.read(ID)),
        ("get", lambda: journal.write(release(), 1)),
        ("get", lambda: ClusterRequests(objects, STACK).asked(ID)),
        ("list", lambda: ClusterHistory(objects, STACK, journal).history(10)),
    ):
        with pytest.raises(Unreachable) as caught:
            attempt()
        assert caught.value.problem == f"no permission to {verb} configmaps in the namespace {namespace}"
        assert caught.value.remedy.startswith(f"kubectl auth can-i {verb} configmaps --namespace {namespace}")


def test_credentials_that_nobody_knows_are_told(control_plane: ControlPlane, namespace: str) -> None:
    objects = ClusterObjects(control_plane.wire("token-of-nobody"), namespace, sleep=lambda _: None)
    with pytest.raises(Unreachable) as caught:
        ClusterJournal(objects, STACK).current()
    assert "does not accept the kubeconfig's credentials" in caught.value.problem


def test_a_namespace_that_is_not_there_is_named(control_plane: ControlPlane) -> None:
    objects = ClusterObjects(control_plane.wire(), "nowhere", sleep=lambda _: None)
    with pytest.raises(Unreachable) as caught:
        ClusterJournal(objects, STACK).write(release(), 1)
    assert caught.value.problem.startswith("there is no namespace nowhere on the cluster https://127.0.0.1:")
