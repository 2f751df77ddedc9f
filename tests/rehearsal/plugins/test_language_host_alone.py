"""The language host's answers that need no engine."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2 as messages

from rehearsal.paths import Paths
from rehearsal.plugins.languagehost.servicer import LanguageHost
from rehearsal.plugins.launchers import install

VERSION = importlib.metadata.version("pulumi_random")


class AbortedError(Exception):
    pass


class Context:
    def abort(self, code: Any, details: str) -> NoReturn:
        raise AbortedError(f"{code.name}: {details}")


def required(root: Path) -> list[tuple[str, str, str]]:
    request = messages.GetRequiredPackagesRequest(info=messages.ProgramInfo(root_directory=str(root)))
    packages = LanguageHost(None).GetRequiredPackages(request, Context()).packages
    return [(package.kind, package.name, package.version) for package in packages]


def test_packages_without_a_plugin_at_hand_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_PYTHON_CMD", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    assert required(tmp_path) == []

    plugin = tmp_path / "home" / "plugins" / f"resource-random-v{VERSION}" / "pulumi-resource-random"
    plugin.parent.mkdir(parents=True)
    plugin.touch(mode=0o755)
    assert required(tmp_path) == [("resource", "random", f"v{VERSION}")]


def test_packages_whose_plugin_is_a_stand_in_or_on_the_path_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(checkout=tmp_path, cache=tmp_path / "cache")
    install(paths, search="", homes=())
    monkeypatch.delenv("PULUMI_PYTHON_CMD", raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(paths.pulumi_home))
    assert [name for _, name, _ in required(tmp_path)] == ["kubernetes", "random"]


def test_it_has_the_version_of_the_sdk() -> None:
    assert LanguageHost(None).GetPluginInfo(Empty(), Context()).version == importlib.metadata.version("pulumi")


def test_about_a_virtual_environment_that_is_not_there_it_says_what_to_do(tmp_path: Path) -> None:
    info = messages.ProgramInfo(root_directory=str(tmp_path))
    info.options.update({"virtualenv": "nowhere"})
    with pytest.raises(AbortedError, match=r"FAILED_PRECONDITION: .*create it with `python3 -m venv"):
        LanguageHost(None).About(messages.AboutRequest(info=info), Context())


def test_it_lists_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_PYTHON_CMD", sys.executable)
    request = messages.GetProgramDependenciesRequest(transitiveDependencies=True)
    dependencies = LanguageHost(None).GetProgramDependencies(request, Context()).dependencies
    assert ("pulumi", importlib.metadata.version("pulumi")) in [(each.name, each.version) for each in dependencies]


@pytest.mark.parametrize("verb", ["Template", "GenerateProgram", "GenerateProject", "GeneratePackage", "Pack", "Link"])
def test_what_it_does_not_do_it_refuses_with_a_message(verb: str) -> None:
    with pytest.raises(AbortedError, match="UNIMPLEMENTED: the rehearsal's stand-in for the language host does not "):
        getattr(LanguageHost(None), verb)(None, Context())
