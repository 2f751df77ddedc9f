"""Which Python runs a program, and what is installed there."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LIST = """
import importlib.metadata as m, json
print(json.dumps([[d.metadata["Name"], d.version, d.requires or []] for d in m.distributions()]))
"""
_SITE = "import json, site, sysconfig; print(json.dumps([*{*sysconfig.get_paths().values(), *site.getsitepackages()}]))"


class OptionError(ValueError):
    """A runtime option of ``Pulumi.yaml`` that cannot be honoured; the message names it and what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A Pulumi package that an interpreter has installed, with the plugin it belongs to."""

    name: str
    version: str
    """Version of the plugin, without a leading ``v``."""
    server: str = ""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python interpreter."""

    executable: Path

    @property
    def is_own(self) -> bool:
        """Whether this is the interpreter that runs the language host itself."""
        own = Path(sys.executable)
        same_directory = self.executable.parent.resolve() == own.parent.resolve()
        return same_directory and self.executable.resolve() == own.resolve()

    def pulumi_packages(self) -> list[Package]:
        """Return the installed Pulumi packages that have a plugin of their own, by name."""
        found = [
            _package(json.loads(description.read_text()))
            for site in self._site_directories()
            for description in sorted(Path(site).glob("*/pulumi-plugin.json"))
        ]
        return sorted((package for package in found if package), key=lambda package: package.name)

    def distributions(self, *, transitive: bool) -> list[tuple[str, str]]:
        """Return name and version of what is installed; unless ``transitive``, only what nothing else requires."""
        listed: list[tuple[str, str, list[str]]] = json.loads(self._ask(_LIST))
        required = {_required_name(text) for _, _, requirements in listed for text in requirements}
        return sorted((n, v) for n, v, _ in listed if transitive or _normal(n) not in required)

    def version(self) -> str:
        """Return the interpreter's version, such as ``3.11.9``."""
        if self.is_own:
            return platform.python_version()
        return self._ask("import platform; print(platform.python_version())").strip()

    def _site_directories(self) -> list[str]:
        if self.is_own:
            return [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        return list(json.loads(self._ask(_SITE)))

    def _ask(self, code: str) -> str:
        command = [str(self.executable), "-c", code]
        try:
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own code
        except (OSError, subprocess.CalledProcessError) as error:
            raise OptionError(f"the Python interpreter {self.executable} does not work: {error}") from error


def find(options: Mapping[str, Any], *, root: Path, environment: Mapping[str, str] = os.environ) -> Interpreter:
    """Return the interpreter for a program with these runtime ``options`` in the ``Pulumi.yaml`` of directory ``root``.

    ``virtualenv`` names a virtual environment, relative to ``root``; without one it is ``PULUMI_PYTHON_CMD`` of the
    ``environment``, or the language host's own. Raises :class:`OptionError` for what cannot be honoured.
    """
    unknown = sorted(options.keys() - {"virtualenv", "toolchain"})
    if unknown:
        raise OptionError(f"the stand-in language host does not know the runtime option {', '.join(unknown)} of {root}")
    toolchain = options.get("toolchain", "pip")
    if toolchain not in {"pip", "uv"}:
        raise OptionError(f"the stand-in language host does not know the toolchain {toolchain!r}: use pip or uv")
    virtualenv = options.get("virtualenv", ".venv" if toolchain == "uv" else None)
    if virtualenv is None:
        return _default(environment)
    if not isinstance(virtualenv, str):
        raise OptionError(f"the runtime option virtualenv of {root} must be a path, not {virtualenv!r}")
    executable = root / virtualenv / "bin" / "python"
    if not executable.exists():
        raise OptionError(
            f"the runtime option virtualenv of {root / 'Pulumi.yaml'} is {virtualenv!r}, but {executable} does not "
            f"exist: create it with `python3 -m venv {root / virtualenv}` and install the program's requirements there"
        )
    return Interpreter(executable=executable)


def _default(environment: Mapping[str, str]) -> Interpreter:
    command = environment.get("PULUMI_PYTHON_CMD")
    if not command:
        return Interpreter(executable=Path(sys.executable))
    executable = shutil.which(command, path=environment.get("PATH"))
    if executable is None:
        raise OptionError(f"PULUMI_PYTHON_CMD is {command!r}, which is not a program that can be run")
    return Interpreter(executable=Path(executable))


def _package(description: Mapping[str, Any]) -> Package | None:
    """Return the package that a ``pulumi-plugin.json`` describes; ``None`` without a plugin or a known version."""
    name, version = description.get("name"), description.get("version")
    if not description.get("resource") or not name or not version:
        return None
    return Package(name=name, version=version.removeprefix("v"), server=description.get("server") or "")


def _required_name(requirement: str) -> str:
    name = requirement
    for end in " ;[(<>=!~":
        name = name.partition(end)[0]
    return _normal(name)


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
