"""Where plugins and tools are put, and in what environment they run."""

import importlib.metadata
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.paths import Paths
from rehearsal.plugins.environment import environment, write_env_file
from rehearsal.plugins.launchers import Installed, install, is_stand_in

KUBERNETES = f"resource-kubernetes-v{importlib.metadata.version('pulumi_kubernetes')}"
RANDOM = f"resource-random-v{importlib.metadata.version('pulumi_random')}"
NAMES = ["pulumi-resource-kubernetes", "pulumi-resource-random", "pulumi-language-python"]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(checkout=tmp_path / "a checkout", cache=tmp_path / "cache")


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def alone(paths: Paths) -> Installed:
    """Install on a machine that has no official plugin."""
    return install(paths, search="", homes=())


def stand_ins(installed: Installed) -> list[str]:
    return [each.executable for each in installed.stand_ins]


def test_without_official_plugins_stand_ins_serve_and_say_why(paths: Paths) -> None:
    installed = alone(paths)
    assert stand_ins(installed) == NAMES
    assert installed.official == {}
    version = importlib.metadata.version("pulumi")
    assert installed.notice.splitlines()[-1] == (
        f"a stand-in serves for pulumi-language-python: no official language host (Pulumi {version}) is on PATH"
    )
    places = [
        paths.pulumi_home / "plugins" / KUBERNETES / NAMES[0],
        paths.pulumi_home / "plugins" / RANDOM / NAMES[1],
        paths.launchers / NAMES[2],
    ]
    assert [is_stand_in(place) for place in places] == [True, True, True]


def test_an_official_language_host_on_the_path_is_used(paths: Paths, tmp_path: Path) -> None:
    official = executable(tmp_path / "bin" / "pulumi-language-python")
    installed = install(paths, search=f"/nowhere:{official.parent}", homes=())
    assert installed.official == {"pulumi-language-python": official}
    assert (paths.launchers / "pulumi-language-python").resolve() == official
    assert stand_ins(installed) == NAMES[:2]


@pytest.mark.parametrize("version", ["right", "other"])
def test_an_official_plugin_is_used_when_it_has_the_version_of_the_sdk(
    paths: Paths, tmp_path: Path, version: str
) -> None:
    directory = KUBERNETES if version == "right" else "resource-kubernetes-v1.0.0"
    official = executable(tmp_path / "home" / "plugins" / directory / NAMES[0])
    installed = install(paths, search="", homes=[tmp_path / "home"])
    place = paths.pulumi_home / "plugins" / KUBERNETES / NAMES[0]
    assert (installed.official == {NAMES[0]: official}) is (version == "right")
    assert (place.resolve() == official) is (version == "right")
    assert is_stand_in(place) is (version == "other")


def test_a_stand_in_of_another_checkout_is_not_taken_for_an_official_plugin(paths: Paths, tmp_path: Path) -> None:
    other = Paths(checkout=tmp_path / "other", cache=tmp_path / "cache")
    alone(other)
    installed = install(paths, search=f"{other.launchers}:{paths.launchers}", homes=[other.pulumi_home])
    assert stand_ins(installed) == NAMES


def test_installing_again_follows_what_the_machine_has_now(paths: Paths, tmp_path: Path) -> None:
    place = paths.launchers / "pulumi-language-python"
    official = executable(tmp_path / "bin" / "pulumi-language-python")
    alone(paths)
    install(paths, search=str(official.parent), homes=())
    assert place.resolve() == official
    alone(paths)
    assert is_stand_in(place)
    assert not place.is_symlink()
    assert official.read_text() == "#!/bin/sh\n"


def test_stand_ins_of_former_versions_are_removed_and_other_plugins_kept(paths: Paths) -> None:
    alone(paths)
    plugins = paths.pulumi_home / "plugins"
    (plugins / RANDOM).rename(plugins / "resource-random-v1.0.0")
    kept = executable(plugins / "resource-random-v2.0.0" / "pulumi-resource-random")
    alone(paths)
    assert sorted(entry.name for entry in plugins.iterdir()) == sorted([KUBERNETES, RANDOM, kept.parent.name])


def test_tools_are_found_under_their_names(paths: Paths, tmp_path: Path) -> None:
    tool = executable(tmp_path / "built" / "pulumi-v3", "#!/bin/sh\necho built\n")
    for _ in range(2):
        install(paths, tools={"pulumi": tool}, search="", homes=())
    found = subprocess.run([paths.launchers / "pulumi"], capture_output=True, text=True, check=True)
    assert found.stdout == "built\n"
    assert (paths.launchers / "pulumi").samefile(tool)
    assert sorted(entry.name for entry in paths.launchers.iterdir()) == ["pulumi", "pulumi-language-python"]


@pytest.mark.parametrize("name", ["pulumi-language-python", f"plugins/{RANDOM}/pulumi-resource-random"])
def test_a_launcher_serves_wherever_it_is_started(paths: Paths, tmp_path: Path, name: str) -> None:
    alone(paths)
    root = paths.pulumi_home if "/" in name else paths.launchers
    # A module of the working directory must not get in the way.
    (tmp_path / "rehearsal.py").write_text("raise SystemExit('the wrong rehearsal')\n")
    command = [str(root / name), "127.0.0.1:1"]
    plugin = subprocess.Popen(command, cwd=tmp_path, env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert plugin.stdout is not None
    assert plugin.stdout.readline().strip().isdigit()
    plugin.terminate()
    assert plugin.wait() == 0


def test_a_plugin_whose_engine_is_gone_before_it_looks_ends_by_itself(paths: Paths) -> None:
    alone(paths)
    standard_input, engines_end = os.pipe()
    os.close(engines_end)
    command = [str(paths.launchers / "pulumi-language-python"), "127.0.0.1:1"]
    # The plugin's parent is in another session, as when it is no longer the engine.
    plugin = subprocess.Popen(command, env={}, stdin=standard_input, stdout=subprocess.DEVNULL, start_new_session=True)
    os.close(standard_input)
    assert plugin.wait() == 0


def test_the_environment_speaks_to_this_checkout_only(paths: Paths) -> None:
    made = environment(paths, {"PATH": f"/usr/bin:{paths.launchers}:/bin", "OTHER": "x"})
    assert made["PATH"] == f"{paths.launchers}:/usr/bin:/bin"
    assert made["PULUMI_BACKEND_URL"] == f"file://{paths.backend}"
    assert made["PULUMI_HOME"] == str(paths.pulumi_home)
    assert made["KUBECONFIG"] == str(paths.kubeconfig)
    assert made["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == made["PULUMI_SKIP_UPDATE_CHECK"] == "true"
    assert made["PULUMI_PYTHON_CMD"] == sys.executable
    assert "OTHER" not in made


def test_what_only_this_rehearsal_has_comes_beside(paths: Paths) -> None:
    assert environment(paths, {}, {"ENGLISH_TRAINING_REDIS": "localhost:1"})["ENGLISH_TRAINING_REDIS"] == "localhost:1"
    assert (
        "export ENGLISH_TRAINING_REDIS=localhost:1\n"
        in write_env_file(paths, {"ENGLISH_TRAINING_REDIS": "localhost:1"}).read_text()
    )


@pytest.mark.parametrize("times", [1, 2])
def test_the_env_file_gives_a_plain_shell_the_same_environment(paths: Paths, times: int) -> None:
    file = write_env_file(paths)
    base = {"PATH": "/usr/bin:/bin"}
    script = f". {shlex.quote(str(file))}\n" * times + "env -0\n"
    shown = subprocess.run(["/bin/sh", "-euc", script], env=base, capture_output=True, text=True, check=True).stdout
    variables = dict(entry.split("=", 1) for entry in shown.split("\0") if entry)
    assert {name: variables.get(name) for name in environment(paths, base)} == environment(paths, base)
