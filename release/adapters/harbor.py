"""What Harbor's scanner found in an image, by Harbor's API v2.0."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args
from urllib.parse import quote, urlsplit

import httpx

from release.adapters.credentials import Credentials
from release.adapters.registry import SECONDS, basic
from release.adapters.web import Unclear, fetch, is_local

Severity = Literal["none", "unknown", "negligible", "low", "medium", "high", "critical"]
"""How bad a weakness is, in Harbor's own order, the mildest first."""

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)

_REPORTS: Final = ", ".join(
    (
        "application/vnd.security.vulnerability.report; version=1.1",
        "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
    )
)
"""Kinds of report to ask for; without this header Harbor gives the older one only."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One scanner's verdict."""

    status: str
    """``Success`` if there is a verdict at all."""
    severity: Severity | None
    """The worst weakness; ``None`` where none is named, or one that Harbor does not know."""
    counts: Mapping[str, int]
    """Weaknesses by severity, in lower case."""
    ended: datetime | None


class Harbor:
    """Asks Harbor."""

    def __init__(
        self, http: httpx.Client, credentials: Callable[[str], Credentials | None], *, seconds: float = SECONDS
    ) -> None:
        """``credentials`` finds those for a registry's host."""
        self._http = http
        self._credentials = credentials
        self._seconds = seconds

    def scans(self, host: str, repository: str, digest: str) -> tuple[Scan, ...] | None:
        """The verdicts on an image, one of each scanner; ``None`` where Harbor does not have the image.

        Raises ``Unreachable``, and of those ``Unclear`` where Harbor answers with something else.
        """
        project, _, name = repository.partition("/")
        # Harbor's router unpacks a name once before it splits the path, so a slash in it is packed twice.
        path = f"projects/{quote(project, safe='')}/repositories/{quote(quote(name, safe=''), safe='')}"
        scheme = "http" if is_local(urlsplit(f"//{host}").hostname or "") else "https"
        url = f"{scheme}://{host}/api/v2.0/{path}/artifacts/{digest}?with_scan_overview=true"
        account = self._credentials(host)
        headers = {"x-accept-vulnerabilities": _REPORTS, **({"authorization": basic(account)} if account else {})}
        answer = fetch(self._http, "GET", url, headers=headers, seconds=self._seconds)
        if answer.status == httpx.codes.NOT_FOUND:
            return None
        if answer.status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise Unclear(
                f"Harbor at {host} does not let us see the scan of {repository}",
                remedy=f"give the robot account of {project} the permission to read artifacts and scans",
            )
        if answer.status != httpx.codes.OK:
            raise _strange(host, f"answers {answer.status}")
        try:
            artifact = json.loads(answer.body)
            if artifact["digest"] != digest:
                raise _strange(host, "answers for another digest")
            return tuple(_scan(report) for report in (artifact.get("scan_overview") or {}).values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _strange(host, "answers with something else than an artifact") from error


def _scan(report: Mapping[str, Any]) -> Scan:
    """One entry of ``scan_overview``. Raises ``ValueError`` and its like for what is none."""
    counts = {str(name).lower(): int(count) for name, count in _counts(report).items()}
    named = {str(report.get("severity") or "").lower(), *(name for name, count in counts.items() if count > 0)} - {""}
    ranks = [SEVERITIES.index(name) if name in SEVERITIES else None for name in named]
    known = [rank for rank in ranks if rank is not None]
    ended = report.get("end_time")
    return Scan(
        status=str(report["scan_status"]),
        severity=SEVERITIES[max(known)] if known and len(known) == len(ranks) else None,
        counts=counts,
        ended=_time(ended) if ended else None,
    )


def _time(text: str) -> datetime:
    """A moment; without an offset it is UTC, as Harbor writes it."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _counts(report: Mapping[str, Any]) -> Mapping[str, Any]:
    return (report.get("summary") or {}).get("summary") or {}


def _strange(host: str, what: str) -> Unclear:
    return Unclear(f"Harbor at {host} {what}", remedy=f"look whether https://{host} is Harbor 2 or newer")
