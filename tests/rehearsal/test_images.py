"""Images are what their names say, the same each time, and valid as OCI has it."""

import gzip
import hashlib
import io
import json
import tarfile

import pytest

from rehearsal.errors import UsageError
from rehearsal.images import Reference, make

BACKEND = Reference(repository="english-training-system/backend", tag="1.2.0-sim.errors5")


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize("text", ["registry.localhost/a/b:1.0", "a/b:1.0"])
def test_the_registrys_name_may_be_left_out(text: str) -> None:
    assert Reference.parse(text) == Reference(repository="a/b", tag="1.0")
    assert str(Reference.parse(text)) == "registry.localhost/a/b:1.0"


@pytest.mark.parametrize(
    "text", ["", "a", "a:", "A/b:1", "a/b:-1", "../a:1", "a//b:1", "other.host:5000/a:1", f"a@{digest(b'')}", "a:1\n"]
)
def test_what_is_no_name_with_a_tag_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Reference.parse(text)
    assert caught.value.remedy.startswith("python -m rehearsal image push ")


def test_the_manifest_names_config_and_layer_by_digest_and_size() -> None:
    image = make(BACKEND)
    manifest = json.loads(image.manifest.content)
    assert manifest["schemaVersion"] == 2
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    for named, blob in ((manifest["config"], image.config), (manifest["layers"][0], image.layer)):
        assert named == {"mediaType": blob.kind, "digest": digest(blob.content), "size": len(blob.content)}


def test_the_config_names_the_layers_content_and_the_release() -> None:
    image = make(BACKEND)
    config, archive = json.loads(image.config.content), gzip.decompress(image.layer.content)
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    assert config["rootfs"] == {"type": "layers", "diff_ids": [digest(archive)]}
    assert config["config"]["Labels"] == {
        "org.opencontainers.image.title": "backend",
        "org.opencontainers.image.version": "1.2.0-sim.errors5",
    }
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        (entry,) = opened.getmembers()
        file = opened.extractfile(entry)
        assert file is not None
        assert entry.name == "README"
        assert file.read().startswith(b"registry.localhost/english-training-system/backend:1.2.0-sim.errors5: an image")


def test_a_name_always_gives_the_same_image_and_another_name_another() -> None:
    assert make(BACKEND) == make(BACKEND)
    other = Reference(repository=BACKEND.repository, tag="1.3.0")
    assert make(other).manifest.digest != make(BACKEND).manifest.digest
