"""The application in its namespace: what both colours share, and each colour's release."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random

from components import labels
from components.app.configuration import Configuration
from components.app.release import BACKEND, FRONTEND, Release, ReleaseArgs, SharedArgs


@dataclass(frozen=True, kw_only=True)
class Media:
    """The volume of uploaded files, which both colours mount."""

    storage_class: str
    size: str
    """As a Kubernetes quantity (``20Gi``)."""


@dataclass(frozen=True, kw_only=True)
class ApplicationArgs:
    """The application of one environment."""

    namespace: pulumi.Input[str]
    releases: Mapping[str, ReleaseArgs]
    """The release of each colour."""
    configuration: Configuration
    secret_key: pulumi.Input[str]
    """Django's signing key."""
    database_password: pulumi.Input[str]
    media: Media
    protect_data: bool = True
    """Refuse to delete uploaded files."""


class Application(pulumi.ComponentResource):
    """Backend and frontend, blue and green."""

    releases: Mapping[str, Release]

    def __init__(self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("english-training:app:Application", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        # Proves to the backend that a request comes from one of our own frontends.
        token = random.RandomPassword(f"{name}-internal-api-token", length=48, special=False, opts=child)
        secret = kubernetes.core.v1.Secret(
            f"{name}-backend-secrets",
            metadata={"namespace": args.namespace, "labels": labels.common(BACKEND)},
            immutable=True,
            string_data={
                "secret-key": pulumi.Output.secret(args.secret_key),
                "database-password": pulumi.Output.secret(args.database_password),
                "internal-api-token": token.result,
            },
            opts=child,
        )
        media = kubernetes.core.v1.PersistentVolumeClaim(
            f"{name}-media",
            metadata={"name": "media", "namespace": args.namespace, "labels": labels.common(BACKEND)},
            spec={
                "access_modes": ["ReadWriteMany"],
                "storage_class_name": args.media.storage_class,
                "resources": {"requests": {"storage": args.media.size}},
            },
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect_data),
        )
        shared = SharedArgs(
            namespace=args.namespace,
            configuration=args.configuration,
            secret=secret.metadata.name,
            media_claim=media.metadata.name,
            service_accounts={
                component: self._service_account(name, component, args.namespace, child)
                for component in (BACKEND, FRONTEND)
            },
        )
        self.releases = {
            colour: Release(f"{name}-{colour}", colour, release, shared, child)
            for colour, release in args.releases.items()
        }
        self.register_outputs({})

    @staticmethod
    def _service_account(
        name: str, component: str, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-{component}-account",
            metadata={"name": component, "namespace": namespace, "labels": labels.common(component)},
            automount_service_account_token=False,
            opts=opts,
        )
        return account.metadata.apply(lambda metadata: str(metadata.name))
