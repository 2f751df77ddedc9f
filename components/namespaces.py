"""A namespace with its walls: Pod Security, quota, default limits and default-deny networking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core.v1 import LimitRangeItemArgs, LimitRangeSpecArgs

from components import labels
from components.network_policy import Allowance, default_deny, dns
from components.ordering import after

PodSecurity = Literal["restricted", "baseline", "privileged"]

Resources = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """One namespace."""

    name: str
    pod_security: PodSecurity = "restricted"
    """Pod Security standard that admission enforces, warns of and audits."""
    quota: Resources | None = None
    """Hard limits of a ResourceQuota, as ``{"requests.cpu": "8"}``; ``None`` sets none."""
    container_defaults: Resources | None = None
    """Limits of a container that states none; ``None`` sets none."""
    container_default_requests: Resources | None = None
    """Requests of a container that states none."""
    allowances: Sequence[Allowance] = field(default_factory=tuple)
    """Flows allowed beside name resolution; all others are denied."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels beside the common ones."""
    holds_data: bool = False
    """The namespace holds data: deleting the stack keeps it."""


class Namespace(pulumi.ComponentResource):
    """A namespace that lets nothing in or out until an allowance says so."""

    name: pulumi.Output[str]
    """Name of the namespace, known once its walls stand."""

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("english-training:cluster:Namespace", name, None, opts)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": args.name,
                "labels": {
                    **labels.common(args.name),
                    **pod_security_labels(args.pod_security),
                    **args.labels,
                },
            },
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=args.holds_data),
        )
        child = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        walls: list[pulumi.Resource] = [
            kubernetes.networking.v1.NetworkPolicy(
                f"{name}-{policy}",
                metadata={"name": policy, "namespace": args.name, "labels": labels.common(args.name)},
                spec=spec,
                opts=child,
            )
            for policy, spec in [
                ("default-deny", default_deny()),
                *((allowance.name, allowance.spec()) for allowance in (dns(), *args.allowances)),
            ]
        ]
        if args.quota is not None:
            walls.append(self._quota(name, args.name, args.quota, child))
        if args.container_defaults is not None:
            walls.append(self._limits(name, args, child))
        self.name = after(args.name, namespace, *walls)
        self.register_outputs({"name": self.name})

    @staticmethod
    def _quota(name: str, namespace: str, hard: Resources, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        return kubernetes.core.v1.ResourceQuota(
            f"{name}-quota",
            metadata={"name": "quota", "namespace": namespace, "labels": labels.common(namespace)},
            spec={"hard": dict(hard)},
            opts=opts,
        )

    @staticmethod
    def _limits(name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        limit = LimitRangeItemArgs(
            type="Container", default=args.container_defaults, default_request=args.container_default_requests
        )
        return kubernetes.core.v1.LimitRange(
            f"{name}-limits",
            metadata={"name": "container-defaults", "namespace": args.name, "labels": labels.common(args.name)},
            spec=LimitRangeSpecArgs(limits=[limit]),
            opts=opts,
        )


def pod_security_labels(standard: PodSecurity) -> dict[str, str]:
    """Labels that make admission hold every pod of a namespace to ``standard``."""
    return {f"pod-security.kubernetes.io/{mode}": standard for mode in ("enforce", "audit", "warn")}
