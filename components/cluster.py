"""The cluster contract: whoever supplies the cluster, the rest of the platform sees one provider.

Today an existing cluster, addressed by a kubeconfig context; managed clusters join behind the same contract.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes


@dataclass(frozen=True, kw_only=True)
class ExistingClusterArgs:
    """A cluster that somebody else made."""

    context: str
    """Context of the ambient kubeconfig. Named, so that a development update cannot land in another cluster."""
    identifier: str
    """Stable name of the cluster. While it stays the same, a changed address or certificate replaces nothing."""


class ExistingCluster(pulumi.ComponentResource):
    """An existing cluster, as the provider that all Kubernetes resources use."""

    provider: kubernetes.Provider
    """Server-side apply is on; a resource of an unreachable cluster is never dropped from the state."""
    definitions: kubernetes.Provider
    """For what outlives the stack: the same, but an object that exists already is taken over. For all others that would
    turn a rename without an alias into an update and then a deletion of the same object."""

    def __init__(self, name: str, args: ExistingClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("english-training:cluster:ExistingCluster", name, None, opts)
        self.provider = kubernetes.Provider(
            f"{name}-provider",
            context=args.context,
            cluster_identifier=args.identifier,
            enable_server_side_apply=True,
            delete_unreachable=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.definitions = kubernetes.Provider(
            f"{name}-definitions-provider",
            context=args.context,
            cluster_identifier=args.identifier,
            enable_server_side_apply=True,
            delete_unreachable=False,
            upsert_existing_objects=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
