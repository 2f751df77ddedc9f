"""Registries on loopback that speak as real ones do, and some that do not."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from release.adapters import web as plain
from release.adapters.credentials import PASSWORD, USER, Credentials, find
from release.adapters.registry import MANIFESTS, Image, Registry, may_know, parse
from release.adapters.web import Unclear, client
from release.errors import BadOrder, Unreachable
from tests.release.checks import servers
from tests.release.checks.servers import Reply, Web, certificates, free_port, silent, web

MANIFEST = b'{"schemaVersion":2}'
DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
OTHER = "sha256:" + "f" * 64
ACCOUNT = Credentials(user="robot$ci", password="open sesame")
BASIC = "Basic " + base64.b64encode(b"robot$ci:open sesame").decode()
PATH = "/v2/exam/backend/manifests/1.0.0"


def nobody(_: str) -> None:
    return None


def somebody(_: str) -> Credentials:
    return ACCOUNT


def registry(credentials: Callable[[str], Credentials | None] = nobody, *, seconds: float = 10.0) -> Registry:
    return Registry(client(), credentials, seconds=seconds)


def manifest(digest: str | None = DIGEST) -> Reply:
    return 200, {} if digest is None else {"docker-content-digest": digest}, MANIFEST


def only(path: str, reply: Reply) -> Callable[[str, str, Mapping[str, str]], Reply]:
    def answer(method: str, asked: str, headers: Mapping[str, str]) -> Reply:
        assert (method, asked, headers["accept"]) == ("HEAD", path, MANIFESTS)
        return reply

    return answer


def name(server: Web) -> str:
    return f"localhost:{server.port}/exam/backend:1.0.0"


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag", "digest"),
    [
        ("harbor.example/exam/backend:1.0.0", "harbor.example", "exam/backend", "1.0.0", None),
        (f"harbor.example:8443/a/b/c@{OTHER}", "harbor.example:8443", "a/b/c", None, OTHER),
        (f"localhost/x:1@{OTHER}", "localhost", "x", "1", OTHER),
        ("exam/backend:1", "docker.io", "exam/backend", "1", None),
        ("backend:1", "docker.io", "library/backend", "1", None),
    ],
)
def test_an_image_has_parts(text: str, host: str, repository: str, tag: str | None, digest: str | None) -> None:
    assert parse(text) == Image(host=host, repository=repository, tag=tag, digest=digest)


@pytest.mark.parametrize(
    "text",
    ["harbor.example/exam/backend", "", "https://harbor.example/exam:1", "harbor.example/Exam:1", "a:1@sha256:ab"],
)
def test_what_names_no_certain_image_is_refused(text: str) -> None:
    with pytest.raises(BadOrder, match="names no image"):
        parse(text)


def test_a_tag_is_resolved_by_a_head_request() -> None:
    with web(only(PATH, manifest())) as server:
        assert registry().resolve(name(server)) == DIGEST
    assert server.lines == [f"HEAD {PATH}"]


def test_a_name_below_localhost_is_this_machine() -> None:
    with web(only(PATH, manifest())) as server:
        assert registry().resolve(f"registry.localhost:{server.port}/exam/backend:1.0.0") == DIGEST
    assert server.asked[0][2]["host"] == f"registry.localhost:{server.port}"


def test_any_other_registry_is_asked_over_tls_only(tmp_path: Path) -> None:
    pki = certificates(tmp_path, "harbor.example")
    with web(only(PATH, manifest()), pki) as server:
        reach = {"harbor.example": ("127.0.0.1", server.port)}
        asks = Registry(client(reach=reach, authority=pki.authority), nobody)
        assert asks.resolve("harbor.example/exam/backend:1.0.0") == DIGEST
        with pytest.raises(Unreachable, match="certificate verify failed"):
            Registry(client(reach=reach), nobody).resolve("harbor.example/exam/backend:1.0.0")
    with web(only(PATH, manifest())) as server, pytest.raises(Unreachable, match="cannot be asked") as caught:
        Registry(client(reach={"harbor.example": ("127.0.0.1", server.port)}), nobody).resolve(
            "harbor.example/exam/backend:1.0.0"
        )
    assert not isinstance(caught.value, Unclear)
    assert server.asked == []


def test_a_digest_that_is_not_told_is_calculated() -> None:
    def answer(method: str, path: str, _: Mapping[str, str]) -> Reply:
        assert path == PATH
        return {"HEAD": (405, {}, b""), "GET": manifest(None)}[method]

    with web(answer) as server:
        assert registry().resolve(name(server)) == DIGEST
    assert server.lines == [f"HEAD {PATH}", f"GET {PATH}"]


def test_a_manifest_that_is_not_what_the_registry_says_is_refused() -> None:
    def answer(method: str, _: str, __: Mapping[str, str]) -> Reply:
        return {"HEAD": (405, {}, b""), "GET": manifest(OTHER)}[method]

    with web(answer) as server, pytest.raises(BadOrder, match=f"names '{OTHER}', but the manifest is {DIGEST}"):
        registry().resolve(name(server))


def test_another_digest_than_the_one_asked_for_is_refused() -> None:
    with web(only(f"/v2/exam/backend/manifests/{OTHER}", manifest())) as server:
        image = parse(f"localhost:{server.port}/exam/backend@{OTHER}")
        with pytest.raises(BadOrder, match=f"gives {DIGEST} for {OTHER}"):
            registry().digest(image, OTHER)


def test_an_image_that_is_not_there_is_named() -> None:
    with web(only(PATH, (404, {}, b""))) as server, pytest.raises(BadOrder) as caught:
        registry().resolve(name(server))
    assert caught.value.problem == f"localhost:{server.port}/exam/backend has no 1.0.0"
    assert caught.value.remedy == f"push {name(server)}, or name an image that is there"


def bearer(realm: str = "", **changes: Reply) -> Callable[[str, str, Mapping[str, str]], Reply]:
    """A registry with a token service, as Harbor has; ``token`` is what that answers."""

    def answer(method: str, path: str, headers: Mapping[str, str]) -> Reply:
        if path.startswith("/service/token"):
            return changes.get("token") or (200, {}, json.dumps({"token": "a.b.c"}).encode())
        if headers.get("authorization") == "Bearer a.b.c":
            return manifest()
        where = realm or f"http://{headers['host']}/service/token"
        challenge = f'Bearer realm="{where}",service="harbor-registry",scope="repository:exam/backend:pull"'
        return 401, {"www-authenticate": challenge}, b""

    return answer


@pytest.mark.parametrize(("credentials", "sent"), [(somebody, BASIC), (nobody, None)])
def test_a_token_is_fetched_once_with_or_without_an_account(
    credentials: Callable[[str], Credentials | None], sent: str | None
) -> None:
    with web(bearer()) as server:
        asks = registry(credentials)
        assert [asks.resolve(name(server)) for _ in range(2)] == [DIGEST, DIGEST]
    methods = [(method, urlsplit(path).path) for method, path, _ in server.asked]
    assert methods == [("HEAD", PATH), ("GET", "/service/token"), ("HEAD", PATH), ("HEAD", PATH)]
    query = parse_qs(urlsplit(server.asked[1][1]).query)
    assert query == {"service": ["harbor-registry"], "scope": ["repository:exam/backend:pull"]}
    assert server.asked[1][2].get("authorization") == sent


def test_an_account_is_proven_by_name_and_password() -> None:
    def answer(_: str, __: str, headers: Mapping[str, str]) -> Reply:
        if headers.get("authorization") == BASIC:
            return manifest()
        return 401, {"www-authenticate": 'Basic realm="registry"'}, b""

    with web(answer) as server:
        assert registry(somebody).resolve(name(server)) == DIGEST
        with pytest.raises(Unclear) as caught:
            registry().resolve(name(server))
    assert caught.value.problem == f"localhost:{server.port} does not let us see exam/backend"
    assert f"docker login localhost:{server.port}" in caught.value.remedy


def test_the_account_is_not_told_to_another_domain() -> None:
    with web(bearer("https://evil.example/token")) as server, pytest.raises(Unclear) as caught:
        registry(somebody).resolve(name(server))
    assert "to evil.example, another domain, which was not told the credentials" in caught.value.problem
    assert server.lines == [f"HEAD {PATH}"]


def test_a_token_is_not_fetched_in_clear_from_another_machine() -> None:
    with web(bearer("http://evil.example/token")) as server, pytest.raises(Unreachable) as caught:
        registry(nobody).resolve(name(server))
    assert "http to evil.example would not be encrypted" in caught.value.problem


def test_another_machines_registry_does_not_lead_to_this_one(tmp_path: Path) -> None:
    pki = certificates(tmp_path, "harbor.example")
    with web(bearer("http://127.0.0.1:9/token"), pki) as server:
        reach = {"harbor.example": ("127.0.0.1", server.port)}
        with pytest.raises(Unclear, match=r"sends for a token to 127\.0\.0\.1, which is this machine"):
            Registry(client(reach=reach, authority=pki.authority), nobody).resolve("harbor.example/exam/backend:1.0.0")


@pytest.mark.parametrize(
    "realm", ["x", "/token", "http://[::1", "ftp://localhost/", "http://localhost:99999/", "http:"]
)
def test_a_token_from_nowhere_is_not_to_be_had(realm: str) -> None:
    with web(bearer(realm)) as server:
        for credentials in (nobody, somebody):
            with pytest.raises(Unreachable):
                registry(credentials).resolve(name(server))
    assert server.lines == [f"HEAD {PATH}"] * 2


def test_nothing_is_said_in_clear_to_a_machine_that_a_local_name_leads_to() -> None:
    elsewhere = client(reach={"registry.localhost:5000": ("192.0.2.1", 80)})
    with pytest.raises(Unreachable, match=r"http to registry\.localhost would not be encrypted"):
        Registry(elsewhere, nobody).resolve("registry.localhost:5000/exam/backend:1")


@pytest.mark.parametrize(
    ("host", "realm", "may"),
    [
        ("harbor.example", "https://harbor.example/service/token", True),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("registry-1.docker.io", "https://auth.docker.io/token", True),
        ("harbor.example:8443", "https://harbor.example/service/token", True),
        ("harbor.example", "https://other.example/token", False),
        ("registry.gitlab.com", "https://evilgitlab.com/", False),
        ("harbor.example", "", False),
    ],
)
def test_who_may_know_the_account(host: str, realm: str, may: bool) -> None:
    assert may_know(host, realm) is may


@pytest.mark.parametrize(
    "token",
    [
        (200, {}, b"{}"),
        (200, {}, b"[]"),
        (200, {}, b"["),
        (200, {}, b"[" * 100_000),
        (200, {}, b'{"token": 1}'),
        (200, {}, json.dumps({"token": "a\r\nx: y"}).encode()),
        (500, {}, b'{"token": "a.b.c"}'),
        (302, {"location": "https://evil.example/"}, b""),
    ],
)
def test_what_is_no_token_leaves_it_unknown(token: Reply) -> None:
    with web(bearer(token=token)) as server, pytest.raises(Unclear, match="where a token was asked for"):
        registry(somebody).resolve(name(server))


@pytest.mark.parametrize("status", [200, 302, 429, 500])
def test_what_is_no_manifest_leaves_it_unknown(status: int) -> None:
    strange: Reply = (status, {"docker-content-digest": "md5:1", "location": "/"}, b"")
    said = f"answers {status} where a manifest was asked for"
    with web(lambda *_: strange) as server, pytest.raises(Unclear, match=said):
        registry().resolve(name(server))


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    def answer(method: str, _: str, __: Mapping[str, str]) -> Reply:
        return (405, {}, b"") if method == "HEAD" else (200, {}, b" " * (4 * 2**20 + 1))

    with web(answer) as server, pytest.raises(Unclear, match="answers with more than 4194304 bytes"):
        registry().resolve(name(server))


def test_nobody_there_and_nobody_answering() -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        registry().resolve(f"localhost:{free_port()}/exam/backend:1.0.0")
    with silent() as port, pytest.raises(Unreachable) as caught:
        registry(seconds=0.2).resolve(f"localhost:{port}/exam/backend:1.0.0")
    assert caught.value.problem == f"localhost:{port} did not answer within 0.2 s"
    assert not isinstance(caught.value, Unclear)


def test_somebody_elses_text_is_one_short_line() -> None:
    assert plain.line("a\x1b[2J\n b\r\n") == "a [2J b"
    assert plain.line("x" * 1000) == "x" * 299 + "…"


def pushed(http: httpx.Client) -> str:
    """The digest of an image that was pushed as ``exam/backend:1.0.0``."""
    configuration = b"{}"
    config = "sha256:" + hashlib.sha256(configuration).hexdigest()
    upload = http.post("/v2/exam/backend/blobs/uploads/")
    assert upload.status_code == 202, upload.text
    stored = http.put(
        httpx.URL(upload.headers["location"]).copy_merge_params({"digest": config}), content=configuration
    )
    assert stored.status_code == 201, stored.text
    kind = "application/vnd.oci.image.manifest.v1+json"
    part = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": len(configuration)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": part, "layers": []}).encode()
    named = http.put("/v2/exam/backend/manifests/1.0.0", content=manifest, headers={"content-type": kind})
    assert named.status_code == 201, named.text
    return "sha256:" + hashlib.sha256(manifest).hexdigest()


def test_a_real_registry_is_asked(tmp_path: Path) -> None:
    with servers.registry(tmp_path) as port:
        host = f"localhost:{port}"
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            digest = pushed(http)
        asks = registry()
        assert asks.resolve(f"{host}/exam/backend:1.0.0") == digest
        assert asks.resolve(f"{host}/exam/backend@{digest}") == digest
        assert asks.digest(parse(f"{host}/exam/backend:2"), "2") is None
        assert asks.digest(parse(f"{host}/exam/other:1"), "1") is None


def auth() -> dict[str, str]:
    return {"auth": base64.b64encode(b"robot$ci:open sesame").decode()}


def docker(folder: Path, content: object) -> dict[str, str]:
    (folder / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return {"DOCKER_CONFIG": str(folder), "PATH": str(folder)}


def test_the_environments_account_is_for_the_stacks_registry_only() -> None:
    environ = {USER: "robot$ci", PASSWORD: "open sesame"}
    assert find("harbor.example", environ=environ, own="harbor.example") == ACCOUNT
    assert find("docker.io", environ=environ, own="harbor.example") is None
    assert find("harbor.example", environ={USER: "robot$ci"}, own="harbor.example") is None
    assert "sesame" not in repr(ACCOUNT)


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("harbor.example", "harbor.example"),
        ("harbor.example:8443", "https://harbor.example:8443"),
        ("docker.io", "https://index.docker.io/v1/"),
    ],
)
def test_dockers_account_is_found(tmp_path: Path, host: str, key: str) -> None:
    environ = docker(tmp_path, {"auths": {key: auth()}})
    assert find(host, environ=environ, own="harbor.example") == ACCOUNT
    assert find("other.example", environ=environ, own="harbor.example") is None


def test_dockers_configuration_is_looked_for_at_home(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    docker(tmp_path / ".docker", {"auths": {"harbor.example": {"username": "robot$ci", "password": "open sesame"}}})
    assert find("harbor.example", environ={"HOME": str(tmp_path)}, own=None) == ACCOUNT
    assert find("harbor.example", environ={}, own=None) is None


def test_dockers_helper_is_asked(tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(
        "#!/bin/sh\nread host; [ \"$1 $host\" = 'get harbor.example' ] || exit 1\n"
        'echo \'{"Username": "robot$ci", "Secret": "open sesame"}\'\n'
    )
    helper.chmod(0o755)
    for content in ({"credsStore": "test"}, {"credHelpers": {"harbor.example": "test"}}):
        environ = docker(tmp_path, {"auths": {"harbor.example": {}}, **content})
        assert find("harbor.example", environ=environ, own=None) == ACCOUNT
        assert find("other.example", environ=environ, own=None) is None


@pytest.mark.parametrize(
    "content", ["[", "[]", {"auths": {"harbor.example": {"auth": "%"}}}, {"credsStore": "../evil"}]
)
def test_a_configuration_that_docker_did_not_write_leaves_it_unknown(tmp_path: Path, content: object) -> None:
    with pytest.raises(Unclear, match="is not what Docker writes"):
        find("harbor.example", environ=docker(tmp_path, content), own=None)


def test_a_helper_that_is_missing_leaves_it_unknown(tmp_path: Path) -> None:
    with pytest.raises(Unclear, match="docker-credential-none"):
        find("harbor.example", environ=docker(tmp_path, {"credsStore": "none"}), own=None)
