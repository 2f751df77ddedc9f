"""Keeps the known pods true to the API server: list, watch, and list again after every interruption."""

import asyncio
import base64
import json
import logging
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml

from rehearsal.errors import ClusterFailed
from rehearsal.workload.faults import MalformedFaultsError
from rehearsal.workload.pods import SELECTOR, Pod, Pods, pod_of

LOG: Final = logging.getLogger(__name__)

WATCH_SECONDS: Final = 300
"""How long one watch lasts before the API server ends it; a new one then follows."""
LINE_LIMIT: Final = 4 * 2**20
"""Bytes of one event: an object of the API has at most 1.5 MiB, JSON can be longer."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """Where the API server is, and who we are for it."""

    server: str
    tls: ssl.SSLContext


def api_of(kubeconfig: Path) -> Api:
    """Read server and client certificate of the current context. Raises ClusterFailed if they are not there."""
    remedy = "make down && make up"
    try:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        context = _named(config, "context", config["current-context"])
        cluster, user = _named(config, "cluster", context["cluster"]), _named(config, "user", context["user"])
        tls = ssl.create_default_context(cadata=_data(cluster, "certificate-authority", kubeconfig).decode())
        with tempfile.TemporaryDirectory() as folder:  # the ssl module reads a key from files only
            certificate, key = Path(folder, "certificate"), Path(folder, "key")
            key.touch(mode=0o600)
            certificate.write_bytes(_data(user, "client-certificate", kubeconfig))
            key.write_bytes(_data(user, "client-key", kubeconfig))
            tls.load_cert_chain(certificate, key)
        return Api(server=cluster["server"].rstrip("/"), tls=tls)
    except OSError as error:
        raise ClusterFailed(f"kubeconfig {kubeconfig}: {error.strerror or error}", remedy=remedy) from error
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        problem = f"kubeconfig {kubeconfig}: no usable server, certificate or key ({type(error).__name__})"
        raise ClusterFailed(problem, remedy=remedy) from error


def _named(config: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    return {entry["name"]: entry for entry in config[f"{kind}s"]}[name][kind]  # type: ignore[no-any-return]  # YAML


def _data(entry: Mapping[str, str], key: str, kubeconfig: Path) -> bytes:
    if f"{key}-data" in entry:
        return base64.b64decode(entry[f"{key}-data"])
    return (kubeconfig.parent / entry[key]).read_bytes()


async def keep(
    api: Api,
    pods: Pods,
    *,
    changed: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Keep ``pods`` current until cancelled; ``changed`` is called with the uid of each pod whose state changed.

    While the API server is away the last known pods stay, as real pods would.
    """
    pause = 0.1
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=WATCH_SECONDS + 30)
    connector = aiohttp.TCPConnector(ssl=api.tls)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=LINE_LIMIT) as session:
        while True:
            try:
                version: str | None = await _list(session, api, pods, changed)
                pause = 0.1
                while version is not None:
                    version = await _watch(session, api, pods, changed, version)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                LOG.warning("pods: %s: %s; next try in %.1f s", type(error).__name__, error, pause)
            await sleep(pause)
            pause = min(pause * 2, 2.0)


async def _list(session: aiohttp.ClientSession, api: Api, pods: Pods, changed: Callable[[str], None]) -> str:
    """Learn all pods anew; return the version to watch from."""
    async with session.get(f"{api.server}/api/v1/pods", params={"labelSelector": SELECTOR}) as response:
        response.raise_for_status()
        body = await response.json()
    before = pods.uids()
    pods.replace(pod for pod in map(_read, body["items"]) if pod)
    for uid in before | pods.uids():
        changed(uid)
    LOG.info("pods: %d known", len(pods))
    version: str = body["metadata"]["resourceVersion"]
    return version


async def _watch(
    session: aiohttp.ClientSession, api: Api, pods: Pods, changed: Callable[[str], None], version: str
) -> str | None:
    """Follow changes after ``version`` until the server ends the watch; return where to go on, None to list again."""
    params = {
        "labelSelector": SELECTOR,
        "watch": "1",
        "allowWatchBookmarks": "1",
        "resourceVersion": version,
        "timeoutSeconds": str(WATCH_SECONDS),
    }
    async with session.get(f"{api.server}/api/v1/pods", params=params) as response:
        if response.status == 410:  # noqa: PLR2004  # Gone: the version is too old
            return None
        response.raise_for_status()
        async for line in response.content:
            event = json.loads(line)
            if event["type"] == "ERROR":
                return None
            version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                _apply(event, pods)
                changed(event["object"]["metadata"]["uid"])
    return version


def _apply(event: Mapping[str, Any], pods: Pods) -> None:
    pod = None if event["type"] == "DELETED" else _read(event["object"])
    if pod is None:
        pods.drop(event["object"]["metadata"]["uid"])
    else:
        pods.put(pod)


def _read(manifest: Mapping[str, Any]) -> Pod | None:
    """Read a pod; one that makes no sense is left out, so that it refuses connections and the others go on."""
    try:
        return pod_of(manifest)
    except MalformedFaultsError as error:
        LOG.warning("pod %s answers nothing: %s", manifest["metadata"]["name"], error)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        LOG.warning("pod %s cannot be read: %r", manifest.get("metadata", {}).get("name"), error)
    return None
