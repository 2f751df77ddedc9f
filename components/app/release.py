"""A release unit: backend, frontend, their configuration and the schema they expect, moved and rolled back together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core.v1 import (
    ConfigMapEnvSourceArgs,
    ConfigMapVolumeSourceArgs,
    EnvFromSourceArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    SecretVolumeSourceArgs,
    VolumeArgs,
    VolumeMountArgs,
)

from components import labels
from components.app import configuration as rendered
from components.app.configuration import Configuration
from components.app.migration import Migration, MigrationArgs
from components.app.pods import PodArgs, Serving
from components.app.sizing import Scheduling, Sizing
from components.app.workload import Workload, WorkloadArgs

BACKEND, BACKEND_PORT = "backend", 8000
FRONTEND, FRONTEND_PORT = "frontend", 3000


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs:
    """One colour: what it runs, how it is configured, how large it is."""

    version: str
    backend_image: str
    frontend_image: str
    schema_version: int
    """Database schema that the code expects."""
    backend_sizing: Sizing
    frontend_sizing: Sizing
    scheduling: Scheduling = Scheduling()
    django: Mapping[str, Any] = field(default_factory=dict)
    """Django settings that only this release has, by name."""
    frontend: Mapping[str, str] = field(default_factory=dict)
    """Environment that only this release's frontend has."""
    cold: bool = False
    """Not in use: keep no pods."""
    migrates: bool = False
    """Bring the database to the schema version before there are pods."""


@dataclass(frozen=True, kw_only=True)
class SharedArgs:
    """What both colours find in the namespace."""

    namespace: pulumi.Input[str]
    configuration: Configuration
    secret: pulumi.Input[str]
    """Name of the Secret with the backend's secrets."""
    media_claim: pulumi.Input[str]
    """Name of the claim that holds uploaded files."""
    service_accounts: Mapping[str, pulumi.Input[str]]
    """ServiceAccount of each component."""


class Release(pulumi.ComponentResource):
    """One colour of the application."""

    backend: Workload
    frontend: Workload

    def __init__(
        self,
        name: str,
        colour: str,
        args: ReleaseArgs,
        shared: SharedArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("english-training:app:Release", name, None, opts)
        self._name, self._colour, self._args, self._shared = name, colour, args, shared
        self._values = replace(
            shared.configuration,
            django={**shared.configuration.django, **args.django},
            frontend={**shared.configuration.frontend, **args.frontend},
        )
        self._migration: Migration | None = None
        self.backend = self._backend()
        self.frontend = self._frontend()
        self.register_outputs({"backend": self.backend.service, "frontend": self.frontend.service})

    def _backend(self) -> Workload:
        args, shared = self._args, self._shared
        settings = rendered.backend_settings(self._values, schema_version=args.schema_version, version=args.version)
        config = self._config_map(BACKEND, {rendered.SETTINGS_FILE: settings})
        pod = PodArgs(
            name=BACKEND,
            image=args.backend_image,
            serving=Serving(
                port=BACKEND_PORT, liveness_path="/health/", readiness_path="/ready/", host=self._values.domain
            ),
            sizing=args.backend_sizing,
            scheduling=args.scheduling,
            service_account=shared.service_accounts[BACKEND],
            selector=labels.selector(BACKEND, self._colour),
            environment={"ENGLISH_TRAINING_SETTINGS": f"{rendered.SETTINGS_DIRECTORY}/{rendered.SETTINGS_FILE}"},
            volumes=[
                VolumeArgs(name="settings", config_map=ConfigMapVolumeSourceArgs(name=config.metadata.name)),
                VolumeArgs(
                    name="secrets", secret=SecretVolumeSourceArgs(secret_name=shared.secret, default_mode=0o440)
                ),
                VolumeArgs(
                    name="media",
                    persistent_volume_claim=PersistentVolumeClaimVolumeSourceArgs(claim_name=shared.media_claim),
                ),
            ],
            mounts=[
                VolumeMountArgs(name="settings", mount_path=rendered.SETTINGS_DIRECTORY, read_only=True),
                VolumeMountArgs(name="secrets", mount_path=rendered.SECRETS_DIRECTORY, read_only=True),
                VolumeMountArgs(name="media", mount_path="/srv/media"),
            ],
        )
        if args.migrates:
            self._migration = self._migrate(pod, settings)
        return self._workload(pod, BACKEND_PORT, rendered.checksum(settings))

    def _frontend(self) -> Workload:
        args, shared = self._args, self._shared
        environment = rendered.frontend_environment(
            self._values,
            version=args.version,
            # Pages rendered on the server come from the same release as the data in them.
            api_origin=f"http://{BACKEND}-{self._colour}:{BACKEND_PORT}",
        )
        config = self._config_map(FRONTEND, environment)
        pod = PodArgs(
            name=FRONTEND,
            image=args.frontend_image,
            serving=Serving(
                port=FRONTEND_PORT,
                liveness_path="/api/health",
                readiness_path="/api/health",
                host=self._values.domain,
            ),
            sizing=args.frontend_sizing,
            scheduling=args.scheduling,
            service_account=shared.service_accounts[FRONTEND],
            selector=labels.selector(FRONTEND, self._colour),
            environment_from=[EnvFromSourceArgs(config_map_ref=ConfigMapEnvSourceArgs(name=config.metadata.name))],
        )
        return self._workload(pod, FRONTEND_PORT, rendered.checksum(environment))

    def _config_map(self, component: str, data: Mapping[str, str]) -> kubernetes.core.v1.ConfigMap:
        """Immutable and named anew with each change, so that running pods keep what they started with."""
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-{component}-config",
            metadata={
                "namespace": self._shared.namespace,
                "labels": dict(labels.workload(component, self._colour, self._args.version)),
            },
            immutable=True,
            data=dict(data),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _migrate(self, pod: PodArgs, settings: str) -> Migration:
        return Migration(
            f"{self._name}-migration",
            MigrationArgs(
                namespace=self._shared.namespace,
                colour=self._colour,
                version=self._args.version,
                schema_version=self._args.schema_version,
                settings=settings,
                backend=pod,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _workload(self, pod: PodArgs, port: int, checksum: str) -> Workload:
        return Workload(
            f"{self._name}-{pod.name}",
            WorkloadArgs(
                namespace=self._shared.namespace,
                colour=self._colour,
                version=self._args.version,
                pod=pod,
                port=port,
                annotations={
                    labels.CONFIG_CHECKSUM: checksum,
                    labels.SCHEMA_VERSION: str(self._args.schema_version),
                },
                cold=self._args.cold,
                after=[self._migration.job] if self._migration else [],
            ),
            pulumi.ResourceOptions(parent=self),
        )
