"""Custom resource definitions as resources of their own: installed before what uses them, kept when the stack goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

Manifest = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CustomResourceDefinitionsArgs:
    """What to install."""

    manifests: Sequence[Manifest]
    """Whole documents, as published: definitions, and the admission policies that guard them."""


class CustomResourceDefinitions(pulumi.ComponentResource):
    """One bundle of definitions. Deleting one would delete every object of its kind, so they are retained."""

    def __init__(
        self, name: str, args: CustomResourceDefinitionsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("english-training:cluster:CustomResourceDefinitions", name, None, opts)
        for manifest in args.manifests:
            pulumi.CustomResource(
                token(manifest),
                f"{name}-{manifest['kind'].lower()}-{manifest['metadata']['name']}",
                {key: value for key, value in manifest.items() if key != "status"},
                pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
        self.register_outputs({})


def token(manifest: Manifest) -> str:
    """Pulumi's type token of a manifest: ``kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition``."""
    version = manifest["apiVersion"]
    return f"kubernetes:{'core/v1' if version == 'v1' else version}:{manifest['kind']}"
