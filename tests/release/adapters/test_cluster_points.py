"""Saved configuration in the cluster: once, unchangeable, never with a secret in clear."""

from datetime import timedelta
from typing import Any

import pytest

from release.adapters.cluster_objects import CONFIG_MAPS, ClusterObjects
from release.adapters.cluster_points import ClusterPoints
from release.errors import BadOrder, ChecksFailed, JournalUnreadable, NotFound, Unreachable
from release.journal import records
from release.journal.points import Point, Saved
from release.journal.summaries import Unreadable
from release.model import Status
from tests.release.control_plane import ControlPlane, LossyWire
from tests.release.journal.samples import STACK, STARTED, ended, release

pytestmark = pytest.mark.cluster

FILE = "config:\n  english-training:secretKey:\n    secure: v1:cipher:text\n  english-training:greenWeight: 0\n"


@pytest.fixture
def wire(control_plane: ControlPlane) -> LossyWire:
    return LossyWire(control_plane.wire())


@pytest.fixture
def objects(wire: LossyWire, namespace: str) -> ClusterObjects:
    return ClusterObjects(wire, namespace, sleep=lambda _: None)


@pytest.fixture
def points(objects: ClusterObjects) -> ClusterPoints:
    return ClusterPoints(objects, STACK)


def point(name: str, release_id: str | None = None, content: str = FILE, stack: str = STACK) -> Point:
    saved = Saved(name=name, stack=stack, at=STARTED, actor="ana@build-7", why="by hand", release=release_id)
    return Point(saved=saved, content=content)


def names(points: ClusterPoints) -> set[str]:
    return {entry.name for entry in points.saved() if isinstance(entry, Saved)}


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_point_is_saved_once_whatever_answers_are_lost(points: ClusterPoints, wire: LossyWire, lost: int) -> None:
    wire.lose = lost
    points.save(point("before"))
    points.save(point("before"))
    assert points.load("before") == point("before")
    assert points.saved() == [point("before").saved]


def test_saving_it_again_at_another_time_changes_nothing(points: ClusterPoints) -> None:
    points.save(point("before", "2026-a"))
    later = point("before", "2026-a").saved.model_copy(update={"at": STARTED + timedelta(hours=1)})
    points.save(Point(saved=later, content=FILE))
    assert points.load("before").saved.at == STARTED


def test_a_name_is_not_given_to_something_else(points: ClusterPoints) -> None:
    points.save(point("before"))
    with pytest.raises(BadOrder) as caught:
        points.save(point("before", content="config: {}\n"))
    assert caught.value.problem == "there is another configuration saved as before, by ana@build-7"
    assert points.load("before").content == FILE


def test_nobody_can_change_a_point(points: ClusterPoints, objects: ClusterObjects) -> None:
    points.save(point("before"))
    with pytest.raises(Unreachable) as caught:
        objects.patch(CONFIG_MAPS, "config-before", {"data": {"content": "config: {}\n"}})
    assert "immutable" in caught.value.problem


def test_a_secret_in_clear_never_reaches_the_cluster(points: ClusterPoints, wire: LossyWire) -> None:
    with pytest.raises(ChecksFailed):
        points.save(point("before", content="config:\n  english-training:secretKey: hunter2\n"))
    assert wire.calls == []


def test_what_is_not_there_or_another_stacks_is_not_found(points: ClusterPoints, objects: ClusterObjects) -> None:
    ClusterPoints(objects, "production").save(point("theirs", stack="production"))
    for name in ("nothing", "theirs"):
        with pytest.raises(NotFound) as caught:
            points.load(name)
        assert caught.value.problem == f"no configuration of stack staging is saved as {name}"
    assert points.saved() == []


def test_one_that_cannot_be_read_is_listed_as_such(points: ClusterPoints, objects: ClusterObjects) -> None:
    points.save(point("one"))
    points.save(point("two"))
    broken: dict[str, Any] = {"metadata": {"annotations": {"english-training.dev/point": None}}}
    objects.patch(CONFIG_MAPS, "config-one", broken)
    assert {type(entry) for entry in points.saved()} == {Saved, Unreadable}
    with pytest.raises(JournalUnreadable):
        points.load("one")


def test_old_points_go_but_none_that_is_needed_to_go_back(points: ClusterPoints, objects: ClusterObjects) -> None:
    objects.create(CONFIG_MAPS, records.to_object(ended("2026-good"), 1))
    objects.create(CONFIG_MAPS, records.to_object(ended("2026-bad", Status.FAILED), 1))
    objects.create(CONFIG_MAPS, records.to_object(release("2026-now"), 1))
    for name, release_id in (("good", "2026-good"), ("bad", "2026-bad"), ("now", "2026-now"), ("by-hand", None)):
        points.save(point(name, release_id))
    assert points.trim(9) == 0
    assert points.trim(0) == 2
    assert names(points) == {"good", "now"}
