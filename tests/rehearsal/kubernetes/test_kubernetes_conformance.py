"""Each verb of the protocol, over real gRPC, on a real API server."""

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as messages

from rehearsal.plugins.kubernetes.objects import AUTONAMED, FIELD_MANAGER, Manifest
from rehearsal.plugins.wire import UNKNOWN, Secret, encode
from tests.rehearsal.engine_fixtures import eventually
from tests.rehearsal.kubernetes.conftest import Kubectl, Messages, Plugin, Refusal, start_plugin

pytestmark = pytest.mark.cluster

Kind = messages.PropertyDiff.Kind


def config_map(kubectl: Kubectl, name: str = "settings", **rest: Any) -> Manifest:
    metadata = {"name": name, "namespace": kubectl.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}, **rest}


def pod(kubectl: Kubectl, **annotations: str) -> Manifest:
    """Return a pod that no node can take: its status is the test's to write."""
    metadata = {"name": "lonely", "namespace": kubectl.namespace, "annotations": annotations}
    spec = {"nodeSelector": {"no": "node"}, "containers": [{"name": "app", "image": "example.org/app:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def annotated(manifest: Manifest, **annotations: str) -> Manifest:
    named = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": named}}


# Before a cluster is needed


def test_the_handshake_offers_secrets_and_autonaming(offline: Plugin) -> None:
    answer = offline.call("Handshake", messages.ProviderHandshakeRequest())
    assert answer.accept_secrets
    assert answer.supports_autonaming_configuration


def test_the_plugin_says_which_official_version_it_follows(offline: Plugin) -> None:
    assert offline.call("GetPluginInfo", Empty()).version == "4.34.2"
    assert json.loads(offline.call("GetSchema", messages.GetSchemaRequest()).schema)["name"] == "kubernetes"


def test_options_that_cannot_be_honoured_are_check_failures(offline: Plugin) -> None:
    request = messages.CheckRequest(news=encode({"enableServerSideApply": "false"}))
    assert [failure.property for failure in offline.call("CheckConfig", request).failures] == ["enableServerSideApply"]


def test_another_cluster_replaces_the_provider(offline: Plugin) -> None:
    request = messages.DiffRequest(
        olds=encode({"clusterIdentifier": "a"}), news=encode({"clusterIdentifier": "b", "context": "c"})
    )
    answer = offline.call("DiffConfig", request)
    assert (list(answer.diffs), list(answer.replaces)) == (["clusterIdentifier", "context"], ["clusterIdentifier"])


@pytest.mark.parametrize(
    ("verb", "request_", "what"),
    [
        ("Invoke", messages.InvokeRequest(tok="kubernetes:yaml:decode"), "kubernetes:yaml:decode"),
        ("Call", messages.CallRequest(tok="kubernetes:x:y"), "kubernetes:x:y"),
        ("Construct", messages.ConstructRequest(type="kubernetes:helm.sh/v4:Chart"), "kubernetes:helm.sh/v4:Chart"),
    ],
)
def test_what_the_stand_in_lacks_is_one_clear_error(offline: Plugin, verb: str, request_: Any, what: str) -> None:
    with pytest.raises(Refusal) as caught:
        offline.call(verb, request_)
    assert caught.value.code == "UNIMPLEMENTED"
    assert f"{what}: the stand-in of the kubernetes provider does not have it" in caught.value.message


def test_inputs_without_a_kind_or_of_a_patch_are_check_failures(offline: Plugin) -> None:
    offline.configure()
    nameless = offline.check({"metadata": {"name": ""}}, kind="core/v1:ConfigMap")
    assert {failure.property for failure in nameless.failures} == {"apiVersion", "kind", "metadata.name"}
    patch = offline.check({"apiVersion": "v1", "kind": "ConfigMap"}, kind="core/v1:ConfigMapPatch")
    assert "does not patch objects" in patch.failures[0].reason


def test_without_a_cluster_a_preview_warns_and_an_update_fails_with_the_next_command(
    listening: tuple[Messages, str], tmp_path: Path
) -> None:
    config = {
        "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}}
    for plugin in start_plugin(listening, KUBECONFIG=str(tmp_path / "kubeconfig")):
        plugin.configure()
        assert plugin.create(manifest, preview=True) == ("", manifest)
        assert "127.0.0.1:1 does not answer (connection refused)" in plugin.heard.warnings[0]
        with pytest.raises(Refusal) as caught:
            plugin.create(manifest)
        assert caught.value.code == "UNAVAILABLE"
        assert "make status" in caught.value.message
        plugin.configure(skipUpdateUnreachable="true")
        assert plugin.read("n/x", "core/v1:ConfigMap", manifest) == ("n/x", {}, manifest)
        plugin.configure(deleteUnreachable="true")
        assert plugin.read("n/x", "core/v1:ConfigMap", manifest)[0] == ""
        plugin.delete("n/x", manifest)


# Check


def test_check_makes_up_a_name_and_fills_in_the_namespace(plugin: Plugin) -> None:
    inputs = plugin.checked({"apiVersion": "v1", "kind": "ConfigMap"})
    assert inputs["metadata"]["name"].startswith("thing-")
    assert inputs["metadata"]["namespace"] == "default"
    assert inputs["metadata"]["annotations"] == {AUTONAMED: "true"}
    assert plugin.checked({"apiVersion": "v1", "kind": "ConfigMap"}, inputs) == inputs


def test_check_gives_a_kind_without_namespaces_none(plugin: Plugin) -> None:
    metadata = {"name": "x", "namespace": "wrong", "uid": "not an input"}
    inputs = plugin.checked({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    assert inputs["metadata"] == {"name": "x"}


def test_check_follows_the_providers_namespace(plugin: Plugin) -> None:
    plugin.configure(namespace="elsewhere")
    assert plugin.checked({"apiVersion": "v1", "kind": "ConfigMap"})["metadata"]["namespace"] == "elsewhere"


def test_check_knows_the_scope_of_a_kind_that_the_program_defines(plugin: Plugin) -> None:
    plugin.checked(definition("planned.example.org", "Planned", scope="Cluster"))
    thing = {"apiVersion": "planned.example.org/v1", "kind": "Planned", "metadata": {"name": "x"}}
    assert "namespace" not in plugin.checked(thing)["metadata"]
    plugin.checked(definition("planned.example.org", "Local", scope="Namespaced"))
    assert plugin.checked({**thing, "kind": "Local"})["metadata"]["namespace"] == "default"


def test_check_keeps_secrets_secret_and_unknowns_unknown(plugin: Plugin) -> None:
    inputs = plugin.checked(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "stringData": {"p": "x"}}
    )
    assert inputs["stringData"] == Secret({"p": "x"})
    inputs = plugin.checked({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": UNKNOWN}, "data": UNKNOWN})
    assert inputs["metadata"]["name"] is UNKNOWN
    assert inputs["data"] is UNKNOWN


def test_check_refuses_an_expression_that_nothing_could_wait_for(plugin: Plugin, kubectl: Kubectl) -> None:
    [failure] = plugin.check(annotated(config_map(kubectl), waitFor="Ready")).failures
    assert failure.property == 'metadata.annotations["pulumi.com/waitFor"]'
    assert "write condition=Type[=Status]" in failure.reason


# Diff


def test_diff_tells_paths_kinds_and_replacements(plugin: Plugin, kubectl: Kubectl) -> None:
    old = config_map(kubectl, immutable=False)
    new = {**old, "data": {"a": "2", "b": UNKNOWN}, "immutable": None}
    answer = plugin.diff(old, new)
    assert answer.changes == messages.DiffResponse.DIFF_SOME
    assert {path: Kind.Name(change.kind) for path, change in answer.detailedDiff.items()} == {
        "data.a": "UPDATE_REPLACE",
        "data.b": "ADD_REPLACE",
        "immutable": "DELETE",
    }
    assert answer.deleteBeforeReplace
    assert set(answer.replaces) == {"data.a", "data.b"}


def test_diff_without_changes_says_so(plugin: Plugin, kubectl: Kubectl) -> None:
    answer = plugin.diff(config_map(kubectl), config_map(kubectl))
    assert (answer.changes, dict(answer.detailedDiff)) == (messages.DiffResponse.DIFF_NONE, {})


def test_diff_leaves_ignored_paths_out(plugin: Plugin, kubectl: Kubectl) -> None:
    old, new = config_map(kubectl), config_map(kubectl, data={"a": "2"})
    assert plugin.diff(old, new, ("data.a",)).changes == messages.DiffResponse.DIFF_NONE


# Create


def test_create_applies_as_the_one_field_manager(plugin: Plugin, kubectl: Kubectl) -> None:
    made, outputs = plugin.create(config_map(kubectl))
    assert made == f"{kubectl.namespace}/settings"
    live = kubectl.get("configmap", "settings")
    assert outputs["metadata"]["uid"] == live["metadata"]["uid"]
    assert "managedFields" not in outputs["metadata"]
    assert [(entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"]] == [
        (FIELD_MANAGER, "Apply")
    ]


def test_another_field_manager_can_be_chosen(plugin: Plugin, kubectl: Kubectl) -> None:
    plugin.create(annotated(config_map(kubectl), patchFieldManager="mine"))
    assert kubectl.get("configmap", "settings")["metadata"]["managedFields"][0]["manager"] == "mine"


def test_preview_of_a_creation_shows_what_the_server_makes_of_it_and_stores_nothing(
    plugin: Plugin, kubectl: Kubectl
) -> None:
    metadata = {"name": "web", "namespace": kubectl.namespace}
    spec = {"selector": {"a": "b"}, "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    made, outputs = plugin.create(service, preview=True)
    assert made == ""
    assert outputs["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert outputs["metadata"] == metadata
    assert "status" not in outputs
    assert kubectl.names("service") == set()


def test_preview_keeps_what_is_not_known_yet(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = config_map(kubectl, data={"a": UNKNOWN})
    assert plugin.create(manifest, preview=True) == ("", manifest)


def test_preview_accepts_a_namespace_or_a_kind_that_is_still_to_be_made(plugin: Plugin) -> None:
    homeless = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "to-be-made"}}
    unheard = {"apiVersion": "example.org/v1", "kind": "Unheard", "metadata": {"name": "x"}}
    for manifest in (homeless, unheard):
        assert plugin.create(manifest, preview=True) == ("", manifest)


def test_preview_refuses_what_the_api_server_will_refuse(plugin: Plugin, kubectl: Kubectl) -> None:
    with pytest.raises(Refusal) as caught:
        plugin.create(config_map(kubectl, name="Not A Name"), preview=True)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert f"cannot create ConfigMap {kubectl.namespace}/Not A Name: " in caught.value.message


def test_an_unknown_field_is_named(plugin: Plugin, kubectl: Kubectl) -> None:
    with pytest.raises(Refusal) as caught:
        plugin.create(config_map(kubectl, dada={"a": "1"}))
    assert ".dada: field not declared in schema" in caught.value.message


def test_an_object_that_exists_is_not_overwritten_unless_the_provider_is_told_so(
    plugin: Plugin, kubectl: Kubectl
) -> None:
    kubectl.create(config_map(kubectl, data={"a": "theirs"}))
    with pytest.raises(Refusal) as caught:
        plugin.create(config_map(kubectl))
    assert "it exists already" in caught.value.message
    assert "kubernetes:upsertExistingObjects" in caught.value.message
    assert kubectl.get("configmap", "settings")["data"] == {"a": "theirs"}
    plugin.configure(upsertExistingObjects="true", enablePatchForce="true")
    plugin.create(config_map(kubectl))
    assert kubectl.get("configmap", "settings")["data"] == {"a": "1"}


def test_a_creation_waits_a_little_for_its_namespace(plugin: Plugin, kubectl: Kubectl) -> None:
    late = Kubectl(kubeconfig=kubectl.kubeconfig, namespace=f"{kubectl.namespace}-late")
    made: list[str] = []
    thread = threading.Thread(target=lambda: made.append(plugin.create(config_map(late))[0]))
    thread.start()
    assert eventually(lambda: any("not found" in status for status in plugin.heard.statuses))
    kubectl("create", "namespace", late.namespace)
    thread.join()
    assert made == [f"{late.namespace}/settings"]
    kubectl("delete", "namespace", late.namespace, "--wait=false")


def test_a_namespace_that_never_comes_is_named(plugin: Plugin) -> None:
    nowhere = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "nowhere"}}
    with pytest.raises(Refusal) as caught:
        plugin.create(nowhere)
    assert "cannot create ConfigMap nowhere/x: namespace 'nowhere' does not exist" in caught.value.message
    assert "dependsOn" in caught.value.message


def test_an_object_whose_predecessor_is_still_being_deleted_waits_for_its_end(plugin: Plugin, kubectl: Kubectl) -> None:
    held = config_map(kubectl)
    held["metadata"]["finalizers"] = ["example.org/hold"]
    kubectl.create(held)
    kubectl("delete", "configmap/settings", "--wait=false")
    made: list[str] = []
    thread = threading.Thread(target=lambda: made.append(plugin.create(config_map(kubectl))[0]))
    thread.start()
    assert eventually(lambda: any("still being deleted" in status for status in plugin.heard.statuses))
    kubectl("patch", "configmap/settings", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    thread.join()
    assert made == [f"{kubectl.namespace}/settings"]


def test_pod_security_says_what_the_namespace_asks_for(plugin: Plugin, kubectl: Kubectl) -> None:
    kubectl("label", "namespace", kubectl.namespace, "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(Refusal) as caught:
        plugin.create(pod(kubectl))
    assert f"cannot create Pod {kubectl.namespace}/lonely: " in caught.value.message
    assert "allowPrivilegeEscalation != false" in caught.value.message
    assert f"pod-security.kubernetes.io/enforce of namespace '{kubectl.namespace}'" in caught.value.message


def test_an_exceeded_quota_is_said(plugin: Plugin, kubectl: Kubectl) -> None:
    metadata = {"name": "few", "namespace": kubectl.namespace}
    plugin.create(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"count/secrets": "0"}}}
    )
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": kubectl.namespace}}
    with pytest.raises(Refusal) as caught:
        plugin.create(secret)
    assert "exceeded quota: few" in caught.value.message
    assert f"kubectl -n {kubectl.namespace} describe resourcequota" in caught.value.message


def test_what_the_user_may_not_do_is_said(plugin: Plugin, kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "nobody")
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    config["users"] = [
        {"name": config["contexts"][0]["context"]["user"], "user": {"token": kubectl("create", "token", "nobody")}}
    ]
    plugin.configure(kubeconfig=json.dumps(config))
    with pytest.raises(Refusal) as caught:
        plugin.create(config_map(kubectl))
    assert f'User "system:serviceaccount:{kubectl.namespace}:nobody" cannot' in caught.value.message
    assert "RBAC" in caught.value.message
    assert plugin.create(config_map(kubectl), preview=True) == ("", config_map(kubectl))


def test_a_failed_rollout_names_the_pod_the_container_and_the_reason(plugin: Plugin, kubectl: Kubectl) -> None:
    labels = {"app.kubernetes.io/part-of": "english-training", "app.kubernetes.io/name": "backend"}
    containers = [{"name": "backend", "image": "example.org/backend:1-sim.missing-image"}]
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "backend", "namespace": kubectl.namespace},
        "spec": {
            "progressDeadlineSeconds": 5,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }
    with pytest.raises(Refusal) as caught:
        plugin.create(deployment)
    assert caught.value.partial is not None
    reasons = list(caught.value.partial.reasons)
    assert reasons[0] == f"Deployment {kubectl.namespace}/backend is stored, but it failed"
    assert reasons[1].startswith("its rollout made no progress within its deadline: ")
    assert any(reason.startswith("pod backend-") and "container backend is waiting: " in reason for reason in reasons)
    assert any(reason.startswith("event Failed of Pod backend-") for reason in reasons)


def definition(group: str, kind: str, *, scope: str = "Namespaced") -> Manifest:
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [{**version, "subresources": {"status": {}}}],
        },
    }


@pytest.fixture
def thing(plugin: Plugin, kubectl: Kubectl) -> Iterator[Manifest]:
    """An object of a kind that was defined a moment ago; its status is the test's to write."""
    group = f"{kubectl.namespace}.example.org"
    crd = definition(group, "Thing")
    made, outputs = plugin.create(crd)
    metadata = {"name": "one", "namespace": kubectl.namespace}
    one = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": metadata, "spec": {"a": 1}}
    # The garbage collector, which ends a foreground deletion, hears of a new kind after half a minute only.
    yield annotated(one, deletionPropagationPolicy="background")
    plugin.delete(made, crd, outputs)


def test_a_custom_resource_can_be_made_as_soon_as_its_definition_is(plugin: Plugin, thing: Manifest) -> None:
    made, outputs = plugin.create(thing)
    assert outputs["spec"] == {"a": 1}
    with pytest.raises(Refusal) as caught:
        plugin.create(thing)
    assert "it exists already" in caught.value.message
    plugin.delete(made, thing, outputs)
    assert plugin.read(made, f"{thing['apiVersion']}:Thing", thing)[0] == ""


def test_a_definition_keeps_its_dashed_keys_whatever_the_sdk_calls_them(plugin: Plugin, kubectl: Kubectl) -> None:
    group = f"{kubectl.namespace}.example.org"
    crd = json.loads(json.dumps(definition(group, "Odd")).replace("x-kubernetes-preserve", "x_kubernetes_preserve"))
    crd = json.loads(json.dumps(crd).replace("preserve-unknown-fields", "preserve_unknown_fields"))
    inputs = plugin.checked(crd)
    schema = inputs["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["x-kubernetes-preserve-unknown-fields"] is True
    made, outputs = plugin.create(inputs)
    schema = outputs["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["x_kubernetes_preserve_unknown_fields"] is True
    plugin.delete(made, inputs, outputs)


# Secrets


def test_data_of_a_secret_comes_back_secret(plugin: Plugin, kubectl: Kubectl) -> None:
    metadata = {"name": "s", "namespace": kubectl.namespace}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": Secret({"p": "hunter22"})}
    encoded = base64.b64encode(b"hunter22").decode()
    made, outputs = plugin.create(manifest)
    assert outputs["data"] == Secret({"p": encoded})
    _, outputs, inputs = plugin.read(made, "core/v1:Secret", manifest)
    assert outputs["data"] == Secret({"p": encoded})
    assert inputs["stringData"] == Secret({"p": "hunter22"})


def test_a_message_of_the_api_server_never_shows_a_secret(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = config_map(kubectl)
    manifest["metadata"]["labels"] = {"a": Secret("!hunter22 is no label!")}
    with pytest.raises(Refusal) as caught:
        plugin.create(manifest)
    assert "hunter22" not in caught.value.message
    assert "[secret]" in caught.value.message


# Waiting


def test_create_waits_until_the_object_is_ready_and_says_for_what(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = pod(kubectl)
    answers: list[tuple[str, Manifest]] = []
    thread = threading.Thread(target=lambda: answers.append(plugin.create(manifest)))
    thread.start()
    assert eventually(lambda: bool(plugin.heard.statuses))
    assert answers == []
    kubectl.status(manifest, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
    thread.join()
    assert answers[0][0] == f"{kubectl.namespace}/lonely"
    assert answers[0][1]["status"]["phase"] == "Running"
    assert plugin.heard.statuses[-1] == ""


def test_an_object_that_does_not_become_ready_is_recorded_with_the_reason(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = pod(kubectl, **{"pulumi.com/timeoutSeconds": "2"})
    with pytest.raises(Refusal) as caught:
        plugin.create(manifest)
    partial = caught.value.partial
    assert partial is not None
    assert partial.id == f"{kubectl.namespace}/lonely"
    assert f"Pod {kubectl.namespace}/lonely is stored, but it is not ready after 2 s" in partial.reasons[0]
    assert "remedy: mend the cause and run `pulumi up` again" in caught.value.message
    plugin.delete(partial.id, annotated(manifest, deletionPropagationPolicy="background"))


def test_an_object_that_failed_is_said_at_once(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = pod(kubectl)
    refusals: list[Refusal] = []

    def create() -> None:
        with pytest.raises(Refusal) as caught:
            plugin.create(manifest)
        refusals.append(caught.value)

    thread = threading.Thread(target=create)
    thread.start()
    assert eventually(lambda: bool(plugin.heard.statuses))
    kubectl.status(manifest, {"phase": "Failed", "reason": "Evicted"})
    thread.join()
    assert "it failed: Evicted" in refusals[0].message


def test_the_custom_timeout_comes_before_the_annotation(plugin: Plugin, kubectl: Kubectl) -> None:
    with pytest.raises(Refusal) as caught:
        plugin.create(pod(kubectl, **{"pulumi.com/timeoutSeconds": "600"}), timeout=1)
    assert "not ready after 1 s" in caught.value.message


def test_an_object_can_be_excused_from_waiting(plugin: Plugin, kubectl: Kubectl) -> None:
    made, _ = plugin.create(pod(kubectl, **{"pulumi.com/skipAwait": "true"}))
    assert made == f"{kubectl.namespace}/lonely"


def test_the_users_own_condition_is_waited_for(plugin: Plugin, kubectl: Kubectl, thing: Manifest) -> None:
    manifest = annotated(
        thing,
        deletionPropagationPolicy="background",
        waitFor='["condition=Programmed", "jsonpath={.status.phase}=Done"]',
    )
    done: list[Manifest] = []
    thread = threading.Thread(target=lambda: done.append(plugin.create(manifest)[1]))
    thread.start()
    assert eventually(
        lambda: "waiting for the condition Programmed; waiting for .status.phase" in plugin.heard.statuses
    )
    kind = f"thing.{thing['apiVersion'].partition('/')[0]}/one"
    status = {"conditions": [{"type": "Programmed", "status": "True"}], "phase": "Done"}
    kubectl("patch", kind, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    thread.join()
    assert done[0]["status"]["phase"] == "Done"


def test_cancel_ends_every_wait_and_keeps_what_was_made(plugin: Plugin, kubectl: Kubectl) -> None:
    refusals: list[Refusal] = []

    def create() -> None:
        with pytest.raises(Refusal) as caught:
            plugin.create(pod(kubectl))
        refusals.append(caught.value)

    thread = threading.Thread(target=create)
    thread.start()
    assert eventually(lambda: bool(plugin.heard.statuses))
    plugin.call("Cancel", Empty())
    thread.join(5)
    assert not thread.is_alive()
    assert "was interrupted while it was awaited" in refusals[0].message
    assert refusals[0].partial is not None
    assert refusals[0].partial.id == f"{kubectl.namespace}/lonely"


# Update


def test_update_changes_adds_and_takes_away_only_what_is_ones_own(plugin: Plugin, kubectl: Kubectl) -> None:
    plugin.create(config_map(kubectl, data={"a": "1", "b": "1"}))
    kubectl("patch", "configmap/settings", "--type=merge", "-p", '{"data": {"theirs": "1"}}')
    outputs = plugin.update(config_map(kubectl, data={"a": "2", "c": "1"}))
    assert outputs["data"] == kubectl.get("configmap", "settings")["data"] == {"a": "2", "c": "1", "theirs": "1"}


def test_preview_of_an_update_stores_nothing(plugin: Plugin, kubectl: Kubectl) -> None:
    plugin.create(config_map(kubectl))
    assert plugin.update(config_map(kubectl, data={"a": "2"}), preview=True)["data"] == {"a": "2"}
    assert kubectl.get("configmap", "settings")["data"] == {"a": "1"}
    unknown = config_map(kubectl, data={"a": UNKNOWN})
    assert plugin.update(unknown, preview=True) == unknown


@pytest.mark.parametrize("preview", [True, False])
def test_a_conflict_names_field_and_manager_and_can_be_forced(plugin: Plugin, kubectl: Kubectl, preview: bool) -> None:
    plugin.create(config_map(kubectl))
    kubectl("patch", "configmap/settings", "--type=merge", "-p", '{"data": {"a": "theirs"}}')
    with pytest.raises(Refusal) as caught:
        plugin.update(config_map(kubectl, data={"a": "2"}), preview=preview)
    assert "another field manager owns what it sets: data.a (by 'kubectl-patch')" in caught.value.message
    assert kubectl.get("configmap", "settings")["data"] == {"a": "theirs"}
    plugin.update(annotated(config_map(kubectl, data={"a": "2"}), patchForce="true"))
    assert kubectl.get("configmap", "settings")["data"] == {"a": "2"}


def test_a_plain_write_under_the_same_name_is_no_conflict(plugin: Plugin, kubectl: Kubectl) -> None:
    plugin.create(config_map(kubectl))
    patch = ("--type=merge", "-p", '{"data": {"a": "5"}}', f"--field-manager={FIELD_MANAGER}")
    kubectl("patch", "configmap/settings", *patch)
    plugin.update(config_map(kubectl, data={"a": "2"}))
    assert kubectl.get("configmap", "settings")["data"] == {"a": "2"}


def test_an_ignored_field_that_somebody_else_took_over_stays_theirs(plugin: Plugin, kubectl: Kubectl) -> None:
    plugin.create(config_map(kubectl, data={"a": "1", "b": "1"}))
    kubectl("patch", "configmap/settings", "--type=merge", "-p", '{"data": {"a": "theirs"}}')
    plugin.update(config_map(kubectl, data={"a": "1", "b": "2"}), ignore=("data.a",))
    assert kubectl.get("configmap", "settings")["data"] == {"a": "theirs", "b": "2"}


def test_what_cannot_change_in_place_says_how_to_replace_it(plugin: Plugin, kubectl: Kubectl) -> None:
    plugin.create(config_map(kubectl, immutable=True))
    with pytest.raises(Refusal) as caught:
        plugin.update(config_map(kubectl, immutable=True, data={"a": "2"}))
    assert "field is immutable" in caught.value.message
    assert "replaceOnChanges" in caught.value.message


# Read


def test_a_refresh_shows_drift_and_nothing_else(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = config_map(kubectl, data={"a": "1", "b": "1"})
    made, _ = plugin.create(manifest)
    assert plugin.read(made, "core/v1:ConfigMap", manifest)[2] == manifest
    kubectl("patch", "configmap/settings", "--type=merge", "-p", '{"data": {"a": "drift", "b": null, "c": "theirs"}}')
    _, outputs, inputs = plugin.read(made, "core/v1:ConfigMap", manifest)
    assert inputs == {**manifest, "data": {"a": "drift"}}
    assert outputs["data"] == {"a": "drift", "c": "theirs"}


def test_what_is_gone_has_no_id(plugin: Plugin, kubectl: Kubectl) -> None:
    assert plugin.read(f"{kubectl.namespace}/settings", "core/v1:ConfigMap", config_map(kubectl))[0] == ""


def test_a_refresh_tells_that_an_object_is_not_ready(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = pod(kubectl, **{"pulumi.com/timeoutSeconds": "1"})
    with pytest.raises(Refusal):
        plugin.create(manifest)
    with pytest.raises(Refusal) as caught:
        plugin.read(f"{kubectl.namespace}/lonely", "core/v1:Pod", manifest)
    assert caught.value.partial is not None
    assert "is not ready" in caught.value.partial.reasons[0]
    assert len(caught.value.partial.inputs.fields) == len(manifest)


def test_an_import_has_complete_inputs_without_the_servers_own(plugin: Plugin, kubectl: Kubectl) -> None:
    kubectl.create(config_map(kubectl), "--save-config")
    made, outputs, inputs = plugin.read(f"{kubectl.namespace}/settings", "core/v1:ConfigMap")
    assert made == f"{kubectl.namespace}/settings"
    assert inputs == config_map(kubectl)
    assert outputs["metadata"]["uid"]


# Delete


def test_delete_waits_until_the_object_is_gone_and_is_content_if_it_is(plugin: Plugin, kubectl: Kubectl) -> None:
    made, outputs = plugin.create(config_map(kubectl))
    plugin.delete(made, config_map(kubectl), outputs)
    assert kubectl.names("configmap") == set()
    plugin.delete(made, config_map(kubectl), outputs)


def test_a_deletion_that_is_held_up_says_by_what(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = config_map(kubectl)
    manifest["metadata"]["finalizers"] = ["example.org/hold"]
    made, outputs = plugin.create(manifest)
    with pytest.raises(Refusal) as caught:
        plugin.delete(made, manifest, outputs, timeout=1)
    assert f"ConfigMap {made} is not gone after 1 s (held by finalizers example.org/hold" in caught.value.message
    kubectl("patch", "configmap/settings", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')


def test_delete_follows_the_propagation_policy(plugin: Plugin, kubectl: Kubectl) -> None:
    manifest = annotated(config_map(kubectl), deletionPropagationPolicy="orphan")
    made, outputs = plugin.create(manifest)
    plugin.delete(made, manifest, outputs)
    assert kubectl.names("configmap") == set()
