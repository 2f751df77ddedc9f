"""The random provider: each verb by itself, then under the real engine."""

import re
import uuid
from typing import Any, NoReturn

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2 as messages

from rehearsal.plugins.randomness import generate
from rehearsal.plugins.randomness.kinds import KINDS, complete
from rehearsal.plugins.randomness.servicer import RandomProvider
from rehearsal.plugins.randomness.words import ANIMALS, DESCRIPTIONS
from rehearsal.plugins.wire import UNKNOWN, Secret, decode, encode
from tests.rehearsal.engine_fixtures import Engine


class AbortedError(Exception):
    pass


class Context:
    def abort(self, code: Any, details: str) -> NoReturn:
        raise AbortedError(f"{code.name}: {details}")


PROVIDER = RandomProvider()
CONTEXT = Context()


def urn(kind: str) -> str:
    return f"urn:pulumi:test::project::parent:index:Parent$random:index/random{kind}:Random{kind}::thing"


def check(kind: str, **inputs: Any) -> tuple[dict[str, Any], dict[str, str]]:
    response = PROVIDER.Check(messages.CheckRequest(urn=urn(kind), news=encode(inputs)), CONTEXT)
    failures = {failure.property: failure.reason for failure in response.failures}
    return decode(response.inputs, keep_secrets=True), failures


def create(kind: str, *, preview: bool = False, **inputs: Any) -> tuple[str, dict[str, Any]]:
    request = messages.CreateRequest(urn=urn(kind), properties=encode(inputs), preview=preview)
    response = PROVIDER.Create(request, CONTEXT)
    return response.id, decode(response.properties, keep_secrets=True)


def diff(kind: str, old: dict[str, Any], new: dict[str, Any]) -> messages.DiffResponse:
    request = messages.DiffRequest(urn=urn(kind), old_inputs=encode(old), news=encode(new))
    return PROVIDER.Diff(request, CONTEXT)


def read(kind: str, identity: str) -> messages.ReadResponse:
    return PROVIDER.Read(messages.ReadRequest(urn=urn(kind), id=identity), CONTEXT)


def test_an_unknown_property_is_refused_by_name() -> None:
    _, failures = check("Uuid", keeper={"a": "b"})
    assert failures == {"keeper": "is not a property here; there are keepers"}


def test_every_wrong_input_is_named_at_once_and_no_value_is_shown() -> None:
    _, failures = check("Password", length="many", special="maybe", keepers=["secret-word"], lenght=3)
    assert failures.keys() == {"length", "special", "keepers", "lenght"}
    assert failures["length"] == "must be a whole number, not a value of type str"
    assert failures["special"] == "must be true or false, not a value of type str"
    assert failures["keepers"] == "must be a map of strings, not a value of type list"
    assert "secret-word" not in str(failures)


@pytest.mark.parametrize(
    ("kind", "inputs", "failures"),
    [
        ("Password", {}, {"length": "is required"}),
        ("Password", {"length": 0}, {"length": "is 0, but must be at least 1"}),
        ("String", {"length": 3, "minLower": 2, "minUpper": 2}, {"length": "is 3, but the least numbers add up to 4"}),
        (
            "String",
            {"length": 3, "lower": False, "upper": False, "number": False, "special": False},
            {"lower": "must be true where upper, numeric and special are false"},
        ),
        ("Integer", {"min": 7, "max": 6}, {"min": "is 7, more than max, which is 6"}),
        ("Integer", {"min": 1}, {"max": "is required"}),
        ("Id", {"byteLength": 0}, {"byteLength": "is 0, but must be at least 1"}),
        ("Bytes", {"length": True}, {"length": "must be a whole number, not a value of type bool"}),
        ("Pet", {"length": 0}, {"length": "is 0, but must be at least 1"}),
        ("Shuffle", {}, {"inputs": "is required"}),
        ("Shuffle", {"inputs": "abc"}, {"inputs": "must be a list of strings, not a value of type str"}),
    ],
)
def test_inputs_out_of_range_are_refused(kind: str, inputs: dict[str, Any], failures: dict[str, str]) -> None:
    assert check(kind, **inputs)[1] == failures


def test_values_written_as_strings_are_taken_for_what_they_mean() -> None:
    inputs, failures = check("Password", length="16", special="false", keepers={"revision": 3, "on": True})
    assert failures == {}
    assert inputs == {"length": 16, "special": False, "keepers": {"revision": "3", "on": "true"}}


def test_secret_and_unknown_inputs_stay_what_they_are() -> None:
    inputs, failures = check("Password", length=UNKNOWN, keepers={"a": Secret("b"), "c": UNKNOWN})
    assert failures == {}
    assert inputs == {"length": UNKNOWN, "keepers": {"a": Secret("b"), "c": UNKNOWN}}


def test_a_type_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AbortedError, match=r"NOT_FOUND: RandomColour 'thing': the random provider knows no type"):
        check("Colour")


@given(
    st.fixed_dictionaries(
        {name: st.integers(0, 5) for name in ("minLower", "minUpper", "minNumeric", "minSpecial")},
        optional={"overrideSpecial": st.sampled_from(["_", "-+"]), "special": st.booleans(), "upper": st.booleans()},
    ),
    st.integers(0, 30),
)
def test_a_string_has_its_length_and_at_least_the_characters_asked_for(inputs: dict[str, Any], more: int) -> None:
    kind = KINDS[urn("String").split("::")[2].rpartition("$")[2]]
    least = sum(inputs[name] for name in ("minLower", "minUpper", "minNumeric", "minSpecial"))
    asked = complete(kind, {**inputs, "length": least + more})
    result = generate.string(asked)["result"]
    special = inputs.get("overrideSpecial", "!@#$%&*()-_=+[]{}<>:?")
    counts = {
        "minLower": sum(c.islower() for c in result),
        "minUpper": sum(c.isupper() for c in result),
        "minNumeric": sum(c.isdigit() for c in result),
        "minSpecial": sum(c in special for c in result),
    }
    assert len(result) == sum(counts.values()) == least + more
    assert all(counts[name] >= inputs[name] for name in counts)
    assert asked["special"] or counts["minSpecial"] == inputs["minSpecial"]
    assert asked["upper"] or counts["minUpper"] == inputs["minUpper"]


def test_a_password_is_secret_and_its_identifier_says_nothing() -> None:
    identity, state = create("Password", length=20)
    assert identity == "none"
    assert isinstance(state["result"], Secret)
    assert len(state["result"].value) == 20
    assert state["length"] == 20
    assert state["minLower"] == 0


def test_octets_are_secret_in_every_spelling_and_their_identifier_says_nothing() -> None:
    identity, state = create("Bytes", length=16)
    assert identity == "none"
    assert len(bytes.fromhex(state["hex"].value)) == 16
    assert isinstance(state["base64"], Secret)


def test_an_identifier_has_four_spellings_with_its_prefix() -> None:
    identity, state = create("Id", byteLength=4, prefix="p-")
    octets = bytes.fromhex(state["hex"].removeprefix("p-"))
    assert len(octets) == 4
    assert state["dec"] == f"p-{int.from_bytes(octets)}"
    assert state["b64Url"] == f"p-{identity}"


def test_a_number_lies_in_its_range() -> None:
    assert {create("Integer", min=1, max=3)[1]["result"] for _ in range(200)} == {1, 2, 3}


def test_a_seed_leads_to_the_same_result() -> None:
    numbers = {create("Integer", min=1, max=10**9, seed="seed")[0] for _ in range(5)}
    orders = {str(create("Shuffle", inputs=list("abcdefgh"), seed="seed")[1]["results"]) for _ in range(5)}
    assert (len(numbers), len(orders)) == (1, 1)


def test_a_pet_is_named_by_our_words() -> None:
    identity, _ = create("Pet", length=3, prefix="the", separator="_")
    prefix, first, second, animal = identity.split("_")
    assert prefix == "the"
    assert {first, second} <= set(DESCRIPTIONS)
    assert animal in ANIMALS


@pytest.mark.parametrize(("count", "length"), [({}, 3), ({"resultCount": 2}, 2), ({"resultCount": 7}, 7)])
def test_a_shuffle_has_the_items_in_rounds(count: dict[str, Any], length: int) -> None:
    results = create("Shuffle", inputs=["a", "b", "c"], **count)[1]["results"]
    assert len(results) == length
    assert len(set(results[:3])) == min(length, 3)


def test_a_shuffle_of_nothing_is_nothing() -> None:
    assert create("Shuffle", inputs=[], resultCount=3)[1]["results"] == []


@pytest.mark.parametrize(("kind", "version"), [("Uuid", 4), ("Uuid4", 4), ("Uuid7", 7)])
def test_a_uuid_has_its_version(kind: str, version: int) -> None:
    identity, state = create(kind)
    assert identity == state["result"]
    assert (uuid.UUID(identity).version, uuid.UUID(identity).variant) == (version, uuid.RFC_4122)


@pytest.mark.parametrize(
    ("kind", "inputs", "computed"),
    [
        ("Password", {"length": 8}, {"result": Secret(UNKNOWN)}),
        ("String", {"length": UNKNOWN}, {"result": UNKNOWN}),
        ("Bytes", {"length": 8}, {"base64": Secret(UNKNOWN), "hex": Secret(UNKNOWN)}),
        ("Pet", {}, {}),
    ],
)
def test_a_preview_makes_nothing_and_knows_no_result(
    kind: str, inputs: dict[str, Any], computed: dict[str, Any]
) -> None:
    identity, state = create(kind, preview=True, **inputs)
    assert identity == ""
    assert {name: state[name] for name in computed} == computed
    assert {name: state[name] for name in inputs} == inputs


def test_equal_inputs_are_no_difference_also_where_one_side_spells_out_a_default() -> None:
    old = {"length": 8}
    assert diff("Password", old, old).changes == messages.DiffResponse.DIFF_NONE
    assert diff("Password", old, {"length": 8, "special": True}).changes == messages.DiffResponse.DIFF_NONE


def test_every_changed_input_replaces() -> None:
    old = {"length": 8, "keepers": {"a": "1"}, "upper": False}
    response = diff("Password", old, {"length": 9, "keepers": {"a": "2"}, "overrideSpecial": "_"})
    kinds = messages.PropertyDiff
    assert sorted(response.replaces) == sorted(response.diffs) == ["keepers", "length", "overrideSpecial", "upper"]
    assert {name: entry.kind for name, entry in response.detailedDiff.items()} == {
        "keepers": kinds.UPDATE_REPLACE,
        "length": kinds.UPDATE_REPLACE,
        "overrideSpecial": kinds.ADD_REPLACE,
        "upper": kinds.UPDATE_REPLACE,
    }


def test_a_keeper_that_is_not_known_yet_replaces() -> None:
    response = diff("Uuid", {"keepers": {"a": "1"}}, {"keepers": {"a": UNKNOWN}})
    assert list(response.replaces) == ["keepers"]


def test_a_refresh_leaves_the_state_as_it_is() -> None:
    state = encode({"length": 8, "result": Secret("hunter22")})
    request = messages.ReadRequest(urn=urn("Password"), id="none", properties=state, inputs=encode({"length": 8}))
    response = PROVIDER.Read(request, CONTEXT)
    assert (response.id, response.properties, decode(response.inputs)) == ("none", state, {"length": 8})


@pytest.mark.parametrize(
    ("kind", "identity", "inputs", "computed"),
    [
        ("Password", "hunter22", {"length": 8}, {"result": Secret("hunter22")}),
        ("String", "hunter22", {"length": 8}, {"result": "hunter22"}),
        ("Bytes", "AAEC", {"length": 3}, {"hex": Secret("000102")}),
        ("Id", "p-,AAEC", {"byteLength": 3, "prefix": "p-"}, {"hex": "p-000102"}),
        ("Integer", "4,1,6,seed", {"min": 1, "max": 6, "seed": "seed"}, {"result": 4}),
        (
            "Uuid",
            "6a0ea33c-7c1c-4a5e-9d2b-1f5a3f3b7d10",
            {},
            {"result": "6a0ea33c-7c1c-4a5e-9d2b-1f5a3f3b7d10"},
        ),
    ],
)
def test_an_import_takes_over_what_the_identifier_says(
    kind: str, identity: str, inputs: dict[str, Any], computed: dict[str, Any]
) -> None:
    response = read(kind, identity)
    state = decode(response.properties, keep_secrets=True)
    assert decode(response.inputs) == inputs
    assert {name: state[name] for name in computed} == computed


@pytest.mark.parametrize(
    ("kind", "identity", "expected"),
    [
        ("Password", "", "must not be empty"),
        ("Bytes", "%", "octets in base 64"),
        ("Id", "", r"\[PREFIX,\]BASE64URL"),
        ("Integer", "four", r"RESULT,MIN,MAX\[,SEED\]"),
        ("Uuid", "x", "is a UUID"),
        ("Pet", "calm-cat", "cannot be imported"),
    ],
)
def test_an_import_that_makes_no_sense_says_what_would(kind: str, identity: str, expected: str) -> None:
    with pytest.raises(AbortedError, match=rf"INVALID_ARGUMENT: Random{kind} 'thing': .*{expected}"):
        read(kind, identity)


def test_an_update_keeps_the_result() -> None:
    request = messages.UpdateRequest(
        urn=urn("String"), olds=encode({"length": 3, "result": "abc"}), news=encode({"length": 3, "special": True})
    )
    state = decode(PROVIDER.Update(request, CONTEXT).properties)
    assert (state["result"], state["special"]) == ("abc", True)


def test_a_function_is_refused() -> None:
    with pytest.raises(AbortedError, match="no function random:index/f:f"):
        PROVIDER.Invoke(messages.InvokeRequest(tok="random:index/f:f", args=Struct()), CONTEXT)


PROGRAM = """
    import pulumi, pulumi_random as random
    revision = pulumi.Config().get("revision") or "1"
    password = random.RandomPassword("password", length=24, keepers={"revision": revision})
    made = [
        random.RandomString("string", length=12, special=False),
        random.RandomId("id", byte_length=8),
        random.RandomBytes("bytes", length=16),
        random.RandomInteger("integer", min=1, max=6),
        random.RandomPet("pet"),
        random.RandomUuid("uuid"),
        random.RandomShuffle("shuffle", inputs=["a", "b", "c"]),
    ]
    pulumi.export("password", password.result)
"""


@pytest.mark.engine
def test_a_result_stays_until_a_keeper_changes_and_goes_with_the_stack(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin(PROGRAM)
    assert engine.preview().changes == {"create": 9}
    assert engine.up().changes == {"create": 9}
    first = engine.outputs()["password"]
    assert re.fullmatch(r"\S{24}", first)
    assert first not in engine.state_text()

    assert engine.up().changes == {"same": 9}
    assert engine.refresh().changes == {"same": 9}
    assert engine.outputs()["password"] == first

    engine.configure("revision", "2")
    replaced = engine.up()
    assert replaced.changes == {"replace": 1, "same": 8}
    assert engine.outputs()["password"] != first

    assert engine.destroy().changes == {"delete": 9}
    assert engine.resources() == {}


@pytest.mark.engine
def test_the_user_is_told_which_resource_and_property_is_wrong(pulumi_engine: Engine) -> None:
    result = pulumi_engine.begin(
        """
        import pulumi_random
        pulumi_random.RandomPassword("short", length=0)
        """
    ).preview()
    assert result.code != 0
    [message] = result.messages("error")
    assert message == (
        "random:index/randomPassword:RandomPassword resource 'short': "
        "property length value {0} has a problem: is 0, but must be at least 1"
    )


@pytest.mark.engine
def test_an_existing_password_is_imported_and_stays_secret(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin(
        """
        import pulumi, pulumi_random
        taken = pulumi_random.RandomPassword("taken", length=8, opts=pulumi.ResourceOptions(import_="hunter22"))
        pulumi.export("password", taken.result)
        """
    )
    assert engine.up().changes == {"create": 1, "import": 1}
    assert engine.outputs() == {"password": "hunter22"}
    assert engine.resources()["taken"]["outputs"]["result"].keys() == {
        "4dabf18193072939515e22adb298388d",
        "ciphertext",
    }
    assert engine.up().changes == {"same": 2}
