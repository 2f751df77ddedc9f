"""The stand-in for cert-manager."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.cluster import issuer, pki
from rehearsal.cluster.layout import Layout

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALWAYS = ("localhost", "127.0.0.1", "::1")


def gateway(*listeners: Mapping[str, Any], issuer_name: str = "rehearsal-ca") -> dict[str, Any]:
    metadata = {"name": "public", "namespace": "gateway", "annotations": {issuer.ANNOTATION: issuer_name}}
    return {"metadata": metadata, "spec": {"listeners": list(listeners)}}


def listener(hostname: str | None = None, **tls: Any) -> dict[str, Any]:
    return {"hostname": hostname, "tls": {"certificateRefs": [{"name": "public-tls"}], **tls}}


def wish(*names: str) -> issuer.Wanted:
    return issuer.Wanted(namespace="gateway", name="public-tls", names=names)


class Cluster:
    """An API server that keeps Secrets of one namespace and refuses everything else."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def get(self, path: str) -> dict[str, Any] | None:
        self._expect(path)
        return self.kept.get(path)

    def apply(self, path: str, content: Mapping[str, Any], *, manager: str) -> dict[str, Any]:
        assert manager == issuer.MANAGER
        self._expect(path)
        self.kept[path] = dict(content)
        return dict(content)

    def delete(self, path: str) -> None:
        raise AssertionError(path)

    def _expect(self, path: str) -> None:
        assert path.startswith("/api/v1/namespaces/gateway/secrets/"), path


@pytest.fixture
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = Layout(root=tmp_path_factory.mktemp("issuer"))
    pki.ensure(layout, NOW)
    return layout


def test_a_listener_gets_a_certificate_for_its_hostname_and_this_machine() -> None:
    assert issuer.wanted(gateway(listener("dev.example"))) == [wish("dev.example", *ALWAYS)]


def test_listeners_that_share_a_secret_share_a_certificate() -> None:
    both = gateway(listener("a.example"), listener("b.example"), listener("localhost"))
    assert issuer.wanted(both) == [wish("a.example", "b.example", *ALWAYS)]


@pytest.mark.parametrize(
    "other",
    [
        gateway(listener("a"), issuer_name="letsencrypt"),
        gateway(listener("a", mode="Passthrough")),
        gateway({"hostname": "a"}),
        gateway(listener("a", certificateRefs=[{"name": "x", "kind": "Other"}])),
    ],
    ids=["another issuer", "no termination", "no TLS", "no Secret"],
)
def test_what_is_not_asked_of_this_issuer_is_left_alone(other: dict[str, Any]) -> None:
    assert issuer.wanted(other) == []


def test_an_issued_secret_suffices_until_shortly_before_its_end(layout: Layout) -> None:
    authority = pki.load(layout, pki.PUBLIC_AUTHORITY)
    wanted = wish("dev.example", *ALWAYS)
    secret = issuer.secret_document(wanted, authority, NOW)
    end = NOW + timedelta(days=pki.LEAF_DAYS)
    assert issuer.suffices(secret, wanted, authority.certificate, end - issuer.RENEWAL - timedelta(seconds=1))
    assert not issuer.suffices(secret, wanted, authority.certificate, end - issuer.RENEWAL)


def test_a_secret_for_other_names_or_of_another_authority_does_not_suffice(layout: Layout) -> None:
    authority = pki.load(layout, pki.PUBLIC_AUTHORITY)
    secret = issuer.secret_document(wish("a.example"), authority, NOW)
    stranger = pki.issue_authority(pki.PUBLIC_AUTHORITY, NOW)
    assert issuer.suffices(secret, wish("a.example"), authority.certificate, NOW)
    assert not issuer.suffices(secret, wish("b.example"), authority.certificate, NOW)
    assert not issuer.suffices(secret, wish("a.example"), stranger.certificate, NOW)


@pytest.mark.parametrize("secret", [None, {}, {"data": None}, {"data": {"tls.crt": "bm9uc2Vuc2U="}}])
def test_a_missing_or_damaged_secret_does_not_suffice(layout: Layout, secret: dict[str, Any] | None) -> None:
    authority = pki.load(layout, pki.PUBLIC_AUTHORITY)
    assert not issuer.suffices(secret, wish("a.example"), authority.certificate, NOW)


def test_a_gateway_gets_its_secret_once(layout: Layout) -> None:
    cluster, gateways = Cluster(), [gateway(listener("dev.example"))]
    said = list(issuer.reconcile(cluster, layout, gateways, NOW))
    assert said == ["issued gateway/public-tls for dev.example, localhost, 127.0.0.1, ::1"]
    first = dict(cluster.kept)
    assert list(first) == ["/api/v1/namespaces/gateway/secrets/public-tls"]
    assert list(issuer.reconcile(cluster, layout, gateways, NOW)) == []
    assert cluster.kept == first


def test_a_deleted_secret_comes_back(layout: Layout) -> None:
    cluster, gateways = Cluster(), [gateway(listener("dev.example"))]
    list(issuer.reconcile(cluster, layout, gateways, NOW))
    cluster.kept.clear()
    list(issuer.reconcile(cluster, layout, gateways, NOW))
    assert list(cluster.kept) == ["/api/v1/namespaces/gateway/secrets/public-tls"]


def test_a_secret_is_a_tls_secret_with_its_authority(layout: Layout) -> None:
    authority = pki.load(layout, pki.PUBLIC_AUTHORITY)
    secret = issuer.secret_document(wish("a.example"), authority, NOW)
    assert (secret["type"], set(secret["data"])) == ("kubernetes.io/tls", {"tls.crt", "tls.key", "ca.crt"})
