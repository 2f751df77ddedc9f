"""The known pods follow an API server through watches that end, versions that are gone and restarts."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from rehearsal.errors import ClusterFailed
from rehearsal.workload.pods import SELECTOR, Pods
from rehearsal.workload.watch import Api, api_of, keep
from tests.rehearsal.workload.samples import manifest

Script = list[list[dict[str, Any]] | int]


class FakeApi:
    """Serves lists and watches from a script; a script that has run out keeps the last watch open."""

    def __init__(self, lists: list[list[dict[str, Any]] | int], watches: Script) -> None:
        self.lists, self.watches = lists, watches
        self.asked: list[str] = []

    async def pods(self, request: web.Request) -> web.StreamResponse:
        assert request.query["labelSelector"] == SELECTOR
        if "watch" not in request.query:
            self.asked.append("list")
            items = self.lists.pop(0)
            if isinstance(items, int):
                return web.Response(status=items)
            return web.json_response({"metadata": {"resourceVersion": "100"}, "items": items})
        self.asked.append(f"watch {request.query['resourceVersion']}")
        response = web.StreamResponse()
        script = self.watches.pop(0) if self.watches else None
        if isinstance(script, int):
            return web.Response(status=script)
        await response.prepare(request)
        for event in script or ():
            await response.write(json.dumps(event).encode() + b"\n")
        if script is None:
            await asyncio.sleep(60)
        return response

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Api]:
        application = web.Application()
        application.router.add_get("/api/v1/pods", self.pods)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            yield Api(server=f"http://127.0.0.1:{port}", tls=ssl.create_default_context())
        finally:
            await runner.cleanup()


def event(kind: str, uid: str, version: str = "101", **metadata: Any) -> dict[str, Any]:
    changes = {"uid": uid, "name": uid, "resourceVersion": version, **metadata}
    return {"type": kind, "object": manifest(metadata=changes)}


def follow(api: FakeApi, until: Callable[[Pods], bool]) -> tuple[Pods, list[str], list[float]]:
    """Pods, changed uids and pauses, once ``until`` holds."""
    pods, changed, pauses = Pods(), list[str](), list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async def run() -> None:
        async with api.served() as served:
            following = asyncio.create_task(keep(served, pods, changed=changed.append, sleep=pause))
            async with asyncio.timeout(10):
                while not until(pods) and not following.done():
                    await asyncio.sleep(0.005)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    asyncio.run(run())
    return pods, changed, pauses


def test_pods_are_listed_and_then_watched() -> None:
    watch = [event("ADDED", "b"), event("MODIFIED", "a", "102"), event("DELETED", "a", "103")]
    api = FakeApi([[manifest(metadata={"uid": "a"})]], [watch])
    pods, changed, _ = follow(api, lambda pods: pods.uids() == {"b"} and len(api.asked) == 3)
    assert pods.uids() == {"b"}
    assert changed == ["a", "b", "a", "a"]
    assert api.asked == ["list", "watch 100", "watch 103"]


def test_a_bookmark_moves_the_version_only() -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "500"}}}
    api = FakeApi([[]], [[bookmark]])
    _, changed, _ = follow(api, lambda _: len(api.asked) == 3)
    assert api.asked[-1] == "watch 500"
    assert changed == []


@pytest.mark.parametrize("gone", [410, [{"type": "ERROR", "object": {"code": 410}}]])
def test_a_version_that_is_gone_lists_again(gone: Any) -> None:
    first, second = manifest(metadata={"uid": "a"}), manifest(metadata={"uid": "b"})
    pods, changed, _ = follow(FakeApi([[first], [second]], [gone]), lambda pods: pods.uids() == {"b"})
    assert pods.uids() == {"b"}
    assert sorted(changed) == ["a", "a", "b"]


def test_an_api_server_that_fails_is_asked_again_with_longer_pauses_and_pods_stay_known() -> None:
    api = FakeApi([[manifest(metadata={"uid": "a"})], 503, 503, [manifest(metadata={"uid": "a"})]], [500])
    pods, _, pauses = follow(api, lambda _: api.asked.count("list") == 4 and len(api.asked) == 6)
    assert pods.uids() == {"a"}
    assert pauses == [0.1, 0.2, 0.4]


def test_a_pod_that_cannot_be_read_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    malformed = manifest(metadata={"uid": "a", "annotations": {"english-training.dev/simulate": "errors=x"}})
    broken = manifest(metadata={"uid": "b"}, status={"containerStatuses": "text"})
    pods, _, _ = follow(FakeApi([[malformed, broken, manifest(metadata={"uid": "c"})]], []), lambda pods: len(pods) > 0)
    assert pods.uids() == {"c"}
    assert "answers nothing: english-training.dev/simulate: 'errors=x'" in caplog.text


@pytest.mark.parametrize("text", ["", "clusters: []", "{", "current-context: x\ncontexts: []\n"])
def test_a_kubeconfig_without_what_is_needed_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ClusterFailed, match="no usable server, certificate or key"):
        api_of(path)


def test_a_missing_kubeconfig_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ClusterFailed, match="No such file or directory"):
        api_of(tmp_path / "kubeconfig")
