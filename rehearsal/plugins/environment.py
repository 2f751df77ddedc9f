"""The environment in which ``pulumi`` and ``kubectl`` speak to the rehearsal and to nothing else."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rehearsal.paths import Paths
from rehearsal.plugins.languagehost.warm import PRELOAD

PASSPHRASE: Final = "rehearsal"  # noqa: S105 - not a secret: see below
"""Encrypts the secrets of rehearsed stacks. Everybody may know it: a rehearsal has no secret that is worth keeping, and
stacks of real environments are encrypted by other means."""

_PRELOADED: Final = (
    "pulumi",
    "pulumi_random",
    "pulumi_kubernetes.apiextensions",
    "pulumi_kubernetes.apps.v1",
    "pulumi_kubernetes.autoscaling.v2",
    "pulumi_kubernetes.core.v1",
    "pulumi_kubernetes.networking.v1",
    "pulumi_kubernetes.policy.v1",
    "pydantic.main",
    "pydantic.type_adapter",
    "jinja2",
    "yaml",
)
"""What the platform's program imports, loaded once per command: see :mod:`rehearsal.plugins.languagehost.warm`."""


def environment(
    paths: Paths, base: Mapping[str, str] = os.environ, also: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return the variables to add to ``base`` for every command of a rehearsal, those of ``also`` among them.

    The search path puts the launchers of ``paths`` before what ``base`` has.
    """
    launchers = str(paths.launchers)
    rest = [directory for directory in base.get("PATH", os.defpath).split(os.pathsep) if directory != launchers]
    return {"PATH": os.pathsep.join([launchers, *rest]), **_variables(paths), **also}


def write_env_file(paths: Paths, also: Mapping[str, str] = MappingProxyType({})) -> Path:
    """Write ``env``, which sh, bash, zsh and direnv can source, also twice, and return where it is.

    ``also``: variables beside those that every rehearsal has.
    """
    launchers = shlex.quote(str(paths.launchers))
    lines = [
        "# Source this file, and pulumi and kubectl speak to the rehearsal of this checkout.",
        f'case ":$PATH:" in *:{launchers}:*) ;; *) PATH={launchers}:"$PATH" ;; esac',
        "export PATH",
        *(f"export {name}={shlex.quote(value)}" for name, value in {**_variables(paths), **also}.items()),
    ]
    file = paths.state / "env"
    paths.state.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".env.{os.getpid()}")
    fresh.write_text("\n".join(lines) + "\n")
    return fresh.replace(file)


def _variables(paths: Paths) -> dict[str, str]:
    return {
        "KUBECONFIG": str(paths.kubeconfig),
        "PULUMI_BACKEND_URL": f"file://{paths.backend}",
        "PULUMI_HOME": str(paths.pulumi_home),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_PYTHON_CMD": sys.executable,
        # No look at the network: for plugins, for package names, for a newer version.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DISABLE_REGISTRY_RESOLVE": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        PRELOAD: ",".join(_PRELOADED),
        # The engine is short-lived and the machine has memory: collect garbage less often.
        "GOGC": "400",
    }
