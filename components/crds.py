"""Custom resource definitions as resources of their own: installed before what uses them, kept when the stack goes."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

Manifest = Mapping[str, Any]

# Schemas of pods nest deeper than the 100 levels that protobuf reads unless told otherwise, and the engine sends back
# what it was given. Other implementations of protobuf have no such limit.
with contextlib.suppress(ImportError):
    from google._upb import _message

    _message.SetAllowOversizeProtos(True)  # noqa: FBT003 - its signature


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
                dict(manifest),
                pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
        self.register_outputs({})


def token(manifest: Manifest) -> str:
    """Pulumi's type token of a manifest: ``kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition``."""
    version = manifest["apiVersion"]
    return f"kubernetes:{'core/v1' if version == 'v1' else version}:{manifest['kind']}"
