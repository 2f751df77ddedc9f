"""The shape of the application's pods: restricted security context, probes, spread over zones and nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvFromSourceArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    HTTPHeaderArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
    SleepActionArgs,
    TolerationArgs,
    TopologySpreadConstraintArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs

from components.app.sizing import Scheduling, Sizing

USER = 10001
"""User and group that containers run as; no file of the host belongs to it."""

DRAIN_SECONDS = 5
"""How long a pod goes on answering after it was told to end, until every proxy knows."""

GRACE_SECONDS = 45
"""How long a pod may take to end, the drain included; longer than the route's slowest request."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How a pod that serves is asked, and whether it is well."""

    port: int
    liveness_path: str
    readiness_path: str
    host: str
    """``Host`` header of the probes: Django answers to its allowed hosts only."""


@dataclass(frozen=True, kw_only=True)
class PodArgs:
    """One kind of pod."""

    name: str
    """Name of the component and of its container."""
    image: str
    command: Sequence[str] = ()
    """What it runs; by default what the image says."""
    serving: Serving | None
    """``None`` for a pod that does its work once and ends."""
    sizing: Sizing
    scheduling: Scheduling
    service_account: pulumi.Input[str]
    selector: Mapping[str, str]
    """Labels of the colour's pods, over which the spread is counted."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    environment_from: Sequence[EnvFromSourceArgs] = ()
    volumes: Sequence[VolumeArgs] = ()
    mounts: Sequence[VolumeMountArgs] = ()


def pod_spec(args: PodArgs) -> PodSpecArgs:
    """The pod, meeting Pod Security's *restricted* standard."""
    return PodSpecArgs(
        service_account_name=args.service_account,
        automount_service_account_token=False,
        enable_service_links=False,
        termination_grace_period_seconds=GRACE_SECONDS,
        security_context=PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
        ),
        node_selector=dict(args.scheduling.node_selector),
        tolerations=[
            TolerationArgs(
                key=toleration.get("key"),
                operator=toleration.get("operator"),
                value=toleration.get("value"),
                effect=toleration.get("effect"),
            )
            for toleration in args.scheduling.tolerations
        ],
        topology_spread_constraints=[
            _spread("topology.kubernetes.io/zone", args.selector),
            _spread("kubernetes.io/hostname", args.selector),
        ]
        if args.serving
        else None,
        restart_policy=None if args.serving else "Never",
        containers=[_container(args, args.serving)],
        volumes=[VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs(size_limit="256Mi")), *args.volumes],
    )


def _container(args: PodArgs, serving: Serving | None) -> ContainerArgs:
    return ContainerArgs(
        name=args.name,
        image=args.image,
        command=list(args.command) or None,
        ports=[ContainerPortArgs(name="http", container_port=serving.port)] if serving else None,
        env=[EnvVarArgs(name=name, value=value) for name, value in sorted(args.environment.items())],
        env_from=list(args.environment_from),
        resources=_resources(args.sizing),
        security_context=SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=CapabilitiesArgs(drop=["ALL"]),
        ),
        # Two minutes to start, then three failures in a row restart the container.
        startup_probe=_probe(serving, serving.liveness_path, period=2, failures=60) if serving else None,
        liveness_probe=_probe(serving, serving.liveness_path, period=10, failures=3) if serving else None,
        readiness_probe=_probe(serving, serving.readiness_path, period=5, failures=2) if serving else None,
        lifecycle=LifecycleArgs(pre_stop=LifecycleHandlerArgs(sleep=SleepActionArgs(seconds=DRAIN_SECONDS)))
        if serving
        else None,
        volume_mounts=[VolumeMountArgs(name="tmp", mount_path="/tmp"), *args.mounts],  # noqa: S108 - the pod's own
    )


def _resources(sizing: Sizing) -> ResourceRequirementsArgs:
    limits = {"memory": sizing.memory_limit}
    if sizing.cpu_limit is not None:
        limits["cpu"] = sizing.cpu_limit
    return ResourceRequirementsArgs(
        requests={"cpu": sizing.cpu_request, "memory": sizing.memory_request}, limits=limits
    )


def _probe(serving: Serving, path: str, *, period: int, failures: int) -> ProbeArgs:
    return ProbeArgs(
        http_get=HTTPGetActionArgs(
            path=path, port="http", http_headers=[HTTPHeaderArgs(name="Host", value=serving.host)]
        ),
        period_seconds=period,
        timeout_seconds=min(period, 3),
        failure_threshold=failures,
    )


def _spread(topology: str, selector: Mapping[str, str]) -> TopologySpreadConstraintArgs:
    return TopologySpreadConstraintArgs(
        max_skew=1,
        topology_key=topology,
        when_unsatisfiable="ScheduleAnyway",
        label_selector=LabelSelectorArgs(match_labels=dict(selector)),
        match_label_keys=["pod-template-hash"],
    )
