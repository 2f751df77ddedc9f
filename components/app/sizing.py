"""How large a workload is, and where its pods may run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """Size of one component of one colour."""

    cpu_request: str
    """CPU that the scheduler reserves for a pod, as a Kubernetes quantity (``250m``)."""
    memory_request: str
    """Memory that the scheduler reserves for a pod (``256Mi``)."""
    memory_limit: str
    """Memory above which a pod is ended."""
    cpu_limit: str | None = None
    """CPU above which a pod is slowed down; ``None`` lets it use what is free."""
    min_replicas: int
    """Fewest pods while the colour is in use."""
    max_replicas: int
    """Most pods that autoscaling may start."""
    target_cpu_percent: int = 75
    """Mean CPU use, in per cent of the request, that autoscaling aims at; the middle of R-06's 70–80 %."""
    progress_deadline_seconds: int = 300
    """Seconds without progress after which a rollout has failed."""


@dataclass(frozen=True, kw_only=True)
class Scheduling:
    """Which nodes the pods may run on."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    """Labels that a node must have."""
    tolerations: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    """Taints that the pods bear, in the shape of a Kubernetes toleration."""
