from typing import Any

import pytest

from rehearsal.plugins.kubernetes.cluster import Cluster
from rehearsal.plugins.kubernetes.errors import ApiError, NoSuchKind
from rehearsal.plugins.kubernetes.objects import Manifest, Token
from rehearsal.plugins.kubernetes.transport import Call

CORE = {
    "resources": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
        {"name": "namespaces", "kind": "Namespace", "namespaced": False},
        {"name": "namespaces/status", "kind": "Namespace", "namespaced": False},
    ]
}
MAP: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
CONFLICT = ApiError(status=409, reason="Conflict", message="the object has been modified")


class Server:
    """Answers requests in the order foretold; any other fails the test."""

    namespace = "default"

    def __init__(self, *answers: tuple[str, str, Any]) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []
        self.loses_answers = False

    def request(self, call: Call, *, on_retry: Any = None) -> Any:
        method, path, answer = self.answers.pop(0)
        assert (call.method, call.path) == (method, path)
        self.calls.append(call)
        if self.loses_answers and on_retry:
            on_retry("connection reset")
        if isinstance(answer, ApiError):
            raise answer
        return answer


def cluster(server: Server) -> Cluster:
    return Cluster(server)  # type: ignore[arg-type]  # all that is used of a Transport


def test_an_object_without_a_namespace_goes_where_the_context_says() -> None:
    server = Server(("GET", "/api/v1", CORE), ("PATCH", "/api/v1/namespaces/default/configmaps/x", MAP))
    cluster(server).apply(MAP, manager="m")
    assert server.calls[1].query == {"fieldManager": "m", "force": "false"}
    assert server.calls[1].body == {**MAP, "metadata": {"name": "x", "namespace": "default"}}


def test_an_object_that_can_have_no_namespace_gets_none() -> None:
    server = Server(("GET", "/api/v1", CORE), ("PATCH", "/api/v1/namespaces/x", MAP))
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "namespace": "wrong"}}
    cluster(server).apply(manifest, manager="m", force=True, dry_run=True)
    assert server.calls[1].query == {"fieldManager": "m", "force": "true", "dryRun": "All"}
    assert server.calls[1].body == {**manifest, "metadata": {"name": "x"}}


def test_kinds_are_asked_for_once_and_again_only_where_one_is_missing() -> None:
    server = Server(("GET", "/api/v1", CORE), ("GET", "/api/v1", CORE))
    served = cluster(server)
    assert served.served(Token("v1", "ConfigMap")).path("n", "x") == "/api/v1/namespaces/n/configmaps/x"
    assert served.served(Token("v1", "Namespace")).path("n", "x") == "/api/v1/namespaces/x"
    with pytest.raises(NoSuchKind, match="the API server serves no Thing in v1"):
        served.served(Token("v1", "Thing"))


def test_an_object_in_the_way_of_a_creation_exists_already() -> None:
    path = "/api/v1/namespaces/default/configmaps/x"
    server = Server(("GET", "/api/v1", CORE), ("PATCH", path, CONFLICT), ("GET", path, MAP))
    with pytest.raises(ApiError) as caught:
        cluster(server).apply(MAP, manager="m", create_only=True)
    assert caught.value.reason == "AlreadyExists"


@pytest.mark.parametrize(("manager", "own"), [("m", True), ("other", False)])
def test_an_object_in_the_way_is_ones_own_where_the_answer_to_its_creation_was_lost(manager: str, own: bool) -> None:
    path = "/api/v1/namespaces/default/configmaps/x"
    ledger = [{"manager": manager, "operation": "Apply", "fieldsV1": {"f:data": {}}}]
    live = {**MAP, "metadata": {"name": "x", "managedFields": ledger}}
    server = Server(("GET", "/api/v1", CORE), ("PATCH", path, CONFLICT), ("GET", path, live))
    server.loses_answers = True
    if own:
        assert cluster(server).apply(MAP, manager="m", create_only=True) == live
    else:
        with pytest.raises(ApiError, match="is there"):
            cluster(server).apply(MAP, manager="m", create_only=True)


def test_what_is_gone_or_of_a_kind_that_is_gone_needs_no_deletion() -> None:
    gone = ApiError(status=404, reason="NotFound", message="not found")
    path = "/api/v1/namespaces/n/configmaps/x"
    server = Server(("GET", "/api/v1", CORE), ("DELETE", path, gone), ("GET", "/apis/g/v1", gone))
    served = cluster(server)
    assert not served.delete(Token("v1", "ConfigMap"), "n", "x", propagation="Foreground")
    assert not served.delete(Token("g/v1", "Thing"), "n", "x", propagation="Foreground")
