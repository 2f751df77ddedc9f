"""Which checks there are, and how long each may take."""

from collections.abc import Callable
from functools import partial
from typing import Final

from pydantic.alias_generators import to_camel

from release.checks import candidate, cluster, configuration, data, images, quota
from release.checks.base import Check, Task, unknown
from release.checks.candidate import LIMIT_SECONDS, LIMIT_WAITS, Candidate, wait_before
from release.checks.context import Context, readable
from release.model import Finding
from settings import Settings
from settings.model import Unreadable

SECONDS: Final = 30.0
"""How long a check before the release may take: several answers, each with a limit of its own."""
_GRACE: Final = 10.0
"""Seconds on top of a sum of limits, so that the last of them is told and not this one."""
_PATIENCE: Final = LIMIT_WAITS * LIMIT_SECONDS
_SLOWEST: Final = 240.0
"""How long the slowest candidate that still passes may take for its requests, and more."""


def pre_checks(context: Context) -> tuple[Check, ...]:
    """What must hold before anything changes (R-51). They are independent, and each can run alone (R-33)."""
    api, namespace = context.api, context.namespace
    finds: dict[str, Callable[[], Finding]] = {
        "cluster": partial(cluster.reachable, api, namespace),
        "namespace": partial(cluster.active, api, namespace, context.stack),
        "images": partial(_with_settings, "images", images.exist, context),
        "scan": partial(_with_settings, "scan", images.scanned, context),
        "quota": partial(_with_settings, "quota", quota.room, context),
        "configuration": partial(configuration.valid, context),
        "database": partial(_with_settings, "database", data.database, context),
        "cache": partial(_with_settings, "cache", data.cache, context),
    }
    return tuple(Task(name=name, finds=find, seconds=SECONDS) for name, find in finds.items())


def post_checks(context: Context) -> tuple[Check, ...]:
    """What must hold before the candidate gets traffic (R-52): health first, then smoke and speed together."""
    policy = context.policy
    waits = sum(wait_before(number, policy.longest_wait) for number in range(2, policy.tries + 1))
    tries = policy.tries * len({request.component for request in context.requests}) * policy.try_seconds
    smoke = len(context.requests) * (policy.try_seconds + _PATIENCE) + _GRACE
    return (
        Task(
            name="health", finds=partial(_asked, "health", candidate.healthy, context), seconds=waits + tries + _GRACE
        ),
        Task(
            name="smoke",
            finds=partial(_asked, "smoke", partial(_answering, context), context),
            seconds=smoke,
            stage=1,
        ),
        Task(
            name="performance",
            finds=partial(_asked, "performance", candidate.quick, context),
            seconds=_SLOWEST + _PATIENCE,
            stage=1,
        ),
    )


def _answering(context: Context, asks: Candidate) -> Finding:
    return _with_settings("smoke", lambda _, settings: candidate.answering(asks, settings), context)


def _with_settings(name: str, find: Callable[[Context, Settings], Finding], context: Context) -> Finding:
    """What ``find`` finds; it may read settings that are missing or wrong, which the configuration's check tells."""
    try:
        return find(context, readable(context))
    except Unreadable as error:
        text = f"cannot be looked at before the configuration is valid: {to_camel(str(error))} is missing or wrong"
        return unknown(name, text, remedy="run `release check configuration`")


def _asked(name: str, find: Callable[[Candidate], Finding], context: Context) -> Finding:
    """What ``find`` finds by asking the candidate."""
    if context.http is None:
        return unknown(name, "there is no way to the gateway", remedy="name the gateway's address")
    return find(Candidate(http=context.http, context=context))
