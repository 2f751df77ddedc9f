"""The candidate, asked through the gateway before it has traffic: health, smoke, speed (R-52)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from release.adapters.web import Answer, line
from release.checks.base import failed, joined, passed, unknown
from release.checks.context import COLOUR_HEADER, Context, SmokeRequest, candidate_of
from release.checks.http import Http
from release.errors import Unreachable
from release.model import Finding, Outcome
from settings import Settings
from settings.rules.base import COMPONENTS

LIMITED: Final = 429
"""The gateway's own answer to who asks too often (R-19); it says nothing of the candidate."""
LIMIT_SECONDS: Final = 60.0
"""The window of that limit: after so long one may ask again."""
LIMIT_WAITS: Final = 2
"""How often to wait for that."""
PERCENTILE: Final = 0.95

_LOGS: Final = "look at the candidate's pods: `kubectl logs -l english-training.dev/colour=<colour>`"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One request and what came of it."""

    request: SmokeRequest
    answer: Answer | None = None
    problem: str | None = None
    """Why there is no answer."""

    @property
    def limited(self) -> bool:
        """The gateway refused to pass the request on."""
        return self.answer is not None and self.answer.status == LIMITED

    @property
    def wrong(self) -> str | None:
        """What is wrong with the answer, whoever gave it."""
        wanted = self.request
        if self.answer is None:
            return f"{wanted}: {self.problem}"
        if self.answer.status != wanted.status:
            return f"{wanted} answers {self.answer.status} instead of {wanted.status}"
        if wanted.header and wanted.header[1] not in self.answer.headers.get(wanted.header[0], ""):
            return f"{wanted} answers without {wanted.header[1]!r} in {wanted.header[0]}"
        if wanted.contains and wanted.contains.encode() not in self.answer.body:
            return f"{wanted} answers without {wanted.contains!r}"
        return None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Asks the candidate."""

    http: Http
    context: Context

    def ask(self, request: SmokeRequest) -> Tried:
        """One request; where the gateway asks for patience, again after its window."""
        tried = self.ask_once(request)
        for _ in range(LIMIT_WAITS):
            if not tried.limited:
                break
            self.context.sleep(LIMIT_SECONDS)
            tried = self.ask_once(request)
        return tried

    def ask_once(self, request: SmokeRequest) -> Tried:
        """One request."""
        headers = {COLOUR_HEADER: self.context.candidate.value, "user-agent": "english-training-release"}
        try:
            seconds = self.context.policy.try_seconds
            return Tried(request=request, answer=self.http.ask(request.method, request.path, headers, seconds=seconds))
        except Unreachable as error:
            return Tried(request=request, problem=error.problem)


def healthy(candidate: Candidate) -> Finding:
    """Each component gives the answer that is wanted; asked for until it does, as often as the policy says."""
    policy = candidate.context.policy
    firsts = {request.component: request for request in reversed(candidate.context.requests)}
    if firsts.keys() != set(COMPONENTS):
        return _no_requests("health")
    wrong: list[Tried] = []
    for number in range(1, policy.tries + 1):
        if number > 1:
            candidate.context.sleep(wait_before(number, policy.longest_wait))
        wrong = [tried for tried in map(candidate.ask_once, firsts.values()) if tried.wrong]
        if not wrong:
            text = f"{' and '.join(sorted(firsts))} answer as they must, at try {number} of {policy.tries}"
            return passed("health", text, {"tries": number})
    if all(tried.limited for tried in wrong):
        return _limited("health", wrong[0].request)
    text = f"not in good health after {policy.tries} tries: {'; '.join(str(tried.wrong) for tried in wrong)}"
    return failed("health", text, remedy=_LOGS, figures={"tries": policy.tries})


def wait_before(number: int, longest: float) -> float:
    """Seconds to wait before the try of that number: 1 before the second, then twice as many each time."""
    return min(longest, float(2 ** (number - 2)))


def answering(candidate: Candidate, settings: Settings) -> Finding:
    """Every request is answered as wanted, by the candidate's colour and version."""
    if not candidate.context.requests:
        return _no_requests("smoke")
    version = candidate_of(candidate.context, settings).version
    findings = [_smoke(candidate, request, version) for request in candidate.context.requests]
    worse = [finding for finding in findings if finding.outcome is not Outcome.PASS]
    if worse:
        return joined("smoke", worse)
    silent = " (their version is not told)" if any(finding.figures["version"] is None for finding in findings) else ""
    told = f"{len(findings)} requests answered as wanted by {candidate.context.candidate}{silent}"
    return passed("smoke", told, {"requests": len(findings)})


def quick(candidate: Candidate) -> Finding:
    """R-06: of each component's answers none fails, and the 95th percentile of their times is within the policy."""
    by_component: dict[str, list[SmokeRequest]] = {}
    for request in candidate.context.requests:
        by_component.setdefault(request.component, []).append(request)
    if not by_component or candidate.context.policy.performance_requests < 1:
        return _no_requests("performance")
    return joined("performance", [_quick(candidate, name, wanted) for name, wanted in sorted(by_component.items())])


def percentile(times: Sequence[float], share: float) -> float:
    """The smallest of ``times`` that at least ``share`` of them do not exceed (nearest rank)."""
    return sorted(times)[max(0, ceil(share * len(times)) - 1)]


def _smoke(candidate: Candidate, request: SmokeRequest, version: str) -> Finding:
    tried = candidate.ask(request)
    if tried.limited:
        return _limited("smoke", request)
    if tried.wrong or tried.answer is None:
        return failed("smoke", str(tried.wrong), remedy=_LOGS)
    colour, given = tried.answer.headers.get("x-colour"), tried.answer.headers.get("x-version")
    wanted = candidate.context.candidate.value
    if colour is not None and colour != wanted:
        text = f"{request} is answered by {line(colour)}, though {COLOUR_HEADER} asks for {wanted}"
        return failed("smoke", text, remedy="look at the route english-training-by-colour")
    if given is not None and given != version:
        text = f"{request} is answered by version {line(given)} instead of {version}"
        return failed("smoke", text, remedy="look which image the candidate's pods run")
    if colour is None and candidate.context.policy.require_colour:
        text = f"{request} is answered by one that does not say its colour (x-colour)"
        return unknown("smoke", text, remedy="let the application send x-colour and x-version, or do not require it")
    return Finding(name="smoke", outcome=Outcome.PASS, text=str(request), figures={"version": given})


def _quick(candidate: Candidate, component: str, wanted: Sequence[SmokeRequest]) -> Finding:
    """One component's answers; the first that fails decides, as none may."""
    policy = candidate.context.policy
    times: list[float] = []
    for number in range(policy.performance_requests):
        tried = candidate.ask(wanted[number % len(wanted)])
        if tried.limited:
            return _limited("performance", tried.request)
        if tried.wrong or tried.answer is None:
            text = f"{component}: of {number + 1} requests one failed, and none may: {tried.wrong}"
            return failed("performance", text, remedy=_LOGS, figures={f"{component}.requests": number + 1})
        times.append(tried.answer.seconds)
    p95 = percentile(times, PERCENTILE)
    figures = {f"{component}.requests": len(times), f"{component}.p95": round(p95, 4)}
    text = f"{component}: 95 % of {len(times)} answers came within {p95:.3f} s"
    if not p95 < policy.p95_seconds:
        text += f", allowed are {policy.p95_seconds:g} s"
        return failed("performance", text, remedy="look at the candidate's load and at the database", figures=figures)
    return passed("performance", text, figures)


def _limited(name: str, request: SmokeRequest) -> Finding:
    text = f"{request} is refused by the gateway's limit (429), so nothing is known of the candidate"
    return unknown(name, text, remedy="wait a minute, or raise english-training:gateway.rateLimit.requestsPerMinute")


def _no_requests(name: str) -> Finding:
    text = f"requests to try were not given for both {' and '.join(COMPONENTS)}"
    return unknown(name, text, remedy="give a request to each of them")
