import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from release.adapters.cluster_api import Refused
from release.adapters.cluster_route import ClusterRoute, applied
from release.errors import LostLock, Unreachable
from release.model import Colour, Lineup

PATH = "/apis/gateway.networking.k8s.io/v1/namespaces/exam/httproutes/exam"


def rule(prefix: str, component: str, green: int, **more: Any) -> dict[str, Any]:
    """A rule that splits between both colours."""
    references = [
        {"group": "", "kind": "Service", "name": f"{component}-blue", "port": 80, "weight": 100 - green},
        {"group": "", "kind": "Service", "name": f"{component}-green", "port": 80, "weight": green},
    ]
    return {"matches": [{"path": {"type": "PathPrefix", "value": prefix}}], "backendRefs": references, **more}


def live(green: int = 10) -> dict[str, Any]:
    """A route as the API server gives it: the program's fields, a person's, and the gateway's."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "exam",
            "namespace": "exam",
            "uid": "u-1",
            "resourceVersion": "7",
            "labels": {"app": "exam", "seen-by": "a-person"},
            "annotations": {"pulumi.com/x": "1", "note": "a-person's"},
            "managedFields": [
                {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:rules": {}}}},
                {
                    "manager": "kubectl-label",
                    "operation": "Apply",
                    "fieldsV1": {"f:metadata": {"f:labels": {"f:seen-by": {}}}},
                },
                {
                    "manager": "pulumi-kubernetes-1a2b",
                    "operation": "Apply",
                    "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:app": {}}, "f:annotations": {"f:pulumi.com/x": {}}},
                        "f:spec": {"f:rules": {}, "f:hostnames": {}, "f:parentRefs": {}},
                    },
                },
            ],
        },
        "spec": {
            "hostnames": ["exam.example"],
            "parentRefs": [{"name": "public", "namespace": "gateway"}],
            "useDefaultGateways": "None",
            "rules": [rule("/api", "backend", green, timeouts={"request": "60s"}), rule("/", "frontend", green)],
        },
        "status": {"parents": []},
    }


def lineup(green: int) -> Lineup:
    return Lineup(green_weight=green, blue={"version": "1"}, green={"version": "2"})


def test_what_is_applied_is_the_owners_part_with_other_weights() -> None:
    before = live()
    manager, wanted = applied(before, lineup(75))
    assert manager == "pulumi-kubernetes-1a2b"
    assert wanted == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "exam",
            "namespace": "exam",
            "resourceVersion": "7",
            "labels": {"app": "exam"},
            "annotations": {"pulumi.com/x": "1"},
        },
        "spec": {
            "hostnames": ["exam.example"],
            "parentRefs": [{"name": "public", "namespace": "gateway"}],
            "rules": [rule("/api", "backend", 75, timeouts={"request": "60s"}), rule("/", "frontend", 75)],
        },
    }
    assert before == live()


def test_a_part_of_which_the_owner_has_nothing_is_left_out() -> None:
    route = live()
    route["metadata"]["managedFields"][2]["fieldsV1"].pop("f:metadata")
    assert set(applied(route, lineup(0))[1]["metadata"]) == {"name", "namespace", "resourceVersion"}


def test_a_route_that_nobody_applies_is_not_written() -> None:
    route = live()
    route["metadata"]["managedFields"].pop()
    with pytest.raises(Unreachable) as caught:
        applied(route, lineup(0))
    assert caught.value.problem == "the route is not applied by anybody: it was not made by this program's update"
    assert caught.value.remedy == "pulumi up   (makes or takes over the route)"


@dataclass(kw_only=True)
class Api:
    """An API server with one route. Each of ``meanwhile`` lets somebody else write it before a write arrives."""

    route: dict[str, Any] = field(default_factory=live)
    refusals: list[int] = field(default_factory=list)
    calls: list[tuple[str, Mapping[str, str] | None]] = field(default_factory=list)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Any:
        assert path == PATH
        self.calls.append((method, query))
        if method == "GET":
            return copy.deepcopy(self.route)
        assert (method, content_type) == ("PATCH", "application/apply-patch+yaml")
        if self.refusals:
            raise Refused("no", remedy="look", status=self.refusals.pop(0))
        assert body["metadata"]["resourceVersion"] == self.route["metadata"]["resourceVersion"]
        self.route["spec"] |= body["spec"]
        return self.route


def route(api: Api) -> ClusterRoute:
    return ClusterRoute(api, namespace="exam", name="exam")  # type: ignore[arg-type]  # a fake


@pytest.mark.parametrize("green", [0, 10, 100])
def test_the_share_is_that_of_the_weights(green: int) -> None:
    api = Api(route=live(green))
    assert route(api).share(Colour.GREEN) == green
    assert route(api).share(Colour.BLUE) == 100 - green


def test_a_weight_that_is_left_out_is_one_and_no_weight_at_all_is_no_share() -> None:
    api = Api()
    for one in api.route["spec"]["rules"]:
        for reference in one["backendRefs"]:
            del reference["weight"]
    assert route(api).share(Colour.GREEN) == 50
    for one in api.route["spec"]["rules"]:
        for reference in one["backendRefs"]:
            reference["weight"] = 0
    assert (route(api).share(Colour.GREEN), route(api).share(Colour.BLUE)) == (0, 0)


def test_a_write_looks_at_the_lock_between_reading_and_writing() -> None:
    api = Api()
    route(api).write(lineup(0), guard=lambda: api.calls.append(("guard", None)))
    assert api.calls == [
        ("GET", None),
        ("guard", None),
        ("PATCH", {"fieldManager": "pulumi-kubernetes-1a2b", "force": "true"}),
    ]
    assert route(api).share(Colour.BLUE) == 100


def test_who_has_lost_the_lock_writes_nothing() -> None:
    def guard() -> None:
        raise LostLock("taken over", remedy="release status")

    api = Api()
    with pytest.raises(LostLock):
        route(api).write(lineup(0), guard=guard)
    assert api.calls == [("GET", None)]
    assert api.route == live()


def test_a_route_that_was_written_meanwhile_is_read_again() -> None:
    api = Api(refusals=[409, 409])
    route(api).write(lineup(100), guard=lambda: None)
    assert [method for method, _ in api.calls] == ["GET", "PATCH"] * 3
    assert route(api).share(Colour.GREEN) == 100


def test_somebody_who_writes_all_the_time_is_told_of() -> None:
    api = Api(refusals=[409] * 9)
    with pytest.raises(Unreachable, match="somebody else wrote the route 5 times"):
        route(api).write(lineup(100), guard=lambda: None)
    assert [method for method, _ in api.calls] == ["GET", "PATCH"] * 5


def test_another_refusal_is_passed_on() -> None:
    with pytest.raises(Refused) as caught:
        route(Api(refusals=[403])).write(lineup(100), guard=lambda: None)
    assert caught.value.status == 403
