"""Images in their registry, by the Docker Registry HTTP API v2 (the OCI distribution specification)."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from release.adapters.credentials import Credentials
from release.adapters.web import Answer, Unclear, fetch, is_local
from release.errors import BadOrder, Unreachable

MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""Kinds of manifest to accept; a registry converts, and so changes the digest, if a kind is missing here."""

LARGEST_MANIFEST: Final = 4 * 2**20
"""Bytes; what the distribution specification asks registries to accept at least."""

SECONDS: Final = 10.0
"""How long one answer may take."""

_IMAGE: Final = re.compile(
    r"(?:(?P<host>localhost(?::\d{1,5})?|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?|[a-z0-9-]+:\d{1,5})/)?"
    r"(?P<repository>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,32768}")
_DOCKER_HUB: Final = "docker.io"


@dataclass(frozen=True, kw_only=True)
class Image:
    """The parts of an image's name."""

    host: str
    """Registry, with its port if it has one."""
    repository: str
    """Path in the registry, its project first."""
    tag: str | None
    digest: str | None

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.host}/{self.repository}"


def parse(text: str) -> Image:
    """The parts of ``text``, as Docker reads it. Raises ``BadOrder`` where it names no image, or no certain one."""
    found = _IMAGE.fullmatch(text)
    if found is None or not (found["tag"] or found["digest"]):
        example = "harbor.example.com/english-training-system/backend:1.4.2"
        raise BadOrder(f"{text!r} names no image", remedy=f"name registry, repository and tag or digest: {example}")
    host, repository = found["host"] or _DOCKER_HUB, found["repository"]
    if host == _DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Image(host=host, repository=repository, tag=found["tag"], digest=found["digest"])


class Registry:
    """Asks registries. One object is for one command: it keeps the tokens it was given."""

    def __init__(
        self, http: httpx.Client, credentials: Callable[[str], Credentials | None], *, seconds: float = SECONDS
    ) -> None:
        """``credentials`` finds those for a registry's host."""
        self._http = http
        self._credentials = credentials
        self._seconds = seconds
        self._headers: dict[str, str] = {}
        """``Authorization`` by name of the image."""

    def resolve(self, text: str) -> str:
        """The digest of the image called ``text``, looked up by its tag, or else by its digest.

        Raises ``BadOrder`` where there is no such image, ``Unreachable`` where the registry does not answer, and of
        those ``Unclear`` where it does, but not so that one knows.
        """
        image = parse(text)
        reference = image.tag or str(image.digest)
        digest = self.digest(image, reference)
        if digest is None:
            raise BadOrder(f"{image.name} has no {reference}", remedy=f"push {text}, or name an image that is there")
        return digest

    def digest(self, image: Image, reference: str) -> str | None:
        """The digest of the manifest that ``reference``, a tag or a digest, names; ``None`` where there is none."""
        answer = self._manifest("HEAD", image, reference)
        told = answer.headers.get("docker-content-digest", "")
        if answer.status == httpx.codes.METHOD_NOT_ALLOWED or (answer.status == httpx.codes.OK and not told):
            answer = self._manifest("GET", image, reference)
            told = answer.headers.get("docker-content-digest", "")
            if answer.status == httpx.codes.OK:
                told = _verified(image, told, answer.body)
        if answer.status == httpx.codes.NOT_FOUND:
            return None
        if answer.status != httpx.codes.OK or _DIGEST.fullmatch(told) is None:
            raise _unclear(image, f"answers {answer.status} where a manifest was asked for")
        if reference.startswith("sha256:") and told != reference:
            raise BadOrder(f"{image.name} gives {told} for {reference}", remedy=f"look into the registry {image.host}")
        return told

    def _manifest(self, method: str, image: Image, reference: str) -> Answer:
        """The answer, after proving who asks if that is wanted."""
        host = "registry-1.docker.io" if image.host == _DOCKER_HUB else image.host
        # A registry on this machine that names its port is one without a certificate, as with Docker.
        scheme = "http" if ":" in image.host and is_local(_host(f"//{image.host}")) else "https"
        url = f"{scheme}://{host}/v2/{image.repository}/manifests/{reference}"
        answer = self._ask(method, url, image)
        if answer.status == httpx.codes.UNAUTHORIZED:
            self._headers[image.name] = self._authorization(image, host, answer.headers.get("www-authenticate", ""))
            answer = self._ask(method, url, image)
        if answer.status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise _denied(image)
        return answer

    def _ask(self, method: str, url: str, image: Image) -> Answer:
        known = self._headers.get(image.name)
        headers = {"accept": MANIFESTS, **({"authorization": known} if known else {})}
        return fetch(self._http, method, url, headers=headers, seconds=self._seconds, largest=LARGEST_MANIFEST)

    def _authorization(self, image: Image, host: str, challenge: str) -> str:
        """``Authorization`` that answers ``WWW-Authenticate: challenge``."""
        credentials = self._credentials(image.host)
        bearer = re.search(r"\bBearer\s+(.*)", challenge, re.IGNORECASE | re.DOTALL)
        if bearer:
            return f"Bearer {self._token(image, host, dict(_PARAMETER.findall(bearer[1])), credentials)}"
        if re.search(r"\bBasic\b", challenge, re.IGNORECASE) and credentials:
            return basic(credentials)
        raise _denied(image)

    def _token(self, image: Image, host: str, asked: Mapping[str, str], credentials: Credentials | None) -> str:
        """A token of the service that the registry names."""
        realm = asked.get("realm", "")
        where = _host(realm)
        if is_local(where) and not is_local(_host(f"//{host}")):
            raise _unclear(image, f"sends for a token to {where}, which is this machine")
        if credentials and not may_know(host, realm):
            raise _unclear(image, f"sends for a token to {where}, another domain, which was not told the credentials")
        scope = asked.get("scope", f"repository:{image.repository}:pull")
        query = {"scope": scope, **({"service": asked["service"]} if "service" in asked else {})}
        try:
            url = str(httpx.URL(realm).copy_merge_params(query))
        except httpx.InvalidURL as error:
            raise _unclear(image, "names no address for a token") from error
        headers = {"authorization": basic(credentials)} if credentials else {}
        answer = fetch(self._http, "GET", url, headers=headers, seconds=self._seconds)
        if answer.status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise _denied(image)
        try:
            given = json.loads(answer.body)
            token = given.get("token") or given.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if answer.status != httpx.codes.OK or not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise _unclear(image, f"answers {answer.status} where a token was asked for")
        return token


def basic(credentials: Credentials) -> str:
    """``Authorization`` by name and password."""
    return "Basic " + base64.b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()


def may_know(host: str, realm: str) -> bool:
    """Whether the credentials of the registry at ``host`` may go to ``realm``: to itself, or to its own domain."""
    registry, service = _host(f"//{host}"), _host(realm)
    domain = registry.partition(".")[2]
    return service == registry != "" or ("." in domain and (service == domain or service.endswith(f".{domain}")))


def _host(url: str) -> str:
    """The host of ``url``; empty where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _verified(image: Image, told: str, body: bytes) -> str:
    """The digest of ``body``, which must be the one that the registry told, if it told one."""
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if told and told != digest:
        raise BadOrder(
            f"{image.name}: the registry names {told!r}, but the manifest is {digest}",
            remedy=f"look into the registry {image.host}: its content is not what it says",
        )
    return digest


def _denied(image: Image) -> Unreachable:
    return Unclear(
        f"{image.host} does not let us see {image.repository}",
        remedy=f"run `docker login {image.host}`, or set ENGLISH_TRAINING_REGISTRY_USER and _PASSWORD",
    )


def _unclear(image: Image, what: str) -> Unclear:
    return Unclear(f"{image.host} {what}", remedy=f"look what answers at https://{image.host}/v2/")
