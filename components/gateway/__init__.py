"""The gateway: where traffic enters, is encrypted, limited, and split between blue and green."""

from components.gateway.gateway import Gateway, GatewayArgs
from components.gateway.policies import ProxyKind, RateLimit
from components.gateway.route import Route, RouteArgs, Service, Timeouts

__all__ = ["Gateway", "GatewayArgs", "ProxyKind", "RateLimit", "Route", "RouteArgs", "Service", "Timeouts"]
