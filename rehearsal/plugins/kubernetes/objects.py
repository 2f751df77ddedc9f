"""Kubernetes objects as plain dictionaries: where things lie in them and how Pulumi names them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Manifest = dict[str, Any]
"""A Kubernetes object as JSON: ``apiVersion``, ``kind``, ``metadata`` and whatever its kind has."""

FIELD_MANAGER: Final = "pulumi-kubernetes"
"""Who owns what this plugin applies. The official provider makes up one manager per resource; here one fixed name
serves all, so that another program can go on applying an object under the same ownership. The annotation
``pulumi.com/patchFieldManager`` of an object overrides it."""

AUTONAMED: Final = "pulumi.com/autonamed"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
WAIT_FOR: Final = "pulumi.com/waitFor"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"
PATCH_FORCE: Final = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
DELETION_POLICY: Final = "pulumi.com/deletionPropagationPolicy"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
REVISION: Final = "deployment.kubernetes.io/revision"

SERVER_METADATA: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
"""What only the API server writes in ``metadata``: never an input."""

_SCHEMA_KEYS: Final = (
    "embedded-resource",
    "int-or-string",
    "list-map-keys",
    "list-type",
    "map-type",
    "preserve-unknown-fields",
    "validations",
)
_DASHED: Final = {f"x_kubernetes_{key.replace('-', '_')}": f"x-kubernetes-{key}" for key in _SCHEMA_KEYS}
_UNDERSCORED: Final = {dashed: underscored for underscored, dashed in _DASHED.items()}


@dataclass(frozen=True)
class Token:
    """What a Pulumi type token says: ``kubernetes:apps/v1:Deployment``."""

    api_version: str
    """``apps/v1``; ``v1`` for the core group."""
    kind: str

    @classmethod
    def of(cls, urn: str) -> "Token":
        """Return the token of the resource that ``urn`` names (its last type, where parents are part of it)."""
        return cls.parse(urn.split("::")[2].rpartition("$")[2])

    @classmethod
    def parse(cls, token: str) -> "Token":
        """Return what ``token`` says. A token of another shape has an empty kind."""
        match token.split(":"):
            case [_, version, kind]:
                return cls(version.removeprefix("core/") if version.startswith("core/v") else version, kind)
            case _:
                return cls(token, "")


def pick(value: object, *path: str | int) -> Any:  # noqa: ANN401 - JSON
    """Return what lies at ``path`` in ``value``, or ``None`` where the path leads nowhere."""
    for step in path:
        if isinstance(value, Mapping) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def annotation(manifest: object, key: str) -> str:
    """Return the annotation ``key``, or ``""`` where there is none or where it is not a known string."""
    found = pick(manifest, "metadata", "annotations", key)
    return found if isinstance(found, str) else ""


def name_of(manifest: object) -> str:
    """Return ``metadata.name``, or ``""`` where there is none or where it is not known yet."""
    found = pick(manifest, "metadata", "name")
    return found if isinstance(found, str) else ""


def namespace_of(manifest: object) -> str:
    """Return ``metadata.namespace``, or ``""`` where there is none or where it is not known yet."""
    found = pick(manifest, "metadata", "namespace")
    return found if isinstance(found, str) else ""


def condition(manifest: object, kind: str) -> Mapping[str, Any]:
    """Return the status condition of type ``kind``, or an empty mapping."""
    conditions = pick(manifest, "status", "conditions")
    entries = conditions if isinstance(conditions, list) else []
    return next((entry for entry in entries if isinstance(entry, dict) and entry.get("type") == kind), {})


def group(api_version: str) -> str:
    """Return the API group of ``api_version``; ``""`` is the core group."""
    return api_version.rpartition("/")[0]


def identifier(manifest: Manifest) -> str:
    """Return the resource's Pulumi ID: ``namespace/name``, or ``name`` where there is no namespace."""
    return "/".join(filter(None, (namespace_of(manifest), name_of(manifest))))


def parse_identifier(resource_id: str) -> tuple[str, str]:
    """Return namespace (``""`` if none) and name of a Pulumi ID."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace, name


def title(manifest: Manifest) -> str:
    """Return how messages name the object: ``Deployment english-training/backend``."""
    return f"{manifest.get('kind', 'object')} {identifier(manifest) or '(unnamed)'}"


def to_api(inputs: Manifest) -> Manifest:
    """Return ``inputs`` as the API server wants them: without nulls, with dashes in schema keys.

    Typed SDKs cannot spell ``x-kubernetes-…``, so they write underscores.
    """
    return {key: item for key, item in _rename(inputs, _DASHED).items() if item is not None}


def to_outputs(live: Manifest) -> Manifest:
    """Return ``live`` as the engine stores it: without the field managers' ledger, with underscores in schema keys."""
    metadata = {key: item for key, item in live.get("metadata", {}).items() if key != "managedFields"}
    outputs: Manifest = _rename({**live, "metadata": metadata}, _UNDERSCORED)
    return outputs


def _rename(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {names.get(key, key): _rename(item, names) for key, item in value.items() if item is not None}
    return [_rename(item, names) for item in value] if isinstance(value, list) else value


def show_path(path: tuple[str | int, ...]) -> str:
    """Return ``path`` as the engine writes property paths: ``spec.ports[0]["a.b"]``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.search(r'[."\[\]]', step):
            text += '["' + step.replace('"', '\\"') + '"]'
        else:
            text += f".{step}" if text else step
    return text
