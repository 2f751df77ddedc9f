"""Whether PostgreSQL and Redis let us in, and have room for the candidate."""

from decimal import Decimal
from math import ceil
from typing import Final

from pydantic import JsonValue

from release.adapters import postgresql, redis_cache
from release.adapters.web import Unclear
from release.checks.base import failed, passed, unknown
from release.checks.context import Context
from release.errors import Unreachable
from release.model import Finding
from settings import Settings
from settings.quantities import gibibytes
from settings.rules.capacity import SURGE

POSTGRESQL: Final = 15
"""Oldest major version that the application is made for."""
REDIS: Final = 7
"""Oldest major version that the application is made for."""
FULL: Final = 0.9
"""Share of its memory from which a Redis that throws nothing out is about to refuse writes."""


def database(context: Context, settings: Settings) -> Finding:
    """PostgreSQL answers a query of the backend's role, takes writes, and is new enough."""
    server = postgresql.Server(
        host=settings.database.host,
        port=settings.database.port,
        name=settings.database.name,
        user=settings.database.user,
        ssl_mode=settings.database.ssl_mode,
        authority=context.database_authority,
    )
    password = context.database_password or settings.database_password.get_secret_value
    try:
        facts = postgresql.look(server, password, reach=context.reach, schema_table=context.policy.schema_table)
    except Unreachable as error:
        return failed("database", error.problem, remedy=error.remedy)
    return judge_database(server, facts, settings, context.policy.connections_per_pod)


def judge_database(
    server: postgresql.Server, facts: postgresql.Facts, settings: Settings, connections_per_pod: int
) -> Finding:
    """What the server's facts mean."""
    pods = settings.backend.max_replicas + ceil(settings.backend.max_replicas * SURGE)
    wanted = pods * connections_per_pod
    figures = {"version": facts.version, "free": facts.free, "connections": facts.most, "wanted": wanted} | (
        {} if facts.schema is None else {"schema": facts.schema}
    )
    version = f"{facts.version // 10000}.{facts.version % 10000}"
    if facts.standby:
        remedy = "set english-training:database.host to the server that takes writes"
        return failed("database", f"{server} is a standby and takes no writes", remedy=remedy, figures=figures)
    if facts.version // 10000 < POSTGRESQL:
        remedy = f"move the database to PostgreSQL {POSTGRESQL} or newer"
        return failed(
            "database", f"{server} is version {version}, older than {POSTGRESQL}", remedy=remedy, figures=figures
        )
    text = f"{server} answers {'over TLS' if facts.encrypted else 'in clear'}: version {version}"
    text += "" if facts.schema is None else f", schema {facts.schema}"
    text += f", {facts.free} of {facts.most} connections free"
    if facts.free < wanted:
        text += (
            f". Warning: the candidate's backend may open {wanted}: {pods} pods of {connections_per_pod} each, "
            "at maxReplicas and the quarter that a rolling update adds"
        )
    return passed("database", text, figures)


def cache(context: Context, settings: Settings) -> Finding:
    """Redis answers, takes writes, is new enough and not full."""
    server = redis_cache.Server(
        host=settings.redis.host,
        port=settings.redis.port,
        tls=settings.redis.tls,
        database=settings.redis.database,
        authority=context.cache_authority,
    )
    try:
        facts = redis_cache.look(server, context.cache_password, reach=context.reach)
    except Unclear as error:
        return unknown("cache", error.problem, remedy=error.remedy)
    except Unreachable as error:
        return failed("cache", error.problem, remedy=error.remedy)
    return judge_cache(server, facts)


def judge_cache(server: redis_cache.Server, facts: redis_cache.Facts) -> Finding:
    """What the server's facts mean."""
    figures: dict[str, JsonValue] = {
        "used": facts.used,
        "limit": facts.limit,
        "eviction": facts.eviction,
        "version": facts.version,
    }
    if facts.replica:
        remedy = "set english-training:redis.host to the server that takes writes"
        return failed("cache", f"{server} is a replica and takes no writes", remedy=remedy, figures=figures)
    major = facts.version.partition(".")[0]
    if not major.isdecimal() or int(major) < REDIS:
        remedy = f"move the cache to Redis {REDIS} or newer"
        return failed(
            "cache", f"{server} is version {facts.version}, older than {REDIS}", remedy=remedy, figures=figures
        )
    memory = f"{gibibytes(Decimal(facts.used))} used"
    memory += f" of {gibibytes(Decimal(facts.limit))}" if facts.limit else ", without a limit"
    if facts.limit and facts.eviction == "noeviction" and facts.used >= FULL * facts.limit:
        text = f"{server} is about to refuse writes: {memory}, and it throws nothing out (noeviction)"
        remedy = "give it more memory, or a maxmemory-policy that throws out what is oldest"
        return failed("cache", text, remedy=remedy, figures=figures)
    channel = "over TLS" if server.tls else "in clear"
    text = f"{server} answers {channel}: version {facts.version}, {memory}, eviction {facts.eviction}"
    return passed("cache", text, figures)
