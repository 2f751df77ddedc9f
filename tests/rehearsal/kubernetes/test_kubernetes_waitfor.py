import pytest

from rehearsal.plugins.kubernetes.errors import PluginError
from rehearsal.plugins.kubernetes.objects import Manifest
from rehearsal.plugins.kubernetes.waitfor import ConditionIs, PathIs, expectations, select

LIVE: Manifest = {
    "metadata": {"generation": 2, "annotations": {"a.b/c": "x"}},
    "status": {
        "phase": "Running",
        "ok": True,
        "count": 3,
        "addresses": [{"type": "IP", "value": "192.0.2.1"}, {"type": "Name", "value": "example.org"}],
        "conditions": [{"type": "Programmed", "status": "True", "observedGeneration": 2}],
    },
}


def missing(annotation: str, live: Manifest = LIVE) -> list[str]:
    return [expectation.missing(live) for expectation in expectations(annotation)]


@pytest.mark.parametrize(
    "annotation",
    [
        "condition=Programmed",
        "condition=programmed=true",
        "jsonpath={.status.phase}",
        "jsonpath={.status.phase}=Running",
        "jsonpath={$.status.ok}=true",
        "jsonpath={.status.count}=3",
        'jsonpath={.status.conditions[?(@.type=="Programmed")].status}=True',
        "jsonpath={.status.addresses[0].value}=192.0.2.1",
        "jsonpath={.status.addresses[-1].value}=example.org",
        "jsonpath={.metadata.annotations['a.b/c']}=x",
        '["condition=Programmed", "jsonpath={.status.phase}=Running"]',
    ],
)
def test_what_holds_is_not_waited_for(annotation: str) -> None:
    assert set(missing(annotation)) == {""}


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ("condition=Ready", "waiting for the condition Ready"),
        ("condition=Programmed=False", "condition Programmed is True, not False"),
        ("jsonpath={.status.missing}", "waiting for .status.missing"),
        ("jsonpath={.status.phase}=Done", ".status.phase is Running, not Done"),
    ],
)
def test_what_does_not_hold_is_said(annotation: str, reason: str) -> None:
    assert missing(annotation) == [reason]


def test_a_condition_about_an_older_generation_does_not_count() -> None:
    stale: Manifest = {
        "metadata": {"generation": 3},
        "status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}], "x": 1},
    }
    assert missing("condition=Ready", stale) == ["waiting for the condition Ready of this generation"]
    stale["status"]["observedGeneration"] = 2
    assert missing("jsonpath={.status.x}", stale) == ["waiting for .status.x of this generation"]


@pytest.mark.parametrize(
    "annotation", ["", "Ready", "condition=", "jsonpath=.status", "jsonpath={status}", "jsonpath={.a}=", "[]", "[1]"]
)
def test_anything_else_is_refused_with_the_syntax(annotation: str) -> None:
    with pytest.raises(PluginError, match=r"pulumi\.com/waitFor") as caught:
        expectations(annotation)
    assert "condition=Type" in caught.value.remedy


def test_expressions_become_values() -> None:
    assert expectations('["condition=A=False", "jsonpath={.b}=c"]') == (ConditionIs("A", "False"), PathIs(".b", "c"))


def test_a_wildcard_selects_all_items() -> None:
    assert list(select(LIVE, ".status.addresses[*].type")) == ["IP", "Name"]
