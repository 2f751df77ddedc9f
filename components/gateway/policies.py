"""What Envoy Gateway is told beside the Gateway API: how proxies run, how much one client may ask for. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

GROUP = "gateway.envoyproxy.io"
CONTROLLER = f"{GROUP}/gatewayclass-controller"

ProxyKind = Literal["kubernetes", "host"]
"""Where proxies run: as pods of the cluster, or as processes beside the controller (a cluster without containers)."""


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """How often one client, told by its address, may ask."""

    requests_per_minute: int = 100
    scope: Literal["local", "global"] = "global"
    """``global`` counts exactly, in Redis, over all proxies and paths; ``local`` lets each proxy count by itself, and
    each path prefix of the route apart (Envoy Gateway 1.9 heeds ``shared`` in global limits only)."""


def proxy(kind: ProxyKind, version: str) -> dict[str, Any]:
    """``EnvoyProxy.spec``: the shape of the data plane. ``version`` of Envoy matters where no image pins it."""
    # One cluster, and one set of metrics, for each Service, whatever routes lead to it.
    shared: dict[str, Any] = {"mergeBackends": {}}
    if kind == "host":
        return {**shared, "provider": {"type": "Host", "host": {"envoyVersion": version}}}
    return {
        **shared,
        "provider": {
            "type": "Kubernetes",
            "kubernetes": {
                "envoyDeployment": {"replicas": 2},
                "envoyPDB": {"minAvailable": 1},
                "envoyService": {"externalTrafficPolicy": "Local"},
            },
        },
    }


def traffic_policy(limit: RateLimit, target: Mapping[str, str]) -> dict[str, Any]:
    """``BackendTrafficPolicy.spec``: the limit per client, and a second try where the first never reached a pod."""
    rule = {
        "clientSelectors": [{"sourceCIDR": {"type": "Distinct", "value": "0.0.0.0/0"}}],
        "limit": {"requests": limit.requests_per_minute, "unit": "Minute"},
        # One allowance for the whole site, not one for each route.
        "shared": True,
    }
    rate_limit = (
        {"type": "Global", "global": {"rules": [rule]}}
        if limit.scope == "global"
        else {"type": "Local", "local": {"rules": [rule]}}
    )
    return {
        "targetRefs": [dict(target)],
        "rateLimit": rate_limit,
        # Only failures before a request was sent are tried again: a second try can never do a thing twice.
        "retry": {"numRetries": 2, "retryOn": {"triggers": ["connect-failure", "refused-stream"]}},
    }
