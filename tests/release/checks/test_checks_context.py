"""What the checks are made of, and the configuration that they judge."""

import json

import pytest

import settings
from release.checks import Context, configured, only, post_checks, pre_checks, run
from release.checks.base import passed, unknown
from release.checks.context import readable
from release.model import Colour, Finding, Lineup, Outcome
from settings.model import Unreadable
from tests.release.checks.contexts import context
from tests.settings.samples import PASSWORD, SECRET, SIGNING_KEY, changed, engine, without


def test_the_candidate_is_put_into_the_configuration() -> None:
    raw = engine(changed({}))
    lineup = Lineup(green_weight=0, blue=None, green={"version": "2.0.0"})
    filled = configured(raw, lineup)
    assert {key for key in raw if filled.get(key) != raw[key]} == {"blue", "green", "greenWeight"}
    assert "blue" not in filled
    assert json.loads(filled["green"]) == {"version": "2.0.0"}
    assert filled["greenWeight"] == "0"


def test_no_representation_shows_a_secret() -> None:
    shown = repr(context(environ={"X": PASSWORD}))
    assert PASSWORD not in shown
    assert SIGNING_KEY not in shown


def test_of_a_configuration_that_is_not_valid_the_rest_can_be_read() -> None:
    readable_part = readable(context({"quota.pods": 0, "redis": 1}))
    assert readable_part.database.host == "db.internal"
    with pytest.raises(Unreadable):
        _ = readable_part.quota.pods
    with pytest.raises(Unreadable):
        _ = readable_part.redis


def test_every_check_before_a_release_has_a_name_and_a_limit() -> None:
    assert [(check.name, check.seconds, check.stage) for check in pre_checks(context())] == [
        ("cluster", 30.0, 0),
        ("namespace", 30.0, 0),
        ("images", 30.0, 0),
        ("scan", 30.0, 0),
        ("quota", 30.0, 0),
        ("configuration", 30.0, 0),
        ("database", 30.0, 0),
        ("cache", 30.0, 0),
    ]


def test_every_check_after_a_release_has_a_name_a_limit_and_a_turn() -> None:
    waits = 1 + 2 + 4 + 8 + 16 + 30 + 30 + 30 + 30
    assert [(check.name, check.seconds, check.stage) for check in post_checks(context())] == [
        ("health", waits + 10 * 2 * 10.0 + 10.0, 0),
        ("smoke", 3 * (10.0 + 120.0) + 10.0, 1),
        ("performance", 360.0, 1),
    ]


def test_without_a_way_to_the_gateway_nothing_is_known() -> None:
    health, smoke, performance = run(post_checks(context()))
    assert health == unknown("health", "there is no way to the gateway", remedy="name the gateway's address")
    assert smoke.outcome is performance.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("name", "path", "missing"),
    [
        ("images", "green", "green"),
        ("database", "database.host", "host"),
        ("database", "databasePassword", "databasePassword"),
        ("cache", "redis", "redis"),
    ],
)
def test_what_needs_a_missing_key_waits_for_it(name: str, path: str, missing: str) -> None:
    (check,) = only(pre_checks(context(raw=engine(without(path)))), [name])
    assert check.look() == unknown(
        name,
        f"cannot be looked at before the configuration is valid: {missing} is missing or wrong",
        remedy="run `release check configuration`",
    )


def look(context: Context) -> Finding:
    (check,) = only(pre_checks(context), ["configuration"])
    return check.look()


def test_a_valid_configuration_passes() -> None:
    keys = len(changed({}))
    assert look(context()) == passed("configuration", f"valid as a whole: {keys} keys, 2 of them secret")


def test_everything_wrong_is_said_at_once_with_the_commands() -> None:
    finding = look(context({"green.backendImage": "harbor.example/exam/backend:1.1.0", "databasePassword": ""}))
    assert finding.outcome is Outcome.FAIL
    problems = finding.figures["problems"]
    assert isinstance(problems, list)
    assert [problem["key"] for problem in problems] == [  # type: ignore[index,call-overload]
        "english-training:databasePassword",
        "english-training:green.backendImage",
    ]
    assert finding.text.startswith("Pulumi.exam.yaml, with the candidate in it, is not valid: ")
    assert "must end in a digest (@sha256:…) in production" in finding.text
    assert finding.remedy is not None
    assert finding.remedy.startswith("pulumi config set --stack exam --secret english-training:databasePassword; ")


def test_a_secret_in_clear_is_not_repeated() -> None:
    finding = look(context(secret=SECRET - {"secretKey"}))
    assert SIGNING_KEY not in str(finding)
    assert "is stored in clear" in str(finding)


def test_colours_of_model_and_settings_are_the_same() -> None:
    assert [colour.value for colour in Colour] == [colour.value for colour in settings.Colour]
