"""The traffic as a runner sees it: over which time measures are asked, and since when answers have been bad."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from datetime import timedelta
from typing import Any

from release.analysis import Counters, Evidence, Reading, Target
from release.model import Colour, Kind, Step
from release.watch import Watch
from tests.release.world import START, order, release

GREEN = Target(service="backend", colour=Colour.GREEN)
STEP = Step(kind=Kind.WATCH, share=10, seconds=10)


class Counted:
    """Gateway counters: ``errors`` of the candidate so far, at each reading in turn."""

    def __init__(self, *errors: int) -> None:
        self._errors, self._number = errors, 0

    def read(self) -> Reading:
        number, self._number = self._number, self._number + 1
        counters = Counters(requests=100 * number, errors=self._errors[number])
        return Reading(at=number / 2, counters={GREEN: counters})


class Asked:
    """Measures that note over how long they are asked."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def sample(self, seconds: float) -> Sequence[Evidence]:
        self.seconds.append(seconds)
        return ()


class Here(Executor):
    """Does everything at once."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def test_measures_reach_back_to_when_the_candidate_got_its_first_traffic_and_no_further() -> None:
    asked = Asked()
    watch = Watch(release(order()), Counted(*[0] * 100), now=lambda: START, sampler=asked, pool=Here())
    watch.arm(100.0, 10)
    watch.begin(108.0, STEP)
    for now in (108.0, 110.0, 113.0, 118.0):
        watch.look(now, 10)
    watch.end()
    watch.begin(125.0, STEP)
    watch.look(125.0, 25)
    assert asked.seconds == [8.0, 13.0, 18.0, 25.0]


def test_the_first_bad_answer_is_dated_by_the_reading_before_it() -> None:
    watch = Watch(release(order()), Counted(0, 0, 3, 9, 9), now=lambda: START)
    watch.arm(0.0, 10)
    assert watch.first_bad(START) is None
    for now in (0.5, 1.0, 1.5):
        watch.look(now, 10)
    # Errors came between the readings at 0.5 and at 1.0; it is 1.5 now.
    assert watch.first_bad(START) == START - timedelta(seconds=1)
