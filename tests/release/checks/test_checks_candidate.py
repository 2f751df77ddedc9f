"""The candidate asked through the gateway: health with patience, smoke by colour and version, speed."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from release.adapters.web import Answer
from release.checks import Context, Gateway, Policy, SmokeRequest, only, post_checks, run
from release.checks.base import failed, passed, unknown
from release.checks.candidate import percentile
from release.errors import BadOrder, Unreachable
from release.model import Colour, Finding, Outcome
from tests.release.checks.contexts import context
from tests.release.checks.servers import Reply, certificates, free_port, silent, web

LOGS = "look at the candidate's pods: `kubectl logs -l english-training.dev/colour=<colour>`"
SITE = SmokeRequest(component="frontend", path="/")
API = SmokeRequest(component="backend", path="/api/")
BOTH = (SITE, API)
WELL = {"x-colour": "green", "x-version": "1.1.0"}
DEAD = Unreachable("exam.example did not answer within 10 s", remedy="look")

Given = Answer | Unreachable


def given(status: int = 200, seconds: float = 0.1, body: bytes = b"ok", **headers: str | None) -> Answer:
    known = {**WELL, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Answer(
        status=status,
        headers={name: value for name, value in known.items() if value is not None},
        body=body,
        seconds=seconds,
    )


@dataclass
class Site:
    """Answers by path; each in turn, the last for ever."""

    answers: Mapping[str, list[Given]]
    asked: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def ask(self, method: str, path: str, headers: Mapping[str, str], *, seconds: float) -> Answer:
        assert headers == {"x-release-colour": "green", "user-agent": "english-training-release"}
        assert seconds == 10.0
        self.asked.append(f"{method} {path}")
        left = self.answers[path]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Unreachable):
            raise answer
        return answer


def site(frontend: list[Given] | None = None, backend: list[Given] | None = None) -> Site:
    return Site({"/": frontend or [given()], "/api/": backend or [given()]})


def look(name: str, http: Site, **options: Any) -> Finding:
    asked = context(**{"http": http, "requests": BOTH, "sleep": http.slept.append, **options})
    (check,) = only(post_checks(asked), [name])
    return check.look()


def test_health_passes_at_the_first_try_without_waiting() -> None:
    http = site()
    text = "backend and frontend answer as they must, at try 1 of 10"
    assert look("health", http) == passed("health", text, {"tries": 1})
    assert (http.asked, http.slept) == (["GET /api/", "GET /"], [])


def test_health_is_waited_for() -> None:
    http = site(frontend=[DEAD, given(503), given()], backend=[given(), given(), given()])
    assert look("health", http).figures == {"tries": 3}
    assert http.slept == [1.0, 2.0]


def test_health_fails_after_ten_tries_at_most_thirty_seconds_apart() -> None:
    http = site(backend=[given(503)])
    assert look("health", http) == failed(
        "health",
        "not in good health after 10 tries: GET /api/ answers 503 instead of 200",
        remedy=LOGS,
        figures={"tries": 10},
    )
    assert http.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0]
    assert http.asked == ["GET /api/", "GET /"] * 10


def test_health_fails_where_nothing_answers_in_time() -> None:
    found = look("health", site(frontend=[DEAD]))
    assert found.text == "not in good health after 10 tries: GET /: exam.example did not answer within 10 s"


def test_health_is_unknown_where_only_the_gateways_limit_is_in_the_way() -> None:
    http = site(backend=[given(429)])
    found = look("health", http)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text.startswith("GET /api/ is refused by the gateway's limit (429)")
    assert len(http.asked) == 20
    assert look("health", site(frontend=[DEAD], backend=[given(429)])).outcome is Outcome.FAIL


def test_smoke_passes_when_the_candidate_gives_every_answer() -> None:
    http = site()
    text = "2 requests answered as wanted by green"
    assert look("smoke", http) == passed("smoke", text, {"requests": 2})
    assert http.asked == ["GET /", "GET /api/"]


def test_smoke_says_when_the_version_is_not_told() -> None:
    found = look("smoke", site(backend=[given(x_version=None)]))
    assert found.text == "2 requests answered as wanted by green (their version is not told)"


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (given(500), Outcome.FAIL, "GET /api/ answers 500 instead of 200"),
        (given(302), Outcome.FAIL, "GET /api/ answers 302 instead of 200"),
        (DEAD, Outcome.FAIL, "GET /api/: exam.example did not answer within 10 s"),
        (
            given(x_colour="blue"),
            Outcome.FAIL,
            "GET /api/ is answered by blue, though x-release-colour asks for green",
        ),
        (given(x_version="1.0.0"), Outcome.FAIL, "GET /api/ is answered by version 1.0.0 instead of 1.1.0"),
        (
            given(x_colour=None),
            Outcome.INCONCLUSIVE,
            "GET /api/ is answered by one that does not say its colour (x-colour)",
        ),
    ],
)
def test_smoke_names_what_is_wrong(answer: Given, outcome: Outcome, text: str) -> None:
    found = look("smoke", site(backend=[answer]))
    assert (found.outcome, found.text) == (outcome, text)
    assert found.remedy


def test_smoke_does_without_the_colour_where_the_policy_says_so() -> None:
    found = look("smoke", site(backend=[given(x_colour=None)]), policy=Policy(require_colour=False))
    assert found.outcome is Outcome.PASS


def test_smoke_reports_everything_wrong_at_once() -> None:
    found = look("smoke", site(frontend=[given(404)], backend=[given(x_colour=None)]))
    assert found.outcome is Outcome.FAIL
    assert found.text == (
        "GET / answers 404 instead of 200; GET /api/ is answered by one that does not say its colour (x-colour)"
    )


@pytest.mark.parametrize(
    ("wanted", "answer", "text"),
    [
        ({"header": ("content-type", "json")}, given(content_type="application/json"), None),
        ({"header": ("content-type", "json")}, given(), "POST /api/ answers without 'json' in content-type"),
        ({"contains": "schön"}, given(body="wie schön".encode()), None),
        ({"contains": "schön"}, given(), "POST /api/ answers without 'schön'"),
        ({"status": 201}, given(201), None),
        ({"status": 201}, given(), "POST /api/ answers 200 instead of 201"),
    ],
)
def test_an_answer_is_what_the_request_wants(wanted: dict[str, Any], answer: Answer, text: str | None) -> None:
    request = SmokeRequest(component="backend", path="/api/", method="POST", **wanted)
    found = look("smoke", site(backend=[answer]), requests=(request,))
    assert (found.outcome is Outcome.PASS) is (text is None)
    assert text is None or found.text == text


def test_a_limit_of_the_gateway_is_waited_for_and_then_leaves_it_unknown() -> None:
    patient = site(backend=[given(429), given()])
    assert look("smoke", patient).outcome is Outcome.PASS
    assert patient.slept == [60.0]
    refused = site(backend=[given(429)])
    for name in ("smoke", "performance"):
        refused.slept.clear()
        assert look(name, refused, requests=(API,)) == unknown(
            name,
            "GET /api/ is refused by the gateway's limit (429), so nothing is known of the candidate",
            remedy="wait a minute, or raise english-training:gateway.rateLimit.requestsPerMinute",
        )
        assert refused.slept == [60.0, 60.0]


@pytest.mark.parametrize(
    ("times", "value"), [([1.0], 1.0), ([float(n) for n in range(1, 21)], 19.0), ([3.0, 1.0, 2.0], 3.0)]
)
def test_the_percentile_is_one_of_the_times(times: list[float], value: float) -> None:
    assert percentile(times, 0.95) == value


def test_a_quick_candidate_passes() -> None:
    # 28 of 30 are quick, and the 29th in order decides.
    slow: list[Given] = [given(seconds=1.999), given(seconds=9.0), given(seconds=0.25)]
    http = site(backend=slow)
    assert look("performance", http) == passed(
        "performance",
        "backend: 95 % of 30 answers came within 1.999 s; frontend: 95 % of 30 answers came within 0.100 s",
        {"backend.requests": 30, "backend.p95": 1.999, "frontend.requests": 30, "frontend.p95": 0.1},
    )
    assert http.asked == ["GET /api/"] * 30 + ["GET /"] * 30


def test_a_slow_candidate_fails() -> None:
    http = site(frontend=[given(seconds=2.0), given(seconds=9.0), given()])
    found = look("performance", http)
    assert found.outcome is Outcome.FAIL
    assert found.text.endswith("frontend: 95 % of 30 answers came within 2.000 s, allowed are 2 s")


@pytest.mark.parametrize("answer", [given(500), DEAD])
def test_one_failure_is_too_many(answer: Given) -> None:
    found = look("performance", site(frontend=[given(), given(), answer]))
    assert found.outcome is Outcome.FAIL
    assert "frontend: of 3 requests one failed, and none may: GET /" in found.text


def test_requests_to_a_component_take_turns() -> None:
    http = Site({"/": [given()], "/words": [given()]})
    words = SmokeRequest(component="frontend", path="/words")
    look("performance", http, requests=(SITE, words), policy=Policy(performance_requests=5))
    assert http.asked == ["GET /", "GET /words", "GET /", "GET /words", "GET /"]


@pytest.mark.parametrize("name", ["health", "smoke", "performance"])
def test_without_requests_nothing_is_known(name: str) -> None:
    expected = unknown(
        name,
        "requests to try were not given for both backend and frontend",
        remedy="give a request to each of them",
    )
    assert look(name, site(), requests=()) == expected
    assert (look(name, site(), requests=(API,)) == expected) is (name == "health")


def test_smoke_and_speed_are_not_tried_on_an_ill_candidate() -> None:
    http = site(backend=[DEAD])
    found = run(post_checks(context(http=http, requests=BOTH, sleep=http.slept.append)))
    assert [finding.outcome for finding in found] == [Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE]
    assert len(http.asked) == 20


@pytest.mark.parametrize("path", ["", "api", "@evil.example/"])
def test_a_path_begins_with_a_slash(path: str) -> None:
    with pytest.raises(BadOrder, match="is no path"):
        SmokeRequest(component="backend", path=path)


def pod(counter: "itertools.count[int]") -> Callable[[str, str, Mapping[str, str]], Reply]:
    def answer(method: str, path: str, headers: Mapping[str, str]) -> Reply:
        assert (method, headers["host"].partition(":")[0]) == ("GET", "exam.example")
        next(counter)
        return 200, {"X-Colour": headers["x-release-colour"], "x-version": "1.1.0"}, path.encode()

    return answer


def test_a_real_site_is_asked_over_tls_by_its_name(tmp_path: Path) -> None:
    pki = certificates(tmp_path, "exam.example")
    asked = itertools.count()
    with web(pod(asked), pki) as server:
        gateway = Gateway(domain="exam.example", port=8443, address=("127.0.0.1", server.port), authority=pki.authority)
        found = run(post_checks(real(gateway)))
        assert [finding.outcome for finding in found] == [Outcome.PASS] * 3, found
        assert next(asked) == 2 + 3 + 60
        assert {headers["host"] for _, _, headers in server.asked} == {"exam.example:8443"}
        stranger = Gateway(domain="exam.example", address=("127.0.0.1", server.port))
        with pytest.raises(Unreachable, match="certificate verify failed"):
            stranger.ask("GET", "/", {}, seconds=5.0)


def real(gateway: Gateway) -> Context:
    return context(http=gateway, candidate=Colour.GREEN)


def test_a_real_site_that_is_silent_or_gone_is_given_up() -> None:
    with silent() as port:
        gateway = Gateway(domain="exam.example", address=("127.0.0.1", port))
        with pytest.raises(Unreachable, match=r"exam\.example did not answer within 0\.2 s"):
            gateway.ask("GET", "/", {}, seconds=0.2)
    gone = Gateway(domain="exam.example", address=("127.0.0.1", free_port()))
    with pytest.raises(Unreachable, match="Connection refused"):
        gone.ask("GET", "/", {}, seconds=5.0)


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be read"):
        Gateway(domain="exam.example", authority=tmp_path / "none").ask("GET", "/", {}, seconds=1.0)
