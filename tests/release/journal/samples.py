"""Releases to keep."""

from datetime import UTC, datetime
from typing import Any

from release.model import Colour, Event, Kind, Lineup, Order, Release, Status, Step, Strategy, Times

STARTED = datetime(2026, 11, 24, 10, 45, 59, tzinfo=UTC)
ID = "20261124-104559-k3f9"
STACK = "staging"
NAMESPACE = "exam"


def release(release_id: str = ID, **changes: Any) -> Release:
    """A canary that has just begun."""
    return Release(
        id=release_id,
        stack=STACK,
        actor="ana@build-7",
        order=Order(
            strategy=Strategy.CANARY,
            version="1.4.0",
            backend_image="harbor.example/exam/backend:1.4.0",
            frontend_image="harbor.example/exam/frontend:1.4.0",
            schema_version=7,
            steps=(10, 100),
        ),
        candidate=Colour.GREEN,
        before=Lineup(green_weight=0, blue={"version": "1.3.0", "schemaVersion": 6}),
        after=Lineup(green_weight=100, blue={"version": "1.3.0"}, green={"version": "1.4.0"}),
        steps=(Step(kind=Kind.CHECK), Step(kind=Kind.SHIFT, share=10), Step(kind=Kind.SHIFT, share=100)),
        times=Times(started=STARTED),
    ).model_copy(update=changes)


def event(kind: str, text: str = "said", **figures: Any) -> Event:
    """One event of a log."""
    return Event(at=STARTED, kind=kind, text=text, figures=figures)


def ended(release_id: str = ID, status: Status = Status.SUCCESS, **changes: Any) -> Release:
    """One that has ended."""
    return release(release_id, status=status, done=3, **changes)
