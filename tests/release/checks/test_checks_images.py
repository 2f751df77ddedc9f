"""Images and their scans, in a registry and a Harbor on loopback."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from release.adapters.credentials import PASSWORD, USER
from release.adapters.harbor import Scan
from release.checks import Context, Policy, only, pre_checks, resolve
from release.checks.base import failed, passed, unknown
from release.checks.images import judge
from release.errors import BadOrder
from release.model import Finding, Outcome
from tests.release.checks.contexts import context
from tests.release.checks.servers import Pki, Reply, Web, certificates, free_port, web
from tests.settings.samples import DIGEST

HASH = DIGEST.removeprefix("@")
OTHER = "sha256:" + "f" * 64
NOW = datetime(2026, 3, 10, tzinfo=UTC)
BACKEND, FRONTEND = f"harbor.example/exam/backend:1.1.0{DIGEST}", f"harbor.example/exam/frontend{DIGEST}"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return certificates(tmp_path_factory.mktemp("pki"), "harbor.example")


def registry(known: Mapping[str, str]) -> Callable[[str, str, Mapping[str, str]], Reply]:
    """A registry that knows the digest of these ``repository/reference``."""

    def answer(method: str, path: str, _: Mapping[str, str]) -> Reply:
        assert method == "HEAD"
        repository, reference = path.removeprefix("/v2/").split("/manifests/")
        digest = known.get(f"{repository}/{reference}")
        return (404, {}, b"") if digest is None else (200, {"docker-content-digest": digest}, b"")

    return answer


ALL = {f"exam/backend/{HASH}": HASH, "exam/backend/1.1.0": HASH, f"exam/frontend/{HASH}": HASH}


def at(server: Web, pki: Pki, changes: Mapping[str, Any] | None = None, **options: Any) -> Context:
    reach = {"harbor.example": ("127.0.0.1", server.port)}
    return context(changes, reach=reach, registry_authority=pki.authority, **options)


def look(name: str, given: Context) -> Finding:
    (check,) = only(pre_checks(given), [name])
    return check.look()


def test_images_that_are_there_pass_each_looked_up_by_digest_and_tag(pki: Pki) -> None:
    with web(registry(ALL), pki) as server:
        assert look("images", at(server, pki)) == passed("images", f"{BACKEND} is there; {FRONTEND} is there")
    assert server.lines == [
        f"HEAD /v2/exam/backend/manifests/{HASH}",
        "HEAD /v2/exam/backend/manifests/1.1.0",
        f"HEAD /v2/exam/frontend/manifests/{HASH}",
    ]


def test_both_images_are_judged(pki: Pki) -> None:
    with web(registry({}), pki) as server:
        found = look("images", at(server, pki))
    assert found.outcome is Outcome.FAIL
    assert found.text == f"harbor.example/exam/backend has no {HASH}; harbor.example/exam/frontend has no {HASH}"


@pytest.mark.parametrize(("tagged", "now"), [(OTHER, f"is now {OTHER}"), (None, "is gone")])
def test_a_tag_that_means_something_else_by_now_fails(pki: Pki, tagged: str | None, now: str) -> None:
    known = {key: digest for key, digest in ALL.items() if not key.endswith("1.1.0")}
    with web(registry(known | ({"exam/backend/1.1.0": tagged} if tagged else {})), pki) as server:
        found = look("images", at(server, pki))
    assert found == failed(
        "images",
        f"harbor.example/exam/backend:1.1.0 {now}, and no longer {HASH}; {FRONTEND} is there",
        remedy=f"name the image that is meant, or only harbor.example/exam/backend@{HASH}",
    )


TAG = {"green.backendImage": "harbor.example/exam/backend:1.1.0"}


def test_a_tag_alone_passes_in_development_only(pki: Pki) -> None:
    with web(registry(ALL), pki) as server:
        lax = look("images", at(server, pki, {**TAG, "environment": "development"}))
        strict = look("images", at(server, pki, {**TAG, "environment": "staging"}))
    assert lax == passed("images", f"harbor.example/exam/backend:1.1.0 is {HASH}; {FRONTEND} is there")
    assert strict == failed(
        "images",
        f"harbor.example/exam/backend:1.1.0 has no digest, so what runs would not be certain; {FRONTEND} is there",
        remedy=f"name harbor.example/exam/backend:1.1.0{DIGEST}",
    )


def test_a_registry_that_does_not_let_us_in_leaves_it_unknown_and_one_that_is_not_there_fails(pki: Pki) -> None:
    with web(lambda *_: (403, {}, b""), pki) as server:
        denied = look("images", at(server, pki))
    gone = look("images", context(reach={"harbor.example": ("127.0.0.1", free_port())}))
    assert (denied.outcome, gone.outcome) == (Outcome.INCONCLUSIVE, Outcome.FAIL)
    assert "does not let us see exam/backend; harbor.example does not let us see exam/frontend" in denied.text
    assert "Connection refused" in gone.text


def test_the_environments_account_is_used_and_not_shown(pki: Pki) -> None:
    def answer(_: str, __: str, headers: Mapping[str, str]) -> Reply:
        if "authorization" not in headers:
            return 401, {"www-authenticate": "Basic realm=x"}, b""
        return 403, {}, b"open sesame"

    with web(answer, pki) as server:
        found = look("images", at(server, pki, environ={USER: "ci", PASSWORD: "open sesame"}))
    assert server.asked[1][2]["authorization"] == "Basic Y2k6b3BlbiBzZXNhbWU="
    assert "sesame" not in str(found)


def test_a_tag_can_be_pinned(pki: Pki) -> None:
    with web(registry(ALL), pki) as server:
        assert resolve(at(server, pki), "harbor.example/exam/backend:1.1.0") == HASH
        with pytest.raises(BadOrder, match=r"harbor\.example/exam/backend has no 9"):
            resolve(at(server, pki), "harbor.example/exam/backend:9")


def scan(**changes: Any) -> Scan:
    known: dict[str, Any] = {
        "status": "Success",
        "severity": "low",
        "counts": {"low": 3},
        "ended": NOW - timedelta(days=2),
    }
    return Scan(**{**known, **changes})


AGAIN = "scan backend again in Harbor"


@pytest.mark.parametrize(
    ("verdict", "policy", "found"),
    [
        (scan(), Policy(), passed("scan", "backend: the worst weakness is low", {"backend.low": 3})),
        (scan(severity="medium", counts={}), Policy(), passed("scan", "backend: the worst weakness is medium")),
        (
            scan(severity="high", counts={"critical": 0, "high": 2, "low": 3}),
            Policy(),
            failed(
                "scan",
                "backend has weaknesses up to high (2 high, 3 low), and no more than medium is allowed",
                remedy="mend backend, and release what was mended",
                figures={"backend.critical": 0, "backend.high": 2, "backend.low": 3},
            ),
        ),
        (
            scan(severity="high", counts={}),
            Policy(highest_severity="high"),
            passed("scan", "backend: the worst weakness is high"),
        ),
        (
            scan(status="Running", counts={}),
            Policy(),
            unknown("scan", "backend has no verdict: its scan is 'Running'", remedy=AGAIN),
        ),
        (
            scan(severity=None, counts={}),
            Policy(),
            unknown("scan", "backend has a verdict without a severity", remedy=AGAIN),
        ),
        (scan(counts={}), Policy(scan_days=2), passed("scan", "backend: the worst weakness is low")),
        (
            scan(counts={}),
            Policy(scan_days=1.5),
            failed("scan", "backend was scanned 2 days ago, allowed are 1.5", remedy=AGAIN),
        ),
        (
            scan(counts={}, ended=None),
            Policy(scan_days=2),
            unknown("scan", "backend has a verdict of unknown age", remedy=AGAIN),
        ),
    ],
)
def test_a_verdict_is_weighed_by_the_policy(verdict: Scan, policy: Policy, found: Finding) -> None:
    assert judge("backend", verdict, context(policy=policy, now=lambda: NOW)) == found


def harbor(*severities: str | None) -> Callable[[str, str, Mapping[str, str]], Reply]:
    """A Harbor that knows the verdict on backend and frontend; ``None`` is none."""

    def answer(_: str, path: str, __: Mapping[str, str]) -> Reply:
        assert path.endswith(f"/artifacts/{HASH}?with_scan_overview=true")
        component = path.removeprefix("/api/v2.0/projects/exam/repositories/").partition("/")[0]
        severity = dict(zip(("backend", "frontend"), severities, strict=True))[component]
        report = {"x": {"scan_status": "Success", "severity": severity}} if severity else {}
        return 200, {}, json.dumps({"digest": HASH, "scan_overview": report}).encode()

    return answer


def test_both_scans_are_judged(pki: Pki) -> None:
    with web(harbor("Low", "None"), pki) as server:
        assert look("scan", at(server, pki)) == passed(
            "scan", "backend: the worst weakness is low; frontend: the worst weakness is none"
        )
    with web(harbor("Critical", None), pki) as server:
        found = look("scan", at(server, pki))
    assert found.outcome is Outcome.FAIL
    assert found.text.endswith("no more than medium is allowed; frontend was never scanned")


def test_an_image_that_harbor_does_not_have_fails(pki: Pki) -> None:
    with web(lambda *_: (404, {}, b""), pki) as server:
        found = look("scan", at(server, pki))
    assert found.outcome is Outcome.FAIL
    assert found.text.startswith(f"Harbor at harbor.example does not have {BACKEND}; ")


@pytest.mark.parametrize(
    ("environment", "require", "outcome"),
    [
        ("development", False, Outcome.PASS),
        ("development", True, Outcome.INCONCLUSIVE),
        ("staging", False, Outcome.INCONCLUSIVE),
        ("production", False, Outcome.INCONCLUSIVE),
    ],
)
def test_without_harbor_only_development_may_do_without_a_verdict(
    environment: str, require: bool, outcome: Outcome
) -> None:
    policy = Policy(harbor=False, require_scan=require)
    found = look("scan", context({"environment": environment}, policy=policy))
    assert found.outcome is outcome
    reason = "there is no scan verdict to be had: harbor.example/exam is said to be no Harbor"
    assert found.text == (
        f"not checked, which development need not be: {reason}" if outcome is Outcome.PASS else reason
    )


def test_a_broken_account_file_leaves_it_unknown(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[")
    with web(lambda *_: (401, {"www-authenticate": "Basic realm=x"}, b""), pki) as server:
        found = look("images", at(server, pki, environ={"DOCKER_CONFIG": str(tmp_path)}))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "is not what Docker writes" in found.text
