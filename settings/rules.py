"""What must hold between keys. A rule that needs a value which is itself wrong waits until that is mended. Pure."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import ceil

from settings.explain import missing, show
from settings.formats import DIGEST
from settings.model import Colour, Environment, Overrides, Settings, Unreadable, Workload
from settings.problems import SECRETS, Problem, full_key
from settings.quantities import cores, duration, gibibytes, quantity

SURGE = 0.25
"""Share of its pods that a rolling update may start on top of them (R-50)."""

REDUNDANT = 2
"""Pods that a component needs, lest the loss of a node takes it down."""

DJANGO_OWNED = {
    "SECRET_KEY": "secretKey",
    "ALLOWED_HOSTS": "allowedHosts",
    "DATABASES": "database",
    "CACHES": "redis",
}
"""Django settings that have keys of their own, where they are validated, and encrypted where they are secret."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the configuration comes from."""

    stack: str
    secret: frozenset[str]
    """Top-level keys that are stored encrypted."""


Rule = Callable[[Settings, Source], Iterator[Problem]]


def judge(settings: Settings, source: Source) -> Iterator[Problem]:
    """Everything that is wrong between the keys; ``settings`` may lack what is wrong by itself."""
    for rule in RULES:
        with suppress(Unreadable):
            yield from rule(settings, source)


def stack_is_its_environment(settings: Settings, source: Source) -> Iterator[Problem]:
    """A stack that is named after an environment is that environment: a copied file must not make it another."""
    if source.stack in list(Environment) and settings.environment != source.stack:
        yield Problem(
            key=full_key(("environment",)),
            what=f"must be {show(source.stack)} in the stack of that name, but is {show(settings.environment)}",
            example=source.stack,
        )


def secret_is_encrypted(key: str, attribute: str, settings: Settings, source: Source) -> Iterator[Problem]:
    """Secrets of staging and production are encrypted in their file."""
    getattr(settings, attribute)
    if _strict(settings) and key not in source.secret:
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


def data_is_protected(settings: Settings, _: Source) -> Iterator[Problem]:
    """Only development forgets its data with its stack."""
    if _strict(settings) and not settings.protect_data:
        what = f"must be true in {settings.environment}, but is false"
        yield Problem(key=full_key(("protectData",)), what=what, example=True)


def data_is_somewhere(settings: Settings, _: Source) -> Iterator[Problem]:
    """A range of all addresses would let the backend talk to anybody."""
    for index, cidr in enumerate(settings.data_cidrs):
        if _strict(settings) and cidr.endswith("/0"):
            what = f"must be narrower in {settings.environment}, but is {show(cidr)}, which is any address"
            yield Problem(key=full_key(("dataCidrs", index)), what=what, example="10.20.0.0/16")


def traffic_has_a_release(colour: Colour, settings: Settings, _: Source) -> Iterator[Problem]:
    """Only a colour with a release gets requests."""
    weight = settings.weights[colour]
    if settings.release(colour) is None and weight > 0:
        yield from missing((colour.value,), f"is missing, though {colour} gets {weight} % of the requests")


def image_is_pinned(colour: Colour, component: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """Outside development, images come from our registry, by content."""
    release = settings.release(colour)
    if release is None or not _strict(settings):
        return
    image = release.backend_image if component == "backend" else release.frontend_image
    key, wanted = full_key((colour.value, f"{component}Image")), f"{settings.registry}/{component}@sha256:{'0' * 64}"
    if not image.startswith(f"{settings.registry}/"):
        what = f"must come from {settings.registry} in {settings.environment}, but is {show(image)}"
        yield Problem(key=key, what=what, example=wanted)
    if DIGEST.search(image) is None:
        what = f"must end in a digest (@sha256:…) in {settings.environment}, but is {show(image)}"
        yield Problem(key=key, what=what, example=wanted)


def replicas_are_a_range(component: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """The most pods are at least as many as the fewest."""
    workload = _workload(settings, component)
    low, high = workload.min_replicas, workload.max_replicas
    if high < low:
        yield Problem(
            key=full_key((component, "maxReplicas")),
            what=f"must be at least minReplicas, which is {low}, but is {high}",
            example=low,
        )


def replicas_are_redundant(component: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """Staging and production survive the loss of a pod."""
    low = _workload(settings, component).min_replicas
    if _strict(settings) and low < REDUNDANT:
        yield Problem(
            key=full_key((component, "minReplicas")),
            what=f"must be at least {REDUNDANT} in {settings.environment}, but is {low}",
            example=REDUNDANT,
        )


def request_is_within_limit(component: str, resource: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """Kubernetes refuses pods that ask for more than their limit."""
    resources = _workload(settings, component).resources
    if resource == "cpu":
        request, limit = resources.cpu_request, resources.cpu_limit
    else:
        request, limit = resources.memory_request, resources.memory_limit
    if limit is not None and quantity(request) > quantity(limit):
        yield Problem(
            key=full_key((component, "resources", f"{resource}Limit")),
            what=f"must be at least {resource}Request, which is {show(request)}, but is {show(limit)}",
            example=request,
        )


def pods_fit_the_quota(resource: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """Both colours at their most, with what a rolling update adds, fit the namespace's quota."""
    backend, frontend = (_demand(_workload(settings, name), resource) for name in ("backend", "frontend"))
    needed = len(Colour) * (backend + frontend)
    given = str(getattr(settings.quota, resource))
    if needed > quantity(given):
        text = _TEXT[resource]
        yield Problem(
            key=full_key(("quota", resource)),
            what=f"must be at least {text(needed)}, but is {given}: each of two colours needs {text(backend)} for the "
            f"backend and {text(frontend)} for the frontend, at maxReplicas and the quarter that a rolling update adds",
            example=int(needed) if resource == "pods" else text(needed),
        )


def tries_fit_the_request(settings: Settings, _: Source) -> Iterator[Problem]:
    """The Gateway API refuses one try that may last longer than the request."""
    timeouts = settings.gateway.timeouts
    if duration(timeouts.backend_request) > duration(timeouts.request):
        yield Problem(
            key=full_key(("gateway", "timeouts", "backendRequest")),
            what=f"must be at most request, which is {show(timeouts.request)}, but is {show(timeouts.backend_request)}",
            example=timeouts.request,
        )


def frontend_overrides_take_effect(where: tuple[str, ...], settings: Settings, _: Source) -> Iterator[Problem]:
    """No variable that the build decides, or that the platform relies on."""
    for name in _overrides(settings, where).frontend:
        if name.startswith("NEXT_PUBLIC_"):
            why = "cannot be set here: Next.js writes NEXT_PUBLIC_ variables into the code when the image is built"
        elif name == "NODE_ENV":
            why = "cannot be set here: it is fixed when the image is built, and names no environment"
        elif name in {"PORT", "HOSTNAME"}:
            why = "cannot be set here: the platform's probes and routes rely on it"
        else:
            continue
        yield Problem(key=full_key((*where, "frontend", name)), what=why, example=None)


def django_overrides_are_safe(where: tuple[str, ...], settings: Settings, _: Source) -> Iterator[Problem]:
    """No setting that has a key of its own."""
    for name in _overrides(settings, where).django:
        if name in DJANGO_OWNED:
            what = f"cannot be set here: set {full_key((DJANGO_OWNED[name],))} instead"
            yield Problem(key=full_key((*where, "django", name)), what=what, example=None)


def debug_is_off(where: tuple[str, ...], settings: Settings, _: Source) -> Iterator[Problem]:
    """Django's debug pages show settings and source to anybody."""
    debug = _overrides(settings, where).django.get("DEBUG", False)
    if _strict(settings) and debug is not False:
        yield Problem(
            key=full_key((*where, "django", "DEBUG")),
            what=f"must be false in {settings.environment}, but is {show(debug)}: debug pages show settings and source",
            example=False,
        )


_TEXT: dict[str, Callable[[Decimal], str]] = {"cpu": cores, "memory": gibibytes, "pods": str}
_COMPONENTS = ("backend", "frontend")
_OVERRIDES = (("overrides",), *((colour.value, "overrides") for colour in Colour))

RULES: tuple[Rule, ...] = (
    stack_is_its_environment,
    domain_is_allowed,
    hosts_are_named,
    *(partial(traffic_has_a_release, colour) for colour in Colour),
    *(partial(image_is_pinned, colour, component) for colour in Colour for component in _COMPONENTS),
    database_is_verified,
    redis_is_encrypted,
    data_is_protected,
    data_is_somewhere,
    partial(secret_is_encrypted, "databasePassword", "database_password"),
    partial(secret_is_encrypted, "secretKey", "secret_key"),
    *(partial(overrides_hold_no_secret, key) for key in ("blue", "green", "overrides")),
    *(partial(replicas_are_a_range, component) for component in _COMPONENTS),
    *(partial(replicas_are_redundant, component) for component in _COMPONENTS),
    *(partial(request_is_within_limit, component, name) for component in _COMPONENTS for name in ("cpu", "memory")),
    *(partial(pods_fit_the_quota, resource) for resource in _TEXT),
    tries_fit_the_request,
    *(
        partial(rule, where)
        for where in _OVERRIDES
        for rule in (frontend_overrides_take_effect, django_overrides_are_safe, debug_is_off)
    ),
)


def _strict(settings: Settings) -> bool:
    return settings.environment is not Environment.DEVELOPMENT


def _workload(settings: Settings, component: str) -> Workload:
    return settings.backend if component == "backend" else settings.frontend


def _overrides(settings: Settings, where: tuple[str, ...]) -> Overrides:
    if where == ("overrides",):
        return settings.overrides
    release = settings.release(Colour(where[0]))
    return Overrides() if release is None else release.overrides


def _demand(workload: Workload, resource: str) -> Decimal:
    """What one component of one colour needs at most."""
    pods = Decimal(workload.max_replicas + ceil(workload.max_replicas * SURGE))
    if resource == "pods":
        return pods
    resources = workload.resources
    return pods * quantity(resources.cpu_request if resource == "cpu" else resources.memory_limit)
