"""What is applied to the route on the way back: all that its owner owns, with other weights, whoever edited it."""

import copy
from typing import Any

import pytest

from release.adapters.cluster_route import applied
from release.errors import Unreachable
from release.model import Lineup

WANTED = Lineup(green_weight=25)
MANAGER = "pulumi-kubernetes"


def references(green: int) -> list[dict[str, Any]]:
    return [{"name": f"backend-{name}", "weight": weight} for name, weight in (("blue", 100 - green), ("green", green))]


def entry(manager: str, operation: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    fields = {"f:spec": spec, **({"f:metadata": metadata} if metadata else {})}
    return {"manager": manager, "operation": operation, "fieldsV1": fields}


STATUS = {"manager": "envoy-gateway", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}
OWN = entry(MANAGER, "Apply", {"f:rules": {}, "f:hostnames": {}}, **{"f:labels": {"f:app": {}}})
REST = entry(MANAGER, "Apply", {"f:hostnames": {}}, **{"f:labels": {"f:app": {}}})


def live(*fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "site",
            "namespace": "apps",
            "resourceVersion": "7",
            "labels": {"app": "site", "other": "theirs"},
            "managedFields": list(fields),
        },
        "spec": {"hostnames": ["localhost"], "parentRefs": [], "rules": [{"backendRefs": references(0)}]},
    }


EXPECTED = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "site", "namespace": "apps", "resourceVersion": "7", "labels": {"app": "site"}},
    "spec": {"hostnames": ["localhost"], "rules": [{"backendRefs": references(25)}]},
}


def test_all_that_the_owner_owns_is_applied_and_nothing_else() -> None:
    found = live(STATUS, OWN)
    before = copy.deepcopy(found)
    assert applied(found, WANTED) == (MANAGER, EXPECTED)
    assert found == before


@pytest.mark.parametrize(
    "edited",
    [
        entry("kubectl-edit", "Update", {"f:rules": {}}),
        entry(MANAGER, "Update", {"f:rules": {}}),  # kubectl patch under the same name
    ],
)
def test_rules_that_a_person_edited_by_hand_are_taken_over(edited: dict[str, Any]) -> None:
    assert applied(live(REST, STATUS, edited), WANTED) == (MANAGER, EXPECTED)


def test_a_route_that_nobody_applies_is_left_alone() -> None:
    with pytest.raises(Unreachable) as refused:
        applied(live(STATUS, entry("kubectl-create", "Update", {"f:rules": {}, "f:hostnames": {}})), WANTED)
    assert refused.value.problem == "the route is not applied by anybody: it was not made by this program's update"
