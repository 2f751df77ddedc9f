"""Which Python runs a program, by the runtime options of its ``Pulumi.yaml``."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest

from rehearsal.plugins.languagehost.interpreter import Interpreter, OptionError, Package, find

OWN = Path(sys.executable)


def test_without_options_it_is_the_hosts_own() -> None:
    assert find({}, root=Path("/p"), environment={}) == Interpreter(executable=OWN)


def test_the_environment_may_name_a_command() -> None:
    environment = {"PULUMI_PYTHON_CMD": OWN.name, "PATH": str(OWN.parent)}
    found = find({}, root=Path("/p"), environment=environment)
    assert found.executable == OWN
    assert found.is_own


@pytest.mark.parametrize("options", [{"virtualenv": "v"}, {"virtualenv": "v", "toolchain": "pip"}])
def test_a_virtual_environment_is_relative_to_pulumi_yaml(tmp_path: Path, options: dict[str, Any]) -> None:
    python = tmp_path / "v" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/usr/bin/env")
    found = find(options, root=tmp_path, environment={"PULUMI_PYTHON_CMD": "ignored"})
    assert found == Interpreter(executable=python)
    assert not found.is_own


def test_the_toolchain_uv_has_its_own_default(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(OWN.parent.parent)
    assert find({"toolchain": "uv"}, root=tmp_path, environment={}).is_own


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"virtualenv": "nowhere"}, r"virtualenv of /p/Pulumi\.yaml is 'nowhere', but /p/nowhere/bin/python does not"),
        ({"virtualenv": 3}, "virtualenv of /p must be a path, not 3"),
        ({"toolchain": "poetry"}, "does not know the toolchain 'poetry': use pip or uv"),
        ({"typechecker": "mypy"}, "does not know the runtime option typechecker of /p"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        find(options, root=Path("/p"), environment={})


def test_a_command_that_cannot_be_run_is_refused_by_name() -> None:
    with pytest.raises(OptionError, match="PULUMI_PYTHON_CMD is 'no-such-python'"):
        find({}, root=Path("/p"), environment={"PULUMI_PYTHON_CMD": "no-such-python", "PATH": "/nowhere"})


def test_installed_pulumi_packages_come_with_the_version_of_their_plugin() -> None:
    packages = Interpreter(executable=OWN).pulumi_packages()
    assert Package(name="kubernetes", version=importlib.metadata.version("pulumi_kubernetes")) in packages
    assert Package(name="random", version=importlib.metadata.version("pulumi_random")) in packages


def test_another_interpreter_is_asked_for_its_packages(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec {OWN} "$@"\n')
    script.chmod(0o755)
    other = Interpreter(executable=script)
    assert not other.is_own
    assert other.pulumi_packages() == Interpreter(executable=OWN).pulumi_packages()
    assert other.version() == ".".join(map(str, sys.version_info[:3]))


def test_distributions_that_others_require_are_left_out_unless_asked_for() -> None:
    own = Interpreter(executable=OWN)
    everything, roots = own.distributions(transitive=True), own.distributions(transitive=False)
    assert ("protobuf", importlib.metadata.version("protobuf")) in everything
    assert "protobuf" not in dict(roots)
    assert set(roots) < set(everything)


def test_an_interpreter_that_does_not_work_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"the Python interpreter {tmp_path}/python does not work"):
        Interpreter(executable=tmp_path / "python").version()
