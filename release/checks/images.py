"""Whether the images are in their registry, and what its scanner found in them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import httpx

from release.adapters import credentials
from release.adapters.harbor import SEVERITIES, Harbor, Scan
from release.adapters.registry import Registry, parse
from release.adapters.web import Unclear, client
from release.checks.base import failed, joined, passed, unknown
from release.checks.context import Context, candidate_of, readable
from release.errors import BadOrder, Unreachable
from release.model import Finding
from settings import Environment, Settings
from settings.model import Unreadable


def exist(context: Context, settings: Settings) -> Finding:
    """Both images are there, by digest; a tag beside it still means the same; a tag alone does in development only."""
    strict = settings.environment is not Environment.DEVELOPMENT
    with _web(context) as http:
        registry = Registry(http, _accounts(context))
        return _each("images", context, settings, lambda image: _exists(registry, image, strict=strict))


def scanned(context: Context, settings: Settings) -> Finding:
    """Harbor's scanner found nothing worse than the policy allows in either image."""
    if not context.policy.harbor:
        text = f"there is no scan verdict to be had: {settings.registry} is said to be no Harbor"
        if not context.policy.require_scan and settings.environment is Environment.DEVELOPMENT:
            return passed("scan", f"not checked, which development need not be: {text}")
        return unknown("scan", text, remedy="push the images to Harbor, which scans what is pushed")
    with _web(context) as http:
        registry, harbor = Registry(http, _accounts(context)), Harbor(http, _accounts(context))
        return _each("scan", context, settings, lambda image: _scanned(context, registry, harbor, image))


def resolve(context: Context, image: str) -> str:
    """The digest of ``image``, so that a tag can be pinned. Raises as ``Registry.resolve`` does."""
    with _web(context) as http:
        return Registry(http, _accounts(context)).resolve(image)


def judge(name: str, scan: Scan, context: Context) -> Finding:
    """What one scanner's verdict on the image called ``name`` means under the policy."""
    allowed, days = context.policy.highest_severity, context.policy.scan_days
    figures = {f"{name}.{severity}": count for severity, count in scan.counts.items()}
    again = f"scan {name} again in Harbor"
    if scan.status != "Success":
        return unknown("scan", f"{name} has no verdict: its scan is {scan.status!r}", remedy=again, figures=figures)
    if scan.severity is None:
        return unknown("scan", f"{name} has a verdict without a severity", remedy=again, figures=figures)
    if SEVERITIES.index(scan.severity) > SEVERITIES.index(allowed):
        counts = ", ".join(f"{count} {severity}" for severity, count in scan.counts.items() if count) or "not counted"
        text = f"{name} has weaknesses up to {scan.severity} ({counts}), and no more than {allowed} is allowed"
        return failed("scan", text, remedy=f"mend {name}, and release what was mended", figures=figures)
    if days is not None and scan.ended is None:
        return unknown("scan", f"{name} has a verdict of unknown age", remedy=again, figures=figures)
    if days is not None and scan.ended is not None and context.now() - scan.ended > timedelta(days=days):
        age = (context.now() - scan.ended).days
        return failed("scan", f"{name} was scanned {age} days ago, allowed are {days:g}", remedy=again, figures=figures)
    return passed("scan", f"{name}: the worst weakness is {scan.severity}", figures)


def _each(name: str, context: Context, settings: Settings, look: Callable[[str], Finding]) -> Finding:
    """The findings about both images, as one."""
    release = candidate_of(context, settings)
    findings = []
    for image in (release.backend_image, release.frontend_image):
        try:
            findings.append(look(image))
        except Unclear as error:
            findings.append(unknown(name, error.problem, remedy=error.remedy))
        except (BadOrder, Unreachable) as error:
            findings.append(failed(name, error.problem, remedy=error.remedy))
    return joined(name, findings)


def _exists(registry: Registry, text: str, *, strict: bool) -> Finding:
    """Whether the image called ``text`` is what its name says."""
    image = parse(text)
    if image.digest is None:
        digest = registry.resolve(text)
        if strict:
            return failed(
                "images",
                f"{text} has no digest, so what runs would not be certain",
                remedy=f"name {image.name}:{image.tag}@{digest}",
            )
        return passed("images", f"{text} is {digest}")
    if registry.digest(image, image.digest) is None:
        return failed("images", f"{image.name} has no {image.digest}", remedy=f"push it, or name one of {image.name}")
    if image.tag is not None:
        tagged = registry.digest(image, image.tag)
        if tagged != image.digest:
            now = "is gone" if tagged is None else f"is now {tagged}"
            text = f"{image.name}:{image.tag} {now}, and no longer {image.digest}"
            return failed("images", text, remedy=f"name the image that is meant, or only {image.name}@{image.digest}")
    return passed("images", f"{text} is there")


def _scanned(context: Context, registry: Registry, harbor: Harbor, text: str) -> Finding:
    """The verdicts on the image called ``text``."""
    image = parse(text)
    scans = harbor.scans(image.host, image.repository, image.digest or registry.resolve(text))
    name = image.repository.rpartition("/")[2]
    if scans is None:
        return failed("scan", f"Harbor at {image.host} does not have {text}", remedy=f"push {text}")
    if not scans:
        return unknown("scan", f"{name} was never scanned", remedy=f"scan {name} in Harbor, or turn on scan on push")
    return joined("scan", [judge(name, scan, context) for scan in scans])


def _web(context: Context) -> httpx.Client:
    return client(reach=context.reach, authority=context.registry_authority)


def _accounts(context: Context) -> Callable[[str], credentials.Credentials | None]:
    own = None
    with suppress(Unreadable):
        own = readable(context).registry.partition("/")[0]
    return lambda host: credentials.find(host, environ=context.environ, own=own)
