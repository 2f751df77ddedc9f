"""The checks of the cluster on a real API server."""

from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from release.adapters.cluster_api import ClusterApi
from release.adapters.cluster_pods import ClusterPods
from release.checks import only, pre_checks, run
from release.checks.base import failed, passed
from release.checks.cluster import NEEDED
from release.model import Colour, Outcome
from tests.release.checks.contexts import context
from tests.release.control_plane import ADMIN, ControlPlane

pytestmark = pytest.mark.cluster

NAMES = ["cluster", "namespace", "quota"]


def client(plane: ControlPlane, token: str = ADMIN) -> ApiClient:
    settings: Any = Configuration()
    settings.host = f"https://127.0.0.1:{plane.ports[0]}"
    settings.ssl_ca_cert = str(plane.folder / "certificates" / "apiserver.crt")
    settings.api_key = {"authorization": f"Bearer {token}"}
    return ApiClient(settings)


def test_a_cluster_with_room_passes_and_one_without_does_not(control_plane: ControlPlane) -> None:
    namespace = control_plane.namespace("checked")
    quotas = f"/api/v1/namespaces/{namespace}/resourcequotas"
    hard = {"pods": "8", "requests.cpu": "1400m", "limits.memory": "3Gi"}
    control_plane.call("POST", quotas, {"metadata": {"name": "quota"}, "spec": {"hard": hard}})
    status = {"status": {"hard": hard, "used": dict.fromkeys(hard, "0")}}
    control_plane.call("PATCH", f"{quotas}/quota/status", status)
    checks = only(pre_checks(context(api=client(control_plane), namespace=namespace)), NAMES)
    cluster, active, quota = run(checks)
    assert cluster.outcome is Outcome.PASS, cluster
    assert cluster.text.endswith(" is ready; all 16 rights are there")
    assert active == passed("namespace", "namespace checked is active")
    assert quota.outcome is Outcome.PASS, quota
    full = {"status": {"hard": hard, "used": {**dict.fromkeys(hard, "0"), "pods": "5"}}}
    control_plane.call("PATCH", f"{quotas}/quota/status", full)
    _, _, quota = run(checks)
    assert quota.outcome is Outcome.FAIL
    assert quota.text.startswith("quota: pods 3 left, 4 needed at once and 8 at most, ")


def test_an_account_without_rights_is_told_which_it_lacks(control_plane: ControlPlane) -> None:
    namespace = control_plane.namespace("forbidden")
    api = client(control_plane, control_plane.account(namespace))
    cluster, active, quota = run(only(pre_checks(context(api=api, namespace=namespace)), NAMES))
    assert cluster.outcome is Outcome.FAIL
    every = [f"{verb} {resource}" for _, resource, verbs in NEEDED for verb in verbs]
    assert cluster.figures == {"missing": every}
    assert (active.outcome, quota.outcome) == (Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE)
    assert 'cannot list resource "resourcequotas"' in quota.text


def test_credentials_that_nobody_knows_and_a_namespace_that_is_not_there(control_plane: ControlPlane) -> None:
    stranger = only(pre_checks(context(api=client(control_plane, "unknown"), namespace="none")), ["cluster"])
    (cluster,) = run(stranger)
    host = f"https://127.0.0.1:{control_plane.ports[0]}"
    assert cluster == failed(
        "cluster",
        f"the API server at {host} does not know these credentials",
        remedy="renew the credentials in the kubeconfig",
    )
    (active,) = run(only(pre_checks(context(api=client(control_plane), namespace="none")), ["namespace"]))
    assert active.text == "there is no namespace none"


def test_the_rights_that_are_asked_for_are_enough(control_plane: ControlPlane) -> None:
    namespace = control_plane.namespace("allowed")
    rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [{"apiGroups": [group], "resources": [resource], "verbs": list(verbs)} for group, resource, verbs in NEEDED]
    control_plane.call("POST", f"{rights}/roles", {"metadata": {"name": "releases"}, "rules": rules})
    binding = {
        "metadata": {"name": "releases"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "releases"},
        "subjects": [{"kind": "ServiceAccount", "name": "nobody", "namespace": namespace}],
    }
    token = control_plane.account(namespace)
    control_plane.call("POST", f"{rights}/rolebindings", binding)
    api = client(control_plane, token)
    assert [one.outcome for one in run(only(pre_checks(context(api=api, namespace=namespace)), NAMES))] == [
        Outcome.PASS,
        Outcome.PASS,
        Outcome.PASS,
    ]
    # What `release rollback --break-glass` asks before it moves the route.
    assert ClusterPods(ClusterApi(api), namespace=namespace).ready(Colour.BLUE) is False
