"""Certificates and keys of the embedded cluster: four small authorities and what they sign."""

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal.cluster import files
from rehearsal.cluster.layout import API_ADDRESS, Layout
from rehearsal.errors import CertificateExpired

AUTHORITY_DAYS: Final = 3650
LEAF_DAYS: Final = 365
RENEWAL: Final = timedelta(days=30)
"""A certificate with less than this left is renewed by the next start."""
CLOCK_SKEW: Final = timedelta(minutes=5)

PUBLIC_AUTHORITY: Final = "rehearsal-ca"
"""Signs what the gateway and the servers beside the cluster serve."""
AUTHORITIES: Final = ("kubernetes-ca", "front-proxy-ca", "gateway-ca", PUBLIC_AUTHORITY)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One certificate that the cluster needs."""

    name: str
    """File name without suffix."""
    authority: str
    common_name: str
    """For a client of the API server: its user name."""
    organisations: tuple[str, ...] = ()
    """For a client of the API server: its groups."""
    names: tuple[str, ...] = ()
    """DNS names and addresses that a server answers to; none for a mere client."""


_LOCAL: Final = ("localhost", "127.0.0.1")
_SERVICE: Final = tuple(f"kubernetes.default{suffix}" for suffix in ("", ".svc", ".svc.cluster.local"))
_MASTERS: Final = ("system:masters",)


def _client(name: str, common_name: str, *organisations: str, names: tuple[str, ...] = ()) -> Leaf:
    return Leaf(name=name, authority="kubernetes-ca", common_name=common_name, organisations=organisations, names=names)


def _beside(name: str, host: str) -> Leaf:
    """A server beside the cluster, which has its name there, and another on the host's side."""
    names = (host, "localhost", "127.0.0.1", "::1")
    return Leaf(name=name, authority=PUBLIC_AUTHORITY, common_name=host, names=names)


LEAVES: Final = (
    _client("kube-apiserver", "kube-apiserver", names=(*_LOCAL, *_SERVICE, "kubernetes", API_ADDRESS, "10.96.0.1")),
    _client("admin", "rehearsal-admin", *_MASTERS),
    _client("kube-controller-manager", "system:kube-controller-manager", names=_LOCAL),
    _client("kube-scheduler", "system:kube-scheduler", names=_LOCAL),
    _client("kwok", "rehearsal-nodes", *_MASTERS),
    _client("envoy-gateway", "rehearsal-envoy-gateway", *_MASTERS),
    _client("gateways", "rehearsal-gateways", *_MASTERS),
    _client("supervisor", "rehearsal-supervisor", *_MASTERS),
    _beside("postgresql", "postgresql.internal"),
    _beside("redis", "redis.internal"),
    _beside("registry", "registry.localhost"),
    Leaf(name="front-proxy", authority="front-proxy-ca", common_name="front-proxy"),
    Leaf(name="xds-server", authority="gateway-ca", common_name="envoy-gateway", names=("envoy-gateway", *_LOCAL)),
    Leaf(name="xds-client", authority="gateway-ca", common_name="envoy"),
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate and its private key, in PEM."""

    certificate: bytes
    key: bytes

    @property
    def parsed(self) -> x509.Certificate:
        """The certificate, to be looked into."""
        return x509.load_pem_x509_certificate(self.certificate)


def ensure(layout: Layout, now: datetime) -> list[str]:
    """Create what is missing and renew what has (almost) run out. Returns the names of the renewed, not of the new."""
    renewed: list[str] = []
    fresh: set[str] = set()
    for name in AUTHORITIES:
        if not _keep(layout, name, now, renewed):
            _store(layout, name, issue_authority(name, now))
            fresh.add(name)
    for leaf in LEAVES:
        kept = _keep(layout, leaf.name, now, renewed)
        if kept and leaf.authority not in fresh:
            continue
        pair = issue(
            load(layout, leaf.authority),
            now,
            common_name=leaf.common_name,
            organisations=leaf.organisations,
            names=leaf.names,
        )
        _store(layout, leaf.name, pair)
    if not layout.key("service-account").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        files.write(layout.key("service-account"), _private(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        files.write(layout.pki / "service-account.pub", public)
    if not layout.encryption_key.exists():
        files.write(layout.encryption_key, secrets.token_bytes(32))
    files.write(layout.ca, layout.certificate(PUBLIC_AUTHORITY).read_bytes(), mode=0o644)
    return renewed


def expired(layout: Layout, now: datetime, *, margin: timedelta = timedelta(0)) -> list[str]:
    """Names of the certificates that are no longer valid at ``now + margin``. Missing ones are not listed."""
    names = [*AUTHORITIES, *(leaf.name for leaf in LEAVES)]
    return [
        name
        for name in names
        if layout.certificate(name).exists() and _end(layout.certificate(name).read_bytes()) <= now + margin
    ]


def require_valid(layout: Layout, now: datetime) -> None:
    """Raise :class:`CertificateExpired` if a certificate of the cluster has run out."""
    if names := expired(layout, now):
        end = _end(layout.certificate(names[0]).read_bytes())
        raise CertificateExpired(
            f"the certificate {layout.certificate(names[0])} of the embedded cluster ran out on {end:%Y-%m-%d}"
            + (f" (and {len(names) - 1} more)" if len(names) > 1 else ""),
            remedy="make up   (renews certificates; nothing in the cluster is lost)",
        )


def load(layout: Layout, name: str) -> Pair:
    """The stored certificate called ``name`` with its key."""
    return Pair(certificate=layout.certificate(name).read_bytes(), key=layout.key(name).read_bytes())


def issue_authority(name: str, now: datetime) -> Pair:
    """A new self-signed authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name, ())
    builder = _builder(subject, subject, key.public_key(), now, days=AUTHORITY_DAYS)
    usage = _usage(signs_certificates=True)
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    certificate = (
        builder.add_extension(constraints, critical=True).add_extension(usage, critical=True).sign(key, hashes.SHA256())
    )
    return Pair(certificate=certificate.public_bytes(serialization.Encoding.PEM), key=_private(key))


def issue(
    authority: Pair,
    now: datetime,
    *,
    common_name: str,
    organisations: Sequence[str] = (),
    names: Sequence[str] = (),
    client: bool = True,
) -> Pair:
    """A certificate signed by ``authority``: for a server if it has ``names``, for a client if ``client``."""
    signer = serialization.load_pem_private_key(authority.key, password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("an authority's key is an elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH] * bool(names) + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
    builder = (
        _builder(_subject(common_name, organisations), authority.parsed.subject, key.public_key(), now, days=LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
    certificate = builder.sign(signer, hashes.SHA256())
    return Pair(certificate=certificate.public_bytes(serialization.Encoding.PEM), key=_private(key))


def _keep(layout: Layout, name: str, now: datetime, renewed: list[str]) -> bool:
    """Whether the stored certificate will do. One that has run out is noted in ``renewed``."""
    if not (layout.certificate(name).exists() and layout.key(name).exists()):
        return False
    if _end(layout.certificate(name).read_bytes()) > now + RENEWAL:
        return True
    renewed.append(name)
    return False


def _store(layout: Layout, name: str, pair: Pair) -> None:
    files.write(layout.certificate(name), pair.certificate)
    files.write(layout.key(name), pair.key)


def _end(certificate: bytes) -> datetime:
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _subject(common_name: str, organisations: Sequence[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation) for organisation in organisations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, *, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
