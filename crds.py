"""Custom resource definitions, read from the Go modules that ``versions.yaml`` pins.

Go fetches a module once and checks it against its checksum database; what Go noted is checked against the pinned sum as
well. The documents are then kept as JSON in the user's cache, because every update reads them twice.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pulumi
import yaml

from versions import VERSIONS, Bundle

DIRECTORY_VARIABLE: Final = "ENGLISH_TRAINING_CRDS"
"""Names a directory with ``<bundle>/*.yaml``, for machines without Go."""

KINDS: Final = ("CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
"""What a bundle may hold: definitions, and the policy that keeps them from being downgraded."""

Manifest = Mapping[str, Any]


class ManifestsMissing(pulumi.RunError):
    """A bundle cannot be had. ``problem`` says which and why; ``remedy`` is what to do next.

    Pulumi shows an error of this kind without a traceback.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n  remedy: {remedy}")
        self.problem = problem
        self.remedy = remedy


def bundle(name: str) -> list[Manifest]:
    """The documents of a bundle that ``versions.yaml`` names: definitions first, by name.

    Raises :class:`ManifestsMissing`.
    """
    pinned = VERSIONS.crds[name]
    override = os.environ.get(DIRECTORY_VARIABLE)
    if override:
        return _documents(name, Path(override) / name)
    kept = _cache() / f"{name}-{pinned.version}-{_key(pinned)}.json"
    with suppress(OSError, ValueError):  # Absent or damaged: read anew.
        return list(json.loads(kept.read_text()))
    documents = _documents(name, _module(name, pinned) / pinned.directory)
    _keep(kept, json.dumps(documents))
    return documents


def _documents(name: str, directory: Path) -> list[Manifest]:
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise ManifestsMissing(
            f"versions.yaml: crds.{name}: there are no *.yaml files in {directory}",
            f"correct crds.{name}.directory in versions.yaml, or the directory that {DIRECTORY_VARIABLE} names",
        )
    found = [manifest for file in files for manifest in _read(name, file)]
    return sorted(found, key=lambda manifest: (KINDS.index(manifest["kind"]), manifest["metadata"]["name"]))


def _read(name: str, file: Path) -> Iterator[Manifest]:
    try:
        documents = list(yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError) as error:
        raise ManifestsMissing(
            f"versions.yaml: crds.{name}: {file} is not readable YAML: {error}",
            "put the file as published in its place",
        ) from None
    for document in documents:
        if document and document.get("kind") in KINDS:
            yield {key: value for key, value in document.items() if key != "status"}


def _module(name: str, pinned: Bundle) -> Path:
    """The module's sources in Go's module cache, which is asked before Go: that takes a tenth of the time."""
    modules = _module_cache()
    escaped = re.sub("[A-Z]", lambda letter: f"!{letter[0].lower()}", pinned.module)
    notes = modules / "cache" / "download" / escaped / "@v"
    directory = modules / f"{escaped}@{pinned.version}"
    # While Go unpacks a module, or after it was killed while doing so, there is a file called .partial.
    whole = directory.is_dir() and not (notes / f"{pinned.version}.partial").exists()
    with suppress(OSError):
        if whole and (notes / f"{pinned.version}.ziphash").read_text().strip() == pinned.sum:
            return directory
    return _download(name, pinned)


def _download(name: str, pinned: Bundle) -> Path:
    go = shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent))
    module = f"{pinned.module}@{pinned.version}"
    if go is None:
        raise ManifestsMissing(
            f"versions.yaml: crds.{name} comes from the Go module {module}, and there is no `go` on PATH",
            f"install Go (https://go.dev/dl/), or put the files in <directory>/{name}/ "
            f"and: export {DIRECTORY_VARIABLE}=<directory>",
        )
    said, why = _ask(go, module)
    if "Dir" not in said:
        raise ManifestsMissing(
            f"versions.yaml: crds.{name}: Go cannot fetch {module}: {why}",
            f"see that `go mod download {module}` works, or: export {DIRECTORY_VARIABLE}=<directory>",
        )
    if said.get("Sum") != pinned.sum:
        raise ManifestsMissing(
            f"versions.yaml: crds.{name}.sum is {pinned.sum}, but {module} sums to {said.get('Sum')}",
            "if the version was raised on purpose, pin the new sum; otherwise find out who changed the module",
        )
    return Path(said["Dir"])


def _ask(go: str, module: str) -> tuple[Mapping[str, str], str]:
    """What Go notes about a module that it fetches if need be, and its complaint if it cannot."""
    neutral = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "on"}
    command = [go, "mod", "download", "-json", module]
    try:
        done = subprocess.run(  # noqa: S603 - Go, on a pinned name
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
            env={**os.environ, **neutral},
        )
    except OSError as error:
        return {}, f"{go} cannot be run: {error.strerror}"
    try:
        said = json.loads(done.stdout)
    except ValueError:
        said = None
    noted: Mapping[str, str] = said if isinstance(said, dict) else {}
    why = noted.get("Error") or done.stderr.strip() or f"it ended with code {done.returncode}"
    return noted if done.returncode == 0 else {}, why


def _module_cache() -> Path:
    """Where Go keeps modules, unless `go env -w` says otherwise; then Go itself is asked."""
    named = os.environ.get("GOMODCACHE")
    if named:
        return Path(named)
    roots = os.environ.get("GOPATH", "").split(os.pathsep)
    return (Path(roots[0]) if roots[0] else Path.home() / "go") / "pkg" / "mod"


def _key(pinned: Bundle) -> str:
    """Another version, sum, directory or choice of documents means another file."""
    return hashlib.sha256(json.dumps([pinned.model_dump(), KINDS]).encode()).hexdigest()[:12]


def _keep(kept: Path, text: str) -> None:
    """Write ``kept`` whole or not at all. A cache that cannot be written costs time, nothing else."""
    partial = kept.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text)
        partial.replace(kept)


def _cache() -> Path:
    base = os.environ.get("ENGLISH_TRAINING_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(base) if base else home / "english-training") / "crds"
