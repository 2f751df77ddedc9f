"""The Gateway itself: its class, its listeners and certificate, and the limits that hold for every route behind it."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components import labels
from components.gateway import policies
from components.gateway.policies import ProxyKind, RateLimit
from components.gateway.route import API_VERSION
from components.ordering import after

CERTIFICATE = "public-tls"
"""Secret with the public certificate; the issuer named on the Gateway keeps it."""


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """The one entrance of the platform."""

    namespace: pulumi.Input[str]
    hostname: str
    class_name: str
    """Name of the GatewayClass; one per cluster and controller."""
    issuer: str
    """cert-manager ClusterIssuer that certifies the hostname."""
    routes_from: str
    """Namespace whose routes may attach; no other may."""
    envoy_version: str
    """Version of Envoy that proxies on the host run; proxies in pods come with the controller's image."""
    proxy: ProxyKind = "kubernetes"
    rate_limit: RateLimit = RateLimit()


class Gateway(pulumi.ComponentResource):
    """The entrance: HTTPS with a certificate that renews itself, and HTTP for redirects."""

    name: pulumi.Output[str]
    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("english-training:gateway:Gateway", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        meta = {"namespace": args.namespace, "labels": labels.common("gateway")}
        data_plane = kubernetes.apiextensions.CustomResource(
            f"{name}-proxy",
            api_version=f"{policies.GROUP}/v1alpha1",
            kind="EnvoyProxy",
            metadata={"name": "public", **meta},
            spec=policies.proxy(args.proxy, args.envoy_version),
            opts=child,
        )
        gateway_class = kubernetes.apiextensions.CustomResource(
            f"{name}-class",
            api_version=API_VERSION,
            kind="GatewayClass",
            metadata={"name": args.class_name, "labels": labels.common("gateway")},
            spec={"controllerName": policies.CONTROLLER},
            opts=child,
        )
        gateway = kubernetes.apiextensions.CustomResource(
            f"{name}-gateway",
            api_version=API_VERSION,
            kind="Gateway",
            metadata={
                "name": "public",
                **meta,
                "annotations": {
                    "cert-manager.io/cluster-issuer": args.issuer,
                    # Ready means that a proxy serves it, not merely that the object exists.
                    "pulumi.com/waitFor": "condition=Programmed",
                },
            },
            spec={
                "gatewayClassName": args.class_name,
                "infrastructure": {"parametersRef": {"group": policies.GROUP, "kind": "EnvoyProxy", "name": "public"}},
                "listeners": listeners(args.hostname, own=args.namespace, routes_from=args.routes_from),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway_class, data_plane]),
        )
        kubernetes.apiextensions.CustomResource(
            f"{name}-traffic-policy",
            api_version=f"{policies.GROUP}/v1alpha1",
            kind="BackendTrafficPolicy",
            metadata={"name": "public", **meta},
            spec=policies.traffic_policy(
                args.rate_limit, {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[gateway]),
        )
        self.name = after("public", gateway)
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"name": self.name, "namespace": self.namespace})


def listeners(hostname: str, *, own: pulumi.Input[str], routes_from: str) -> list[dict[str, object]]:
    """``Gateway.spec.listeners``: HTTP, which only redirects, and HTTPS, which ends TLS here."""
    allowed = {
        "namespaces": {
            "from": "Selector",
            "selector": {"matchLabels": {"kubernetes.io/metadata.name": routes_from}},
        }
    }
    # The issuer proves over plain HTTP that the name is ours, by a route beside the Gateway.
    challenged = {
        "namespaces": {
            "from": "Selector",
            "selector": {
                "matchExpressions": [
                    {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [own, routes_from]}
                ]
            },
        }
    }
    return [
        {"name": "http", "hostname": hostname, "port": 80, "protocol": "HTTP", "allowedRoutes": challenged},
        {
            "name": "https",
            "hostname": hostname,
            "port": 443,
            "protocol": "HTTPS",
            "allowedRoutes": allowed,
            "tls": {"mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": CERTIFICATE}]},
        },
    ]
