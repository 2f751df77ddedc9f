"""Envoy's own counters, read from all proxies at once: what the guard sees, a second after it happened.

Envoy Gateway merges backends (``docs/adr/0003``), so each Service has one Envoy cluster,
``service/<namespace>/<service>-<colour>/<port>/http``, whichever route led to it: requests by weight and requests by
header are counted together. In there are also the gateway's own answers for a Service that does not answer (503, 504).
A Service without a ready endpoint has no cluster at all; what its share of the requests gets is in no counter here.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from release.adapters.cluster_wire import NoAnswerError, Wire
from release.analysis import SERVICES, Counters, Reading, Target
from release.analysis.counters import NOTHING, added, difference, total
from release.analysis.exposition import counters
from release.errors import Unreachable

Fetch = Callable[[str], str]
"""What one proxy answers to a path. Raises ``OSError``, ``ValueError`` or ``NoAnswerError`` if it does not."""

Proxies = Callable[[], Mapping[str, Fetch]]
"""All proxies by name. Raises ``Unreachable``."""

TIMEOUT: Final = 1.0
"""Seconds to wait for a proxy."""
FIND_EVERY: Final = 10.0
"""Seconds after which proxies are looked for again; at once if one did not answer."""
AT_ONCE: Final = 16
LARGEST: Final = 4 * 2**20
"""Bytes of a proxy's answer. What is asked for has 25,000."""
STATS_PORT: Final = 19001
"""Where a proxy's pod serves its statistics (Envoy Gateway 1.9)."""
STATS_LABEL: Final = "english-training.dev/stats=envoy"
"""Services through which proxies without pods are reached."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_COUNTED: Final = (
    "upstream_rq_([1-5]xx|total|active|pending_active|timeout|per_try_timeout|time)|upstream_cx_connect_fail"
    "|membership_healthy"
)


def path(namespace: str, services: Sequence[str]) -> str:
    """The path, with its query, of the few statistics that are read."""
    clusters = f"service/{namespace}/({'|'.join(services)})-(blue|green)/[0-9]+/[a-z0-9]+"
    wanted = rf"^cluster\.{clusters}\.({_COUNTED})$"
    return f"/stats/prometheus?{urlencode({'usedonly': '', 'filter': wanted})}"


def clusters(namespace: str, services: Sequence[str]) -> re.Pattern[str]:
    """Names of the clusters that are read, with ``service`` and ``colour``."""
    named = "|".join(services)
    return re.compile(rf"service/{namespace}/(?P<service>{named})-(?P<colour>blue|green)/[0-9]+(?:/[a-z0-9]+)?")


class GatewayCounters:
    """Reads all proxies and adds them up, whatever happens to one of them in between.

    Sums never go back: a proxy that began anew adds what it counted since, and one that is first met later counts from
    then on. Not safe to use from several threads.
    """

    def __init__(
        self,
        proxies: Proxies,
        *,
        namespace: str,
        clock: Callable[[], float],
        services: Sequence[str] = SERVICES,
        timeout: float = TIMEOUT,
    ) -> None:
        if not all(_NAME.fullmatch(name) for name in (namespace, *services)):
            raise ValueError(f"these are no names of a namespace and services: {namespace!r}, {services!r}")
        self._proxies = proxies
        self._clock = clock
        self._timeout = timeout
        self._path = path(namespace, services)
        self._clusters = clusters(namespace, services)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="gateway-counters")
        self._found: Mapping[str, Fetch] = {}
        self._find_at = float("-inf")
        self._late: dict[str, Future[dict[Target, Counters]]] = {}
        self._seen: dict[str, dict[Target, Counters]] = {}
        self._sums: dict[Target, Counters] = {}
        self._began = False

    def close(self) -> None:
        """Let go of the threads; one that still waits for a proxy ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def read(self) -> Reading:
        """One look at all proxies, which lasts as long as a proxy may take to answer.

        It is not complete if one does not answer, or if none knows any of the services. Raises ``Unreachable`` if no
        proxy can be found.
        """
        at = self._clock()
        found = self._find(at)
        answers = self._ask(found)
        for name, answer in answers.items():
            self._add(name, answer)
        self._began = self._began or bool(answers)
        complete = len(answers) == len(found) and any(answers.values())
        if not complete:
            self._find_at = float("-inf")
        present = {target: self._now(target, answers.values()) for target in sorted(self._sums)}
        return Reading(at=at, counters=present, complete=complete)

    def _find(self, at: float) -> Mapping[str, Fetch]:
        if at < self._find_at:
            return self._found
        try:
            self._found = self._proxies()
        except Unreachable:
            if not self._found:
                raise
            return self._found
        if not self._found:
            raise Unreachable("no proxy of the gateway can be found", remedy="kubectl get gateways,pods -A")
        self._find_at = at + FIND_EVERY
        for gone in self._seen.keys() - self._found.keys():
            del self._seen[gone]
        return self._found

    def _ask(self, found: Mapping[str, Fetch]) -> dict[str, dict[Target, Counters]]:
        """What proxies answer in time. One that is still busy with an earlier question is not asked again."""
        self._late = {name: future for name, future in self._late.items() if not future.done()}
        asked = {name: self._pool.submit(self._one, fetch) for name, fetch in found.items() if name not in self._late}
        wait(asked.values(), timeout=self._timeout)
        answers = {}
        for name, future in asked.items():
            if not future.done():
                self._late[name] = future
            elif future.exception() is None:
                answers[name] = future.result()
            elif not isinstance(future.exception(), OSError | ValueError | NoAnswerError | Unreachable):
                future.result()  # a mistake of ours, not of the proxy
        return answers

    def _one(self, fetch: Fetch) -> dict[Target, Counters]:
        text = fetch(self._path)
        if len(text) > LARGEST:
            raise ValueError(f"a proxy answers with more than {LARGEST} bytes")
        return counters(text, self._clusters)

    def _add(self, name: str, answer: Mapping[Target, Counters]) -> None:
        before = self._seen.get(name)
        for target, now in answer.items():
            known = self._sums.get(target, NOTHING)
            if before is None and self._began:
                self._sums[target] = known  # all that it has counted so far is from before
            else:
                self._sums[target] = total((known, difference((before or {}).get(target), now)))
        self._seen[name] = dict(answer)

    def _now(self, target: Target, answers: Any) -> Counters:  # noqa: ANN401 - a view of dictionaries
        """The sums of a target, with its state at this moment."""
        states = [answer.get(target, replace(NOTHING, endpoints=0)) for answer in answers]
        state = NOTHING
        for one in states:
            state = added(state, one)
        return replace(self._sums[target], in_flight=state.in_flight, queued=state.queued, endpoints=state.endpoints)


def cluster_proxies(
    wire: Wire,
    *,
    gateway: str = "public",
    gateway_namespace: str = "gateway",
    namespace: str = "envoy-gateway-system",
    timeout: float = TIMEOUT,
) -> Proxies:
    """The proxies of a Gateway, each through the API server: its pods, or Services labelled for it where it has none.

    Needs ``list`` of pods and services in ``namespace``, and ``get`` of ``pods/proxy`` and ``services/proxy``.
    """
    owner = "gateway.envoyproxy.io/owning-gateway"
    selector = f"{owner}-name={gateway},{owner}-namespace={gateway_namespace}"

    def proxies() -> Mapping[str, Fetch]:
        where = f"/api/v1/namespaces/{namespace}"
        pods = [one for one in _listed(wire, f"{where}/pods", selector, timeout) if _serves(one)]
        if pods:
            names = [f"{where}/pods/{_name(one)}:{STATS_PORT}" for one in pods]
        else:
            services = _listed(wire, f"{where}/services", STATS_LABEL, timeout)
            names = [f"{where}/services/{_name(one)}:{_port(one)}" for one in services]
        return {name: _through(wire, f"{name}/proxy", timeout) for name in names}

    return proxies


def _through(wire: Wire, prefix: str, timeout: float) -> Fetch:
    def fetch(path: str) -> str:
        answer = wire.send("GET", f"{prefix}{path}", headers={"Accept": "text/plain"}, body=None, timeout=timeout)
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise ValueError(f"the proxy answers {answer.status}")
        if len(answer.body) > LARGEST:
            raise ValueError(f"the proxy answers with more than {LARGEST} bytes")
        return answer.body.decode()

    return fetch


def _listed(wire: Wire, path: str, selector: str, timeout: float) -> list[dict[str, Any]]:
    remedy = f"kubectl get --raw '{path}'"
    try:
        answer = wire.send(
            "GET",
            f"{path}?labelSelector={quote(selector)}&limit=500",
            headers={"Accept": "application/json"},
            body=None,
            timeout=timeout,
        )
    except NoAnswerError as error:
        raise Unreachable(f"the API server does not list the gateway's proxies: {error}", remedy=remedy) from None
    if answer.status != 200:  # noqa: PLR2004 - OK
        raise Unreachable(f"the API server does not list the gateway's proxies: {answer.status}", remedy=remedy)
    try:
        return [dict(one) for one in json.loads(answer.body)["items"]]
    except (ValueError, TypeError, LookupError):
        raise Unreachable("the API server's list of the gateway's proxies cannot be read", remedy=remedy) from None


def _serves(pod: Mapping[str, Any]) -> bool:
    """Whether a pod can be asked: it runs, and is not on its way out."""
    return pod.get("status", {}).get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]


def _name(found: Mapping[str, Any]) -> str:
    return quote(str(found["metadata"]["name"]), safe="")


def _port(service: Mapping[str, Any]) -> int:
    return int(service["spec"]["ports"][0]["port"])
