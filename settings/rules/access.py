"""Who may reach what: the environment, hosts, data and secrets. Pure."""

from collections.abc import Iterator
from functools import partial

from settings.explain import show
from settings.model import Environment, Settings
from settings.problems import SECRETS, Problem, full_key
from settings.rules.base import Rule, Source, is_strict


def stack_is_its_environment(settings: Settings, source: Source) -> Iterator[Problem]:
    """A stack that is named after an environment is that environment: a copied file must not make it another."""
    if source.stack in list(Environment) and settings.environment != source.stack:
        yield Problem(
            key=full_key(("environment",)),
            what=f"must be {show(source.stack)} in the stack of that name, but is {show(settings.environment)}",
            example=source.stack,
        )


def domain_is_allowed(settings: Settings, _: Source) -> Iterator[Problem]:
    """Django answers to the domain."""
    domain, allowed = settings.domain, settings.allowed_hosts
    if not any(host in {"*", domain} or (host.startswith(".") and f".{domain}".endswith(host)) for host in allowed):
        yield Problem(
            key=full_key(("allowedHosts", len(allowed))),
            what=f"is missing: the domain {show(domain)} must be among the allowed hosts {show(list(allowed))}",
            example=domain,
        )


def hosts_are_named(settings: Settings, _: Source) -> Iterator[Problem]:
    """Production answers to named hosts only."""
    if settings.environment is Environment.PRODUCTION and "*" in settings.allowed_hosts:
        yield Problem(
            key=full_key(("allowedHosts", settings.allowed_hosts.index("*"))),
            what='must name a host in production, but is "*", which lets a forged Host header into links and mails',
            example=settings.domain,
        )


def database_is_verified(settings: Settings, _: Source) -> Iterator[Problem]:
    """Production proves which PostgreSQL it talks to."""
    mode = settings.database.ssl_mode
    if settings.environment is Environment.PRODUCTION and mode != "verify-full":
        yield Problem(
            key=full_key(("database", "sslMode")),
            what=f'must be "verify-full" in production, but is {show(mode)}',
            example="verify-full",
        )


def redis_is_encrypted(settings: Settings, _: Source) -> Iterator[Problem]:
    """Production encrypts what goes to Redis."""
    if settings.environment is Environment.PRODUCTION and not settings.redis.tls:
        yield Problem(key=full_key(("redis", "tls")), what="must be true in production, but is false", example=True)


def data_is_somewhere(settings: Settings, _: Source) -> Iterator[Problem]:
    """A range of all addresses would let the backend talk to anybody."""
    for index, cidr in enumerate(settings.data_cidrs):
        if is_strict(settings) and cidr.endswith("/0"):
            what = f"must be narrower in {settings.environment}, but is {show(cidr)}, which is any address"
            yield Problem(key=full_key(("dataCidrs", index)), what=what, example="10.20.0.0/16")


def data_is_protected(settings: Settings, _: Source) -> Iterator[Problem]:
    """Only development forgets its data with its stack."""
    if is_strict(settings) and not settings.protect_data:
        what = f"must be true in {settings.environment}, but is false"
        yield Problem(key=full_key(("protectData",)), what=what, example=True)


def secret_is_encrypted(key: str, settings: Settings, source: Source) -> Iterator[Problem]:
    """Secrets of staging and production are encrypted in their file."""
    if key in source.given - source.secret and is_strict(settings):
        yield Problem(
            key=full_key((key,)),
            what=f"is stored in clear, which {settings.environment} does not allow: rotate it, then store it encrypted",
            example=None,
        )


def overrides_hold_no_secret(key: str, _: Settings, source: Source) -> Iterator[Problem]:
    """What is encrypted here would be in clear in the cluster."""
    if key in source.secret:
        yield Problem(
            key=full_key((key,)),
            what="is stored encrypted, but ends in a ConfigMap in clear; only "
            f"{' and '.join(sorted(SECRETS))} are passed on as secrets",
            example=None,
        )


RULES: tuple[Rule, ...] = (
    stack_is_its_environment,
    domain_is_allowed,
    hosts_are_named,
    database_is_verified,
    redis_is_encrypted,
    data_is_somewhere,
    data_is_protected,
    *(partial(secret_is_encrypted, key) for key in sorted(SECRETS)),
    *(partial(overrides_hold_no_secret, key) for key in ("blue", "green", "overrides")),
)
