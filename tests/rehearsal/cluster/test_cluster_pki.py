"""Certificates: what is issued, when it is renewed, who is told that it ran out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal.cluster import pki
from rehearsal.cluster.layout import Layout
from rehearsal.errors import CertificateExpired

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path)


def read(layout: Layout, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(layout.certificate(name).read_bytes())


def test_the_first_start_creates_everything_and_renews_nothing(layout: Layout) -> None:
    assert pki.ensure(layout, NOW) == []
    assert {file.stem for file in layout.pki.glob("*.crt")} == {*pki.AUTHORITIES, *(leaf.name for leaf in pki.LEAVES)}
    assert layout.ca.read_bytes() == layout.certificate("rehearsal-ca").read_bytes()


def test_a_second_start_changes_nothing(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    before = {file.name: file.read_bytes() for file in layout.pki.iterdir()}
    assert pki.ensure(layout, NOW + timedelta(days=1)) == []
    assert {file.name: file.read_bytes() for file in layout.pki.iterdir()} == before


def test_every_leaf_is_signed_by_its_authority(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    for leaf in pki.LEAVES:
        read(layout, leaf.name).verify_directly_issued_by(read(layout, leaf.authority))


def test_private_files_are_readable_by_their_owner_alone(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    assert {file.stat().st_mode & 0o077 for file in layout.pki.iterdir()} == {0}


def test_a_leaf_that_ran_out_is_renewed_and_the_data_keys_are_kept(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    kept = {
        name: (layout.pki / name).read_bytes()
        for name in ("kubernetes-ca.crt", "service-account.key", "encryption.key")
    }
    later = NOW + timedelta(days=pki.LEAF_DAYS + 1)
    assert pki.ensure(layout, later) == [leaf.name for leaf in pki.LEAVES]
    assert pki.expired(layout, later) == []
    assert {name: (layout.pki / name).read_bytes() for name in kept} == kept


def test_a_leaf_is_renewed_before_it_runs_out(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    soon = NOW + timedelta(days=pki.LEAF_DAYS) - pki.RENEWAL
    assert pki.ensure(layout, soon - timedelta(seconds=1)) == []
    assert len(pki.ensure(layout, soon)) == len(pki.LEAVES)


def test_a_renewed_authority_signs_its_leaves_anew(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    later = NOW + timedelta(days=pki.AUTHORITY_DAYS)
    assert set(pki.ensure(layout, later)) == {*pki.AUTHORITIES, *(leaf.name for leaf in pki.LEAVES)}
    read(layout, "admin").verify_directly_issued_by(read(layout, "kubernetes-ca"))


def test_a_lost_key_is_replaced_together_with_its_certificate(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    before = layout.certificate("admin").read_bytes()
    layout.key("admin").unlink()
    assert pki.ensure(layout, NOW) == []
    assert layout.certificate("admin").read_bytes() != before


def test_valid_certificates_satisfy(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    pki.require_valid(layout, NOW + timedelta(days=pki.LEAF_DAYS) - timedelta(seconds=1))


def test_an_expired_certificate_is_named_with_the_command_that_renews_it(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    with pytest.raises(CertificateExpired) as caught:
        pki.require_valid(layout, NOW + timedelta(days=pki.LEAF_DAYS))
    assert str(layout.certificate("kube-apiserver")) in caught.value.problem
    assert "2027-01-01" in caught.value.problem
    assert f"and {len(pki.LEAVES) - 1} more" in caught.value.problem
    assert caught.value.remedy.startswith("make up")


def test_a_cluster_that_was_never_started_has_nothing_that_could_have_run_out(layout: Layout) -> None:
    pki.require_valid(layout, NOW)


def test_the_api_server_answers_to_its_names_on_both_sides_of_the_namespace(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    names = read(layout, "kube-apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "kubernetes.default.svc"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "172.30.0.1", "10.96.0.1"}


def test_the_administrator_is_one_by_group_and_cannot_serve(layout: Layout) -> None:
    pki.ensure(layout, NOW)
    certificate = read(layout, "admin")
    groups = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [group.value for group in groups] == ["system:masters"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
