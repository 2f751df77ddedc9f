"""The checks before and after a release (R-33, R-51, R-52). What cannot be known is no pass.

:func:`pre_checks` and :func:`post_checks` make them for a :class:`Context`, :func:`run` makes their findings.
"""

from release.checks.base import Check, only, run, worst
from release.checks.context import DEFAULT_REQUESTS, Context, Policy, SmokeRequest, configured
from release.checks.http import Gateway, Http
from release.checks.images import resolve
from release.checks.listing import post_checks, pre_checks

__all__ = [
    "DEFAULT_REQUESTS",
    "Check",
    "Context",
    "Gateway",
    "Http",
    "Policy",
    "SmokeRequest",
    "configured",
    "only",
    "post_checks",
    "pre_checks",
    "resolve",
    "run",
    "worst",
]
