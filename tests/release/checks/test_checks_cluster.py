"""The cluster, its rights and the namespace."""

from typing import Any

import pytest

from release.checks.base import failed, passed, unknown
from release.checks.cluster import NEEDED, active, reachable
from release.model import Outcome
from tests.release.checks.kubernetes_api import HOST, REFUSED, Transport, api

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.3", "platform": "linux/amd64"}
UP: dict[str, tuple[int, Any] | Exception] = {"GET /version": (200, VERSION), "GET /readyz": (200, b"ok")}
REVIEW = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NAMESPACE = "GET /api/v1/namespaces/exam"
RIGHTS = "give the runner's account the missing rights in the application's namespace"


def test_a_ready_cluster_with_all_rights_passes() -> None:
    transport = Transport(UP)
    assert reachable(api(transport), "exam") == passed(
        "cluster", "the API server v1.36.3 is ready; all 16 rights are there"
    )
    assert transport.reviews == [
        {"namespace": "exam", "group": group, "resource": resource, "verb": verb}
        for group, resource, verbs in NEEDED
        for verb in verbs
    ]


def test_rights_that_are_missing_are_all_named() -> None:
    every = {f"{verb} {resource}" for _, resource, verbs in NEEDED for verb in verbs}
    transport = Transport(UP, allowed=frozenset(every - {"patch httproutes", "create jobs"}))
    assert reachable(api(transport), "exam") == failed(
        "cluster",
        "the API server v1.36.3 is ready; these credentials may not patch httproutes, create jobs in exam",
        remedy=RIGHTS,
        figures={"missing": ["patch httproutes", "create jobs"]},
    )


@pytest.mark.parametrize(
    ("answers", "outcome", "text"),
    [
        ({"GET /version": REFUSED}, Outcome.FAIL, f"the API server at {HOST} does not answer: Connection refused"),
        (
            {"GET /readyz": (500, b"[+]ping ok\n[-]etcd failed: reason withheld\n")},
            Outcome.FAIL,
            f"the API server at {HOST} is not ready: [+]ping ok [-]etcd failed: reason withheld",
        ),
        (
            {"GET /readyz": (401, {"message": "Unauthorized"})},
            Outcome.FAIL,
            f"the API server at {HOST} does not know these credentials",
        ),
        (
            {REVIEW: (403, {"message": "forbidden"})},
            Outcome.INCONCLUSIVE,
            "the API server v1.36.3 is ready; the API server answers 403: forbidden",
        ),
        (
            {REVIEW: (201, b"<html>")},
            Outcome.INCONCLUSIVE,
            "the API server v1.36.3 is ready; the API server answers 201: <html>",
        ),
    ],
)
def test_a_cluster_that_is_not_as_it_must_be(answers: dict[str, Any], outcome: Outcome, text: str) -> None:
    found = reachable(api(Transport(UP | answers)), "exam")
    assert (found.outcome, found.text) == (outcome, text)
    assert found.remedy


def test_a_review_that_does_not_say_yes_is_a_no() -> None:
    found = reachable(api(Transport(UP | {REVIEW: (201, {"status": {"allowed": "yes"}})})), "exam")
    assert found.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("reply", "outcome", "text"),
    [
        ((200, {"metadata": {}, "status": {"phase": "Active"}}), Outcome.PASS, "namespace exam is active"),
        (
            (200, {"metadata": {"deletionTimestamp": "2026-03-01T10:00:00Z"}, "status": {"phase": "Active"}}),
            Outcome.FAIL,
            "namespace exam is being deleted (Active)",
        ),
        ((200, {"status": {"phase": "Terminating"}}), Outcome.FAIL, "namespace exam is being deleted (Terminating)"),
        ((404, {"message": "not found"}), Outcome.FAIL, "there is no namespace exam"),
        ((403, {"message": "forbidden"}), Outcome.INCONCLUSIVE, "the API server answers 403: forbidden"),
        ((200, b"[]"), Outcome.INCONCLUSIVE, "the API server answers 200: []"),
        (REFUSED, Outcome.FAIL, f"the API server at {HOST} does not answer: Connection refused"),
    ],
)
def test_a_namespace_is_active_or_not(reply: Any, outcome: Outcome, text: str) -> None:
    found = active(api(Transport({NAMESPACE: reply})), "exam", "production")
    assert (found.outcome, found.text) == (outcome, text)
    assert bool(found.remedy) is (outcome is not Outcome.PASS)


def test_a_namespace_that_is_missing_is_made_by_an_update() -> None:
    found = active(api(Transport({NAMESPACE: (404, {})})), "exam", "production")
    assert found.remedy == "run `pulumi up --stack production`, which makes it"


def test_without_a_cluster_nothing_is_known() -> None:
    remedy = "name a kubeconfig and a context that is in it"
    assert reachable(None, "exam") == unknown("cluster", "no cluster was named", remedy=remedy)
    assert active(None, "exam", "production") == unknown("namespace", "no cluster was named", remedy=remedy)
