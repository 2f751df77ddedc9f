import pytest

from rehearsal.plugins.kubernetes.naming import named, unsupported
from rehearsal.plugins.kubernetes.objects import AUTONAMED, Manifest, Token, identifier, parse_identifier
from rehearsal.plugins.wire import UNKNOWN

URN = "urn:pulumi:dev::project::english-training:app:Release$kubernetes:core/v1:ConfigMap::settings"


def name(inputs: Manifest, old: Manifest | None = None, *, seed: bytes = b"seed", proposed: str = "") -> Manifest:
    return dict(named(inputs, old or {}, urn=URN, seed=seed, proposed=proposed)["metadata"])


def test_an_object_without_a_name_gets_the_resources_name_and_eight_digits_that_follow_from_the_seed() -> None:
    made = name({"metadata": {"labels": {"a": "b"}}})
    prefix, _, digits = made["name"].rpartition("-")
    assert prefix == "settings"
    assert len(digits) == 8
    assert int(digits, 16) >= 0
    assert made == {"labels": {"a": "b"}, "name": made["name"], "annotations": {AUTONAMED: "true"}}
    assert name({})["name"] == made["name"]
    assert name({}, seed=b"other")["name"] != made["name"]


def test_a_made_up_name_is_kept_on_update() -> None:
    old = {"metadata": {"name": "settings-00000000", "annotations": {AUTONAMED: "true"}}}
    assert name({}, old) == {"name": "settings-00000000", "annotations": {AUTONAMED: "true"}}


def test_a_name_that_the_user_took_away_is_not_kept() -> None:
    assert name({}, {"metadata": {"name": "mine"}})["name"].startswith("settings-")


def test_a_given_name_stays_even_while_it_is_unknown() -> None:
    assert name({"metadata": {"name": "mine"}}) == {"name": "mine"}
    assert name({"metadata": {"name": UNKNOWN}}) == {"name": UNKNOWN}


def test_the_engines_proposal_is_taken() -> None:
    assert name({}, proposed="proposed-name")["name"] == "proposed-name"


def test_unknown_annotations_are_left_alone() -> None:
    assert name({"metadata": {"annotations": UNKNOWN}})["annotations"] is UNKNOWN


@pytest.mark.parametrize(
    ("token", "kind", "part"),
    [
        ("kubernetes:core/v1:ConfigMapPatch", "ConfigMap", "patch"),
        ("kubernetes:core/v1:ConfigMapList", "ConfigMapList", "lists"),
        ("kubernetes:helm.sh/v3:Release", None, "charts"),
    ],
)
def test_what_the_stand_in_lacks_is_said(token: str, kind: str | None, part: str) -> None:
    assert part in unsupported(Token.parse(token), kind)


def test_a_kind_whose_name_ends_in_patch_is_served() -> None:
    assert unsupported(Token.parse("kubernetes:example.org/v1:HotPatch"), "HotPatch") == ""


def test_a_type_token_and_a_urn_say_version_and_kind() -> None:
    assert Token.of(URN) == Token("v1", "ConfigMap")
    assert Token.parse("kubernetes:apps/v1:Deployment") == Token("apps/v1", "Deployment")


@pytest.mark.parametrize(("namespace", "text"), [("n", "n/x"), ("", "x")])
def test_an_identifier_is_namespace_and_name(namespace: str, text: str) -> None:
    metadata = {"name": "x", **({"namespace": namespace} if namespace else {})}
    assert identifier({"metadata": metadata}) == text
    assert parse_identifier(text) == (namespace, "x")
