"""Names that Pulumi makes up, and what has to be there before a name can be. Pure."""

import hashlib
import secrets
from typing import Final

from rehearsal.plugins.kubernetes.objects import AUTONAMED, Manifest, Token, annotation, name_of, pick

_HEX_DIGITS: Final = 8


def named(inputs: Manifest, old: Manifest, *, urn: str, seed: bytes, proposed: str = "") -> Manifest:
    """Return ``inputs`` with a name: their own, the one made up before, or a new one.

    A made-up name is the resource's with eight hexadecimal digits that follow from ``seed`` (the engine's, so that a
    preview and its update agree), or what the engine's autonaming settings ``proposed``; it is marked by the annotation
    ``pulumi.com/autonamed``.
    """
    if pick(inputs, "metadata", "name") is not None:
        return inputs
    if annotation(old, AUTONAMED) == "true" and name_of(old):
        name = name_of(old)
    else:
        name = proposed or f"{urn.rpartition('::')[2]}-{_digits(seed)}"
    metadata = dict(inputs.get("metadata") or {})
    annotations = metadata.get("annotations")
    if annotations is None or isinstance(annotations, dict):
        metadata["annotations"] = {**(annotations or {}), AUTONAMED: "true"}
    return {**inputs, "metadata": {**metadata, "name": name}}


def _digits(seed: bytes) -> str:
    return hashlib.sha256(seed).hexdigest()[:_HEX_DIGITS] if seed else secrets.token_hex(_HEX_DIGITS // 2)


def unsupported(token: Token, kind: object) -> str:
    """Return why the stand-in cannot serve a resource of this type, or ``""`` where it can.

    The official provider adds to each kind a type ``<kind>Patch``, and offers lists and Helm releases as resources.
    """
    if token.kind == f"{kind}Patch":
        return f"{token.kind}: the stand-in does not patch objects that others own; manage the object, or leave it"
    if isinstance(kind, str) and kind.endswith("List") and token.kind == kind:
        return f"{kind}: the stand-in does not manage lists; make its items resources of their own"
    if token.api_version.startswith(("helm.sh/", "kustomize/", "yaml/")):
        return f"{token.api_version}:{token.kind}: the stand-in does not render charts, kustomizations or YAML files"
    return ""
