"""What serves: each colour's images and settings, and the route to them. Pure."""

from collections.abc import Iterator
from functools import partial

from settings.explain import missing, show
from settings.formats import DIGEST
from settings.model import Colour, Overrides, Settings
from settings.problems import Problem, full_key
from settings.quantities import duration
from settings.rules.base import COMPONENTS, Rule, Source, is_strict

DJANGO_OWNED = {
    "SECRET_KEY": "secretKey",
    "ALLOWED_HOSTS": "allowedHosts",
    "DATABASES": "database",
    "CACHES": "redis",
}
"""Django settings that have keys of their own, where they are validated, and encrypted where they are secret."""


def traffic_has_a_release(colour: Colour, settings: Settings, _: Source) -> Iterator[Problem]:
    """Only a colour with a release gets requests."""
    weight = settings.weights[colour]
    if settings.release(colour) is None and weight > 0:
        yield from missing((colour.value,), f"is missing, though {colour} gets {weight} % of the requests")


def image_is_pinned(colour: Colour, component: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """Outside development, images come from our registry, by content."""
    release = settings.release(colour)
    if release is None or not is_strict(settings):
        return
    image = release.backend_image if component == "backend" else release.frontend_image
    key, wanted = full_key((colour.value, f"{component}Image")), f"{settings.registry}/{component}@sha256:{'0' * 64}"
    if not image.startswith(f"{settings.registry}/"):
        what = f"must come from {settings.registry} in {settings.environment}, but is {show(image)}"
        yield Problem(key=key, what=what, example=wanted)
    if DIGEST.search(image) is None:
        what = f"must end in a digest (@sha256:…) in {settings.environment}, but is {show(image)}"
        yield Problem(key=key, what=what, example=wanted)


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
    if is_strict(settings) and debug is not False:
        yield Problem(
            key=full_key((*where, "django", "DEBUG")),
            what=f"must be false in {settings.environment}, but is {show(debug)}: debug pages show settings and source",
            example=False,
        )


def _overrides(settings: Settings, where: tuple[str, ...]) -> Overrides:
    if where == ("overrides",):
        return settings.overrides
    release = settings.release(Colour(where[0]))
    return Overrides() if release is None else release.overrides


_OVERRIDES = (("overrides",), *((colour.value, "overrides") for colour in Colour))

RULES: tuple[Rule, ...] = (
    *(partial(traffic_has_a_release, colour) for colour in Colour),
    *(partial(image_is_pinned, colour, component) for colour in Colour for component in COMPONENTS),
    tries_fit_the_request,
    *(partial(frontend_overrides_take_effect, where) for where in _OVERRIDES),
    *(partial(django_overrides_are_safe, where) for where in _OVERRIDES),
    *(partial(debug_is_off, where) for where in _OVERRIDES),
)
