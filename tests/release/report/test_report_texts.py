"""The report and a release as text: for a terminal, for a pull request, for Prometheus.

The golden files are written anew with ``pytest --snapshot-update``; read their difference before you commit it.
"""

import os
import subprocess
from datetime import date
from decimal import Decimal

import pytest
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families
from syrupy.assertion import SnapshotAssertion

from release.model import Event, Lineup, Release, Status
from release.report import exposition, markdown, table
from release.report.figures import Availability, Cost, Numbers
from release.report.numbers import numbers
from tests.release.report.samples import START, at, busy_month, canary, order, release, unit

HOSTILE = (
    "<script>alert(1)</script> ![x](https://evil.example/p.png) [click](javascript:alert(1)) | cell | `code` "
    "``two`` @everyone #12 \\| https://evil.example www.evil.example <img src=x onerror=alert(1)> $x$ "
    "\u202e\x1b[31m\n# Title\n\n- list"
)


def month() -> Numbers:
    return numbers(
        busy_month(),
        stack="production",
        since=at(0),
        until=at(28),
        history_since=at(0),
        availability=Availability(requests=80_000_000, errors=31_000, source="prometheus"),
        cost=Cost(amount=Decimal("4210.50"), currency="EUR", source="cloud bill", on=date(2026, 11, 1)),
    )


def hostile() -> Release:
    """Everything that comes from outside is an attempt at something."""
    bad = order(HOSTILE).model_copy(update={"backend_image": HOSTILE, "frontend_image": HOSTILE})
    return canary().model_copy(
        update={
            "id": HOSTILE,
            "stack": HOSTILE,
            "actor": HOSTILE,
            "order": bad,
            "reason": HOSTILE,
            "remedy": HOSTILE,
            "rolled_back_to": HOSTILE,
            "point": HOSTILE,
            "after": Lineup(green_weight=100, green=unit(HOSTILE)),
            "events": (
                *canary().events,
                Event(at=START, kind="verdict", text=HOSTILE, step="watch at 10 %"),
                Event(at=START, kind="request", text=HOSTILE, actor="person"),
            ),
        }
    )


def test_the_report_for_a_terminal(snapshot: SnapshotAssertion) -> None:
    text = table.text(month())
    assert text == snapshot
    assert max(map(len, text.splitlines())) <= 100


def test_the_report_without_anything(snapshot: SnapshotAssertion) -> None:
    assert table.text(numbers([], stack="staging", since=at(0), until=at(1))) == snapshot


def test_the_report_as_markdown(snapshot: SnapshotAssertion) -> None:
    assert markdown.report(month()) == snapshot


def test_a_release_for_a_pull_request(snapshot: SnapshotAssertion) -> None:
    assert markdown.summary(canary(), now=at(60)) == snapshot


def test_a_release_that_goes_on(snapshot: SnapshotAssertion) -> None:
    one = release("1", at(0, 9), minutes=None, traffic=False, done=0, begun=True)
    going = one.model_copy(
        update={"status": Status.IN_PROGRESS, "events": (Event(at=at(0, 9), kind="begin", text="", step="check"),)}
    )
    assert markdown.summary(going, now=at(0, 9, 2)) == snapshot


def tags(text: str) -> set[str]:
    """What a reader of Markdown makes of ``text``: the kinds of its parts, with what each refers to."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    found = set()
    for token in reader.parse(text):
        for part in [token, *(token.children or [])]:
            found.add(part.type.removesuffix("_open").removesuffix("_close"))
    return found


HARMLESS = {
    *("heading", "inline", "text", "code_inline", "paragraph", "strong", "bullet_list", "list_item", "softbreak"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


def test_nothing_hostile_is_more_than_text_in_a_pull_request() -> None:
    text = markdown.summary(hostile(), now=at(60))
    assert tags(text) <= HARMLESS
    steps = [line for line in text.splitlines() if line.startswith("|")]
    reader = MarkdownIt("commonmark").enable("table")
    cells = [token.type for token in reader.parse(text)].count("td_open")
    assert cells == 4 * (len(steps) - 2)
    assert text.count("\n## ") + text.count("\n# ") == 0
    assert [sign for sign in "\u202e\x1b" if sign in text] == []


def test_nor_in_the_report() -> None:
    report = month()
    lines = tuple(line.model_copy(update=dict.fromkeys(("id", "version", "actor"), HOSTILE)) for line in report.lines)
    cost = Cost(amount=Decimal(1), currency=HOSTILE, source=HOSTILE, on=date(2026, 11, 1))
    spoilt = report.model_copy(update={"stack": HOSTILE, "lines": lines, "cost": cost})
    assert tags(markdown.report(spoilt)) <= HARMLESS
    text = table.text(spoilt)
    assert [sign for sign in "\u202e\x1b" if sign in text] == []
    assert "[click](javascript:alert(1))" in text  # shown as it is, and read as no mark-up


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain words, 5 % of 3.2 (ok)", "plain words, 5 % of 3.2 (ok)"),
        ("@team and a@b.c", "@\u2060team and a@\u2060b.c"),
        ("see #12 and x/y#3", "see #\u206012 and x/y#\u20603"),
        ("https://x.y www.x.y", "https\\://x.y www\\.x.y"),
        (
            "a|b \\| <b> [x](y) `c` *d* _e_ ~f~ !g $h$",
            "a\\|b \\\\\\| \\<b\\> \\[x\\](y) \\`c\\` \\*d\\* \\_e\\_ \\~f\\~ \\!g \\$h\\$",
        ),
        ("two\nlines\r\n\ttab", "two lines tab"),
    ],
)
def test_text_of_others_between_ours(given: str, shown: str) -> None:
    assert markdown.prose(given) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("harbor.example/x:1", "`harbor.example/x:1`"),
        ("a`b", "``a`b``"),
        ("`a", "`` `a ``"),
        ("a``b`c", "```a``b`c```"),
        ("a|b", "`a¦b`"),
        ("", "–"),
        ("\x1b", "–"),
        ("x" * 501, f"`{'x' * 499}…`"),
    ],
)
def test_text_of_others_as_code(given: str, shown: str) -> None:
    assert markdown.code(given) == shown


class TestMetrics:
    def test_every_figure_with_a_value_has_one_sample(self) -> None:
        samples = {
            sample.name: sample.value
            for family in text_string_to_metric_families(exposition.metrics(month()))
            for sample in family.samples
            if set(sample.labels) == {"stack"} and sample.labels["stack"] == "production"
        }
        known = {f"release_{one.key}": one.value for one in month().figures if one.value is not None}
        whole = {
            "release_report_window_start_timestamp_seconds": at(0).timestamp(),
            "release_report_window_end_timestamp_seconds": at(28).timestamp(),
            "release_failed_deployments_running": 1.0,
            "release_commits_waiting": 4.0,
        }
        assert samples == known | whole

    def test_what_is_not_known_is_absent_but_its_n_is_there(self) -> None:
        text = exposition.metrics(month())
        assert "release_failed_deployment_recovery_time_median_seconds{" not in text
        figure = 'figure="failed_deployment_recovery_time_median_seconds"'
        assert f'release_report_samples{{{figure},stack="production"}} 4.0' in text
        assert f'release_report_target_met{{{figure},stack="production"}}' not in text

    def test_the_targets_and_the_cost(self) -> None:
        text = exposition.metrics(month())
        assert 'release_report_target_met{figure="success_rate_ratio",stack="production"} 0.0\n' in text
        assert 'release_report_target_met{figure="availability_ratio",stack="production"} 1.0\n' in text
        cost = 'release_infrastructure_monthly_cost{currency="EUR",source="cloud bill",stack="production"} 4210.5\n'
        assert cost in text

    def test_a_hostile_name_stays_within_its_label(self) -> None:
        text = exposition.metrics(month().model_copy(update={"stack": 'x"} 1\nfake{a="'}))
        names = {family.name for family in text_string_to_metric_families(text)}
        assert all(name.startswith("release_") for name in names)

    def test_promtool_has_nothing_to_say(self) -> None:
        done = subprocess.run(
            [os.environ["ENGLISH_TRAINING_TEST_PROMTOOL"], "check", "metrics"],
            input=exposition.metrics(month()),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
