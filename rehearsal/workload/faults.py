"""What a pod is asked to do wrong, read from its annotation or from the suffix of its image tag.

Two spellings of one grammar::

    english-training.dev/simulate: "errors=5,latency=800"      an annotation, which wins
    registry.example/backend:1.4.0-sim.errors5.latency800      an image tag

kwok's pod stages (``stages.yaml``) copy the tag's suffix into the annotation and match the same grammar there;
a test holds the two together.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

ANNOTATION: Final = "english-training.dev/simulate"
"""The pod annotation that carries faults."""

GRAMMAR: Final = (
    r"errors=?(?:100|[1-9]?[0-9])|latency=?[0-9]{1,5}|slow-start=?[0-9]{1,4}"
    r"|never-ready|crash-loop|fail-job|missing-image"
)
"""One fault. RE2 reads it too, as ``stages.yaml`` repeats it."""

EXAMPLE: Final = "errors=5,latency=800,slow-start=20,never-ready,crash-loop,fail-job,missing-image"

_FAULT: Final = re.compile(rf"(?:{GRAMMAR})\Z", re.ASCII)
_SEPARATOR: Final = re.compile(r"[.,] *")
_SUFFIX: Final = re.compile(r"-sim\.([^@/]*)(?:@|\Z)")


class MalformedFaultsError(ValueError):
    """Faults that nobody can read. The pod is then shown as ``CreateContainerConfigError`` and answers nothing."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What one pod does wrong. The default is a healthy pod."""

    errors: int = 0
    """Percent of the application's requests that are answered 500, 0–100."""
    latency: int = 0
    """Milliseconds added to each of the application's answers."""
    slow_start: int = 0
    """Seconds from the container's start until the pod is ready."""
    never_ready: bool = False
    """Whether readiness fails for ever."""
    crash_loop: bool = False
    """Whether the container ends with exit code 1 soon after each start."""
    fail_job: bool = False
    """Whether the container ends with exit code 1 if its pod is a Job's; nothing happens to any other pod."""
    missing_image: bool = False
    """Whether the image cannot be pulled."""


HEALTHY: Final = Faults()


def suffix(images: Sequence[str]) -> str | None:
    """Return the faults named by the tag of the first of ``images`` that has any, or None."""
    found = (match.group(1) for match in map(_SUFFIX.search, images) if match)
    return next(found, None)


def parse(text: str) -> Faults:
    """Faults written as ``text``, joined by ``,`` or ``.``; none if it is empty.

    Raises MalformedFaultsError, which names the part that cannot be read.
    """
    values: dict[str, int | bool] = {}
    if not text:
        return HEALTHY
    for part in _SEPARATOR.split(text):
        if not _FAULT.match(part):
            raise MalformedFaultsError(f"{ANNOTATION}: {part!r} in {text!r} is no fault; an example: {EXAMPLE}")
        digits = re.search(r"[0-9]+\Z", part)
        name = part[: digits.start()].rstrip("=") if digits else part
        key = name.replace("-", "_")
        if key in values:
            raise MalformedFaultsError(f"{ANNOTATION}: {name!r} appears twice in {text!r}; say it once")
        values[key] = int(digits.group()) if digits else True
    return Faults(**values)  # type: ignore[arg-type]  # the grammar ties each name to its type


def of(annotations: Mapping[str, str], images: Sequence[str]) -> Faults:
    """Faults of a pod by its annotations, else by its containers' images. Raises MalformedFaultsError."""
    text = annotations.get(ANNOTATION)
    if text is None:
        text = suffix(images)
    return HEALTHY if text is None else parse(text)
