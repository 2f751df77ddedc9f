"""Images in the rehearsal's registry: each of one layer with a text file that says what it is."""

import gzip
import hashlib
import http.client
import io
import json
import re
import ssl
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import urlsplit

from rehearsal.cluster import lifecycle
from rehearsal.cluster.layout import Layout
from rehearsal.errors import ClusterFailed, NotRunning, UsageError
from rehearsal.paths import Paths

HOST: Final = "registry.localhost"
"""The registry's name in image names, which have no port: it is another one on each machine."""
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
LONG_AGO: Final = "1970-01-01T00:00:00Z"
"""When every image was made, so that the same name gives the same digest."""
TIMEOUT: Final = 10.0
_NAME: Final = re.compile(
    r"(?P<repository>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r":(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})"
)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The name of an image in the registry."""

    repository: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """``[registry.localhost/]REPOSITORY:TAG``. Raises :class:`UsageError`."""
        found = _NAME.fullmatch(text.removeprefix(f"{HOST}/"))
        if found is None:
            raise UsageError(
                f"{text!r} does not name an image with a tag in {HOST}",
                remedy="python -m rehearsal image push english-training-system/backend:1.2.0",
            )
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"{HOST}/{self.repository}:{self.tag}"


@dataclass(frozen=True, kw_only=True)
class Blob:
    """Content that its digest names."""

    kind: str
    """Media type."""
    content: bytes

    @property
    def digest(self) -> str:
        """``sha256:…``."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @property
    def descriptor(self) -> dict[str, Any]:
        """How a manifest refers to it."""
        return {"mediaType": self.kind, "digest": self.digest, "size": len(self.content)}


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image for ``linux/amd64``."""

    layer: Blob
    config: Blob
    manifest: Blob


def make(reference: Reference) -> Image:
    """The image of that name: always the same, byte for byte."""
    labels = {
        "org.opencontainers.image.title": reference.repository.rpartition("/")[2],
        "org.opencontainers.image.version": reference.tag,
    }
    archive = _archive("README", f"{reference}: an image of the rehearsal. No code of the application is in it.\n")
    layer = Blob(kind=LAYER, content=gzip.compress(archive, mtime=0))
    config = {
        "created": LONG_AGO,
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(archive).hexdigest()}"]},
        "history": [{"created": LONG_AGO, "created_by": "rehearsal"}],
    }
    made = Blob(kind=CONFIG, content=_json(config))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": made.descriptor,
        "layers": [layer.descriptor],
        "annotations": labels,
    }
    return Image(layer=layer, config=made, manifest=Blob(kind=MANIFEST, content=_json(manifest)))


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The way to the registry from this machine."""

    port: int
    authority: str
    """File with the authority that signed its certificate."""

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "") -> http.client.HTTPMessage | None:
        """The headers of the answer; ``None`` if there is no such thing. Raises :class:`ClusterFailed`."""
        context = ssl.create_default_context(cafile=self.authority)
        headers = {"Host": HOST, "Accept": MANIFEST, **({"Content-Type": kind} if kind else {})}
        try:
            with closing(http.client.HTTPSConnection("localhost", self.port, timeout=TIMEOUT, context=context)) as way:
                way.request(method, path, body, headers)
                answer = way.getresponse()
                said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(str(error)) from None
        if answer.status == HTTPStatus.NOT_FOUND and method == "HEAD":
            return None
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise self._failed(f"{method} {path}: {answer.status} {said.decode(errors='replace')[:200]}")
        return answer.headers

    def _failed(self, why: str) -> ClusterFailed:
        problem = f"the registry on port {self.port} does not take an image: {why}"
        return ClusterFailed(problem, remedy="make status, then read .rehearsal/cluster/logs/registry.log")


def registry_of(paths: Paths) -> Registry:
    """The registry of a checkout. Raises :class:`NotRunning`."""
    port = lifecycle.running(paths).beside.get("registry")
    if port is None:
        problem = f"the embedded cluster of {paths.checkout} was started when there was no registry yet"
        raise NotRunning(problem, remedy="make up")
    return Registry(port=port, authority=str(Layout(root=paths.cluster).ca))


def push(registry: Registry, reference: Reference) -> str:
    """Push the image of that name; what is there already is not sent again. Returns its digest.

    Raises :class:`ClusterFailed`.
    """
    image, root = make(reference), f"/v2/{reference.repository}"
    for blob in (image.layer, image.config):
        if registry.call("HEAD", f"{root}/blobs/{blob.digest}") is None:
            begun = registry.call("POST", f"{root}/blobs/uploads/")
            place = urlsplit(str(begun["Location"] if begun else ""))
            query = f"{place.query}&" if place.query else ""
            registry.call("PUT", f"{place.path}?{query}digest={blob.digest}", blob.content, "application/octet-stream")
    registry.call("PUT", f"{root}/manifests/{reference.tag}", image.manifest.content, MANIFEST)
    return image.manifest.digest


def seed(registry: Registry, names: Iterable[str]) -> Iterator[str]:
    """Push those of ``names`` that are in this registry by a tag and not there yet; yields the name of each.

    Names of other registries, and those with a digest, are left to whoever has them.
    """
    for name in dict.fromkeys(names):
        if name.startswith(f"{HOST}/") and _NAME.fullmatch(name.removeprefix(f"{HOST}/")):
            reference = Reference.parse(name)
            if registry.call("HEAD", f"/v2/{reference.repository}/manifests/{reference.tag}") is None:
                push(registry, reference)
                yield str(reference)


def _archive(name: str, text: str) -> bytes:
    """A tar archive of one file that belongs to root and is as old as can be."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(text.encode())
        archive.addfile(entry, io.BytesIO(text.encode()))
    return written.getvalue()


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
