"""The real engine, with programs in Python, on a real API server."""

import json
import signal
import time

import pytest

from tests.rehearsal.engine_fixtures import Engine, Result, eventually
from tests.rehearsal.kubernetes.conftest import Kubectl

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

HEAD = """
import os
import pulumi
import pulumi_kubernetes as k8s

namespace = os.environ["NAMESPACE"]
config = pulumi.Config()
"""

SETTINGS = (
    HEAD
    + """
settings = k8s.core.v1.ConfigMap("settings", metadata={"name": "settings", "namespace": namespace}, data={"a": "1"})
"""
)


def settings(data: str = '{"a": "1"}', *, name: str = "settings", extra: str = "", **options: str) -> str:
    """Return a program with one ConfigMap called ``settings`` on the cluster and ``name`` in the program."""
    opts = ", ".join(f"{key}={value}" for key, value in options.items())
    metadata = f'{{"name": "settings", "namespace": namespace, {extra}}}'
    return (
        HEAD
        + f"""
settings = k8s.core.v1.ConfigMap(
    {name!r}, metadata={metadata}, data={data}, opts=pulumi.ResourceOptions({opts})
)
pulumi.export("uid", settings.metadata.uid)
"""
    )


def pod(*, name: str = "lonely", timeout: int = 600) -> str:
    """Return a program with a pod that no node can take: its status is the test's to write."""
    return (
        HEAD
        + f"""
k8s.core.v1.Pod(
    "lonely",
    metadata={{
        "name": {name!r},
        "namespace": namespace,
        "annotations": {{
            "pulumi.com/timeoutSeconds": "{timeout}",
            "pulumi.com/deletionPropagationPolicy": "background",
        }},
    }},
    spec={{"nodeSelector": {{"no": "node"}}, "containers": [{{"name": "app", "image": "example.org/app:1"}}]}},
)
"""
    )


READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
LONELY = {"kind": "Pod", "metadata": {"name": "lonely"}}


def well(result: Result) -> Result:
    assert result.code == 0, result.output
    return result


def data(kubectl: Kubectl) -> dict[str, str]:
    return dict(kubectl.get("configmap", "settings")["data"])


@pytest.fixture
def begun(engine: Engine) -> Engine:
    """Return an engine whose provider lets configuration change in place."""
    engine.begin(settings())
    engine.configure("kubernetes:enableConfigMapMutable", "true")
    return engine


def test_a_stack_comes_up_changes_nothing_the_second_time_and_goes_without_a_trace(
    begun: Engine, kubectl: Kubectl
) -> None:
    assert well(begun.preview()).changes == {"create": 2}
    assert kubectl.names("configmap") == set()
    assert well(begun.up()).changes == {"create": 2}
    assert begun.outputs() == {"uid": kubectl.get("configmap", "settings")["metadata"]["uid"]}
    assert well(begun.up()).changes == {"same": 2}
    well(begun.destroy())
    assert kubectl.names("configmap") == set()


def test_a_change_is_an_update_in_place_at_its_path(begun: Engine, kubectl: Kubectl) -> None:
    well(begun.up())
    begun.write(settings('{"a": "2"}'))
    result = well(begun.up())
    assert result.changes == {"same": 1, "update": 1}
    assert data(kubectl) == {"a": "2"}
    [step] = [event["resourcePreEvent"]["metadata"] for event in result.events if "resourcePreEvent" in event][-1:]
    assert step["detailedDiff"] == {"data.a": {"diffKind": "update", "inputDiff": True}}


def test_a_fixed_property_replaces_the_object_the_old_one_first_where_it_has_to_keep_its_name(
    engine: Engine, kubectl: Kubectl
) -> None:
    engine.begin(settings())
    well(engine.up())
    before = kubectl.get("configmap", "settings")["metadata"]["uid"]
    engine.write(settings('{"a": "2"}'))
    result = well(engine.up())
    assert result.changes == {"same": 1, "replace": 1}
    assert [op for op, name in result.steps if name == "settings"] == [
        "delete-replaced",
        "replace",
        "create-replacement",
    ]
    assert kubectl.get("configmap", "settings")["metadata"]["uid"] != before


def test_a_made_up_name_is_replaced_the_new_one_first(engine: Engine, kubectl: Kubectl) -> None:
    program = HEAD + 'k8s.core.v1.ConfigMap("made", metadata={{"namespace": namespace}}, data={{"a": "{}"}})\n'
    engine.begin(program.format(1))
    well(engine.up())
    [first] = kubectl.names("configmap")
    assert well(engine.up()).changes == {"same": 2}
    engine.write(program.format(2))
    result = well(engine.up())
    [second] = kubectl.names("configmap")
    assert first.startswith("made-")
    assert second.startswith("made-")
    assert first != second
    assert [op for op, name in result.steps if name == "made"] == ["create-replacement", "replace", "delete-replaced"]


def test_a_rename_in_the_program_with_an_alias_changes_nothing_on_the_cluster(begun: Engine, kubectl: Kubectl) -> None:
    well(begun.up())
    before = kubectl.get("configmap", "settings")["metadata"]["resourceVersion"]
    begun.write(settings(name="renamed", aliases='[pulumi.Alias(name="settings")]'))
    assert well(begun.up()).changes == {"same": 2}
    assert kubectl.get("configmap", "settings")["metadata"]["resourceVersion"] == before
    assert "renamed" in begun.resources()


def test_a_rename_without_an_alias_is_refused_before_anything_is_lost(begun: Engine, kubectl: Kubectl) -> None:
    well(begun.up())
    begun.write(settings(name="renamed"))
    result = begun.up()
    assert result.code != 0
    assert "it exists already" in result.output
    assert "alias" in result.output
    assert data(kubectl) == {"a": "1"}


def test_ignored_changes_are_left_alone_even_where_somebody_else_made_them(begun: Engine, kubectl: Kubectl) -> None:
    well(begun.up())
    kubectl("patch", "configmap/settings", "--type=merge", "-p", '{"data": {"a": "theirs"}}')
    begun.write(settings('{"a": "2", "b": "1"}', ignore_changes='["data.a"]'))
    well(begun.up())
    assert data(kubectl) == {"a": "theirs", "b": "1"}
    begun.write(settings('{"a": "3", "b": "1"}', ignore_changes='["data.a"]'))
    assert well(begun.up()).changes == {"same": 2}


def test_what_is_retained_survives_the_stack(begun: Engine, kubectl: Kubectl) -> None:
    begun.write(settings(retain_on_delete="True"))
    well(begun.up())
    well(begun.destroy())
    assert data(kubectl) == {"a": "1"}


def test_what_goes_with_its_owner_is_not_deleted_by_itself(begun: Engine, kubectl: Kubectl) -> None:
    begun.write(
        settings()
        + """
child = k8s.core.v1.ConfigMap(
    "child",
    metadata={"name": "child", "namespace": namespace},
    opts=pulumi.ResourceOptions(deleted_with=settings),
)
"""
    )
    well(begun.up())
    well(begun.destroy())
    assert kubectl.names("configmap") == {"child"}


def test_an_object_is_imported_and_then_managed(begun: Engine, kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=a=1")
    before = kubectl.get("configmap", "settings")["metadata"]["uid"]
    begun.write(settings(import_='f"{namespace}/settings"'))
    assert well(begun.up()).changes == {"create": 1, "import": 1}
    assert begun.outputs() == {"uid": before}
    assert well(begun.up()).changes == {"same": 2}


def test_a_refresh_sees_drift_and_the_next_update_mends_it(begun: Engine, kubectl: Kubectl) -> None:
    well(begun.up())
    drift = ("--type=merge", "-p", '{"data": {"a": "drift", "b": "theirs"}}', "--field-manager=pulumi-kubernetes")
    kubectl("patch", "configmap/settings", *drift)
    assert well(begun.refresh()).changes == {"same": 1, "update": 1}
    assert begun.resources()["settings"]["inputs"]["data"] == {"a": "drift"}
    assert well(begun.up()).changes == {"same": 1, "update": 1}
    assert data(kubectl) == {"a": "1", "b": "theirs"}


def test_a_refresh_forgets_what_is_gone_and_the_next_update_makes_it_anew(begun: Engine, kubectl: Kubectl) -> None:
    well(begun.up())
    kubectl("delete", "configmap/settings")
    assert well(begun.refresh()).changes == {"same": 1, "delete": 1}
    assert well(begun.up()).changes == {"same": 1, "create": 1}


def test_a_conflict_with_another_manager_stops_the_update_and_says_how_to_go_on(
    begun: Engine, kubectl: Kubectl
) -> None:
    well(begun.up())
    kubectl("patch", "configmap/settings", "--type=merge", "-p", '{"data": {"a": "theirs"}}')
    begun.write(settings('{"a": "2"}'))
    result = begun.up()
    assert result.code != 0
    [message] = [text for text in result.messages("error") if "field manager" in text]
    assert f"cannot update ConfigMap {kubectl.namespace}/settings" in message
    assert "data.a (by 'kubectl-patch')" in message
    begun.write(settings('{"a": "2"}', extra='"annotations": {"pulumi.com/patchForce": "true"}'))
    well(begun.up())
    assert data(kubectl) == {"a": "2"}


def test_a_secret_is_on_the_cluster_and_not_readable_in_the_state_or_the_output(
    engine: Engine, kubectl: Kubectl
) -> None:
    engine.begin(
        HEAD
        + """
password = config.require_secret("password")
metadata = {"name": "secret", "namespace": namespace}
k8s.core.v1.Secret("secret", metadata=metadata, string_data={"password": password})
k8s.core.v1.ConfigMap("leak", metadata={"name": "leak", "namespace": namespace}, data={"url": password})
"""
    )
    engine.configure("password", "hunter2222", secret=True)
    results = [well(engine.preview("--diff")), well(engine.up()), well(engine.refresh())]
    assert kubectl.get("secret", "secret")["data"] == {"password": "aHVudGVyMjIyMg=="}
    assert kubectl.get("configmap", "leak")["data"] == {"url": "hunter2222"}
    assert well(engine.up()).changes == {"same": 3}
    everything = engine.state_text() + "".join(result.output + json.dumps(result.events) for result in results)
    assert "hunter2222" not in everything
    assert "aHVudGVyMjIyMg==" not in everything


def test_an_object_that_does_not_become_ready_fails_the_update_which_then_goes_on_from_there(
    engine: Engine, kubectl: Kubectl
) -> None:
    engine.begin(pod(timeout=1))
    result = engine.up()
    assert result.code != 0
    assert f"Pod {kubectl.namespace}/lonely is stored, but it is not ready after 1 s" in result.output
    recorded = engine.resources()["lonely"]
    assert recorded["initErrors"]
    kubectl.status(LONELY, READY)
    assert well(engine.up()).changes == {"same": 1, "update": 1}
    assert "initErrors" not in engine.resources()["lonely"]
    assert well(engine.up()).changes == {"same": 2}


def test_an_interrupt_ends_the_wait_at_once_and_the_next_update_goes_on_from_there(
    engine: Engine, kubectl: Kubectl
) -> None:
    engine.begin(pod())
    process = engine.start("up", "--skip-preview", "--yes")
    assert eventually(lambda: kubectl.names("pod") == {"lonely"})
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert time.monotonic() - begun < 10
    assert "was interrupted while it was awaited" in output
    assert "lonely" in engine.resources()
    kubectl.status(LONELY, READY)
    well(engine.up())


def test_values_that_are_not_known_yet_show_as_such_in_a_preview(engine: Engine, kubectl: Kubectl) -> None:
    engine.begin(
        settings(name="first")
        + """
uid = settings.metadata.apply(lambda metadata: metadata.uid)
metadata = {"name": "second", "namespace": namespace}
k8s.core.v1.ConfigMap("second", metadata=metadata, data={"uid": settings.id})
"""
    )
    assert well(engine.preview()).changes == {"create": 3}
    well(engine.up())
    assert kubectl.get("configmap", "second")["data"] == {"uid": f"{kubectl.namespace}/settings"}


def test_a_definition_and_its_object_come_up_and_go_together(engine: Engine, kubectl: Kubectl) -> None:
    engine.begin(
        HEAD
        + """
group = f"{namespace}.example.org"
schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
crd = pulumi.CustomResource(
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
    "definition",
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    },
)
k8s.apiextensions.CustomResource(
    "thing",
    api_version=f"{group}/v1",
    kind="Thing",
    metadata={
        "name": "one",
        "namespace": namespace,
        "annotations": {"pulumi.com/deletionPropagationPolicy": "background"},
    },
    spec={"a": 1},
    opts=pulumi.ResourceOptions(depends_on=[crd]),
)
"""
    )
    assert well(engine.preview()).changes == {"create": 3}
    well(engine.up())
    assert well(engine.up()).changes == {"same": 3}
    assert kubectl.get(f"thing.{kubectl.namespace}.example.org", "one")["spec"] == {"a": 1}
    well(engine.destroy())
