"""Whether a part is ready, and whether what it waits for has come."""

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Final

from rehearsal.cluster.api import Objects
from rehearsal.cluster.layout import Layout

_GROUPS: Final = ("gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1", "gateway.envoyproxy.io/v1alpha1")
"""Where Envoy Gateway's kinds are; each of these is there as soon as the definitions are."""
_REQUIRED: Final = frozenset({"GatewayClass", "Gateway", "HTTPRoute", "ReferenceGrant", "EnvoyProxy"})
"""Kinds without which Envoy Gateway ends, or does not learn how to run Envoy."""


def healthy(url: str, layout: Layout, *, timeout: float = 2.0) -> bool:
    """Whether ``url`` is well. Blocks for at most about ``timeout`` seconds.

    ``http`` and ``https`` have to answer 200, ``tcp://HOST:PORT`` has to accept a connection, and
    ``postmaster:PATH`` is PostgreSQL's file, which says when it accepts them.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "tcp":
        return _accepts(rest.removeprefix("//"), timeout)
    if scheme == "postmaster":
        return _accepting(Path(rest))
    context: ssl.SSLContext | None = None
    if url.startswith("https:"):
        context = ssl.create_default_context(cafile=str(layout.certificate("kubernetes-ca")))
        context.load_cert_chain(layout.certificate("supervisor"), layout.key("supervisor"))
    try:
        with urllib.request.urlopen(url, timeout=timeout, context=context) as answer:  # noqa: S310 - loopback URLs of our own
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return False


def _accepts(target: str, timeout: float) -> bool:
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=timeout).close()
    except OSError:
        return False
    return True


def _accepting(file: Path) -> bool:
    """Whether the last line of ``postmaster.pid`` is PostgreSQL's word for it."""
    try:
        return file.read_text().splitlines()[-1].strip() == "ready"
    except (OSError, IndexError):
        return False


def gateway_kinds(api: Objects) -> frozenset[str] | None:
    """The gateway's kinds of resources that the API server knows; ``None`` while an essential one is missing."""
    kinds: set[str] = set()
    for group in _GROUPS:
        found = api.get(f"/apis/{group}")
        if found is None:
            return None
        kinds |= {resource["kind"] for resource in found["resources"]}
    return frozenset(kinds) if kinds >= _REQUIRED else None
