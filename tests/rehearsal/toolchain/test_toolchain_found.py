"""What the user has already is used, if it fits and is really the user's."""

from pathlib import Path

import pytest

from rehearsal.errors import Missing
from rehearsal.toolchain import ensure
from rehearsal.toolchain.found import found_on_path, wheel
from tests.rehearsal.toolchain.conftest import Machine, Recorder


def test_the_users_pulumi_of_the_pinned_version_is_used(machine: Machine, recorder: Recorder) -> None:
    theirs = machine.program("pulumi", '[ "$*" = version ] && echo v3.259.0')
    toolchain = ensure(machine.paths, ["pulumi"], recorder)
    assert toolchain.binary("pulumi") == theirs
    assert toolchain.origins == {"pulumi": "yours"}
    assert machine.calls("build") == []


@pytest.mark.parametrize("said", ["echo v3.258.0", "echo v3.259.0-dev.1", "echo nothing of use", "exit 1"])
def test_another_pulumi_is_not(machine: Machine, recorder: Recorder, said: str) -> None:
    machine.program("pulumi", said)
    assert found_on_path("pulumi", machine.paths) is None
    assert ensure(machine.paths, ["pulumi"], recorder).origins == {"pulumi": "built"}


def test_a_fitting_one_behind_another_is_used(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.program("pulumi", "echo v3.1.0")
    second = machine.program("pulumi", "echo v3.259.0", tmp_path / "second")
    monkeypatch.setenv("PATH", f"{machine.programs}::{tmp_path / 'second'}")
    assert found_on_path("pulumi", machine.paths) == second


@pytest.mark.parametrize(("version", "used"), [("v1.36.0", True), ("v1.36.9", True), ("v1.35.3", False), ("", False)])
def test_the_users_kubectl_is_used_if_its_minor_version_is_ours(machine: Machine, version: str, used: bool) -> None:
    theirs = machine.program("kubectl", f"echo Client Version: {version}; echo Kustomize Version: v5.8.1")
    assert found_on_path("kubectl", machine.paths) == (theirs if used else None)


def test_the_users_promtool_is_known_by_the_number_of_its_release(machine: Machine) -> None:
    theirs = machine.program("promtool", "echo 'promtool, version 3.13.0 (branch: HEAD, revision: 1)'")
    assert found_on_path("promtool", machine.paths) == theirs


def test_a_control_plane_is_never_taken_from_the_path(machine: Machine) -> None:
    machine.program("kube-apiserver", "echo Kubernetes v1.36.3")
    assert found_on_path("kube-apiserver", machine.paths) is None


def test_launchers_of_any_checkout_are_not_the_users(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for launchers in (machine.paths.launchers, tmp_path / "another checkout" / ".rehearsal" / "bin"):
        machine.program("pulumi", "echo v3.259.0", launchers)
        monkeypatch.setenv("PATH", str(launchers))
        assert found_on_path("pulumi", machine.paths) is None


def test_links_to_what_was_built_are_not_the_users(machine: Machine) -> None:
    ours = machine.program("pulumi", "echo v3.259.0", machine.paths.cache / "tools" / "pulumi-1")
    (machine.programs / "pulumi").symlink_to(ours)
    assert found_on_path("pulumi", machine.paths) is None


def test_an_incomplete_python_environment_is_named(machine: Machine, recorder: Recorder) -> None:
    brought = wheel("envoy")
    brought.unlink()
    with pytest.raises(Missing) as caught:
        ensure(machine.paths, ["envoy"], recorder)
    assert caught.value.problem == f"{brought} is missing: the Python environment is not whole"
    assert caught.value.remedy == "rm -r .venv, then make up"
