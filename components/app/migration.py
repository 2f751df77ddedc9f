"""The database's way to the schema that a release expects: one Job, before the release's pods, under a lock (R-42)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.batch.v1 import JobSpecArgs
from pulumi_kubernetes.core.v1 import ConfigMapVolumeSourceArgs, PodTemplateSpecArgs, VolumeArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components import labels
from components.app import configuration as rendered
from components.app.pods import PodArgs, pod_spec

MIGRATION = "migration"
"""Name of the component; its pods are no backend pods, and get no traffic."""

SECONDS = 900
"""How long a migration may take. A longer one is no step of a release: run it beforehand, in parts."""


@dataclass(frozen=True, kw_only=True)
class MigrationArgs:
    """The migration of one release."""

    namespace: pulumi.Input[str]
    colour: str
    version: str
    schema_version: int
    settings: str
    """The release's rendered Django settings."""
    backend: PodArgs
    """The backend's pod, whose image, secrets and sizing the migration shares."""


class Migration(pulumi.ComponentResource):
    """A Job that is done once: a release with other images or settings has another."""

    job: kubernetes.batch.v1.Job

    def __init__(self, name: str, args: MigrationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("english-training:app:Migration", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = dict(labels.workload(MIGRATION, args.colour, args.version))
        config = kubernetes.core.v1.ConfigMap(
            f"{name}-config",
            metadata={"namespace": args.namespace, "labels": tags},
            immutable=True,
            data={rendered.SETTINGS_FILE: args.settings, rendered.MIGRATE_FILE: rendered.migrate_script()},
            opts=child,
        )
        self.job = kubernetes.batch.v1.Job(
            f"{name}-job",
            metadata=ObjectMetaArgs(
                namespace=args.namespace,
                labels=tags,
                annotations={
                    labels.SCHEMA_VERSION: str(args.schema_version),
                    # A Job that failed is not tried again by itself: the next update makes another.
                    "pulumi.com/replaceUnready": "true",
                },
            ),
            spec=job_spec(args, tags, config.metadata.name),
            opts=pulumi.ResourceOptions(
                parent=self, custom_timeouts=pulumi.CustomTimeouts(create=f"{SECONDS + 60}s", update=f"{SECONDS + 60}s")
            ),
        )
        self.register_outputs({})


def job_spec(args: MigrationArgs, tags: Mapping[str, str], config: pulumi.Input[str]) -> JobSpecArgs:
    """The Job: one try. Whether a half-done migration may be tried again is a person's decision."""
    settings = VolumeArgs(name="settings", config_map=ConfigMapVolumeSourceArgs(name=config))
    pod = replace(
        args.backend,
        name=MIGRATION,
        command=["python", f"{rendered.SETTINGS_DIRECTORY}/{rendered.MIGRATE_FILE}"],
        serving=None,
        volumes=[settings, *(volume for volume in args.backend.volumes if volume.name == "secrets")],
        mounts=[mount for mount in args.backend.mounts if mount.name in {"settings", "secrets"}],
    )
    return JobSpecArgs(
        backoff_limit=0,
        active_deadline_seconds=SECONDS,
        template=PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=dict(tags)), spec=pod_spec(pod)),
    )
