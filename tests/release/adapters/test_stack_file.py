import os
from pathlib import Path

import pytest

from release.adapters.stack_file import StackFile
from release.errors import BadOrder

TEXT = """\
# What this stack is for.
config:
  pulumi:tags:
    team: exams
  # Green's share.
  english-training:greenWeight: "10"
  english-training:blue:
    version: 1.0.0   # the old one
    schemaVersion: 1
  english-training:gateway:
    # Ports of a load balancer.
    httpPort: 8080
  english-training:releases:
    measures:
      - error-ratio
  english-training:flag: true
  english-training:ratio: 0.5
  english-training:nothing:
  english-training:secretKey:
    secure: v1:abc=
encryptionsalt: v1:ZSKWt5n1HlE=:v1:0
"""


@pytest.fixture
def file(tmp_path: Path) -> StackFile:
    (tmp_path / "Pulumi.test.yaml").write_text(TEXT)
    return StackFile(tmp_path, "test")


def test_values_are_plain_and_without_the_namespace(file: StackFile) -> None:
    values = file.values()
    assert values == {
        "greenWeight": "10",
        "blue": {"version": "1.0.0", "schemaVersion": 1},
        "gateway": {"httpPort": 8080},
        "releases": {"measures": ["error-ratio"]},
        "flag": True,
        "ratio": 0.5,
        "nothing": None,
        "secretKey": {"secure": "v1:abc="},
    }
    assert {key: type(value) for key, value in values.items()} == {
        "greenWeight": str,
        "blue": dict,
        "gateway": dict,
        "releases": dict,
        "flag": bool,
        "ratio": float,
        "nothing": type(None),
        "secretKey": dict,
    }


def test_a_change_keeps_comments_quotes_and_all_other_keys(file: StackFile) -> None:
    file.put({"greenWeight": 50})
    assert file.text() == TEXT.replace('greenWeight: "10"', "greenWeight: 50")


def test_a_key_that_has_its_value_keeps_its_form(file: StackFile) -> None:
    file.put({"greenWeight": "10", "blue": {"version": "1.0.0", "schemaVersion": 1}, "absent": None})
    assert file.text() == TEXT


def test_a_key_can_be_added_and_removed(file: StackFile) -> None:
    file.put({"green": {"version": "2.0.0", "overrides": {"minReplicas": 3}}})
    assert file.values()["green"] == {"version": "2.0.0", "overrides": {"minReplicas": 3}}
    file.put({"green": None})
    assert file.text() == TEXT


def test_a_file_without_configuration_gets_one(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.test.yaml").write_text("secretsprovider: passphrase\n")
    made = StackFile(tmp_path, "test")
    made.put({"greenWeight": 0})
    assert made.text() == "secretsprovider: passphrase\nconfig:\n  english-training:greenWeight: 0\n"


def test_the_text_is_replaced_at_once_with_its_mode_and_leaves_nothing_behind(file: StackFile) -> None:
    file.path.chmod(0o640)
    before = file.path.stat().st_ino
    with file.path.open() as reader:  # somebody who reads meanwhile reads one text or the other, never half of one
        file.replace("config: {}\n")
        assert reader.read() == TEXT
    assert file.text() == "config: {}\n"
    assert file.path.stat().st_ino != before
    assert file.path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(file.path.parent) == ["Pulumi.test.yaml"]  # noqa: PTH208 - hidden files too


def test_a_text_that_cannot_be_written_leaves_the_old_one(file: StackFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("release.adapters.stack_file.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        file.replace("config: {}\n")
    assert file.text() == TEXT
    assert os.listdir(file.path.parent) == ["Pulumi.test.yaml"]  # noqa: PTH208 - hidden files too


def test_an_unknown_stack_is_told_with_those_that_are_there(file: StackFile) -> None:
    with pytest.raises(BadOrder) as caught:
        StackFile(file.path.parent, "qa").text()
    assert caught.value.problem == "Pulumi.qa.yaml cannot be read: No such file or directory"
    assert caught.value.remedy == "name one that is there with --stack: Pulumi.test.yaml"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("config: [", "Pulumi.test.yaml is not valid YAML: while parsing a flow node"),
        ("- a\n", "Pulumi.test.yaml has no configuration"),
        ("config: 5\n", "Pulumi.test.yaml has no configuration"),
        ("", "Pulumi.test.yaml has no configuration"),
    ],
)
def test_a_file_that_is_none_is_refused_and_left_alone(file: StackFile, text: str, problem: str) -> None:
    file.path.write_text(text)
    for attempt in (file.values, lambda: file.put({"greenWeight": 0})):
        with pytest.raises(BadOrder) as caught:
            attempt()
        assert caught.value.problem == problem
    assert file.text() == text


def test_a_name_that_leaves_the_checkout_reads_nothing_else(file: StackFile) -> None:
    with pytest.raises(BadOrder, match="cannot be read"):
        StackFile(file.path.parent / "sub", "../../etc/passwd").text()
