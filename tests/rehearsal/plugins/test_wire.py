import copy
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from rehearsal.plugins import wire
from rehearsal.plugins.wire import UNKNOWN, Secret, decode, encode

keys = st.text(max_size=8).filter(lambda key: key != wire.SIGNATURE)
plain_leaves = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53), max_value=2**53)
    | st.floats(allow_nan=False).filter(lambda number: not number.is_integer())
    | st.text(max_size=12)
)
assets = st.builds(lambda text: {wire.SIGNATURE: wire.ASSET_SIGNATURE, "text": text}, st.text(max_size=5))
references = st.builds(
    lambda urn: {wire.SIGNATURE: wire.RESOURCE_SIGNATURE, "urn": urn, "packageVersion": ""}, st.text(max_size=5)
)


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


def properties(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(keys, values(leaves), max_size=4)


plain = properties(plain_leaves)
special = properties(
    plain_leaves | st.just(UNKNOWN) | assets | references | values(plain_leaves | st.just(UNKNOWN)).map(Secret)
)


def struct(**members: Any) -> Struct:
    made = Struct()
    made.update(members)
    return made


@given(special)
def test_what_is_encoded_is_decoded_unchanged(value: dict[str, Any]) -> None:
    assert decode(encode(value), keep_secrets=True) == value


@given(special)
def test_without_keep_secrets_the_bare_values_come_back(value: dict[str, Any]) -> None:
    assert decode(encode(value)) == wire.strip_secrets(value)


@given(plain)
def test_plain_values_have_neither_unknowns_nor_secrets(value: dict[str, Any]) -> None:
    assert (wire.has_unknown(value), wire.has_secret(value), wire.strip_secrets(value)) == (False, False, value)


@given(special)
def test_secrets_can_be_taken_off_and_marked_again(value: dict[str, Any]) -> None:
    assert wire.mark_secrets(wire.strip_secrets(value), wire.secret_paths(value)) == value


@given(special)
def test_an_encoded_struct_survives_the_wire(value: dict[str, Any]) -> None:
    sent = encode(value)
    assert Struct.FromString(sent.SerializeToString()) == sent


# The SDK leaves out nulls, and members whose name starts with two underscores.
@given(st.dictionaries(st.text(alphabet="abc"), st.lists(plain_leaves.filter(lambda leaf: leaf is not None))))
def test_the_sdk_reads_plain_values_as_they_were_written(value: dict[str, Any]) -> None:
    assert rpc.deserialize_properties(encode(value)) == value


def test_the_identifiers_are_those_of_the_sdk() -> None:
    names = ("sig_key", "secret_sig", "output_value_sig", "asset_sig", "archive_sig", "resource_sig")
    of_the_sdk = [getattr(rpc, f"_special_{name}") for name in names]
    assert [*of_the_sdk, rpc.UNKNOWN] == [
        wire.SIGNATURE,
        wire.SECRET_SIGNATURE,
        wire.OUTPUT_SIGNATURE,
        wire.ASSET_SIGNATURE,
        wire.ARCHIVE_SIGNATURE,
        wire.RESOURCE_SIGNATURE,
        wire.UNKNOWN_STRING,
    ]


def test_integral_numbers_become_int_and_others_stay_float() -> None:
    decoded = decode(struct(replicas=3.0, share=0.5))
    assert decoded == {"replicas": 3, "share": 0.5}
    assert type(decoded["replicas"]) is int


def test_booleans_are_not_numbers() -> None:
    assert decode(encode({"yes": True, "one": 1})) == {"yes": True, "one": 1}
    assert type(decode(encode({"yes": True}))["yes"]) is bool


@pytest.mark.parametrize("text", sorted(wire.UNKNOWN_STRINGS))
def test_every_unknown_of_the_engine_is_recognised(text: str) -> None:
    assert decode(struct(host=text)) == {"host": UNKNOWN}


def test_a_secret_unknown_stays_both() -> None:
    decoded = decode(encode({"password": Secret(UNKNOWN)}), keep_secrets=True)
    assert decoded == {"password": Secret(UNKNOWN)}
    assert wire.has_unknown(decoded)


def test_an_output_is_its_value() -> None:
    output = {wire.SIGNATURE: wire.OUTPUT_SIGNATURE, "value": "v", "dependencies": ["urn:a"]}
    assert decode(struct(x=output), keep_secrets=True) == {"x": "v"}


def test_an_output_without_a_value_is_unknown() -> None:
    assert decode(struct(x={wire.SIGNATURE: wire.OUTPUT_SIGNATURE})) == {"x": UNKNOWN}


def test_a_null_output_is_known() -> None:
    assert decode(struct(x={wire.SIGNATURE: wire.OUTPUT_SIGNATURE, "value": None})) == {"x": None}


def test_a_secret_output_is_a_secret() -> None:
    output = {wire.SIGNATURE: wire.OUTPUT_SIGNATURE, "value": "v", "secret": True}
    assert decode(struct(x=output), keep_secrets=True) == {"x": Secret("v")}
    assert decode(struct(x=output)) == {"x": "v"}


def test_a_secret_in_a_secret_output_is_wrapped_once() -> None:
    inner = {wire.SIGNATURE: wire.SECRET_SIGNATURE, "value": "v"}
    output = {wire.SIGNATURE: wire.OUTPUT_SIGNATURE, "value": inner, "secret": True}
    assert decode(struct(x=output), keep_secrets=True) == {"x": Secret("v")}


def test_secret_paths_name_the_outermost_secrets() -> None:
    value = {"data": {"a": Secret({"b": Secret("x")}), "c": 1}, "list": [0, Secret(2)]}
    assert list(wire.secret_paths(value)) == [("data", "a"), ("list", 1)]


def test_marking_ignores_paths_that_lead_nowhere() -> None:
    assert wire.mark_secrets({"a": [1]}, [("b", "c"), ("a", 7), ("a", 0, "x")]) == {"a": [1]}


def test_a_secret_does_not_show_itself() -> None:
    assert "hunter2" not in repr({"password": Secret("hunter2")})


def test_unknown_is_one_object_and_refuses_to_be_a_condition() -> None:
    assert wire.Unknown() is UNKNOWN
    assert copy.deepcopy(UNKNOWN) is UNKNOWN
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(UNKNOWN)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": [object()]}}, r"a\.b\.0: a object cannot be sent to the engine"),
        ({"a": {1: "x"}}, r"a: the key 1 of an object is not a string"),
        ({1: "x"}, r"properties: the key 1 of an object is not a string"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(value: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        encode(value)
