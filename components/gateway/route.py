"""The public route: which path goes to which component, and how a release's weight splits it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import labels
from components.ordering import after

API_VERSION = "gateway.networking.k8s.io/v1"

BACKEND_PATHS = ("/api", "/admin", "/media")
"""Paths that Django serves: its API, its administration, and the files that people uploaded."""

COLOUR_HEADER = "x-release-colour"
"""Request header that asks for one colour, whatever its weight: how a release is tried before it gets traffic."""


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long a request may take, as Gateway API durations (``10s``, ``500ms``)."""

    request: str = "30s"
    """From the client's first byte to the answer's last, second tries included."""
    backend_request: str = "10s"
    """One try; at most ``request``."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A Service that the route can send to."""

    name: pulumi.Input[str]
    port: int


@dataclass(frozen=True, kw_only=True)
class RouteArgs:
    """The public route of the application."""

    namespace: pulumi.Input[str]
    hostname: str
    gateway_name: pulumi.Input[str]
    gateway_namespace: pulumi.Input[str]
    backend: Mapping[str, Service]
    """The backend's Service of each colour."""
    frontend: Mapping[str, Service]
    """The frontend's Service of each colour."""
    weights: Mapping[str, int]
    """Each colour's share of the requests, in per cent; together 100."""
    public_https_port: int = 443
    """Port at which clients reach the HTTPS listener; the redirect names it."""
    timeouts: Timeouts = Timeouts()


class Route(pulumi.ComponentResource):
    """Sends each path to its component and each request to a colour. The only writer of the weights.

    A second route reaches each colour by header. It also keeps the proxy's cluster of a colour at weight 0 in being:
    made and unmade with each switch, it would be missing for a moment, and that moment's requests would fail.
    """

    name: pulumi.Output[str]
    """Name of the HTTPRoute that carries the weights."""

    def __init__(self, name: str, args: RouteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("english-training:gateway:Route", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        weighted = kubernetes.apiextensions.CustomResource(
            f"{name}-weighted",
            api_version=API_VERSION,
            kind="HTTPRoute",
            metadata={"name": labels.PART_OF, "namespace": args.namespace, "labels": labels.common("route")},
            spec={
                "parentRefs": [parent(args, "https")],
                "hostnames": [args.hostname],
                "rules": [
                    rule(BACKEND_PATHS, args.backend, args.weights, args.timeouts),
                    rule(["/"], args.frontend, args.weights, args.timeouts),
                ],
            },
            opts=child,
        )
        kubernetes.apiextensions.CustomResource(
            f"{name}-by-colour",
            api_version=API_VERSION,
            kind="HTTPRoute",
            metadata={
                "name": f"{labels.PART_OF}-by-colour",
                "namespace": args.namespace,
                "labels": labels.common("route"),
            },
            spec={
                "parentRefs": [parent(args, "https")],
                "hostnames": [args.hostname],
                "rules": [
                    rule_of_colour(paths, colour, services[colour], args.timeouts)
                    for colour in sorted(args.weights.keys() & args.backend.keys())
                    for paths, services in ((BACKEND_PATHS, args.backend), (["/"], args.frontend))
                ],
            },
            opts=child,
        )
        kubernetes.apiextensions.CustomResource(
            f"{name}-redirect",
            api_version=API_VERSION,
            kind="HTTPRoute",
            metadata={
                "name": f"{labels.PART_OF}-redirect",
                "namespace": args.namespace,
                "labels": labels.common("route"),
            },
            spec={
                "parentRefs": [parent(args, "http")],
                "hostnames": [args.hostname],
                "rules": [redirect_rule(args.public_https_port)],
            },
            opts=child,
        )
        self.name = after(labels.PART_OF, weighted)
        self.register_outputs({"name": self.name})


def parent(args: RouteArgs, listener: str) -> dict[str, Any]:
    """``parentRefs`` entry: one listener of the gateway."""
    return {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": args.gateway_name,
        "namespace": args.gateway_namespace,
        "sectionName": listener,
    }


def rule(
    paths: Sequence[str], services: Mapping[str, Service], weights: Mapping[str, int], timeouts: Timeouts
) -> dict[str, Any]:
    """One rule of an ``HTTPRoute``: these paths, unchanged, to the colours by weight."""
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in paths],
        "backendRefs": [backend(service, weights[colour]) for colour, service in sorted(services.items())],
        "timeouts": {"request": timeouts.request, "backendRequest": timeouts.backend_request},
    }


def rule_of_colour(paths: Sequence[str], colour: str, service: Service, timeouts: Timeouts) -> dict[str, Any]:
    """One rule of an ``HTTPRoute``: these paths, asked for with the colour's header, to that colour alone."""
    header = {"type": "Exact", "name": COLOUR_HEADER, "value": colour}
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": path}, "headers": [header]} for path in paths],
        "backendRefs": [backend(service, 1)],
        "timeouts": {"request": timeouts.request, "backendRequest": timeouts.backend_request},
    }


def backend(service: Service, weight: int) -> dict[str, Any]:
    """One weighted Service. It has no filters: with one, it could not share its cluster with the other route."""
    return {"group": "", "kind": "Service", "name": service.name, "port": service.port, "weight": weight}


def redirect_rule(https_port: int) -> dict[str, Any]:
    """The rule that sends plain HTTP to HTTPS, for good."""
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [
            {
                "type": "RequestRedirect",
                "requestRedirect": {"scheme": "https", "port": https_port, "statusCode": 301},
            }
        ],
    }
