import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.plugins.kubernetes.configuration import (
    Configuration,
    ambient_kubeconfig,
    problems,
    read_kubeconfig,
    replacements,
)
from rehearsal.plugins.kubernetes.errors import PluginError
from rehearsal.plugins.wire import UNKNOWN


def kubeconfig(server: str = "https://one", context: str = "c") -> dict[str, Any]:
    return {
        "current-context": context,
        "clusters": [{"name": "k", "cluster": {"server": server, "certificate-authority": "ca.crt"}}],
        "users": [{"name": "u", "user": {"client-key": "/absolute/key"}}],
        "contexts": [{"name": context, "context": {"cluster": "k", "user": "u"}}],
    }


def test_options_come_as_strings_or_as_they_are_and_else_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    monkeypatch.setenv("PULUMI_K8S_UPSERT_EXISTING_OBJECTS", "true")
    options = {"enablePatchForce": "true", "enableConfigMapMutable": True, "upsertExistingObjects": "false"}
    assert Configuration.of({**options, "namespace": "n", "kubeconfig": {"a": 1}}) == Configuration(
        kubeconfig='{"a": 1}', namespace="n", patch_force=True, mutable_config_maps=True, delete_unreachable=True
    )


def test_what_the_stand_in_cannot_honour_is_refused() -> None:
    assert set(problems({"enableServerSideApply": "false", "renderYamlToDirectory": "out"})) == {
        "enableServerSideApply",
        "renderYamlToDirectory",
    }
    assert problems({"enableServerSideApply": "true", "context": "c"}) == {}


def test_the_same_cluster_by_another_kubeconfig_replaces_nothing() -> None:
    old, new = kubeconfig(), kubeconfig()
    new["users"][0]["user"] = {"token": "t"}
    assert replacements({"kubeconfig": json.dumps(old)}, {"kubeconfig": json.dumps(new)}) == (["kubeconfig"], [])


def test_another_cluster_replaces_everything() -> None:
    old, new = json.dumps(kubeconfig()), json.dumps(kubeconfig("https://two"))
    assert replacements({"kubeconfig": old}, {"kubeconfig": new}) == (["kubeconfig"], ["kubeconfig"])


def test_another_context_counts_by_the_cluster_it_names() -> None:
    config = kubeconfig()
    config["contexts"].append({"name": "same", "context": {"cluster": "k"}})
    config["clusters"].append({"name": "other", "cluster": {"server": "https://two"}})
    config["contexts"].append({"name": "other", "context": {"cluster": "other"}})
    old = {"kubeconfig": json.dumps(config)}
    assert replacements(old, {**old, "context": "same"}) == (["context"], [])
    assert replacements(old, {**old, "context": "other"}) == (["context"], ["context"])


def test_an_identifier_decides_where_there_is_one() -> None:
    one, two = json.dumps(kubeconfig()), json.dumps(kubeconfig("https://two"))
    old = {"kubeconfig": one, "clusterIdentifier": "a"}
    assert replacements(old, {"kubeconfig": two, "clusterIdentifier": "a"}) == (["kubeconfig"], [])
    assert replacements(old, {**old, "clusterIdentifier": "b"}) == (["clusterIdentifier"], ["clusterIdentifier"])
    assert replacements({"kubeconfig": one}, old) == (["clusterIdentifier"], [])


def test_a_kubeconfig_that_is_not_known_yet_may_be_another_cluster() -> None:
    assert replacements({"kubeconfig": "x"}, {"kubeconfig": UNKNOWN}) == (["kubeconfig"], ["kubeconfig"])


def test_no_difference_is_none() -> None:
    assert replacements({"context": "c"}, {"context": "c"}) == ([], [])


def test_a_kubeconfig_is_read_from_a_path_with_its_files_made_absolute(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig()))
    config = read_kubeconfig(str(path))
    assert config["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    assert config["users"][0]["user"]["client-key"] == "/absolute/key"


@pytest.mark.parametrize("text", ["/no/such/file", "just: [\nbroken", "a\nb"])
def test_what_is_no_kubeconfig_is_refused_by_its_option(text: str) -> None:
    with pytest.raises(PluginError, match="kubernetes:kubeconfig"):
        read_kubeconfig(text)


def test_several_kubeconfigs_are_merged_and_the_first_entry_of_a_name_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, config in (("a", kubeconfig("https://a", "ca")), ("b", kubeconfig("https://b", "cb"))):
        (tmp_path / name).write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{tmp_path}/a:{tmp_path}/b")
    config = ambient_kubeconfig()
    assert config["current-context"] == "ca"
    assert [entry["cluster"]["server"] for entry in config["clusters"]] == ["https://a"]
    assert {entry["name"] for entry in config["contexts"]} == {"ca", "cb"}


def test_without_a_kubeconfig_the_next_command_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(PluginError, match="there is no kubeconfig") as caught:
        ambient_kubeconfig()
    assert "make up" in caught.value.remedy
