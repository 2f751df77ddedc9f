import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rehearsal.plugins.kubernetes.configuration import Configuration
from rehearsal.plugins.kubernetes.connection import Connection
from rehearsal.plugins.kubernetes.errors import ApiError, PluginError, Unreachable


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {"/denied": (401, b""), "/plain": (418, b"short and stout")}[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def certificate(folder: Path, *, days: int) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 that ends in ``days`` (or has ended), and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    end = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "tls.crt", folder / "tls.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


def connection(server: str, *, user: dict[str, str] | None = None, ca: Path | None = None) -> Connection:
    cluster = {"server": server, **({"certificate-authority": str(ca)} if ca else {})}
    config = {
        "current-context": "c",
        "clusters": [{"name": "k", "cluster": cluster}],
        "users": [{"name": "u", "user": user or {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "n"}}],
    }
    return Connection(Configuration(kubeconfig=yaml.safe_dump(config)))


def send(opened: Connection, path: str) -> None:
    opened.send("GET", path, {}, read_timeout=5)


def test_the_namespace_is_the_contexts() -> None:
    assert connection("http://127.0.0.1:1").namespace == "n"


def test_credentials_that_are_not_accepted_are_said(server: HTTPServer) -> None:
    with pytest.raises(Unreachable, match="does not accept the kubeconfig's credentials") as caught:
        send(connection(f"http://127.0.0.1:{server.server_port}"), "/denied")
    assert "make up" in caught.value.remedy


def secure(server: HTTPServer, pem: Path, key: Path) -> str:
    """Let ``server`` speak TLS; return its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return f"https://127.0.0.1:{server.server_port}"


def test_an_expired_client_certificate_is_said_with_its_end(server: HTTPServer, tmp_path: Path) -> None:
    (tmp_path / "client").mkdir()
    expired, secret = certificate(tmp_path / "client", days=-1)
    user = {"client-certificate": str(expired), "client-key": str(secret)}
    pem, key = certificate(tmp_path, days=1)
    said = r"client certificate for .* expired at \d{4}-\d\d-\d\d \d\d:\d\d UTC"
    with pytest.raises(Unreachable, match=said) as caught:
        send(connection(secure(server, pem, key), user=user, ca=pem), "/denied")
    assert "make up" in caught.value.remedy


@pytest.mark.parametrize(
    ("days", "trusted", "part"),
    [(-1, True, "has expired"), (1, False, "does not vouch for")],
)
def test_a_server_that_cannot_be_trusted_is_said_with_the_reason(
    server: HTTPServer, tmp_path: Path, days: int, trusted: bool, part: str
) -> None:
    pem, key = certificate(tmp_path, days=days)
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other", days=10)
    with pytest.raises(Unreachable, match=part) as caught:
        send(connection(secure(server, pem, key), ca=pem if trusted else other), "/plain")
    assert "make up" in caught.value.remedy


def test_an_answer_that_is_no_status_is_kept_as_text(server: HTTPServer) -> None:
    with pytest.raises(ApiError) as caught:
        send(connection(f"http://127.0.0.1:{server.server_port}"), "/plain")
    assert (caught.value.status, caught.value.message) == (418, "short and stout")


def test_a_context_that_does_not_exist_is_named() -> None:
    config = yaml.safe_dump({"contexts": [], "clusters": [], "users": []})
    with pytest.raises(PluginError, match="the kubeconfig has no context 'missing'"):
        Connection(Configuration(kubeconfig=config, context="missing"))
