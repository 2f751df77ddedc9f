"""Reports count, share and measure what came back."""

import json
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from rehearsal.traffic.checks import first, last
from rehearsal.traffic.report import Answered, Report, error_of


def answered(at: float = 0.0, **changes: Any) -> Answered:
    defaults: dict[str, Any] = {"seconds": 0.001, "status": 200, "component": "backend", "colour": "blue"}
    return Answered(at=at, **{**defaults, **changes})


ANSWERS = [
    answered(3, colour="green", seconds=0.3),
    answered(1, seconds=0.1),
    answered(2, seconds=0.2),
    answered(4, status=500, error="5xx", seconds=0.4),
    answered(5, component="frontend"),
    answered(6, component="", colour="", status=429, error="429"),
    answered(7, component="", colour="", status=0, error="timeout", seconds=5),
]


@pytest.mark.parametrize(
    ("status", "error"), [(200, ""), (301, ""), (404, "4xx"), (429, "429"), (500, "5xx"), (503, "5xx")]
)
def test_a_status_is_an_error_of_a_kind_or_none(status: int, error: str) -> None:
    assert error_of(status) == error


def test_shares_are_of_what_the_component_answered() -> None:
    report = Report.of(ANSWERS, seconds=7)
    shares = {(group.component, group.colour): (group.count, group.share, group.errors) for group in report.groups}
    assert shares == {
        ("backend", "blue"): (3, 0.75, 1),
        ("backend", "green"): (1, 0.25, 0),
        ("frontend", "blue"): (1, 1.0, 0),
    }
    assert (report.count("backend", "blue"), report.answered("backend"), report.count("backend", "red")) == (3, 4, 0)


def test_failures_are_counted_by_kind() -> None:
    report = Report.of(ANSWERS, seconds=7)
    assert (report.requests, report.failed) == (7, 3)
    assert report.errors == {"5xx": 1, "429": 1, "timeout": 1}
    assert report.statuses == {200: 4, 429: 1, 500: 1}
    assert report.kinds == "1 x 5xx, 1 x 429, 1 x timeout"


def test_latency_leaves_out_what_was_never_answered() -> None:
    report = Report.of(ANSWERS, seconds=7)
    assert (report.latency.p50, report.latency.p99) == (0.1, 0.4)
    assert Report.of(ANSWERS[-1:], seconds=7).latency.p99 is None


def test_the_json_is_plain_data_with_the_timeline_in_the_order_of_time() -> None:
    data = json.loads(json.dumps(Report.of(ANSWERS, seconds=7, timeline=True).to_json()))
    assert data["groups"][1] == {
        "component": "backend",
        "colour": "green",
        "count": 1,
        "share": 0.25,
        "errors": 0,
        "latency": {"p50": 0.3, "p95": 0.3, "p99": 0.3},
    }
    assert data["statuses"] == {"200": 4, "429": 1, "500": 1}
    assert data["timeline"][:3] == [
        [1, "backend", "blue", 200],
        [2, "backend", "blue", 200],
        [3, "backend", "green", 200],
    ]
    assert "timeline" not in Report.of(ANSWERS, seconds=7).to_json()


def test_the_table_shows_every_group_and_the_rest() -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(Report.of(ANSWERS, seconds=7).table())
    text = console.export_text()
    assert "7 requests in 7.0 s; failed: 1 x 5xx, 1 x 429, 1 x timeout" in text
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line.startswith("│")]
    assert rows == [
        ["backend", "blue", "3", "75.0%", "1", "200.0 ms", "400.0 ms", "400.0 ms"],
        ["backend", "green", "1", "25.0%", "0", "300.0 ms", "300.0 ms", "300.0 ms"],
        ["frontend", "blue", "1", "100.0%", "0", "1.0 ms", "1.0 ms", "1.0 ms"],
        ["no pod", "", "2", "", "", "", "", ""],
        ["all", "", "7", "", "3", "100.0 ms", "400.0 ms", "400.0 ms"],
    ]


def test_a_switch_is_found_in_the_timeline() -> None:
    timeline = Report.of(ANSWERS, seconds=7, timeline=True).timeline
    assert timeline is not None
    assert (first(timeline, "green"), last(timeline, "blue"), first(timeline, "blue", since=2.5)) == (3, 5, 4)
    assert first(timeline, "red") is None
    assert last(timeline, "red") is None
