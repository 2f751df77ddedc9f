"""Bundles of definitions: the pinned module's, verified, read once, and one clear error where they cannot be had."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

import crds
from crds import ManifestsMissing
from versions import VERSIONS, Bundle

SUM = f"h1:{'A' * 43}="
OTHER = f"h1:{'B' * 43}="
PINNED = Bundle(module="example.org/Site", version="v1.2.3", sum=SUM, directory="crd")
REPOSITORY = Path(crds.__file__).parent


@dataclass
class Machine:
    """A machine with one bundle ``site`` to be had, and no Go until :meth:`go` is called."""

    home: Path
    modules: Path

    @property
    def unpacked(self) -> Path:
        """Where the module lies once Go has fetched it."""
        return self.modules / "example.org" / "!site@v1.2.3"

    def unpack(self, note: str = SUM) -> None:
        """Do what ``go mod download`` does."""
        write(self.unpacked / "crd" / "b.yaml", definition("b"), {"kind": "Kustomization"}, definition("a"), policy())
        notes = self.modules / "cache" / "download" / "example.org" / "!site" / "@v"
        notes.mkdir(parents=True)
        (notes / "v1.2.3.ziphash").write_text(note)

    def go(self, said: object, code: int = 0, complaint: str = "") -> None:
        """Put a Go on PATH that answers one download."""
        script = self.home / "bin" / "go"
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            "#!/bin/sh\n"
            '[ "$*" = "mod download -json example.org/Site@v1.2.3" ] || { echo "unexpected $*" >&2; exit 99; }\n'
            f"printf %s {shlex.quote(said if isinstance(said, str) else json.dumps(said))}\n"
            f"printf %s {shlex.quote(complaint)} >&2\nexit {code}\n"
        )
        script.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("ENGLISH_TRAINING_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(crds.DIRECTORY_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setattr(crds, "VERSIONS", VERSIONS.model_copy(update={"crds": {"site": PINNED}}))
    return Machine(home=tmp_path, modules=tmp_path / "modules")


def test_definitions_come_first_and_everything_in_the_order_of_names(machine: Machine) -> None:
    machine.unpack()
    assert [(each["kind"], each["metadata"]["name"]) for each in crds.bundle("site")] == [
        ("CustomResourceDefinition", "a"),
        ("CustomResourceDefinition", "b"),
        ("ValidatingAdmissionPolicy", "guard"),
    ]


def test_what_the_api_server_writes_is_left_out(machine: Machine) -> None:
    machine.unpack()
    assert crds.bundle("site")[0] == {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "a"},
    }


def test_a_module_that_go_has_is_read_without_go(machine: Machine) -> None:
    machine.unpack()
    machine.go("this Go is not to be asked", code=1)
    assert len(crds.bundle("site")) == 3


def test_a_bundle_is_read_from_its_module_once(machine: Machine) -> None:
    machine.unpack()
    first = crds.bundle("site")
    (machine.unpacked / "crd" / "b.yaml").unlink()
    assert crds.bundle("site") == first


def test_a_damaged_cache_is_read_anew(machine: Machine) -> None:
    machine.unpack()
    first = crds.bundle("site")
    (kept,) = (machine.home / "cache" / "crds").iterdir()
    kept.write_text(kept.read_text()[:40])
    assert crds.bundle("site") == first


def test_a_cache_that_cannot_be_written_does_not_matter(machine: Machine) -> None:
    machine.unpack()
    (machine.home / "cache").write_text("not a directory")
    assert len(crds.bundle("site")) == 3


@pytest.mark.parametrize("spoil", ["absent", "unpacking was interrupted", "of another sum"])
def test_a_module_that_go_has_not_whole_is_fetched(machine: Machine, spoil: str) -> None:
    if spoil != "absent":
        machine.unpack(OTHER if spoil == "of another sum" else SUM)
        (machine.modules / "cache/download/example.org/!site/@v/v1.2.3.partial").touch()
    write(machine.home / "fetched" / "crd" / "a.yaml", definition("fetched"))
    machine.go({"Dir": str(machine.home / "fetched"), "Sum": SUM})
    assert [each["metadata"]["name"] for each in crds.bundle("site")] == ["fetched"]


def test_a_module_of_another_sum_is_refused(machine: Machine) -> None:
    machine.go({"Dir": str(machine.home), "Sum": OTHER})
    with pytest.raises(ManifestsMissing) as caught:
        crds.bundle("site")
    assert caught.value.problem == (
        f"versions.yaml: crds.site.sum is {SUM}, but example.org/Site@v1.2.3 sums to {OTHER}"
    )
    assert caught.value.remedy.startswith("if the version was raised on purpose, pin the new sum")


@pytest.mark.parametrize(
    ("said", "code", "complaint", "why"),
    [
        ({"Error": "no such host"}, 1, "", "no such host"),
        ("", 1, "go: proxy is not to be reached\n", "go: proxy is not to be reached"),
        ("", 2, "", "it ended with code 2"),
        ("[]", 0, "", "it ended with code 0"),
    ],
)
def test_a_module_that_cannot_be_fetched_is_named_with_the_reason(
    machine: Machine, said: object, code: int, complaint: str, why: str
) -> None:
    machine.go(said, code, complaint)
    with pytest.raises(ManifestsMissing) as caught:
        crds.bundle("site")
    assert caught.value.problem == f"versions.yaml: crds.site: Go cannot fetch example.org/Site@v1.2.3: {why}"
    assert caught.value.remedy == (
        "see that `go mod download example.org/Site@v1.2.3` works, or: export ENGLISH_TRAINING_CRDS=<directory>"
    )


def test_a_go_that_cannot_be_run_is_named(machine: Machine) -> None:
    machine.go("")
    (machine.home / "bin" / "go").write_text("\0")
    with pytest.raises(ManifestsMissing, match=r"Go cannot fetch .*: .*bin/go cannot be run"):
        crds.bundle("site")


def test_without_go_it_says_both_ways_out(machine: Machine) -> None:
    with pytest.raises(ManifestsMissing) as caught:
        crds.bundle("site")
    assert str(caught.value) == (
        "versions.yaml: crds.site comes from the Go module example.org/Site@v1.2.3, and there is no `go` on PATH\n"
        "  remedy: install Go (https://go.dev/dl/), or put the files in <directory>/site/ "
        "and: export ENGLISH_TRAINING_CRDS=<directory>"
    )
    assert isinstance(caught.value, pulumi.RunError), "Pulumi would show a traceback"
    assert machine.home.exists()


def test_a_directory_of_ones_own_is_read_instead(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(crds.DIRECTORY_VARIABLE, str(machine.home / "own"))
    write(machine.home / "own" / "site" / "one.yaml", definition("own"))
    assert [each["metadata"]["name"] for each in crds.bundle("site")] == ["own"]
    write(machine.home / "own" / "site" / "one.yaml", definition("changed"))
    assert [each["metadata"]["name"] for each in crds.bundle("site")] == ["changed"]


def test_a_directory_without_files_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(crds.DIRECTORY_VARIABLE, str(machine.home / "own"))
    with pytest.raises(ManifestsMissing, match=r"crds\.site: there are no \*\.yaml files in .*/own/site"):
        crds.bundle("site")


def test_a_file_that_is_no_yaml_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(crds.DIRECTORY_VARIABLE, str(machine.home / "own"))
    (machine.home / "own" / "site").mkdir(parents=True)
    (machine.home / "own" / "site" / "one.yaml").write_text("a: [")
    with pytest.raises(ManifestsMissing, match=r"own/site/one\.yaml is not readable YAML"):
        crds.bundle("site")


def test_the_pinned_bundles_hold_what_the_gateway_needs() -> None:
    try:
        found = {name: crds.bundle(name) for name in VERSIONS.crds}
    except ManifestsMissing as missing:
        pytest.skip(f"the bundles cannot be had here: {missing}")
    kinds = {name: {each["spec"]["names"]["kind"] for each in found[name] if _defines(each)} for name in found}
    assert {"Gateway", "GatewayClass", "HTTPRoute", "ReferenceGrant"} <= kinds["gateway-api"]
    assert {"BackendTrafficPolicy", "ClientTrafficPolicy", "EnvoyProxy"} <= kinds["envoy-gateway"]
    guards = [each["kind"] for each in found["gateway-api"] if not _defines(each)]
    assert guards == ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]


def _defines(manifest: crds.Manifest) -> bool:
    return bool(manifest["kind"] == "CustomResourceDefinition")


def definition(name: str) -> dict[str, Any]:
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {**kind, "metadata": {"name": name}, "status": {"conditions": []}}


def policy() -> dict[str, Any]:
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"}
    return {**kind, "metadata": {"name": "guard"}}


def write(file: Path, *documents: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump_all(documents))
