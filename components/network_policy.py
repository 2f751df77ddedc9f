"""Network policies: everything is denied, then each flow is allowed by name.

Written in ``networking.k8s.io/v1`` only, which every network engine that we run on enforces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label that the API server puts on every namespace; nobody can forge it."""

NODE_LOCAL_DNS = "169.254.20.10/32"
"""Address of NodeLocal DNSCache, where a cluster runs it."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """The other end of a flow: pods of this namespace, pods of another one, or a range of addresses."""

    namespace: str | None = None
    """Name of the other namespace; ``None`` means the policy's own."""
    pods: Mapping[str, str] = field(default_factory=dict)
    """Labels that pick pods there; empty means all of them."""
    cidr: str | None = None
    """A range of addresses outside the cluster; excludes the other two."""

    def rule(self) -> NetworkPolicyPeerArgs:
        """The peer as Kubernetes knows it."""
        if self.cidr is not None:
            return NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=self.cidr))
        namespace = None
        if self.namespace is not None:
            namespace = LabelSelectorArgs(match_labels={NAMESPACE_NAME: self.namespace})
        return NetworkPolicyPeerArgs(
            pod_selector=LabelSelectorArgs(match_labels=dict(self.pods)), namespace_selector=namespace
        )


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """One flow that is allowed."""

    name: str
    """Name of the policy; says who speaks to whom, as ``frontend-to-backend``."""
    direction: Literal["Ingress", "Egress"]
    pods: Mapping[str, str] = field(default_factory=dict)
    """Labels of the pods in this namespace that the allowance is for; empty means all."""
    peers: Sequence[Peer]
    ports: Sequence[int]
    """Pod ports, as policies act after Service translation."""
    protocols: Sequence[Literal["TCP", "UDP"]] = ("TCP",)

    def spec(self) -> NetworkPolicySpecArgs:
        """The allowance as Kubernetes knows it."""
        peers = [peer.rule() for peer in self.peers]
        ports = [
            NetworkPolicyPortArgs(protocol=protocol, port=port) for protocol in self.protocols for port in self.ports
        ]
        ingress = egress = None
        if self.direction == "Ingress":
            ingress = [NetworkPolicyIngressRuleArgs(from_=peers, ports=ports)]
        else:
            egress = [NetworkPolicyEgressRuleArgs(to=peers, ports=ports)]
        return NetworkPolicySpecArgs(
            pod_selector=LabelSelectorArgs(match_labels=dict(self.pods)),
            policy_types=[self.direction],
            ingress=ingress,
            egress=egress,
        )


def default_deny() -> NetworkPolicySpecArgs:
    """Denies all traffic of every pod, both ways."""
    return NetworkPolicySpecArgs(pod_selector=LabelSelectorArgs(), policy_types=["Ingress", "Egress"])


def dns() -> Allowance:
    """Name resolution, which every pod needs."""
    return Allowance(
        name="dns",
        direction="Egress",
        peers=[Peer(namespace="kube-system", pods={"k8s-app": "kube-dns"}), Peer(cidr=NODE_LOCAL_DNS)],
        ports=[53],
        protocols=("UDP", "TCP"),
    )
