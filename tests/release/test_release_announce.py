"""What people are told of a release: each thing once, whoever goes on with it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from release.announce import Announcer, happenings
from release.model import Kind, Outcome, Request, Status, Strategy
from release.notify.notice import Happening, Notice
from release.runner import Look
from tests.release.world import START, Died, Watch, World, order, release, runner


@dataclass(kw_only=True)
class Told:
    """Keeps what is to be told, and when."""

    notices: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)

    def short(self) -> list[str]:
        """What each notice is about, and the share that it names."""
        return [
            " ".join(filter(None, (one.event.value, one.figures.get("Traffic", "").partition(",")[0])))
            for one in self.notices
        ]


def told(world: World, *, patience: float = 20.0) -> Told:
    """What is told while a runner takes the world's release as far as it can."""
    found = Told()
    process = runner(world, patience=patience)
    process.ends = replace(process.ends, show=Announcer(found, world.clock_now))
    process.run()
    return found


def a_world(strategy: Strategy = Strategy.CANARY, **changes: Any) -> World:
    return World(record=release(order(strategy, steps=(50, 100) if strategy is Strategy.CANARY else ())), **changes)


@pytest.mark.parametrize(
    ("strategy", "shifts"),
    [
        (Strategy.CANARY, ["shifted 50 % green", "shifted 100 % green"]),
        (Strategy.BLUE_GREEN, ["shifted 100 % green"]),
        (Strategy.ROLLING, ["shifted 100 % blue"]),
    ],
)
def test_each_thing_is_told_once_in_its_order(strategy: Strategy, shifts: list[str]) -> None:
    assert told(a_world(strategy)).short() == ["started", *shifts, "succeeded"]


@pytest.mark.parametrize(
    ("world", "last"),
    [
        ({"alarm_at": 50}, ["rolled back"]),
        ({"alarm_at": 100}, ["shifted 50 % green", "rolled back"]),
        ({"alarm_at": 50, "ill_stable": True}, ["halted"]),
        ({"broken": frozenset({Kind.CHECK})}, ["failed"]),
        ({"broken": frozenset({Kind.PROVISION})}, ["rolled back"]),
        ({"verdict": Outcome.INCONCLUSIVE}, ["shifted 50 % green", "waiting"]),
    ],
)
def test_each_end_is_told_by_its_name(world: dict[str, Any], last: list[str]) -> None:
    assert told(a_world(**world)).short() == ["started", *last]


def test_who_goes_on_tells_only_what_happens_from_then_on() -> None:
    world = a_world()
    whole = told(a_world()).short()
    world.die_at = 14
    with pytest.raises(Died):
        told(world)
    world.die_at = None
    assert world.record.done == 5
    rest = told(world).short()
    assert rest == whole[-len(rest) :]
    assert len(rest) < len(whole)


def test_a_pause_is_told_each_time_it_begins() -> None:
    made = release(order()).model_copy(update={"status": Status.IN_PROGRESS, "done": 5})
    paused = made.model_copy(update={"paused": True, "request": Request.PAUSE})
    assert happenings(made, paused) == [(Happening.WAITING, None)]
    assert happenings(paused, paused.model_copy(update={"request": None})) == []
    assert happenings(paused, made) == []
    assert happenings(made, made) == []


def test_a_notice_has_the_time_at_which_it_was_told() -> None:
    found = Told()
    times = iter([datetime(2026, 1, 2, tzinfo=START.tzinfo)])
    announcer = Announcer(found, lambda: next(times))
    ended = release(order()).model_copy(update={"status": Status.SUCCESS})
    announcer(Look(release=ended, why="", share=None, watch=Watch(world=a_world())))
    [notice] = found.notices
    assert (notice.event, notice.at.day, notice.release) == (Happening.SUCCEEDED, 2, ended.id)
