import json
import subprocess
import sys
from pathlib import Path

import pytest

from config_diff import UNREADABLE, compare, entries, main

ROOT = Path(__file__).parents[1]

LEFT = """
encryptionsalt: v1:left
config:
  kubernetes:context: ignored
  english-training:environment: staging
  english-training:greenWeight: "10"
  english-training:protectData: "false"
  english-training:allowedHosts: [a.example]
  english-training:database:
    host: left.internal
    port: 5432
  english-training:redis:
    tls: false
  english-training:secretKey:
    secure: v1:LEFTCIPHER
  english-training:databasePassword: in-the-clear
  english-training:overrides:
    django:
      FLAG: true
"""
RIGHT = """
encryptionsalt: v1:right
config:
  english-training:environment: production
  english-training:greenWeight: 10
  english-training:allowedHosts: [a.example, b.example]
  english-training:database:
    host: right.internal
  english-training:green: null
  english-training:secretKey:
    secure: v1:RIGHTCIPHER
  english-training:overrides:
    django:
      FLAG: 1
"""
DIFFERENCES = [
    ("environment", {"origin": "set", "value": "staging"}, {"origin": "set", "value": "production"}),
    ("allowedHosts", {"origin": "set", "value": ["a.example"]}, {"origin": "set", "value": ["a.example", "b.example"]}),
    ("database.host", {"origin": "set", "value": "left.internal"}, {"origin": "set", "value": "right.internal"}),
    ("databasePassword", {"origin": "secret"}, None),
    ("redis.tls", {"origin": "set", "value": False}, {"origin": "default", "value": True}),
    ("protectData", {"origin": "set", "value": False}, {"origin": "default", "value": True}),
    ("overrides.django.FLAG", {"origin": "set", "value": True}, {"origin": "set", "value": 1}),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: english-training\nruntime: python\n")
    (tmp_path / "Pulumi.left.yaml").write_text(LEFT)
    (tmp_path / "Pulumi.right.yaml").write_text(RIGHT)
    return tmp_path


def test_json_lists_each_key_whose_values_differ_defaults_in_force_included(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["left", "right", "--output", "json"], root) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["stacks"] == ["left", "right"]
    assert [
        (one["key"].removeprefix("english-training:"), *one["values"]) for one in shown["differences"]
    ] == DIFFERENCES
    assert shown["secretsInBoth"] == ["english-training:secretKey"]


def test_the_table_has_a_row_for_each_difference_and_names_the_secrets_it_did_not_compare(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["left", "right"], root) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert lines[0].strip() == "7 differences between left and right"
    assert rows == [
        ["environment", "staging", "production"],
        ["allowedHosts", '["a.example"]', '["a.example", "b.example"]'],
        ["database.host", "left.internal", "right.internal"],
        ["databasePassword", "secret, set", "not set"],
        ["redis.tls", "false", "true (default)"],
        ["protectData", "false", "true (default)"],
        ["overrides.django.FLAG", "true", "1"],
    ]
    assert lines[-1] == "Set in both, not compared: secretKey"


@pytest.mark.parametrize("output", ["table", "json"])
def test_no_secret_is_shown_neither_in_clear_nor_encrypted(
    root: Path, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    main(["left", "right", "--output", output], root)
    shown = capsys.readouterr().out
    assert [text for text in ("LEFTCIPHER", "RIGHTCIPHER", "in-the-clear") if text in shown] == []


def test_a_stack_does_not_differ_from_itself(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["left", "left"], root) == 0
    assert capsys.readouterr().out.splitlines()[0] == "left and left do not differ."


def test_a_default_and_the_same_value_set_are_no_difference() -> None:
    assert compare(entries({"database": {"port": 5432}}), entries({"database": {}})) == []


def test_a_wrong_value_is_shown_as_it_stands() -> None:
    (one,) = compare(entries({"greenWeight": "abc"}), entries({"greenWeight": 10}))
    assert (one.key, one.left and one.left.value, one.right and one.right.value) == (
        "english-training:greenWeight",
        "abc",
        10,
    )


def test_an_unknown_stack_is_named_with_the_known_ones(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["left", "rigth"], root) == UNREADABLE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        f"There is no stack rigth: {root} has no Pulumi.rigth.yaml. Did you mean right? Stacks: left, right\n"
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [("config: {a: [", ", line 1"), ("config: [1]", ""), ("just text", ""), ("config:\n  a: b: c", ", line 2")],
)
def test_a_broken_file_is_named_with_the_line(
    root: Path, capsys: pytest.CaptureFixture[str], text: str, where: str
) -> None:
    (root / "Pulumi.right.yaml").write_text(text)
    assert main(["left", "right"], root) == UNREADABLE
    assert capsys.readouterr().err == (
        f"{root}/Pulumi.right.yaml{where} is no stack configuration: mend it, or restore it with git\n"
    )


def test_a_stack_without_configuration_is_one_with_defaults_only(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "Pulumi.right.yaml").write_text("")
    assert main(["left", "right"], root) == 0
    assert "environment" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_ends_it_without_a_traceback() -> None:
    command = f"{sys.executable} -m config_diff staging production | head -n 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
