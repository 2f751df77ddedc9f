import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.plugins.kubernetes.objects import LAST_APPLIED, Manifest
from rehearsal.plugins.kubernetes.secrecy import MASK, Mask, conceal
from rehearsal.plugins.wire import Secret, strip_secrets


def test_what_the_inputs_mark_is_secret_in_the_outputs_and_nothing_else() -> None:
    inputs = {"spec": {"a": Secret("x"), "b": "y"}}
    assert conceal({"spec": {"a": "x", "b": "y"}, "status": {}}, inputs) == {
        "spec": {"a": Secret("x"), "b": "y"},
        "status": {},
    }


def test_a_secret_inside_a_list_makes_the_whole_list_secret() -> None:
    inputs = {"spec": {"env": [{"name": "A", "value": Secret("x")}]}}
    live = {"spec": {"env": [{"name": "B"}, {"name": "A", "value": "x"}]}}
    assert conceal(live, inputs) == {"spec": {"env": Secret(live["spec"]["env"])}}


def test_all_data_of_a_secret_object_is_secret_however_it_got_there() -> None:
    live: Manifest = {
        "kind": "Secret",
        "metadata": {"name": "s", "annotations": {LAST_APPLIED: "{…}", "other": "shown"}},
        "data": {"p": "eA=="},
        "stringData": {"p": "x"},
    }
    hidden = conceal(live, {})
    assert hidden["data"] == Secret({"p": "eA=="})
    assert hidden["stringData"] == Secret({"p": "x"})
    assert hidden["metadata"]["annotations"] == {LAST_APPLIED: Secret("{…}"), "other": "shown"}
    assert strip_secrets(hidden) == live


@pytest.mark.parametrize("echo", ["{}", 'Invalid value: "{}"', "prefix{}suffix"])
def test_a_message_that_echoes_a_secret_is_masked(echo: str) -> None:
    mask = Mask({"data": Secret({"password": "hunter22"})})
    assert mask(echo.format("hunter22")) == echo.format(MASK)
    assert mask(echo.format(base64.b64encode(b"hunter22").decode())) == echo.format(MASK)


def test_data_of_a_secret_object_is_masked_in_plain_text_too() -> None:
    mask = Mask({"kind": "Secret", "data": {"p": base64.b64encode(b"hunter22").decode()}})
    assert mask("bad value hunter22") == f"bad value {MASK}"


def test_a_secret_of_several_lines_is_masked_quoted_and_line_by_line() -> None:
    mask = Mask(Secret("first line\nsecond line"))
    assert mask(r'"first line\nsecond line"') == f'"{MASK}"'
    assert mask("near: second line") == f"near: {MASK}"


def test_a_very_short_secret_is_masked_only_in_quotes() -> None:
    mask = Mask(Secret("on"))
    assert mask('Invalid value: "on": no connection') == f'Invalid value: "{MASK}": no connection'


def test_a_number_can_be_secret() -> None:
    assert Mask({"port": Secret(54321)})("Invalid value: 54321") == f"Invalid value: {MASK}"


@given(st.text(min_size=4), st.text(), st.text())
def test_no_masked_message_holds_the_secret(secret: str, before: str, after: str) -> None:
    masked = Mask(Secret(secret))(before + secret + after)
    assert secret not in masked.replace(MASK, "\0")
