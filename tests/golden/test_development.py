"""The whole development stack, as the engine would be asked for it: names, parents, types and properties.

``make golden`` writes the file anew; read the difference before you commit it.
"""

import json
import re
import runpy
from typing import Any

import pulumi
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from rehearsal.paths import REPOSITORY
from tests.components.harness import RANDOM_PASSWORD, Recorded, build

EXPECTED = [
    RANDOM_PASSWORD,
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:core/v1:LimitRange",
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:core/v1:ResourceQuota",
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:Service",
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:gateway.envoyproxy.io/v1alpha1:BackendTrafficPolicy",
    "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy",
    "kubernetes:gateway.networking.k8s.io/v1:Gateway",
    "kubernetes:gateway.networking.k8s.io/v1:GatewayClass",
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    "kubernetes:policy/v1:PodDisruptionBudget",
    "pulumi:providers:kubernetes",
]
SECRETS = {"english-training:secretKey": "k" * 50, "english-training:databasePassword": "p" * 20}


@pytest.fixture
def development(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """The program, run on the development stack's configuration with secrets of the test's own."""
    config = yaml.safe_load((REPOSITORY / "Pulumi.development.yaml").read_text())["config"]
    plain = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
        if key not in SECRETS
    }
    monkeypatch.setattr(pulumi, "get_stack", lambda: "development")
    monkeypatch.syspath_prepend(str(REPOSITORY))
    pulumi.runtime.set_all_config({**plain, **SECRETS}, list(SECRETS))
    try:
        return build(lambda: runpy.run_path(str(REPOSITORY / "__main__.py")), expected=EXPECTED)
    finally:
        pulumi.runtime.set_all_config({})


def test_the_stack_is_made_of_exactly_these_resources(development: Recorded, snapshot: SnapshotAssertion) -> None:
    shown = {
        f"{one.type} {one.name}": {
            "parent": one.parent,
            **({"retained": True} if one.retain_on_delete else {}),
            **({"protected": True} if one.protect else {}),
            "inputs": _short(one.inputs),
        }
        for one in development.resources
    }
    assert shown == snapshot(extension_class=JSONSnapshotExtension)


def test_every_kubernetes_object_goes_to_the_stacks_own_cluster(development: Recorded) -> None:
    strangers = [one.name for one in development.resources if one.type.startswith("kubernetes:") and not one.provider]
    assert strangers == []


def test_no_secret_stands_outside_the_one_secret(development: Recorded) -> None:
    holders = {
        one.name for one in development.resources if any(value in json.dumps(one.inputs) for value in SECRETS.values())
    }
    assert holders == {"app-backend-secrets"}


def _short(inputs: Any) -> Any:
    """Inputs without what other projects wrote: of a definition or policy only its name."""
    if isinstance(inputs, dict) and inputs.get("kind") in (
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ):
        return {"kind": inputs["kind"], "name": inputs["metadata"]["name"]}
    return json.loads(re.sub(r"(\d)\.0([,}\]])", r"\1\2", json.dumps(inputs, sort_keys=True)))
