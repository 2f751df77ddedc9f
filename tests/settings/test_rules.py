"""What must hold between keys. Each row spoils one thing in a complete configuration."""

from typing import Any

import pytest

from tests.settings.samples import DIGEST, SECRET, changed, read, said, without

STRICT = ("staging", "production")
EVERYWHERE = ("development", *STRICT)


def table(*rows: tuple[tuple[str, ...], dict[str, Any], str, str]) -> list[Any]:
    """A case for each environment in which the row holds; ``%`` in its sentence is the environment."""
    return [
        pytest.param(
            {"environment": environment, **changes}, key, what.replace("%", environment), id=f"{environment}-{key}"
        )
        for environments, changes, key, what in rows
        for environment in environments
    ]


@pytest.mark.parametrize(
    ("changes", "key", "what"),
    table(
        (
            EVERYWHERE,
            {"allowedHosts": ["other.example"]},
            "allowedHosts[1]",
            'is missing: the domain "exam.example" must be among the allowed hosts ["other.example"]',
        ),
        (
            ("production",),
            {"allowedHosts": ["exam.example", "*"]},
            "allowedHosts[1]",
            'must name a host in production, but is "*", which lets a forged Host header into links and mails',
        ),
        (
            ("production",),
            {"database.sslMode": "require"},
            "database.sslMode",
            'must be "verify-full" in production, but is "require"',
        ),
        (("production",), {"redis.tls": False}, "redis.tls", "must be true in production, but is false"),
        (STRICT, {"protectData": False}, "protectData", "must be true in %, but is false"),
        (
            STRICT,
            {"dataCidrs": ["10.0.0.0/8", "0.0.0.0/0"]},
            "dataCidrs[1]",
            'must be narrower in %, but is "0.0.0.0/0", which is any address',
        ),
        (
            STRICT,
            {"blue.backendImage": f"docker.io/exam/backend{DIGEST}"},
            "blue.backendImage",
            f'must come from harbor.example/exam in %, but is "docker.io/exam/backend{DIGEST}"',
        ),
        (
            STRICT,
            {"green.frontendImage": "harbor.example/exam/frontend:1.1.0"},
            "green.frontendImage",
            'must end in a digest (@sha256:…) in %, but is "harbor.example/exam/frontend:1.1.0"',
        ),
        (STRICT, {"backend.minReplicas": 1}, "backend.minReplicas", "must be at least 2 in %, but is 1"),
        (
            EVERYWHERE,
            {"frontend.maxReplicas": 1},
            "frontend.maxReplicas",
            "must be at least minReplicas, which is 2, but is 1",
        ),
        (
            EVERYWHERE,
            {"backend.resources.memoryLimit": "0.25G"},
            "backend.resources.memoryLimit",
            'must be at least memoryRequest, which is "256Mi", but is "0.25G"',
        ),
        (
            EVERYWHERE,
            {"frontend.resources.cpuLimit": "99m"},
            "frontend.resources.cpuLimit",
            'must be at least cpuRequest, which is "100m", but is "99m"',
        ),
        (
            EVERYWHERE,
            {"quota.cpu": "3499m"},
            "quota.cpu",
            "must be at least 3500m, but is 3499m: each of two colours needs 1250m for the backend and 500m for the "
            "frontend, at maxReplicas and the quarter that a rolling update adds",
        ),
        (
            EVERYWHERE,
            {"quota.memory": "7Gi"},
            "quota.memory",
            "must be at least 7680Mi, but is 7Gi: each of two colours needs 2560Mi for the backend and 1280Mi for the "
            "frontend, at maxReplicas and the quarter that a rolling update adds",
        ),
        (
            EVERYWHERE,
            {"quota.pods": 19},
            "quota.pods",
            "must be at least 20, but is 19: each of two colours needs 5 for the backend and 5 for the frontend, at "
            "maxReplicas and the quarter that a rolling update adds",
        ),
        (
            EVERYWHERE,
            {"gateway.timeouts": {"request": "1s500ms", "backendRequest": "1501ms"}},
            "gateway.timeouts.backendRequest",
            'must be at most request, which is "1s500ms", but is "1501ms"',
        ),
        (
            EVERYWHERE,
            {"overrides.frontend": {"NODE_ENV": "staging"}},
            "overrides.frontend.NODE_ENV",
            "cannot be set here: it is fixed when the image is built, and names no environment",
        ),
        (
            EVERYWHERE,
            {"green.overrides.frontend": {"NEXT_PUBLIC_API": "/api"}},
            "green.overrides.frontend.NEXT_PUBLIC_API",
            "cannot be set here: Next.js writes NEXT_PUBLIC_ variables into the code when the image is built",
        ),
        (
            EVERYWHERE,
            {"overrides.frontend": {"PORT": "80"}},
            "overrides.frontend.PORT",
            "cannot be set here: the platform's probes and routes rely on it",
        ),
        (
            EVERYWHERE,
            {"blue.overrides.django": {"SECRET_KEY": "x"}},
            "blue.overrides.django.SECRET_KEY",
            "cannot be set here: set english-training:secretKey instead",
        ),
        (
            STRICT,
            {"overrides.django": {"DEBUG": "no"}},
            "overrides.django.DEBUG",
            'must be false in %, but is "no": debug pages show settings and source',
        ),
    ),
)
def test_one_spoilt_thing_is_the_one_problem(changes: dict[str, Any], key: str, what: str) -> None:
    assert said(changed(changes)) == {key: what}


@pytest.mark.parametrize(
    "changes",
    [
        {"allowedHosts": ["*"], "environment": "staging"},
        {"allowedHosts": [".example"]},
        {"database.sslMode": "require", "redis.tls": False, "environment": "staging"},
        {"protectData": False, "dataCidrs": ["0.0.0.0/0"], "environment": "development"},
        {"blue.backendImage": "docker.io/library/backend:1", "environment": "development"},
        {"backend.minReplicas": 1, "environment": "development"},
        {"overrides.django": {"DEBUG": True}, "environment": "development"},
        {"overrides.django": {"DEBUG": False, "LANGUAGE_CODE": "zh-hans"}, "overrides.frontend": {"LOG": "1"}},
        {"quota": {"cpu": "3500m", "memory": "7680Mi", "pods": 20}},
        {"gateway.timeouts": {"request": "10s", "backendRequest": "10000ms"}},
        {"backend.resources.cpuLimit": "0.25"},
        {"scheduling": {"nodeSelector": {"pool": "exam"}, "tolerations": [{"key": "exam", "value": "yes"}]}},
    ],
)
def test_what_is_just_allowed_is_accepted(changes: dict[str, Any]) -> None:
    assert said(changed(changes)) == {}


@pytest.mark.parametrize("colour", ["blue", "green"])
def test_a_colour_with_traffic_needs_its_release(colour: str) -> None:
    weight = {"blue": 90, "green": 10}[colour]
    found = said(without(colour))
    assert list(found) == [f"{colour}.{key}" for key in ("version", "backendImage", "frontendImage", "schemaVersion")]
    start = f"is missing, though {colour} gets {weight} % of the requests: "
    assert all(what.startswith(start) for what in found.values())


def test_a_copied_file_does_not_make_a_stack_another_environment() -> None:
    what = 'must be "staging" in the stack of that name, but is "production"'
    assert said(changed({}), stack="staging") == {"environment": what}


def test_a_stack_of_another_name_may_be_any_environment() -> None:
    assert read(changed({"environment": "staging"}), stack="preview-17").environment == "staging"


@pytest.mark.parametrize("key", ["blue", "green", "overrides"])
def test_what_ends_in_a_config_map_is_not_stored_encrypted_as_if_it_were_safe_there(key: str) -> None:
    assert said(changed({}), secret=SECRET | {key}) == {
        key: "is stored encrypted, but ends in a ConfigMap in clear; "
        "only databasePassword and secretKey are passed on as secrets"
    }


def test_a_rule_waits_for_the_keys_it_needs_and_all_others_are_judged() -> None:
    found = said(
        changed({"backend.maxReplicas": "many", "quota.pods": 1, "frontend.minReplicas": 5, "redis.tls": False})
    )
    assert list(found) == ["backend.maxReplicas", "redis.tls", "frontend.maxReplicas"]
