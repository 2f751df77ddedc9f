"""Releases and measurements as the journal would have them."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from release.model import (
    Colour,
    Commit,
    Event,
    Kind,
    Lineup,
    Order,
    Release,
    Status,
    Step,
    Strategy,
    Times,
    Unit,
)
from release.report.series import Row

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
"""Midnight of a Monday."""
REGISTRY = "harbor.example.com/english-training-system"


def at(day: int = 0, hour: int = 0, minute: int = 0, second: float = 0) -> datetime:
    """So long after the Monday."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute, seconds=second)


def unit(version: str) -> Unit:
    return {
        "version": version,
        "backendImage": f"{REGISTRY}/backend:{version}@sha256:{'0' * 64}",
        "frontendImage": f"{REGISTRY}/frontend:{version}@sha256:{'1' * 64}",
        "schemaVersion": 7,
    }


def order(version: str = "1.4.2", **changes: Any) -> Order:
    given: dict[str, Any] = {
        "strategy": Strategy.CANARY,
        "version": version,
        "backend_image": f"{REGISTRY}/backend:{version}@sha256:{'0' * 64}",
        "frontend_image": f"{REGISTRY}/frontend:{version}@sha256:{'1' * 64}",
        "schema_version": 7,
    }
    return Order(**{**given, **changes})


def release(
    name: str,
    started: datetime,
    *,
    minutes: float | None = 10,
    status: Status = Status.SUCCESS,
    traffic: bool = True,
    failed_after: float | None = None,
    recovered_after: float | None = None,
    times: dict[str, datetime] | None = None,
    order_: dict[str, Any] | None = None,
    **changes: Any,
) -> Release:
    """A release that took ``minutes`` (``None``: goes on); ``…_after`` are minutes from its start."""
    ended = None if minutes is None else started + timedelta(minutes=minutes)

    def after(value: float | None) -> datetime | None:
        return None if value is None else started + timedelta(minutes=value)

    whole = traffic and status is Status.SUCCESS
    moments: dict[str, datetime | None] = {
        "started": started,
        "traffic_at": started + timedelta(minutes=1) if traffic else None,
        "traffic_full_at": ended if whole else None,
        "failed_at": after(failed_after),
        "recovered_at": after(recovered_after),
        "ended": ended,
        **(times or {}),
    }
    given: dict[str, Any] = {
        "id": name,
        "stack": "production",
        "actor": "ada@ci",
        "order": order(f"1.0.{name}", **(order_ or {})),
        "candidate": Colour.GREEN,
        "before": Lineup(green_weight=0, blue=unit("1.0.0")),
        "after": Lineup(green_weight=100, blue=unit("1.0.0"), green={**unit(f"1.0.{name}"), "schemaVersion": 8}),
        "steps": (
            Step(kind=Kind.CHECK),
            Step(kind=Kind.SHIFT, share=100),
            Step(kind=Kind.WATCH, share=100, seconds=120),
        ),
        "done": 3 if status is Status.SUCCESS else 2,
        "status": status,
        "times": Times(**moments),
    }
    return Release(**{**given, **changes})


def commit(sha: str, merged: datetime | None = None, authored: datetime | None = None) -> Commit:
    return Commit(sha=sha, merged=merged, authored=authored)


def busy_month() -> list[Release]:
    """Four weeks: three releases each working day, one rolled back a week, one left failed, one fix."""
    made: list[Release] = []
    for day in range(28):
        if day % 7 > 4:
            continue
        for turn, hour in enumerate((9, 13, 16)):
            name = f"{day:02}{turn}"
            commits = (commit(f"{name}a", merged=at(day, hour - 3, 7 * day), authored=at(day - 1, hour)),)
            bad = turn == 1 and day % 7 == 2
            made.append(
                release(
                    name,
                    at(day, hour),
                    minutes=9 + day % 4,
                    status=Status.ROLLED_BACK if bad else Status.SUCCESS,
                    failed_after=3 if bad else None,
                    recovered_after=3.1 + day / 20 if bad else None,
                    times={"detected_at": at(day, hour, 3, 2)} if bad else None,
                    order_={"commits": commits, "cause": "unplanned-fix" if turn == 2 and day % 7 == 2 else "planned"},
                    reason="green answers 6.1 % of requests with 5xx, blue 0.1 %" if bad else None,
                )
            )
    made.append(
        release("270", at(27, 11), minutes=4, status=Status.FAILED, failed_after=2, reason="both colours are ill")
    )
    return made


def _events() -> Iterator[Event]:
    def event(seconds: float, kind: str, text: str, step: str | None = None, **figures: Any) -> Event:
        who = "person" if kind == "request" else "machine"
        return Event(at=START + timedelta(seconds=seconds), kind=kind, text=text, step=step, actor=who, figures=figures)

    yield event(0, "status", "in progress", status="in progress")
    ahead = (("check", 0, 9), ("save", 9, 11), ("migrate", 11, 30), ("provision", 30, 74), ("verify", 74, 90))
    for step, begin, done in ahead:
        yield event(begin, "begin", step, step)
        yield event(done, "done", "all 9 checks passed" if step == "check" else step, step)
    for share, begin, watch, end in ((10, 90, 96, 396), (25, 397, 403, 703), (50, 704, 710, 760)):
        shift, look = f"shift to {share} %", f"watch at {share} %"
        yield event(begin, "begin", shift, shift)
        yield event(watch - 1, "done", f"the route carries {share} % for green", shift)
        yield event(watch, "begin", look, look)
        if share < 50:
            text = f"green answers 0.1 % of {share * 90} requests with 5xx, blue 0.1 %"
            yield event(end, "verdict", text, look, outcome="pass")
    yield event(560, "request", "pause, as bob@laptop asked")
    yield event(600, "request", "resume, as bob@laptop asked")
    yield event(760.2, "alarm", f"turns back: {BAD}", outcome="fail")
    yield event(760.3, "begin", "settle", "settle")
    yield event(790, "done", "settle", "settle")
    yield event(790, "status", f"rolled back: {BAD}")


BAD = "green answers 6.1 % of 1,320 requests with 5xx, blue 0.1 %: more than the hard limit of 5 %"
START = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)


def canary() -> Release:
    """A canary that fails at 50 % and comes back."""
    shares = (10, 25, 50, 75, 100)
    ahead = tuple(Step(kind=kind) for kind in (Kind.CHECK, Kind.SAVE, Kind.MIGRATE, Kind.PROVISION, Kind.VERIFY))
    moving = tuple(
        Step(kind=kind, share=share, seconds=300 if kind is Kind.WATCH else 0)
        for share in shares
        for kind in (Kind.SHIFT, Kind.WATCH)
    )
    return Release(
        id="20261124-103000-k3f9",
        stack="production",
        actor="ada@ci-runner-7",
        order=order(steps=shares, soak_seconds=300, commits=(commit("4be1f0c2", merged=at(21, 9)),)),
        candidate=Colour.GREEN,
        before=Lineup(green_weight=0, blue=unit("1.4.1"), green=unit("1.4.0")),
        after=Lineup(green_weight=100, blue=unit("1.4.1"), green=unit("1.4.2")),
        steps=ahead + moving,
        way_back=(Step(kind=Kind.DIVERT), Step(kind=Kind.SETTLE)),
        status=Status.ROLLED_BACK,
        done=10,
        begun=True,
        returning=True,
        returned=2,
        reason=BAD,
        remedy="release logs 20261124-103000-k3f9",
        rolled_back_to="20261123-160200-w1qa",
        point="before-1.4.2",
        times=Times(
            started=START,
            traffic_at=START + timedelta(seconds=95),
            failed_at=START + timedelta(seconds=757),
            detected_at=START + timedelta(seconds=760),
            recovered_at=START + timedelta(seconds=760.5),
            ended=START + timedelta(seconds=790),
        ),
        requests=21_480,
        errors=103,
        events=tuple(sorted(_events(), key=lambda one: one.at)),
    )


def measured() -> list[Row]:
    """What was measured during :func:`canary`, every five seconds."""
    rows = []
    for second in range(0, 791, 5):
        share = 0 if second < 95 or second > 760 else 10 if second < 402 else 25 if second < 709 else 50
        for service, base in (("backend", 48.0), ("frontend", 21.0)):
            for colour in ("blue", "green"):
                part = share if colour == "green" else 100 - share
                if part == 0 and second > 90:
                    continue
                wave = math.sin(second / 37 + len(service)) * 0.12 + math.sin(second / 11 + len(colour)) * 0.07
                ill = colour == "green" and service == "backend" and second >= 750
                quiet = part == 0
                rows.append(
                    Row(
                        at=START + timedelta(seconds=second),
                        share=share,
                        service=service,
                        colour=colour,
                        requests_per_second=2.0 * part,
                        error_ratio=None if quiet else 0.061 if ill else max(0.0, 0.0008 + wave * 0.003),
                        p50_ms=None if quiet else base * (1 + wave) * (3 if ill else 1),
                        p95_ms=None if quiet else base * 2.6 * (1 + wave * 1.4) * (4 if ill else 1),
                    )
                )
    return rows
