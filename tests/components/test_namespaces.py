from components.namespaces import Namespace, NamespaceArgs
from components.network_policy import Allowance, Peer
from tests.components.harness import Recorded, build

EXPECTED = [
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:ResourceQuota",
    "kubernetes:core/v1:LimitRange",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
]


def namespace(**fields: object) -> Recorded:
    return build(lambda: Namespace("app", NamespaceArgs(name="english-training", **fields)), expected=EXPECTED)  # type: ignore[arg-type]  # the test names the fields


def test_pods_are_held_to_the_restricted_standard_unless_said_otherwise() -> None:
    labels = namespace()["app-namespace"].inputs["metadata"]["labels"]
    assert {key: value for key, value in labels.items() if key.startswith("pod-security")} == {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
    }


def test_everything_is_denied_but_name_resolution() -> None:
    policies = {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in namespace().of("NetworkPolicy")}
    assert policies.keys() == {"default-deny", "dns"}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["dns"]["policyTypes"] == ["Egress"]
    [rule] = policies["dns"]["egress"]
    assert rule["ports"] == [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]


def test_an_allowance_becomes_one_policy_of_its_name() -> None:
    made = namespace(
        allowances=[
            Allowance(
                name="gateway-to-backend",
                direction="Ingress",
                pods={"app.kubernetes.io/name": "backend"},
                peers=[Peer(namespace="gateway")],
                ports=[8000],
            )
        ]
    )
    assert made["app-gateway-to-backend"].inputs["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "backend"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {
                        "podSelector": {"matchLabels": {}},
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}},
                    }
                ],
                "ports": [{"protocol": "TCP", "port": 8000}],
            }
        ],
    }


def test_quota_and_default_limits_are_set_only_where_asked() -> None:
    assert namespace().identities().isdisjoint({("kubernetes:core/v1:ResourceQuota", "app-quota")})
    made = namespace(quota={"pods": "20"}, container_defaults={"memory": "256Mi"})
    assert made["app-quota"].inputs["spec"] == {"hard": {"pods": "20"}}
    assert made["app-limits"].inputs["spec"] == {"limits": [{"type": "Container", "default": {"memory": "256Mi"}}]}


def test_a_namespace_that_holds_data_outlives_the_stack() -> None:
    assert namespace(holds_data=True)["app-namespace"].retain_on_delete
    assert not namespace(holds_data=False)["app-namespace"].retain_on_delete


def test_walls_stand_only_after_their_namespace() -> None:
    made = namespace(quota={"pods": "20"})
    for wall in ("app-default-deny", "app-dns", "app-quota"):
        assert "app-namespace" in made[wall].after
