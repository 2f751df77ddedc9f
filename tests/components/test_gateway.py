import pytest

from components.gateway import Gateway, GatewayArgs, RateLimit, Route, RouteArgs, Timeouts
from components.gateway.route import Service
from tests.components.harness import Recorded, build

GATEWAY_TYPES = [
    "kubernetes:gateway.networking.k8s.io/v1:GatewayClass",
    "kubernetes:gateway.networking.k8s.io/v1:Gateway",
    "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy",
    "kubernetes:gateway.envoyproxy.io/v1alpha1:BackendTrafficPolicy",
]
SERVICES = {
    component: {colour: Service(name=f"{component}-{colour}", port=port) for colour in ("blue", "green")}
    for component, port in (("backend", 8000), ("frontend", 3000))
}


def gateway(**fields: object) -> Recorded:
    args = {
        "namespace": "gateway",
        "hostname": "train.example",
        "class_name": "english-training",
        "issuer": "letsencrypt-prod",
        "routes_from": "english-training",
        "envoy_version": "1.2.3",
        **fields,
    }
    return build(lambda: Gateway("gateway", GatewayArgs(**args)), expected=GATEWAY_TYPES)  # type: ignore[arg-type]  # the test names the fields


def route(weights: dict[str, int], **fields: object) -> Recorded:
    colours = weights.keys()
    args = {
        "namespace": "english-training",
        "hostname": "train.example",
        "gateway_name": "public",
        "gateway_namespace": "gateway",
        "backend": {colour: SERVICES["backend"][colour] for colour in colours},
        "frontend": {colour: SERVICES["frontend"][colour] for colour in colours},
        "weights": weights,
        **fields,
    }
    return build(
        lambda: Route("route", RouteArgs(**args)),  # type: ignore[arg-type]  # the test names the fields
        expected=["kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"],
    )


def test_tls_ends_at_the_gateway_with_a_certificate_from_the_issuer() -> None:
    made = gateway()["gateway-gateway"].inputs
    assert made["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt-prod"
    https = made["spec"]["listeners"][1]
    assert (https["protocol"], https["port"], https["hostname"]) == ("HTTPS", 443, "train.example")
    assert https["tls"] == {
        "mode": "Terminate",
        "certificateRefs": [{"group": "", "kind": "Secret", "name": "public-tls"}],
    }


def test_only_the_application_may_attach_routes_and_for_challenges_the_issuer() -> None:
    http, https = gateway()["gateway-gateway"].inputs["spec"]["listeners"]
    assert https["allowedRoutes"]["namespaces"] == {
        "from": "Selector",
        "selector": {"matchLabels": {"kubernetes.io/metadata.name": "english-training"}},
    }
    [expression] = http["allowedRoutes"]["namespaces"]["selector"]["matchExpressions"]
    assert expression == {
        "key": "kubernetes.io/metadata.name",
        "operator": "In",
        "values": ["gateway", "english-training"],
    }


def test_the_update_waits_until_a_proxy_serves_the_gateway() -> None:
    annotations = gateway()["gateway-gateway"].inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/waitFor"] == "condition=Programmed"


@pytest.mark.parametrize(("scope", "field"), [("global", "global"), ("local", "local")])
def test_each_client_is_limited_by_its_own_address(scope: str, field: str) -> None:
    limit = RateLimit(requests_per_minute=100, scope=scope)  # type: ignore[arg-type]  # parametrised
    spec = gateway(rate_limit=limit)["gateway-traffic-policy"].inputs["spec"]
    assert spec["rateLimit"]["type"] == scope.capitalize()
    assert spec["rateLimit"][field]["rules"] == [
        {
            "clientSelectors": [{"sourceCIDR": {"type": "Distinct", "value": "0.0.0.0/0"}}],
            "limit": {"requests": 100, "unit": "Minute"},
            "shared": True,
        }
    ]


def test_only_requests_that_reached_no_pod_are_tried_again() -> None:
    retry = gateway()["gateway-traffic-policy"].inputs["spec"]["retry"]
    assert retry["retryOn"] == {"triggers": ["connect-failure", "refused-stream"]}


def test_proxies_on_the_host_run_the_pinned_envoy() -> None:
    assert gateway(proxy="host")["gateway-proxy"].inputs["spec"] == {
        "mergeBackends": {},
        "provider": {"type": "Host", "host": {"envoyVersion": "1.2.3"}},
    }


def test_paths_reach_their_component_unchanged() -> None:
    rules = route({"blue": 100, "green": 0})["route-weighted"].inputs["spec"]["rules"]
    paths = [[match["path"] for match in rule["matches"]] for rule in rules]
    assert paths == [
        [{"type": "PathPrefix", "value": value} for value in ("/api", "/admin", "/media")],
        [{"type": "PathPrefix", "value": "/"}],
    ]
    assert [{ref["name"] for ref in rule["backendRefs"]} for rule in rules] == [
        {"backend-blue", "backend-green"},
        {"frontend-blue", "frontend-green"},
    ]
    assert all("filters" not in rule for rule in rules)


def test_both_components_are_split_by_the_same_weights() -> None:
    rules = route({"blue": 75, "green": 25})["route-weighted"].inputs["spec"]["rules"]
    for rule in rules:
        assert {ref["name"].split("-")[1]: ref["weight"] for ref in rule["backendRefs"]} == {"blue": 75, "green": 25}


def test_each_colour_can_be_asked_for_by_header_whatever_its_weight() -> None:
    rules = route({"blue": 100, "green": 0})["route-by-colour"].inputs["spec"]["rules"]
    reached = {
        (match["headers"][0]["value"], match["path"]["value"]): [ref["name"] for ref in rule["backendRefs"]]
        for rule in rules
        for match in rule["matches"]
    }
    assert {match["headers"][0]["name"] for rule in rules for match in rule["matches"]} == {"x-release-colour"}
    assert reached["green", "/api"] == ["backend-green"]
    assert reached["green", "/"] == ["frontend-green"]
    assert reached["blue", "/admin"] == ["backend-blue"]
    assert len(reached) == 8


def test_every_service_has_one_cluster_in_the_proxy_whatever_routes_lead_to_it() -> None:
    assert gateway()["gateway-proxy"].inputs["spec"]["mergeBackends"] == {}
    made = route({"blue": 75, "green": 25})
    refs = [
        ref
        for name in ("route-weighted", "route-by-colour")
        for rule in made[name].inputs["spec"]["rules"]
        for ref in rule["backendRefs"]
    ]
    assert all("filters" not in ref for ref in refs)


def test_a_colour_that_does_not_exist_is_not_in_the_route() -> None:
    [backend, _] = route({"blue": 100})["route-weighted"].inputs["spec"]["rules"]
    assert [ref["name"] for ref in backend["backendRefs"]] == ["backend-blue"]


def test_http_is_redirected_to_the_public_https_port() -> None:
    spec = route({"blue": 100}, public_https_port=8443)["route-redirect"].inputs["spec"]
    assert spec["parentRefs"][0]["sectionName"] == "http"
    assert spec["rules"][0]["filters"] == [
        {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "port": 8443, "statusCode": 301}}
    ]


def test_requests_have_a_time_limit() -> None:
    made = route({"blue": 100}, timeouts=Timeouts(request="7s", backend_request="3s"))
    for rule in made["route-weighted"].inputs["spec"]["rules"]:
        assert rule["timeouts"] == {"request": "7s", "backendRequest": "3s"}
