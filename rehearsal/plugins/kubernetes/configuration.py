"""The provider's own configuration: what a ``kubernetes.Provider`` (or ``kubernetes:…`` in a stack's file) says."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rehearsal.plugins.kubernetes.errors import PluginError
from rehearsal.plugins.wire import UNKNOWN

_TRUE: Final = "true"
_UNSUPPORTED: Final = ("renderYamlToDirectory", "alwaysRender")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What the provider is told. Where an option is absent, the official provider's environment variable counts."""

    kubeconfig: str = ""
    """Path or contents; empty: ``KUBECONFIG``, else ``~/.kube/config``."""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    """Where namespaced objects go that name no namespace; empty: the context's namespace, else ``default``."""
    delete_unreachable: bool = False
    """While the cluster cannot be reached, take its objects for deleted."""
    skip_update_unreachable: bool = False
    """While the cluster cannot be reached, take its objects for unchanged."""
    patch_force: bool = False
    """Take fields over from other managers, always."""
    upsert: bool = False
    """Let a create overwrite an object that exists."""
    mutable_config_maps: bool = False
    mutable_secrets: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Configuration":
        """Return the configuration in the provider's ``options``."""

        def flag(option: str, variable: str) -> bool:
            value = options.get(option)
            return _true(os.environ.get(f"PULUMI_K8S_{variable}") if value is None else value)

        kubeconfig = options.get("kubeconfig") or ""
        return cls(
            kubeconfig=kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig),
            context=options.get("context") or "",
            cluster=options.get("cluster") or "",
            namespace=options.get("namespace") or "",
            delete_unreachable=flag("deleteUnreachable", "DELETE_UNREACHABLE"),
            skip_update_unreachable=flag("skipUpdateUnreachable", "SKIP_UPDATE_UNREACHABLE"),
            patch_force=flag("enablePatchForce", "ENABLE_PATCH_FORCE"),
            upsert=flag("upsertExistingObjects", "UPSERT_EXISTING_OBJECTS"),
            mutable_config_maps=flag("enableConfigMapMutable", "ENABLE_CONFIGMAP_MUTABLE"),
            mutable_secrets=flag("enableSecretMutable", "ENABLE_SECRET_MUTABLE"),
        )


def _true(value: object) -> bool:
    return value is True or value == _TRUE


def problems(options: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the provider's ``options``, by option."""
    found = {
        name: "the stand-in of the kubernetes provider does not render YAML: remove the option"
        for name in _UNSUPPORTED
        if options.get(name)
    }
    if options.get("enableServerSideApply") not in (None, True, _TRUE):
        found["enableServerSideApply"] = "the stand-in of the kubernetes provider always applies on the server's side"
    return found


def replacements(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return which options differ, and which of those mean another cluster, so that all its resources are replaced.

    As in the official provider: an unchanged ``clusterIdentifier`` says that it is the same cluster, whatever else
    changes; a changed one, that it is another; without it, the active cluster's entry in the kubeconfig decides.
    """
    changed = sorted(key for key in {*old, *new} if _differs(old.get(key), new.get(key)))
    identity = new.get("clusterIdentifier")
    if identity not in (None, "") and "clusterIdentifier" not in changed:
        return changed, []
    replaced = ["clusterIdentifier"] if old.get("clusterIdentifier") and "clusterIdentifier" in changed else []
    if replaced and identity in (None, ""):
        replaced = []
    connection = [key for key in ("kubeconfig", "context", "cluster") if key in changed]
    if any(new.get(key) is UNKNOWN for key in connection):
        return changed, [*replaced, *(key for key in connection if new.get(key) is UNKNOWN)]
    before, after = _active_cluster(old), _active_cluster(new)
    if before is not None and after is not None and before != after:
        replaced += connection
    return changed, replaced


def _differs(old: object, new: object) -> bool:
    return new is UNKNOWN or old != new


def _active_cluster(options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = Configuration.of(options).kubeconfig
    try:
        config = read_kubeconfig(text) if text else {}
    except PluginError:
        config = {}  # a kubeconfig that is gone says nothing about the cluster
    context = _named(config, "contexts", options.get("context") or config.get("current-context"))
    cluster = options.get("cluster") or (context or {}).get("context", {}).get("cluster")
    return (_named(config, "clusters", cluster) or {}).get("cluster") if context else None


def _named(config: Mapping[str, Any], section: str, name: object) -> Mapping[str, Any] | None:
    return next((entry for entry in config.get(section) or [] if entry.get("name") == name), None)


def ambient_kubeconfig() -> dict[str, Any]:
    """Return the kubeconfig that ``KUBECONFIG`` (a list of paths) or its default names; first entries count."""
    paths = [Path(path).expanduser() for path in os.environ.get("KUBECONFIG", "~/.kube/config").split(os.pathsep)]
    configs = [read_kubeconfig(str(path)) for path in paths if path.is_file()]
    if not configs:
        raise PluginError(
            f"there is no kubeconfig at {os.pathsep.join(map(str, paths))}",
            remedy="run `make up` for the embedded cluster, or set KUBECONFIG",
        )
    current = next((config["current-context"] for config in configs if config.get("current-context")), None)
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": current}
    for section in ("clusters", "users", "contexts"):
        entries = [entry for config in reversed(configs) for entry in config.get(section) or []]
        merged[section] = list({entry.get("name"): entry for entry in entries}.values())
    return merged


def read_kubeconfig(path_or_contents: str) -> dict[str, Any]:
    """Return the kubeconfig at a path, or in a text, with its files' paths made absolute.

    Raises :class:`PluginError` where it is neither.
    """
    import yaml  # noqa: PLC0415 - 40 ms that only an explicit provider needs

    text, base = path_or_contents, Path()
    if "\n" not in path_or_contents and not path_or_contents.lstrip().startswith("{"):
        path = Path(path_or_contents).expanduser()
        base = path.resolve().parent
        try:
            text = path.read_text()
        except OSError as error:
            raise PluginError(
                f"kubernetes:kubeconfig: cannot read {path}: {error.strerror}",
                remedy="give the path, or the contents, of a kubeconfig",
            ) from None
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError:
        config = None
    if not isinstance(config, dict):
        raise PluginError(
            "kubernetes:kubeconfig is neither the path nor the contents of a kubeconfig",
            remedy="give one of the two; without it, the environment variable KUBECONFIG counts",
        )
    return _absolute(config, base)


def _absolute(config: dict[str, Any], base: Path) -> dict[str, Any]:
    for section, entry, keys in (
        ("clusters", "cluster", ("certificate-authority",)),
        ("users", "user", ("client-certificate", "client-key", "tokenFile")),
    ):
        for item in config.get(section) or []:
            values = item.get(entry) or {}
            values.update({key: str(base / values[key]) for key in keys if values.get(key)})
    return config
