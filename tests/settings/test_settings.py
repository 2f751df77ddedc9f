import asyncio
import json
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import settings
from settings import Colour, Environment, SettingsError, parse
from settings.model import Section, Settings
from settings.parsing import partial
from settings.schema import fields, required_leaves, section_of
from tests.settings.samples import (
    COMPLETE,
    PASSWORD,
    SECRET,
    SIGNING_KEY,
    changed,
    engine,
    read,
    said,
    without,
)

REQUIRED = [".".join(map(str, location)) for location, _ in required_leaves(Settings)]


def sections(model: type[Section]) -> list[type[Section]]:
    below = (section_of(field.annotation) for field in fields(model).values())
    return [model, *(found for section in below if section is not None for found in sections(section))]


class TestGood:
    def test_a_complete_configuration_is_read_with_the_defaults_of_what_it_leaves_out(self) -> None:
        found = read(COMPLETE)
        assert found.environment is Environment.PRODUCTION
        assert found.database.model_dump() == {
            "host": "db.internal",
            "port": 5432,
            "name": "exam",
            "user": "exam",
            "ssl_mode": "verify-full",
        }
        assert found.redis.model_dump() == {"host": "redis.internal", "port": 6379, "tls": True, "database": 0}
        assert found.gateway.model_dump() == {
            "issuer": "letsencrypt-prod",
            "class_name": "english-training",
            "http_port": 80,
            "https_port": 443,
            "proxy": "kubernetes",
            "rate_limit": {"requests_per_minute": 100, "scope": "global"},
            "timeouts": {"request": "30s", "backend_request": "10s"},
        }
        assert found.scheduling.model_dump() == {"node_selector": {}, "tolerations": ()}
        assert found.backend.target_cpu_percent == 75
        assert found.allowed_hosts == ("exam.example",)
        assert found.protect_data is True

    @given(weight=st.integers(0, 100))
    def test_the_one_scalar_gives_both_weights(self, weight: int) -> None:
        assert read(changed({"greenWeight": weight})).weights == {"blue": 100 - weight, "green": weight}

    def test_each_colour_has_its_release(self) -> None:
        found = read(COMPLETE)
        assert found.release(Colour.BLUE) is found.blue
        assert found.release(Colour.GREEN) is found.green
        assert list(found.units) == ["blue", "green"]

    def test_a_colour_without_traffic_may_have_no_release(self) -> None:
        found = read(changed({"greenWeight": 0, "green": None}))
        assert found.release(Colour.GREEN) is None
        assert list(found.units) == ["blue"]
        assert found.is_cold(Colour.GREEN) is False

    @pytest.mark.parametrize(
        ("standby", "weight", "cold"), [("cold", 0, True), ("cold", 1, False), ("warm", 0, False), ("warm", 100, False)]
    )
    def test_only_a_cold_release_without_traffic_keeps_no_pods(self, standby: str, weight: int, cold: bool) -> None:
        found = read(changed({"green.standby": standby, "greenWeight": weight}))
        assert found.is_cold(Colour.GREEN) is cold
        assert found.is_cold(Colour.BLUE) is False

    @pytest.mark.parametrize(("port", "url"), [(443, "https://exam.example"), (8443, "https://exam.example:8443")])
    def test_the_public_address_names_its_port_unless_that_is_the_usual_one(self, port: int, url: str) -> None:
        assert read(changed({"gateway.httpsPort": port})).public_url == url

    def test_the_quota_is_named_as_kubernetes_names_it(self) -> None:
        assert read(COMPLETE).quota.hard == {"requests.cpu": "8", "limits.memory": "16Gi", "pods": "40"}

    def test_settings_cannot_be_changed(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            read(COMPLETE).green_weight = 50  # type: ignore[misc] # exactly what must fail

    def test_a_key_that_needs_no_secrecy_may_be_stored_encrypted(self) -> None:
        assert parse("exam", engine(COMPLETE), {*SECRET, "database"}).database.host == "db.internal"

    def test_a_top_level_number_may_be_quoted_in_the_file_as_the_command_line_writes_it(self) -> None:
        assert read(changed({"greenWeight": "25"})).green_weight == 25


class TestModel:
    @pytest.mark.parametrize("section", sections(Settings), ids=lambda section: section.__name__)
    def test_every_key_says_what_it_means(self, section: type[Section]) -> None:
        assert [key for key, field in fields(section).items() if not field.description] == []

    @pytest.mark.parametrize("section", sections(Settings), ids=lambda section: section.__name__)
    def test_every_key_has_a_default_or_an_example_that_is_accepted(self, section: type[Section]) -> None:
        examples = {key: field.examples[0] for key, field in fields(section).items() if field.examples}
        accepted = vars(partial(section, examples))
        refused = {
            name
            for name, field in section.model_fields.items()
            if section_of(field.annotation) is None and name not in accepted
        }
        assert refused == ({"database_password", "secret_key"} if section is Settings else set())


class TestBad:
    def test_nothing_at_all_reports_every_required_key_and_nothing_else(self) -> None:
        blue = [f"blue.{key}" for key in ("version", "backendImage", "frontendImage", "schemaVersion")]
        assert list(said({})) == REQUIRED
        assert list(said({"greenWeight": 0})) == [key for key in REQUIRED if key != "greenWeight"] + blue

    @given(missing=st.sets(st.sampled_from(REQUIRED)))
    def test_any_set_of_missing_keys_gives_exactly_these_problems(self, missing: set[str]) -> None:
        found = said(without(*missing))
        assert set(found) == missing
        assert all(what.startswith("is missing: ") for what in found.values())

    @given(section=st.sampled_from(sorted({key.split(".")[0] for key in REQUIRED if "." in key})))
    def test_a_missing_object_is_reported_by_the_keys_that_it_must_hold(self, section: str) -> None:
        assert list(said(without(section))) == [key for key in REQUIRED if key.startswith(f"{section}.")]

    @given(weight=st.integers().filter(lambda weight: not 0 <= weight <= 100))
    def test_a_weight_out_of_range_is_reported_with_the_range(self, weight: int) -> None:
        what = f"must be a whole number from 0 to 100, but is {weight}"
        assert said(changed({"greenWeight": weight})) == {"greenWeight": what}

    @given(weight=st.text(st.characters(codec="ascii", exclude_characters="0123456789"), min_size=1, max_size=20))
    def test_a_weight_that_is_no_number_is_reported(self, weight: str) -> None:
        found = said(changed({"greenWeight": weight}))
        assert list(found) == ["greenWeight"]
        assert found["greenWeight"].startswith("must be a whole number from 0 to 100, but is ")

    @pytest.mark.parametrize("weight", ["1e1", "10.5", "10.0", "010", "true", "null", "NaN", "[10]", "9" * 5000])
    def test_nothing_is_converted_into_a_weight(self, weight: str) -> None:
        assert list(said(changed({"greenWeight": weight}))) == ["greenWeight"]

    def test_an_unknown_environment_is_reported_with_the_known_ones(self) -> None:
        assert said(changed({"environment": "prod"})) == {
            "environment": "must be 'development', 'staging' or 'production', but is \"prod\""
        }

    @pytest.mark.parametrize(
        ("path", "value", "what"),
        [
            ("domain", "https://exam.example", "must be a host name in lower case, without scheme, port or path"),
            ("domain", "10.0.0.1", "must be a host name in lower case, without scheme, port or path"),
            (
                "database.host",
                "db.internal:5432",
                "must be a host name or an IPv4 address, without scheme, port or path",
            ),
            ("database.port", 0, "must be a whole number from 1 to 65535"),
            ("database.port", "5432", "must be a whole number from 1 to 65535"),
            ("database.sslMode", "on", "must be 'disable', 'require', 'verify-ca' or 'verify-full'"),
            ("redis.tls", "yes", "must be true or false"),
            ("blue.version", 1.1, "must be text (in quotes, where it looks like a number)"),
            ("blue.schemaVersion", 0, "must be a whole number of at least 1"),
            ("blue.backendImage", "backend", "must name registry and repository, with a tag, a digest or both"),
            ("blue.standby", "hot", "must be 'warm' or 'cold'"),
            (
                "backend.resources.cpuRequest",
                "0",
                "must be a Kubernetes quantity above zero, such as '250m' or '512Mi'",
            ),
            ("backend.minReplicas", 0, "must be a whole number from 1 to 100"),
            ("gateway.timeouts.request", "30", "must be a duration above zero, such as '10s' or '500ms'"),
            ("gateway.timeouts.request", "0s", "must be a duration above zero, such as '10s' or '500ms'"),
            (
                "registry",
                "https://harbor.example/exam",
                "must be a registry with a project, without scheme or closing '/'",
            ),
            ("dataCidrs", "10.20.0.0/16", "must be a list"),
            ("database", "db.internal", "must hold keys of its own (host, port, name, user, sslMode)"),
            ("scheduling.nodeSelector", "pool", "must hold keys of its own"),
        ],
    )
    def test_a_wrong_value_is_reported_with_what_it_must_be(self, path: str, value: Any, what: str) -> None:
        assert said(changed({path: value})) == {path: f"{what}, but is {json.dumps(value)}"}

    def test_a_wrong_entry_of_a_list_is_reported_by_its_place(self) -> None:
        assert said(changed({"dataCidrs": ["10.20.0.0/16", "10.20.0.1/16"]})) == {
            "dataCidrs[1]": 'must be a range of addresses in CIDR form: network/length, but is "10.20.0.1/16"'
        }

    def test_an_empty_list_of_hosts_is_reported(self) -> None:
        assert said(changed({"allowedHosts": []})) == {"allowedHosts": "must not be empty, but is []"}

    def test_an_unknown_key_is_reported_with_the_one_that_was_meant_and_without_its_value(self) -> None:
        assert said(changed({"secretkey": "hunter2", "database.hots": "hunter2"})) == {
            "secretkey": "is not a known key; did you mean secretKey?",
            "database.hots": "is not a known key; did you mean host?",
        }

    def test_an_unknown_key_that_resembles_none_is_reported_with_the_known_ones(self) -> None:
        assert said(changed({"media.xyzzy": 1})) == {
            "media.xyzzy": "is not a known key; known here: size, storageClass"
        }

    def test_snake_case_is_no_other_way_to_write_a_key(self) -> None:
        assert said(changed({"green_weight": 5})) == {"green_weight": "is not a known key; did you mean greenWeight?"}

    def test_names_that_would_become_code_or_variables_are_judged(self) -> None:
        assert said(changed({"overrides": {"django": {"import os": 1}, "frontend": {"a=b": "x"}}})) == {
            'overrides.django["import os"]': "must be the name of a Django setting: capitals, digits, '_'",
            'overrides.frontend["a=b"]': "must be an environment variable: capitals, digits, '_'",
        }

    def test_errors_of_every_kind_come_at_once(self) -> None:
        values = changed(
            {
                "greenWeight": 101,
                "database.port": "x",
                "databse": {},
                "backend.minReplicas": 1,
                "redis.tls": False,
                "allowedHosts": ["other.example"],
            }
        )
        del values["registry"]
        assert set(said(values)) == {
            "greenWeight",
            "registry",
            "database.port",
            "databse",
            "backend.minReplicas",
            "redis.tls",
            "allowedHosts[1]",
        }

    @given(raw=st.dictionaries(st.sampled_from([*COMPLETE, "other"]), st.text(max_size=30)))
    def test_no_text_whatever_breaks_the_reader(self, raw: dict[str, str]) -> None:
        with pytest.raises(SettingsError) as caught:
            parse("exam", raw)
        assert caught.value.problems


class TestSecrets:
    def test_no_representation_shows_a_secret(self) -> None:
        found = read(COMPLETE)
        for shown in (repr(found), str(found), found.model_dump_json(), str(found.model_dump())):
            assert PASSWORD not in shown
            assert SIGNING_KEY not in shown

    @given(secret=st.text(st.sampled_from("QXZ"), min_size=6, max_size=49))
    def test_no_error_shows_a_secret_or_what_is_stored_encrypted(self, secret: str) -> None:
        values = changed({"secretKey": secret, "databasePassword": secret, "database.port": secret, "typo": secret})
        with pytest.raises(SettingsError) as caught:
            parse("exam", engine(values), {*SECRET, "database"})
        error = caught.value
        assert {problem.key for problem in error.problems} == {
            "english-training:secretKey",
            "english-training:database.port",
            "english-training:typo",
        }
        assert secret not in f"{error!s}{error!r}{error.problems!r}"
        assert error.__context__ is None

    def test_the_password_in_an_address_is_not_shown(self) -> None:
        found = said(changed({"redis.host": "redis://user:hunter2@redis.internal"}))
        assert "hunter2" not in found["redis.host"]
        assert '"redis://…@redis.internal"' in found["redis.host"]

    def test_a_short_signing_key_is_reported_without_it(self) -> None:
        assert said(changed({"secretKey": "short"})) == {"secretKey": "must have at least 50 characters"}

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_secrets_in_clear_are_refused_outside_development(self, environment: str) -> None:
        what = f"is stored in clear, which {environment} does not allow: rotate it, then store it encrypted"
        values = changed({"environment": environment})
        assert said(values, secret=frozenset()) == {"databasePassword": what, "secretKey": what}

    def test_development_may_have_its_secrets_in_clear(self) -> None:
        assert said(changed({"environment": "development"}), secret=frozenset()) == {}

    def test_components_get_a_secret_as_an_output_that_the_engine_keeps_secret(self) -> None:
        async def unwrap() -> tuple[str, bool]:
            output = read(COMPLETE).secret_key.output()
            return str(await output.future()), await output.is_secret()

        assert asyncio.run(unwrap()) == (SIGNING_KEY, True)


class TestLoad:
    @pytest.fixture(autouse=True)
    def _clean(self) -> Any:
        before = dict(pulumi.runtime.config.CONFIG.get())
        yield
        pulumi.runtime.set_all_config(before, [])

    def configure(self, values: dict[str, str], secret: list[str]) -> None:
        pulumi.runtime.set_all_config(values, secret)

    def test_the_running_stack_is_read_with_all_keys_of_the_project_and_no_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pulumi, "get_stack", lambda: "exam")
        raw = {f"english-training:{key}": value for key, value in engine(COMPLETE).items()}
        self.configure({**raw, "kubernetes:context": "other"}, [f"english-training:{key}" for key in SECRET])
        found, standing = settings.load(lambda _: None)
        assert found == read(COMPLETE)
        assert standing.values == {key: COMPLETE[key] for key in ("greenWeight", "blue", "green")}

    def test_a_key_that_nothing_asks_for_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pulumi, "get_stack", lambda: "exam")
        raw = {f"english-training:{key}": value for key, value in engine(changed({"domian": "x"})).items()}
        self.configure(raw, [f"english-training:{key}" for key in SECRET])
        with pytest.raises(SettingsError) as caught:
            settings.load(lambda _: None)
        assert [problem.key for problem in caught.value.problems] == ["english-training:domian"]
