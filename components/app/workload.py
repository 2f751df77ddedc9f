"""One component of one colour: its pods, its address, and what keeps enough of them running."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.apps.v1 import DeploymentSpecArgs, DeploymentStrategyArgs, RollingUpdateDeploymentArgs
from pulumi_kubernetes.autoscaling.v2 import (
    CrossVersionObjectReferenceArgs,
    HorizontalPodAutoscalerSpecArgs,
    MetricSpecArgs,
    MetricTargetArgs,
    ResourceMetricSourceArgs,
)
from pulumi_kubernetes.core.v1 import PodTemplateSpecArgs, ServicePortArgs, ServiceSpecArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudgetSpecArgs

from components import labels
from components.app.pods import PodArgs, pod_spec


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """One component of one colour."""

    namespace: pulumi.Input[str]
    colour: str
    version: str
    pod: PodArgs
    """One that serves."""
    port: int
    """Port of the pods and of the Service."""
    annotations: Mapping[str, pulumi.Input[str]]
    """Annotations of the pods; a change restarts them."""
    cold: bool = False
    """Keep no pods: the colour is not in use."""
    after: Sequence[pulumi.Resource] = ()
    """What must be done before there are pods."""


class Workload(pulumi.ComponentResource):
    """A Deployment with its Service, and while it is in use an autoscaler and a disruption budget."""

    service: pulumi.Output[str]
    """Name of the Service, known once enough pods are ready."""

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("english-training:app:Workload", name, None, opts)
        object_name = f"{args.pod.name}-{args.colour}"
        metadata = ObjectMetaArgs(
            name=object_name,
            namespace=args.namespace,
            labels=dict(labels.workload(args.pod.name, args.colour, args.version)),
        )
        child = pulumi.ResourceOptions(parent=self)
        deployment = kubernetes.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata,
            spec=deployment_spec(args),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        after_pods = pulumi.ResourceOptions(parent=self, depends_on=[deployment])
        service = kubernetes.core.v1.Service(
            f"{name}-service",
            metadata=_without_endpoints(metadata) if args.cold else metadata,
            spec=ServiceSpecArgs(
                selector=dict(args.pod.selector),
                ports=[ServicePortArgs(name="http", port=args.port, target_port="http", app_protocol="http")],
            ),
            opts=after_pods,
        )
        if not args.cold:
            kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
                f"{name}-autoscaler", metadata=metadata, spec=autoscaler_spec(args, object_name), opts=after_pods
            )
            kubernetes.policy.v1.PodDisruptionBudget(
                f"{name}-disruption-budget",
                metadata=metadata,
                spec=PodDisruptionBudgetSpecArgs(
                    max_unavailable=1, selector=LabelSelectorArgs(match_labels=dict(args.pod.selector))
                ),
                opts=child,
            )
        self.service = service.metadata.apply(lambda known: str(known.name))
        self.register_outputs({"service": self.service})


def deployment_spec(args: WorkloadArgs) -> DeploymentSpecArgs:
    """The Deployment. Replicas belong to the autoscaler, so they are stated only where there is none."""
    return DeploymentSpecArgs(
        replicas=0 if args.cold else None,
        revision_history_limit=3,
        progress_deadline_seconds=args.pod.sizing.progress_deadline_seconds,
        strategy=DeploymentStrategyArgs(
            type="RollingUpdate",
            rolling_update=RollingUpdateDeploymentArgs(max_unavailable="25%", max_surge="25%"),
        ),
        selector=LabelSelectorArgs(match_labels=dict(args.pod.selector)),
        template=PodTemplateSpecArgs(
            metadata=ObjectMetaArgs(
                labels=dict(labels.workload(args.pod.name, args.colour, args.version)),
                annotations=dict(args.annotations),
            ),
            spec=pod_spec(args.pod),
        ),
    )


def autoscaler_spec(args: WorkloadArgs, target: str) -> HorizontalPodAutoscalerSpecArgs:
    """The autoscaler: CPU use, between the sizing's bounds."""
    return HorizontalPodAutoscalerSpecArgs(
        scale_target_ref=CrossVersionObjectReferenceArgs(api_version="apps/v1", kind="Deployment", name=target),
        min_replicas=args.pod.sizing.min_replicas,
        max_replicas=args.pod.sizing.max_replicas,
        metrics=[
            MetricSpecArgs(
                type="Resource",
                resource=ResourceMetricSourceArgs(
                    name="cpu",
                    target=MetricTargetArgs(type="Utilization", average_utilization=args.pod.sizing.target_cpu_percent),
                ),
            )
        ],
    )


def _without_endpoints(metadata: ObjectMetaArgs) -> ObjectMetaArgs:
    """Metadata of a Service that is complete without a single endpoint, as it has no pods."""
    return ObjectMetaArgs(
        name=metadata.name,
        namespace=metadata.namespace,
        labels=metadata.labels,
        annotations={"pulumi.com/skipAwait": "true"},
    )
