"""A thousand releases are listed with a few requests, and old ones go without a trace; telemetry may be lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from release.adapters.cluster_history import ClusterHistory, ClusterSeries
from release.adapters.cluster_journal import ClusterJournal
from release.adapters.cluster_objects import CONFIG_MAPS, ClusterObjects
from release.adapters.cluster_wire import NoAnswerError
from release.journal import head, records, series
from release.journal.head import Head
from release.journal.series import Series
from release.journal.summaries import Summary, Unreadable
from release.model import Release, Status
from tests.release.adapters.scripted import Script
from tests.release.control_plane import ControlPlane, CountingWire
from tests.release.journal.samples import ID, STACK, ended, release

pytestmark = pytest.mark.cluster

MANY = 1_000
ROWS = Series(columns=("at", "requests"), rows=((0.0, 7), (5.0, 9)))


@pytest.fixture
def wire(control_plane: ControlPlane) -> CountingWire:
    return CountingWire(control_plane.wire())


@pytest.fixture
def objects(wire: CountingWire, namespace: str) -> ClusterObjects:
    return ClusterObjects(wire, namespace)


@pytest.fixture
def history(objects: ClusterObjects) -> ClusterHistory:
    return ClusterHistory(objects, STACK, ClusterJournal(objects, STACK))


def put(objects: ClusterObjects, *releases: Release) -> None:
    """Releases as their runners left them, the last the latest."""
    for one in releases:
        objects.create(CONFIG_MAPS, records.to_object(one, 1))
    objects.create(CONFIG_MAPS, head.to_object(Head(fence=1, latest=releases[-1].id), STACK))


def names(objects: ClusterObjects) -> list[str]:
    found = objects.list_metadata(CONFIG_MAPS, "app.kubernetes.io/part-of=english-training")
    return sorted(one["metadata"]["name"] for one in found)


@pytest.fixture(scope="module")
def many(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace with a thousand long releases in it."""
    namespace = control_plane.namespace("many")
    objects = ClusterObjects(control_plane.wire(), namespace)
    overrides = {"django": {"NOTES": ["x" * 500] * 20}}
    order = release().order.model_copy(update={"overrides": overrides})

    def make(index: int) -> None:
        one = ended(f"20261124-{index:06}-aaaa", order=order, reason="r" * 300)
        objects.create(CONFIG_MAPS, records.to_object(one, 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(MANY)))
    yield namespace
    control_plane.call("DELETE", f"/api/v1/namespaces/{namespace}")


def test_a_thousand_releases_are_listed_with_two_requests_and_without_their_records(
    wire: CountingWire, many: str
) -> None:
    objects = ClusterObjects(wire, many)
    found = ClusterHistory(objects, STACK, ClusterJournal(objects, STACK)).history(MANY)
    assert [entry.id for entry in found] == [f"20261124-{index:06}-aaaa" for index in reversed(range(MANY))]
    assert all(isinstance(entry, Summary) for entry in found)
    assert [method for method, _ in wire.calls] == ["GET", "GET"]
    assert wire.bytes / MANY < 2_500
    one = objects.get(CONFIG_MAPS, "release-20261124-000000-aaaa")
    assert len(one["data"]["record"]) > 10_000


def test_only_as_many_are_listed_as_asked_for(objects: ClusterObjects, history: ClusterHistory) -> None:
    put(objects, ended("2026-a"), ended("2026-b"), ended("2026-c"))
    assert [entry.id for entry in history.history(2)] == ["2026-c", "2026-b"]
    assert history.history(0) == []
    assert history.history(-1) == []


def test_one_that_cannot_be_read_is_listed_among_the_others(objects: ClusterObjects, history: ClusterHistory) -> None:
    put(objects, ended("2026-a"), ended("2026-b"), ended("2026-c"))
    broken: dict[str, Any] = {"metadata": {"annotations": {"english-training.dev/summary": '{"format": 9}'}}}
    objects.patch(CONFIG_MAPS, "release-2026-b", broken)
    assert [type(entry) for entry in history.history(10)] == [Summary, Unreadable, Summary]


def test_old_releases_go_with_their_telemetry_and_nothing_else_does(
    objects: ClusterObjects, history: ClusterHistory
) -> None:
    kept = ClusterSeries(objects, STACK)
    put(objects, ended("2026-a"), *(ended(f"2026-{letter}", Status.FAILED) for letter in "bcde"))
    for release_id in ("2026-a", "2026-b", "2026-e", "2026-died-halfway"):
        assert kept.save(release_id, ROWS)
    ClusterSeries(objects, "production").save("2026-b", ROWS)
    assert history.trim(2) == 2
    assert names(objects) == [
        "release-2026-a",
        "release-2026-a-series",
        "release-2026-b-series",
        "release-2026-d",
        "release-2026-e",
        "release-2026-e-series",
        "releases-staging",
    ]
    assert history.trim(2) == 0


def test_nothing_goes_while_a_release_is_in_progress(objects: ClusterObjects, history: ClusterHistory) -> None:
    put(objects, ended("2026-a", Status.FAILED), release("2026-b"))
    assert history.trim(0) == 0
    assert [entry.id for entry in history.history(10)] == ["2026-b", "2026-a"]


def test_telemetry_comes_back_and_is_replaced(objects: ClusterObjects) -> None:
    kept = ClusterSeries(objects, STACK)
    assert kept.load(ID) is None
    assert kept.save(ID, Series(columns=("at",), rows=((0.0,),)))
    assert kept.save(ID, ROWS)
    assert kept.load(ID) == ROWS
    objects.patch(CONFIG_MAPS, f"release-{ID}-series", {"binaryData": {series.KEY: "AAAA"}})
    assert kept.load(ID) is None


def test_the_largest_telemetry_fits_into_the_cluster(objects: ClusterObjects) -> None:
    big = Series(columns=tuple("abcd"), rows=tuple((n / 7, n / 11, n / 13, f"{n}" * 200) for n in range(5_000)))
    kept = ClusterSeries(objects, STACK)
    assert kept.save(ID, big)
    found = kept.load(ID)
    assert found is not None
    assert 500 <= len(found.rows) <= 2_000


def test_telemetry_that_cannot_be_kept_is_no_error(control_plane: ControlPlane, namespace: str) -> None:
    script = Script(answers=[NoAnswerError("timed out")])
    assert ClusterSeries(ClusterObjects(script, namespace), STACK).save(ID, ROWS) is False
    nobody = ClusterObjects(control_plane.wire(control_plane.account(namespace)), namespace)
    assert ClusterSeries(nobody, STACK).save(ID, ROWS) is False
