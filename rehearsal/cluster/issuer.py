"""Stands in for cert-manager: certificates for Gateways that ask the issuer ``rehearsal-ca`` for them."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509

from rehearsal.cluster import pki
from rehearsal.cluster.api import Objects
from rehearsal.cluster.layout import Layout

ANNOTATION: Final = "cert-manager.io/cluster-issuer"
MANAGER: Final = "rehearsal-issuer"
RENEWAL: Final = timedelta(days=30)
ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
"""Names that every certificate has, for a browser on this machine."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One TLS Secret that a Gateway refers to."""

    namespace: str
    name: str
    names: tuple[str, ...]
    """What the certificate has to be valid for, in order and without repetition."""

    @property
    def path(self) -> str:
        """Where the Secret is."""
        return f"/api/v1/namespaces/{self.namespace}/secrets/{self.name}"


def wanted(gateway: Mapping[str, Any]) -> list[Wanted]:
    """The Secrets that ``gateway`` asks this issuer for, each once with the hostnames of all its listeners."""
    metadata = gateway["metadata"]
    if metadata.get("annotations", {}).get(ANNOTATION) != pki.PUBLIC_AUTHORITY:
        return []
    names: dict[tuple[str, str], list[str]] = {}
    for listener in gateway["spec"].get("listeners", []):
        tls = listener.get("tls") or {}
        if tls.get("mode", "Terminate") != "Terminate":
            continue
        for reference in tls.get("certificateRefs", []):
            if reference.get("kind", "Secret") == "Secret" and not reference.get("group"):
                key = (reference.get("namespace", metadata["namespace"]), reference["name"])
                names.setdefault(key, []).extend([listener["hostname"]] if listener.get("hostname") else [])
    return [
        Wanted(namespace=namespace, name=name, names=tuple(dict.fromkeys([*hostnames, *ALWAYS])))
        for (namespace, name), hostnames in names.items()
    ]


def suffices(secret: Mapping[str, Any] | None, wish: Wanted, authority: bytes, now: datetime) -> bool:
    """Whether ``secret`` holds a certificate of this authority for the wanted names that lasts a while."""
    data = (secret or {}).get("data") or {}
    try:
        certificate = x509.load_pem_x509_certificate(base64.b64decode(data["tls.crt"]))
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    except Exception:
        return False
    names = {str(name.value) for name in extension}
    return "tls.key" in data and names == set(wish.names) and certificate.not_valid_after_utc > now + RENEWAL


def secret_document(wish: Wanted, authority: pki.Pair, now: datetime) -> dict[str, Any]:
    """The Secret with a fresh certificate, as cert-manager lays it out."""
    pair = pki.issue(authority, now, common_name=wish.names[0], names=wish.names, client=False)
    content = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": authority.certificate}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": wish.name, "namespace": wish.namespace, "annotations": {ANNOTATION: pki.PUBLIC_AUTHORITY}},
        "data": {key: base64.b64encode(value).decode() for key, value in content.items()},
    }


def reconcile(api: Objects, layout: Layout, gateways: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    """Bring every wanted Secret into being; yields a line for each that was issued."""
    authority = pki.load(layout, pki.PUBLIC_AUTHORITY)
    for wish in (wish for gateway in gateways for wish in wanted(gateway)):
        if not suffices(api.get(wish.path), wish, authority.certificate, now):
            api.apply(wish.path, secret_document(wish, authority, now), manager=MANAGER)
            yield f"issued {wish.namespace}/{wish.name} for {', '.join(wish.names)}"
