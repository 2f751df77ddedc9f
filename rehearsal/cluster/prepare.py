"""Writes down everything that the parts read: certificates, kubeconfigs, configuration."""

import secrets
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from rehearsal.cluster import configuration, files, monitoring, pki
from rehearsal.cluster.layout import API_PORT, Layout
from rehearsal.cluster.plan import Plan
from rehearsal.cluster.postgresql import Database
from rehearsal.paths import Paths

INSIDE: Final = f"https://127.0.0.1:{API_PORT}"
DATABASE: Final = "english_training"
"""Name and owner of the database where nobody says otherwise."""
CLIENTS: Final = ("kube-controller-manager", "kube-scheduler", "kwok", "envoy-gateway")


def everything(paths: Paths, layout: Layout, plan: Plan, now: datetime) -> list[str]:
    """Write all files for a start. Returns the names of certificates that were renewed."""
    data = (layout.etcd, layout.prometheus, layout.redis, layout.registry)
    for folder in (layout.root, layout.pki, layout.config, layout.logs, *data):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    renewed = pki.ensure(layout, now)
    _kubeconfigs(paths, layout, plan)
    files.write_json(layout.config / "audit-policy.json", configuration.audit_policy())
    files.write_json(layout.config / "encryption.json", configuration.encryption(layout.encryption_key.read_bytes()))
    files.write_json(layout.config / "prometheus.json", monitoring.configuration(layout))
    files.write_json(layout.config / "prometheus-rules.json", monitoring.rules())
    files.write(layout.config / "redis.conf", configuration.redis(layout))
    files.write_json(layout.config / "registry.json", configuration.registry(layout))
    _gateway(layout, plan)
    return renewed


def database(layout: Layout, wanted: Database | None) -> bool:
    """Write down what the application's database is to be. Returns whether it was something else before.

    Without a wish it stays as it is; at first it has a random password.
    """
    known = Database.read(layout)
    chosen = wanted or known or Database(name=DATABASE, user=DATABASE, password=secrets.token_urlsafe())
    if chosen == known:
        return False
    chosen.write(layout)
    return True


def environment(layout: Layout, repository: Path, *, path: str) -> dict[str, str]:
    """The whole environment of the launcher and the parts: of the user's, nothing but the search path."""
    return {
        "PATH": path,
        "HOME": str(layout.root),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(repository),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _kubeconfigs(paths: Paths, layout: Layout, plan: Plan) -> None:
    targets = {layout.kubeconfig(name): (name, INSIDE) for name in CLIENTS}
    targets[layout.inside_kubeconfig] = ("admin", INSIDE)
    targets[paths.kubeconfig] = ("admin", f"https://127.0.0.1:{plan.api}")
    authority = layout.certificate("kubernetes-ca").read_bytes()
    for path, (name, server) in targets.items():
        pair = pki.load(layout, name)
        document = configuration.kubeconfig(
            server=server, authority=authority, certificate=pair.certificate, key=pair.key
        )
        files.write_json(path, document)


def _gateway(layout: Layout, plan: Plan) -> None:
    """Envoy Gateway's folders: its certificates, Envoy's certificates, and Envoy where it looks for it."""
    shutil.rmtree(layout.gateway, ignore_errors=True)
    authority = layout.certificate("gateway-ca").read_bytes()
    config_home = layout.gateway / configuration.GATEWAY_FOLDERS["configHome"]
    for folder, leaf in ((layout.gateway / "certs", "xds-server"), (config_home / "certs" / "envoy", "xds-client")):
        files.write(folder / "ca.crt", authority)
        files.write(folder / "tls.crt", layout.certificate(leaf).read_bytes())
        files.write(folder / "tls.key", layout.key(leaf).read_bytes())
    (layout.gateway / "root").mkdir()
    link = configuration.envoy_link(layout, plan.envoy_version)
    link.parent.mkdir(parents=True)
    link.symlink_to(plan.programs["envoy"])
    files.write_json(layout.config / "envoy-gateway.json", configuration.envoy_gateway(layout))
