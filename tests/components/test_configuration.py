import ast
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.app.configuration import (
    Cache,
    Configuration,
    Database,
    backend_settings,
    checksum,
    frontend_environment,
)

text = st.text(max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | text, lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


def configuration(**fields: Any) -> Configuration:
    shared = {
        "database": Database(host="db", port=5432, name="training", user="training", ssl_mode="require"),
        "cache": Cache(host="cache", port=6379, tls=False),
        "domain": "train.example",
        "allowed_hosts": ["train.example"],
        "public_url": "https://train.example",
    }
    return Configuration(**{**shared, **fields})


def assigned(source: str) -> dict[str, Any]:
    """Every plain literal that the rendered module assigns."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                found[node.targets[0].id] = ast.unparse(node.value)
    return found


def test_settings_carry_the_stacks_values() -> None:
    found = assigned(backend_settings(configuration(django={"DEBUG": False}), schema_version=7, version="1.0.0"))
    assert found["ALLOWED_HOSTS"] == ["train.example"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://train.example"]
    assert found["CACHES"]["default"]["LOCATION"] == "redis://cache:6379/0"
    assert (found["RELEASE_VERSION"], found["SCHEMA_VERSION"], found["DEBUG"]) == ("1.0.0", 7, False)


def test_secrets_are_read_from_files_not_written_into_settings() -> None:
    found = assigned(backend_settings(configuration(), schema_version=1, version="1"))
    assert found["SECRET_KEY"] == "(_secrets / 'secret-key').read_text()"
    assert "(_secrets / 'database-password').read_text()" in found["DATABASES"]


def test_the_cache_is_reached_over_tls_where_set() -> None:
    made = backend_settings(
        configuration(cache=Cache(host="cache", port=6380, tls=True, database=2)), schema_version=1, version="1"
    )
    assert assigned(made)["CACHES"]["default"]["LOCATION"] == "rediss://cache:6380/2"


@given(host=text, name=text, value=values, version=text)
def test_no_value_can_leave_its_quotes(host: str, name: str, value: object, version: str) -> None:
    database = Database(host=host, port=1, name=name, user="u", ssl_mode="require")
    source = backend_settings(
        configuration(database=database, django={"EXTRA": value}), schema_version=1, version=version
    )
    found = assigned(source)
    assert found["EXTRA"] == value
    assert found["RELEASE_VERSION"] == version
    plain = assigned(backend_settings(configuration(django={"EXTRA": 1}), schema_version=1, version="1"))
    assert found.keys() == plain.keys()


@given(origin=text, url=text, version=text)
def test_the_frontends_environment_holds_any_text(origin: str, url: str, version: str) -> None:
    made = frontend_environment(configuration(public_url=url), version=version, api_origin=origin)
    assert (made["API_ORIGIN"], made["PUBLIC_URL"], made["RELEASE_VERSION"]) == (origin, url, version)


def test_node_runs_in_production_mode_in_every_environment() -> None:
    assert frontend_environment(configuration(), version="1", api_origin="o")["NODE_ENV"] == "production"


def test_a_release_may_add_to_the_frontends_environment() -> None:
    made = frontend_environment(configuration(frontend={"FEATURE": "on"}), version="1", api_origin="o")
    assert made["FEATURE"] == "on"


@given(st.dictionaries(text, text), st.dictionaries(text, text))
def test_checksums_differ_exactly_when_what_they_sum_differs(one: dict[str, str], other: dict[str, str]) -> None:
    reordered = json.loads(json.dumps(dict(reversed(one.items()))))
    assert checksum(one) == checksum(reordered)
    assert (checksum(one) == checksum(other)) == (one == other)
