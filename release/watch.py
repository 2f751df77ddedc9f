"""What a runner sees of the traffic: the guard's alarm at once, and a verdict over the time that a step is watched."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from typing import Final, Protocol

from release.analysis import Counters, Evidence, Guard, Judgement, Measure, Reading, judge, over_time, sample_rows
from release.errors import Unreachable
from release.model import Finding, Release, Step, Strategy
from release.report.series import Row

READ_EVERY: Final = 0.5
"""Seconds between two readings of the gateway's counters."""
JUDGE_EVERY: Final = 1.0
"""Seconds between two judgements of a step."""
SAMPLE_EVERY: Final = 5.0
"""Seconds between two samples of the measures in Prometheus."""
ROW_EVERY: Final = 2.0
"""Seconds between two rows of the series that the report draws."""
FULL: Final = 100


class Source(Protocol):
    """The gateway's own counters."""

    def read(self) -> Reading:
        """One reading of all proxies. Raises ``Unreachable``."""


class Measures(Protocol):
    """Metrics beside the gateway's counters."""

    def sample(self, seconds: float) -> Sequence[Evidence]:
        """One sample of each measure, for both colours, over ``seconds`` at most.

        Does not raise: what is not known is evidence of nothing.
        """


class Watch:
    """The traffic of one release. One thread looks; only measures are sampled in another, as they may take long."""

    def __init__(
        self,
        release: Release,
        source: Source,
        *,
        now: Callable[[], datetime],
        measures: Sequence[Measure] = (),
        sampler: Measures | None = None,
        pool: Executor | None = None,
    ) -> None:
        self._release, self._source, self._now = release, source, now
        self._measures, self._sampler, self._pool = measures, sampler, pool
        self._peer = None if release.order.strategy is Strategy.ROLLING else release.stable
        self._guard: Guard | None = None
        self._armed_at = 0.0
        self._last: Reading | None = None
        self._step: Step | None = None
        self._since = self._until = 0.0
        self._readings: list[Reading] = []
        self._before: dict[str, Counters] = {}
        self._evidence: list[Evidence] = []
        self._sampling: Future[Sequence[Evidence]] | None = None
        self._verdict: Finding | None = None
        self._due: dict[str, float] = {}
        self._row_from: Reading | None = None
        self._taken = (0, 0)
        self.rows: list[Row] = []
        """What the report draws, so far."""
        self.trouble: str | None = None
        """Why the last reading failed."""

    @property
    def alarm(self) -> Finding | None:
        """What the guard cries, once it is armed."""
        return self._guard.alarm if self._guard is not None else None

    @property
    def verdict(self) -> Finding | None:
        """What the comparison says of the step that is watched, so far."""
        return self._verdict

    @property
    def elapsed(self) -> float:
        """Seconds for which the step has been watched."""
        return self._until - self._since if self._step is not None else 0.0

    def look(self, now: float, share: int | None) -> None:
        """Read the counters if it is time to, and judge the step. ``share`` is what the route gives the candidate."""
        self._until = now
        if self._is_due("read", now, READ_EVERY):
            self._see(self._read(now), share)
        if self._step is None:
            return
        if self._sampler is not None and self._pool is not None:
            self._sample(now)
        if self._is_due("judge", now, JUDGE_EVERY):
            self._verdict = self._judge(self._step)

    def arm(self, now: float, share: int) -> None:
        """From now on the candidate may get ``share`` per cent of the requests, and the guard counts."""
        if self._guard is None:
            guard = Guard(
                limits=self._release.order.limits, candidate=self._release.candidate, stable=self._peer, share=share
            )
            self._guard, self._armed_at = guard.see(self._read(now)), now
        self._guard = self._guard.with_share(share)

    def begin(self, now: float, step: Step) -> None:
        """Watch a step."""
        self.arm(now, step.share)
        self._step, self._since, self._until = step, now, now
        self._readings = [self._last] if self._last is not None else []
        # A sample that was begun in an earlier step tells of another share.
        self._evidence, self._verdict, self._sampling = [], None, None

    def end(self) -> None:
        """The step is over. What stable did in it is the measure of a candidate that has all traffic later."""
        if self._step is not None and self._peer is not None and 0 < self._step.share < FULL:
            self._before = over_time(self._readings, self._peer)
        self._step, self._verdict = None, None

    def take(self) -> tuple[int, int]:
        """Requests that the candidate answered since the last call, and errors among them."""
        if self._guard is None:
            return 0, 0
        total = self._guard.answers, self._guard.errors
        new = total[0] - self._taken[0], total[1] - self._taken[1]
        self._taken = total
        return new

    def first_bad(self, now: datetime) -> datetime | None:
        """When the candidate's first error can have come at the earliest, by the clock that ``now`` is of."""
        if self._guard is None or self._guard.first_bad_at is None:
            return None
        return now - timedelta(seconds=self._until - self._guard.first_bad_at + READ_EVERY)

    def _is_due(self, what: str, now: float, every: float) -> bool:
        if now < self._due.get(what, now):
            return False
        self._due[what] = now + every
        return True

    def _read(self, now: float) -> Reading:
        try:
            reading = self._source.read()
            self.trouble = None if reading.complete else "not every proxy gives its counters"
        except Unreachable as error:
            self.trouble = error.problem
            return Reading(at=now, counters={}, complete=False)
        return reading

    def _see(self, reading: Reading, share: int | None) -> None:
        self._last = reading
        if self._guard is not None:
            self._guard = self._guard.see(reading)
        if self._step is not None:
            self._readings.append(reading)
        if not reading.complete:
            return
        if self._row_from is None or reading.at - self._row_from.at >= ROW_EVERY:
            if self._row_from is not None:
                at = self._now()
                self.rows += [
                    Row(
                        at=at,
                        share=share or 0,
                        service=row.target.service,
                        colour=row.target.colour.value,
                        requests_per_second=row.per_second,
                        error_ratio=row.error_ratio,
                        p50_ms=row.p50_ms,
                        p95_ms=row.p95_ms,
                    )
                    for row in sample_rows(self._row_from, reading)
                ]
            self._row_from = reading

    def _sample(self, now: float) -> None:
        if self._sampling is not None and self._sampling.done():
            self._evidence += self._sampling.result()
            self._sampling = None
        if self._sampling is None and self._is_due("sample", now, SAMPLE_EVERY):
            assert self._pool is not None and self._sampler is not None  # noqa: S101, PT018 - the caller looked
            # What the colour did before it was the candidate is not held against it.
            self._sampling = self._pool.submit(self._sampler.sample, now - self._armed_at)

    def _judge(self, step: Step) -> Finding:
        return judge(
            Judgement(
                limits=self._release.order.limits,
                candidate=self._release.candidate,
                stable=self._peer,
                share=step.share,
                readings=self._readings,
                before=self._before,
                measures=self._measures,
                evidence=self._evidence,
            )
        )
