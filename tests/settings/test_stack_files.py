"""The three stacks' files as they are in the repository."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from config_diff import entries, read
from settings import Settings, SettingsError, parse
from tests.settings.samples import DIGEST, PASSWORD, SIGNING_KEY

ROOT = Path(__file__).parents[2]
STACKS = ("development", "production", "staging")
SECRETS = frozenset({"databasePassword", "secretKey"})

UNKNOWN_TODAY = [
    "english-training:cluster.context",
    "english-training:cluster.identifier",
    "english-training:database.host",
    "english-training:databasePassword",
    "english-training:redis.host",
    "english-training:dataCidrs",
    "english-training:secretKey",
    "english-training:blue.version",
    "english-training:blue.backendImage",
    "english-training:blue.frontendImage",
    "english-training:blue.schemaVersion",
]
"""What staging and production lack until their cluster, data and first release are there."""

FILLED_IN: Mapping[str, Any] = {
    "cluster": {"context": "exam", "identifier": "exam"},
    "database": {"host": "db.internal"},
    "databasePassword": PASSWORD,
    "redis": {"host": "redis.internal"},
    "dataCidrs": ["10.20.0.0/16"],
    "secretKey": SIGNING_KEY,
    "blue": {
        "version": "1.0.0",
        "backendImage": f"harbor.english-training.example/english-training-system/backend{DIGEST}",
        "frontendImage": f"harbor.english-training.example/english-training-system/frontend{DIGEST}",
        "schemaVersion": 1,
    },
}


def parsed(stack: str, values: Mapping[str, Any]) -> Settings:
    raw = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return parse(stack, raw, SECRETS)


def test_there_are_three_stacks() -> None:
    assert tuple(sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))) == STACKS


def test_development_is_complete() -> None:
    # Weight and ports are what whoever tries the platform changes.
    values = {**read(ROOT, "development"), "databasePassword": PASSWORD, "secretKey": SIGNING_KEY}
    found = parsed("development", values)
    assert found.domain == "localhost"
    assert found.cluster.model_dump() == {"kind": "existing", "context": "rehearsal", "identifier": "rehearsal"}
    assert {colour: release.version for colour, release in found.units.items()} == {
        "blue": "1.0.0",
        "green": "1.1.0",
    }


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_what_is_not_known_yet_is_exactly_what_is_reported(stack: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parsed(stack, read(ROOT, stack))
    assert [problem.key for problem in caught.value.problems] == UNKNOWN_TODAY
    assert all("is missing" in problem.what for problem in caught.value.problems)


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_once_that_is_filled_in_the_stack_is_complete(stack: str) -> None:
    values = dict(read(ROOT, stack))
    for key, value in FILLED_IN.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    found = parsed(stack, values)
    assert found.environment == stack
    assert found.weights == {"blue": 100, "green": 0}


def test_staging_and_production_differ_in_values_and_not_in_what_is_set() -> None:
    staging, production = (entries(read(ROOT, stack)) for stack in ("staging", "production"))
    assert list(staging) == list(production)


@pytest.mark.parametrize("stack", STACKS)
def test_secrets_are_encrypted_or_absent(stack: str) -> None:
    values = read(ROOT, stack)
    assert [set(values[key]) for key in SECRETS if key in values] == (
        [{"secure"}] * 2 if stack == "development" else []
    )


def test_the_project_leaves_judging_configuration_to_the_settings() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert project["name"] == "english-training"
    assert "config" not in project
