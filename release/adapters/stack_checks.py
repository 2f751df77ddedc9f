"""The checks of a release, fed from the stack's configuration and the cluster."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kubernetes.client import ApiClient

from release import checks
from release.adapters.web import Reach
from release.checks import Context, Gateway, Policy
from release.checks.context import readable
from release.model import Colour, Finding, Lineup, Release


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the environment of the process says: where things are reached from here, and whom to trust."""

    environ: Mapping[str, str] = field(repr=False)
    reach: Reach = field(default_factory=dict)
    authority: Path | None = None


class StackChecks:
    """The port ``Checks``."""

    def __init__(
        self,
        stack: str,
        raw: Callable[[], tuple[Mapping[str, str], frozenset[str]]],
        surroundings: Surroundings,
        *,
        api: ApiClient | None,
        namespace: str,
        sleep: Callable[[float], None],
    ) -> None:
        """``raw`` gives the stack's configuration as ``settings.parse`` takes it, and which keys are encrypted."""
        self._stack, self._raw, self._around = stack, raw, surroundings
        self._api, self._namespace, self._sleep = api, namespace, sleep

    def before(self, release: Release) -> Sequence[Finding]:
        """Findings of everything that must hold before anything changes (R-51)."""
        return checks.run(checks.pre_checks(self.context(release)))

    def candidate(self, release: Release) -> Sequence[Finding]:
        """Findings about the candidate, asked for by header (R-52)."""
        return checks.run(checks.post_checks(self.context(release)))

    def alone(self, names: Sequence[str], lineup: Lineup, release: Release | None = None) -> Sequence[Finding]:
        """Findings of some checks, by name; of all without names. What stands is looked at, or a candidate."""
        context = self.context(release, lineup)
        found = checks.pre_checks(context)
        return checks.run(checks.only(found, names) if names else found)

    def context(self, release: Release | None, lineup: Lineup | None = None) -> Context:
        """What the checks look at."""
        raw, secret = self._raw()
        wanted = release.after if release is not None else lineup
        configured = checks.configured(raw, wanted) if wanted is not None else dict(raw)
        colour = release.candidate if release is not None else max(("blue", "green"), key=_share_in(wanted))
        context = Context(
            stack=self._stack,
            raw=configured,
            secret=secret,
            candidate=Colour(colour),
            jobs=1 if release is not None and release.order.migration is not None else 0,
            api=self._api,
            namespace=self._namespace,
            environ=self._around.environ,
            database_authority=self._around.authority,
            cache_authority=self._around.authority,
            registry_authority=self._around.authority,
            reach=self._around.reach,
            sleep=self._sleep,
        )
        return self._with_policy(context)

    def _with_policy(self, context: Context) -> Context:
        settings = readable(context)
        port = settings.gateway.https_port
        wanted = settings.releases
        return replace(
            context,
            http=Gateway(
                domain=settings.domain,
                port=port,
                address=self._around.reach.get(f"{settings.domain}:{port}"),
                authority=self._around.authority,
            ),
            policy=Policy(
                harbor=wanted.harbor,
                require_scan=wanted.harbor,
                highest_severity=wanted.highest_severity,
                schema_table=wanted.schema_table,
                tries=wanted.health_tries,
            ),
        )


def _share_in(lineup: Lineup | None) -> Callable[[str], int]:
    return lambda colour: lineup.share(Colour(colour)) if lineup is not None else 0
