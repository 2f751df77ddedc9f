"""The quota's arithmetic, by hand and with recorded objects.

Of the sample each colour has two components with 2 to 4 replicas: backend 250m, 256Mi up to 512Mi; frontend 100m,
128Mi up to 256Mi.
"""

from decimal import Decimal
from typing import Any

import pytest

from release.checks import only, pre_checks
from release.checks.base import passed, unknown
from release.checks.demand import at_peak, held, needed
from release.checks.quota import judge
from release.model import Finding, Outcome
from tests.release.checks.contexts import context
from tests.release.checks.kubernetes_api import HOST, REFUSED, Transport, api
from tests.settings.samples import changed, read

MEBI = 2**20
SETTINGS = read(changed({}))
QUOTAS = "GET /api/v1/namespaces/english-training/resourcequotas"
PODS = "GET /api/v1/namespaces/english-training/pods?labelSelector=english-training.dev/colour=green"


def quota(hard: dict[str, str], used: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "quota"}, "spec": {"hard": hard, **spec}, "status": {"hard": hard, "used": used}}


def pod(component: str, phase: str = "Running", **more: Any) -> dict[str, Any]:
    resources = {
        "backend": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "frontend": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }[component]
    labels = {"app.kubernetes.io/name": component, "english-training.dev/colour": "green"}
    spec = {"containers": [{"name": component, "resources": resources}], **more}
    return {"metadata": {"labels": labels}, "spec": spec, "status": {"phase": phase}}


def verdict(left: dict[str, str], pods: list[dict[str, Any]] | None = None, *, jobs: int = 0, **spec: Any) -> Finding:
    """With exactly ``left`` of a quota of which nothing is used."""
    return judge(SETTINGS, [quota(left, dict.fromkeys(left, "0"), **spec)], pods or [], jobs=jobs)


@pytest.mark.parametrize(("replicas", "peak"), [(1, 2), (2, 3), (4, 5), (5, 7), (8, 10)])
def test_a_rolling_update_adds_a_quarter_rounded_up(replicas: int, peak: int) -> None:
    assert at_peak(replicas, replacing=True) == peak
    assert at_peak(replicas, replacing=False) == replicas


def test_what_a_new_colour_needs() -> None:
    assert needed(SETTINGS, most=False, replacing=(), jobs=0) == {
        "pods": 4,
        "requests.cpu": Decimal("0.7"),
        "requests.memory": 768 * MEBI,
        "limits.memory": 1536 * MEBI,
    }
    assert needed(SETTINGS, most=True, replacing=(), jobs=1) == {
        "pods": 9,
        "requests.cpu": Decimal("1.65"),
        "requests.memory": (5 * 256 + 4 * 128) * MEBI,
        "limits.memory": (5 * 512 + 4 * 256) * MEBI,
    }


def test_what_a_colour_with_pods_needs_while_they_are_replaced() -> None:
    amounts = needed(SETTINGS, most=False, replacing=("backend",), jobs=0)
    assert (amounts["pods"], amounts["requests.cpu"]) == (Decimal(5), Decimal("0.95"))


def test_what_pods_hold() -> None:
    init = [{"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Mi"}}}]
    pods = [
        pod("backend", initContainers=init),
        pod("frontend"),
        pod("frontend", "Succeeded"),
        pod("backend", "Failed"),
    ]
    assert held(pods) == {
        "pods": 2,
        "requests.cpu": Decimal("1.1"),
        "requests.memory": 384 * MEBI,
        "limits.memory": 768 * MEBI,
    }


def test_a_candidate_that_fits_at_its_most_passes() -> None:
    assert verdict({"requests.cpu": "1400m", "limits.memory": "3Gi", "pods": "8"}) == passed(
        "quota",
        "quota: pods 8 left, 4 needed at once and 8 at most, "
        "requests.cpu 1400m left, 700m needed at once and 1400m at most, "
        "limits.memory 3Gi left, 1536Mi needed at once and 3Gi at most",
        {
            "quota.pods": {"left": "8", "needed": "4", "most": "8"},
            "quota.requests.cpu": {"left": "1400m", "needed": "700m", "most": "1400m"},
            "quota.limits.memory": {"left": "3Gi", "needed": "1536Mi", "most": "3Gi"},
        },
    )


@pytest.mark.parametrize(
    ("left", "outcome"),
    [
        ({"pods": "4"}, Outcome.INCONCLUSIVE),
        ({"pods": "7"}, Outcome.INCONCLUSIVE),
        ({"pods": "3"}, Outcome.FAIL),
        ({"requests.cpu": "699m"}, Outcome.FAIL),
        ({"cpu": "699m"}, Outcome.FAIL),
        ({"cpu": "1.4"}, Outcome.PASS),
        ({"requests.memory": "767Mi"}, Outcome.FAIL),
        ({"memory": "1536Mi"}, Outcome.PASS),
        ({"limits.memory": "1535Mi"}, Outcome.FAIL),
        ({"count/pods": "8", "services": "0"}, Outcome.PASS),
        ({"pods": "100", "limits.memory": "1Mi"}, Outcome.FAIL),
    ],
)
def test_each_resource_is_weighed_by_itself(left: dict[str, str], outcome: Outcome) -> None:
    found = verdict(left)
    assert found.outcome is outcome
    assert (found.remedy is None) is (outcome is Outcome.PASS)


def test_what_the_colour_has_is_counted_as_free() -> None:
    full = [pod(component) for component in ("backend", "frontend") for _ in range(2)]
    # Three of each at the peak, two of each are there: one of each is to come, and at the most five of each.
    found = judge(SETTINGS, [quota({"pods": "12"}, {"pods": "6"})], full, jobs=0)
    assert found.text == "quota: pods 6 left, 2 needed at once and 6 at most"
    assert found.outcome is Outcome.PASS


def test_a_migration_needs_a_pod_more() -> None:
    assert verdict({"pods": "8"}, jobs=1).outcome is Outcome.INCONCLUSIVE
    assert verdict({"pods": "9"}, jobs=1).outcome is Outcome.PASS


def test_a_quota_that_is_exceeded_has_nothing_left() -> None:
    found = judge(SETTINGS, [quota({"pods": "4"}, {"pods": "6"})], [], jobs=0)
    assert found.text == "quota: pods 0 left, 4 needed at once and 8 at most. The candidate does not fit"


def test_without_a_quota_there_is_room() -> None:
    assert judge(SETTINGS, [], [], jobs=0) == passed("quota", "no quota limits the namespace")


def test_every_quota_must_have_room() -> None:
    small, large = quota({"pods": "1"}, {"pods": "0"}), quota({"pods": "50"}, {"pods": "0"})
    assert judge(SETTINGS, [large, small], [], jobs=0).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("spec", "outcome"),
    [
        ({"scopes": ["Terminating"]}, Outcome.PASS),
        ({"scopes": ["BestEffort"]}, Outcome.PASS),
        ({"scopes": ["NotTerminating", "NotBestEffort"]}, Outcome.FAIL),
        ({"scopes": ["PriorityClass"]}, Outcome.INCONCLUSIVE),
        ({"scopeSelector": {"matchExpressions": []}}, Outcome.INCONCLUSIVE),
    ],
)
def test_a_quota_of_some_pods_counts_if_ours_are_among_them(spec: dict[str, Any], outcome: Outcome) -> None:
    assert verdict({"pods": "1"}, **spec).outcome is outcome


def test_a_quota_that_counts_what_pods_do_not_state_leaves_it_unknown() -> None:
    found = verdict({"limits.cpu": "10"})
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text == "quota counts what no pod says: backend's limits.cpu, frontend's limits.cpu"


@pytest.mark.parametrize("status", [{}, {"hard": {"pods": "8"}}, {"hard": {"pods": "many"}, "used": {"pods": "0"}}])
def test_a_quota_that_does_not_say_what_is_used_leaves_it_unknown(status: dict[str, Any]) -> None:
    found = judge(SETTINGS, [{"metadata": {"name": "quota"}, "spec": {}, "status": status}], [], jobs=0)
    assert found == unknown(
        "quota",
        "quota does not say how much of it is used",
        remedy="look at it by `kubectl describe resourcequota quota`",
    )


def test_pods_that_cannot_be_read_leave_it_unknown() -> None:
    odd = pod("backend")
    odd["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1e3"}}
    found = verdict({"pods": "100"}, [odd])
    assert (found.outcome, found.text) == (
        Outcome.INCONCLUSIVE,
        "what the candidate's present pods hold cannot be read",
    )


def look(answers: dict[str, Any]) -> Finding:
    (check,) = only(pre_checks(context(api=api(Transport(answers)))), ["quota"])
    return check.look()


def test_the_cluster_is_asked_for_its_quotas_and_the_colours_pods() -> None:
    items = {"items": [quota({"pods": "8"}, {"pods": "2"})]}
    found = look({QUOTAS: (200, items), PODS: (200, {"items": [pod("frontend"), pod("frontend")]})})
    assert found.text.startswith("quota: pods 6 left, 3 needed at once and 7 at most")
    assert found.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("answers", "outcome", "text"),
    [
        ({QUOTAS: (403, {"message": "forbidden"})}, Outcome.INCONCLUSIVE, "the API server answers 403: forbidden"),
        ({PODS: (200, {"items": [1]})}, Outcome.INCONCLUSIVE, 'the API server answers 200: {"items": [1]}'),
        ({PODS: REFUSED}, Outcome.FAIL, f"the API server at {HOST} does not answer: Connection refused"),
    ],
)
def test_a_cluster_that_does_not_say_leaves_it_unknown(answers: dict[str, Any], outcome: Outcome, text: str) -> None:
    found = look({QUOTAS: (200, {"items": []}), PODS: (200, {"items": []})} | answers)
    assert (found.outcome, found.text) == (outcome, text)
