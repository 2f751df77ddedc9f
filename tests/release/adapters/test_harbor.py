"""Harbor's API on loopback, with answers in its shape."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from release.adapters.credentials import Credentials
from release.adapters.harbor import Harbor, Scan
from release.adapters.web import Unclear, client
from release.errors import Unreachable
from tests.release.checks.servers import Reply, free_port, silent, web

DIGEST = "sha256:" + "a" * 64
REPORT = {
    "report_id": "5e6f",
    "scan_status": "Success",
    "severity": "High",
    "duration": 8,
    "summary": {"total": 5, "fixable": 2, "summary": {"High": 2, "Low": 3, "Critical": 0}},
    "start_time": "2026-03-01T10:00:00.000Z",
    "end_time": "2026-03-01T10:00:08.123Z",
    "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "v0.60.0"},
    "complete_percent": 100,
}
MIME = "application/vnd.security.vulnerability.report; version=1.1"
PATH = f"/api/v2.0/projects/exam/repositories/app%252Fbackend/artifacts/{DIGEST}?with_scan_overview=true"


def artifact(**changes: Any) -> Reply:
    return 200, {}, json.dumps({"digest": DIGEST, "scan_overview": {MIME: {**REPORT, **changes}}}).encode()


def scans(reply: Reply, *, account: bool = False) -> tuple[Scan, ...] | None:
    def answer(method: str, path: str, headers: Mapping[str, str]) -> Reply:
        assert (method, path) == ("GET", PATH)
        assert MIME in headers["x-accept-vulnerabilities"]
        assert ("authorization" in headers) is account
        return reply

    with web(answer) as server:
        credentials = Credentials(user="robot$ci", password="open sesame") if account else None
        return Harbor(client(), lambda _: credentials).scans(f"localhost:{server.port}", "exam/app/backend", DIGEST)


@pytest.mark.parametrize("account", [False, True])
def test_a_verdict_has_status_severity_and_time(account: bool) -> None:
    assert scans(artifact(), account=account) == (
        Scan(
            status="Success",
            severity="high",
            counts={"high": 2, "low": 3, "critical": 0},
            ended=datetime(2026, 3, 1, 10, 0, 8, 123000, tzinfo=UTC),
        ),
    )


def test_a_weakness_that_is_counted_is_not_hidden_by_the_overall_severity() -> None:
    found = scans(artifact(severity="Low", summary={"summary": {"Critical": 1}}))
    assert found is not None
    assert found[0].severity == "critical"


@pytest.mark.parametrize("changes", [{"severity": "Dire"}, {"severity": "", "summary": None}])
def test_a_severity_that_nobody_knows_is_none(changes: dict[str, Any]) -> None:
    found = scans(artifact(**changes))
    assert found is not None
    assert found[0].severity is None


def test_an_image_that_was_never_scanned_has_no_verdict() -> None:
    assert scans((200, {}, json.dumps({"digest": DIGEST}).encode())) == ()


def test_a_scan_under_way_has_no_end() -> None:
    found = scans(artifact(scan_status="Running", severity="", end_time=None, summary={}))
    assert found == (Scan(status="Running", severity=None, counts={}, ended=None),)


def test_a_time_without_offset_is_utc() -> None:
    found = scans(artifact(end_time="2026-03-01T10:00:08"))
    assert found is not None
    assert found[0].ended == datetime(2026, 3, 1, 10, 0, 8, tzinfo=UTC)


def test_an_image_that_harbor_does_not_have_is_none() -> None:
    assert scans((404, {}, b"{}")) is None


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((401, {}, b""), "does not let us see the scan of exam/app/backend"),
        ((403, {}, b""), "does not let us see the scan of exam/app/backend"),
        ((500, {}, b""), "answers 500"),
        ((200, {}, b"<html>"), "answers with something else than an artifact"),
        ((200, {}, b"[]"), "answers with something else than an artifact"),
        ((200, {}, b"{}"), "answers with something else than an artifact"),
        ((200, {}, json.dumps({"digest": "sha256:b"}).encode()), "answers for another digest"),
        (artifact(end_time="yesterday"), "answers with something else than an artifact"),
        (artifact(summary={"summary": {"High": "many"}}), "answers with something else than an artifact"),
        (artifact(summary=[1]), "answers with something else than an artifact"),
    ],
)
def test_any_other_answer_leaves_it_unknown(reply: Reply, said: str) -> None:
    with pytest.raises(Unclear, match=said):
        scans(reply)


def test_nobody_there_and_nobody_answering() -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        Harbor(client(), lambda _: None).scans(f"localhost:{free_port()}", "exam/backend", DIGEST)
    with silent() as port, pytest.raises(Unreachable, match=r"did not answer within 0\.2 s"):
        Harbor(client(), lambda _: None, seconds=0.2).scans(f"localhost:{port}", "exam/backend", DIGEST)
