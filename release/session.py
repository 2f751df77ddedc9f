"""Puts the tool together for one stack of one checkout: from names and addresses to ports."""

import getpass
import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from kubernetes.client import ApiClient

from release.adapters import notifications, prometheus, web
from release.adapters.cluster_api import ClusterApi, connect
from release.adapters.cluster_history import ClusterHistory, ClusterSeries
from release.adapters.cluster_journal import ClusterJournal
from release.adapters.cluster_lock import ClusterLock
from release.adapters.cluster_objects import ClusterObjects
from release.adapters.cluster_pods import ClusterPods
from release.adapters.cluster_points import ClusterPoints
from release.adapters.cluster_releases import ClusterReleases
from release.adapters.cluster_requests import ClusterRequests
from release.adapters.cluster_route import ClusterRoute
from release.adapters.cluster_wire import ClusterWire
from release.adapters.gateway_counters import GatewayCounters, cluster_proxies
from release.adapters.heartbeat import Heartbeat
from release.adapters.notifications import Notifier
from release.adapters.pulumi_stack import PulumiStack, outside
from release.adapters.stack_checks import StackChecks, Surroundings
from release.adapters.stack_file import StackFile
from release.analysis import Evidence, Measure
from release.announce import Announcer
from release.clock import SystemClock
from release.errors import BadOrder
from release.journal import ids
from release.journal.points import Point, Saved
from release.journal.series import Series
from release.model import Colour, Release
from release.notify import receivers
from release.operations import Operations
from release.report import series
from release.report.series import Row
from release.runner import Ends, Look, Runner, Watching
from release.watch import Watch
from release.work import Work

NAMESPACE: Final = "english-training"
ROUTE: Final = "english-training"
REACH: Final = "ENGLISH_TRAINING_REACH"
"""JSON: where a ``host:port`` of the configuration is reached from here, as ``{"db:5432": "localhost:15432"}``."""
AUTHORITY: Final = "ENGLISH_TRAINING_AUTHORITY"
"""File of certificates to trust, as PEM, instead of the system's."""

LAST_SECONDS: Final = 5.0
"""Seconds that notifications get after everything else is done."""

Show = Callable[[Look], None]


class Session:
    """One stack, from here."""

    def __init__(self, checkout: Path, stack: str, *, environ: Mapping[str, str] = os.environ) -> None:
        """Raises ``BadOrder`` where the checkout has no such stack."""
        self.checkout, self.name = checkout, stack
        self.file = StackFile(checkout, stack)
        self.clock = SystemClock()
        self._environ = environ
        self._values = self.file.values()
        self.environment = str(self._values.get("environment", ""))
        self.actor = f"{_user()}@{socket.gethostname()}"

    @cached_property
    def stack(self) -> PulumiStack:
        """The stack, through Pulumi."""
        return PulumiStack(self.checkout, self.name)

    @cached_property
    def client(self) -> ApiClient:
        """The official client of the stack's cluster."""
        context = self._values.get("cluster", {}).get("context")
        if not isinstance(context, str):
            raise BadOrder(
                f"{self.file.path.name} does not say which cluster: cluster.context is missing",
                remedy=f"pulumi config set --stack {self.name} --path english-training:cluster.context CONTEXT",
            )
        return connect(context)

    @cached_property
    def objects(self) -> ClusterObjects:
        """The journal's objects in the cluster."""
        return ClusterObjects(ClusterWire(self.client), NAMESPACE)

    @cached_property
    def journal(self) -> ClusterJournal:
        """The records of releases."""
        return ClusterJournal(self.objects, self.name)

    @cached_property
    def history(self) -> ClusterHistory:
        """All releases."""
        return ClusterHistory(self.objects, self.name, self.journal)

    @cached_property
    def series(self) -> ClusterSeries:
        """What was measured in releases."""
        return ClusterSeries(self.objects, self.name)

    @cached_property
    def points(self) -> ClusterPoints:
        """Configurations as they stood before changes."""
        return ClusterPoints(self.objects, self.name)

    @cached_property
    def lock(self) -> ClusterLock:
        """One runner at a time."""
        return ClusterLock(self.objects, self.name, floor=ClusterReleases(self.objects, self.name).fence)

    @cached_property
    def route(self) -> ClusterRoute:
        """The route that carries the weights."""
        return ClusterRoute(ClusterApi(self.client), namespace=NAMESPACE, name=ROUTE)

    @cached_property
    def surroundings(self) -> Surroundings:
        """What the environment says of where things are."""
        authority = self._environ.get(AUTHORITY)
        return Surroundings(
            environ=self._environ, reach=reach_of(self._environ), authority=Path(authority) if authority else None
        )

    @cached_property
    def checks(self) -> StackChecks:
        """The checks before and after a release."""
        return StackChecks(
            self.name,
            self.stack.configuration,
            self.surroundings,
            api=self.client,
            namespace=NAMESPACE,
            sleep=self.clock.sleep,
        )

    def counters(self) -> GatewayCounters:
        """The gateway's own counters; the caller closes them."""
        return GatewayCounters(
            cluster_proxies(ClusterWire(self.client)), namespace=NAMESPACE, clock=self.clock.monotonic
        )

    def operations(self, show: Show, *, patience: float, running: Callable[[Runner], None]) -> Operations:
        """What a person can ask for. ``running`` hears of each runner before it runs."""

        def runner(release: Release, held: Heartbeat) -> Runner:
            made = self._runner(release, held, show, patience)
            running(made)
            return made

        return Operations(
            name=self.name,
            actor=self.actor,
            holder=ids.holder(user=_user(), host=socket.gethostname(), pid=os.getpid(), draw=secrets.randbelow),
            journal=self.journal,
            history=self.history,
            requests=ClusterRequests(self.objects, self.name),
            lock=self.lock,
            stack=lambda: self.stack,
            route=self.route,
            pods=ClusterPods(ClusterApi(self.client), namespace=NAMESPACE),
            clock=self.clock,
            new_id=lambda after: ids.new_id(now=self.clock.now(), draw=secrets.randbelow, after=after),
            runner=runner,
        )

    @contextmanager
    def announcing(self, failed: Callable[[str], None]) -> Iterator[Announcer]:
        """Tells people what happens; at the end, what is not delivered yet gets some seconds."""
        targets, problems = receivers.targets(self._environ, Path.read_text)
        for problem in problems:
            failed(f"notifications: {problem}")
        notifier = Notifier(targets, transport=notifications.transport(), failed=failed, now=self.clock.now)
        try:
            yield Announcer(notifier, self.clock.now)
        finally:
            missing = notifier.close(LAST_SECONDS if targets else 0.0)
            if missing:
                failed(f"notifications: {missing} could not be delivered")

    def keep(self, release: Release) -> str:
        """Save the stack's file as a named point (R-34)."""
        name = point_of(release)
        saved = Saved(
            name=name,
            stack=self.name,
            at=self.clock.now(),
            actor=self.actor,
            why=f"before release {release.order.version}",
            release=release.id,
        )
        self.points.save(Point(saved=saved, content=self.file.text()))
        return f"the configuration is saved as {name}"

    def _runner(self, release: Release, held: Heartbeat, show: Show, patience: float) -> Runner:
        def fence() -> int:
            held.check()
            return held.fence

        work = Work(
            stack=self.stack,
            route=self.route,
            checks=self.checks,
            keep=self.keep,
            bounds=lambda changes, of: outside(changes, of.candidate),
            guard=held.check,
        )
        ends = Ends(
            journal=self.journal,
            requests=ClusterRequests(self.objects, self.name),
            route=self.route,
            work=work,
            clock=self.clock,
            show=show,
            keep=self._keep_rows,
            fence=fence,
            patience=patience,
        )
        return Runner(release=release, ends=ends, watch=self._watch(release))

    def rows(self, release_id: str) -> tuple[Row, ...]:
        """What was measured in a release, as far as it was kept."""
        kept = self.series.load(release_id)
        return series.from_cells(kept.columns, kept.rows) if kept is not None else ()

    def _keep_rows(self, release_id: str, watch: Watching) -> None:
        if isinstance(watch, Watch) and watch.rows:
            earlier = [row for row in self.rows(release_id) if row.at < watch.rows[0].at]
            cells = series.to_cells([*earlier, *watch.rows])
            self.series.save(release_id, Series(columns=series.COLUMNS, rows=cells))

    def _watch(self, release: Release) -> Watch:
        asked = self._values.get("releases", {})
        url = asked.get("prometheus")
        if url is None:
            # What an order wants to have measured then stays unknown, which is no pass.
            return Watch(release, self.counters(), now=self.clock.now, measures=release.order.measures)
        measures = prometheus.wanted(release.order, asked.get("measures"))
        server = prometheus.Prometheus(
            str(url),
            http=web.client(reach=self.surroundings.reach, authority=self.surroundings.authority),
            namespace=NAMESPACE,
            now=lambda: self.clock.now().timestamp(),
        )
        return Watch(
            release,
            self.counters(),
            now=self.clock.now,
            measures=measures,
            sampler=_Sampler(server, measures),
            pool=ThreadPoolExecutor(max_workers=1, thread_name_prefix="measures"),
        )


class _Sampler:
    """Asks Prometheus for the same measures of both colours again and again."""

    def __init__(self, server: prometheus.Prometheus, measures: Sequence[Measure]) -> None:
        self._server, self._measures = server, measures

    def sample(self, seconds: float) -> Sequence[Evidence]:
        """One sample of each, over ``seconds`` at most."""
        return self._server.sample(self._measures, tuple(Colour), seconds=seconds)


def point_of(release: Release) -> str:
    """Name of the configuration saved before ``release``."""
    return f"before-{release.id}"


def reach_of(environ: Mapping[str, str]) -> web.Reach:
    """Where names of the configuration are reached, as the environment says. Raises ``BadOrder``."""
    text = environ.get(REACH)
    if not text:
        return {}
    try:
        found: dict[str, Any] = json.loads(text)
        pairs = {name: str(address).rsplit(":", 1) for name, address in found.items()}
        return {name: (host, int(port)) for name, (host, port) in pairs.items()}
    except (ValueError, AttributeError):
        raise BadOrder(
            f'{REACH} must be JSON such as {{"db.internal:5432": "localhost:15432"}}', remedy=f"unset {REACH}"
        ) from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())
