"""From options, or a file that lives in Git, to an order."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from release.errors import BadOrder
from release.model import Commit, Migration, Order, Strategy
from release.plan import SOAK_SECONDS
from settings.formats import DIGEST

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_TAG = re.compile(r"[^@:]+:(\w[\w.-]*)(?:@.*)?", re.ASCII)
LONGEST: Final = 366 * 24 * 3600.0
"""Seconds of a duration beyond which it is a mistake."""
LARGEST: Final = 256 * 1024
"""Bytes of an order's file."""


def seconds(text: str, option: str) -> float:
    """``1h30m``, ``90s`` or ``500ms`` in seconds. Raises :class:`BadOrder`."""
    if _DURATION.fullmatch(text) is None:
        raise BadOrder(f"{option} {text!r} is no duration", remedy=f"for example {option} 5m, 90s or 1h30m")
    found = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if found > LONGEST:
        raise BadOrder(f"{option} {text[:40]!r} is longer than a year", remedy=f"for example {option} 5m, 90s or 1h30m")
    return found


def shares(text: str) -> tuple[int, ...]:
    """``10,25,100``. Whether they rise is judged with the plan. Raises :class:`BadOrder`."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) <= 3 for part in parts):  # noqa: PLR2004 - 100 has three digits
        raise BadOrder(f"--steps {text!r} are no shares in per cent", remedy="for example --steps 10,25,50,75,100")
    return tuple(map(int, parts))


def version_of(image: str) -> str | None:
    """The tag of an image, which names its version where nothing else does."""
    found = _TAG.fullmatch(image.rsplit("/", 1)[-1])
    return found.group(1) if found else None


def order(given: Mapping[str, Any]) -> Order:
    """An order from the values of options or of a file; ``None`` and missing values get their defaults."""
    values = {key: value for key, value in given.items() if value is not None}
    strategy = _strategy(values.get("strategy", Strategy.CANARY))
    values.setdefault("soak_seconds", SOAK_SECONDS[strategy])
    for component in ("backend", "frontend"):
        if f"{component}_image" not in values:
            raise BadOrder(f"no image of the {component} is named", remedy=f"add --{component} REGISTRY/IMAGE@DIGEST")
        if not isinstance(values[f"{component}_image"], str):
            raise BadOrder(f"the image of the {component} is no text", remedy=f"name it as REGISTRY/{component}@DIGEST")
    if "version" not in values:
        values["version"] = version_of(values["backend_image"])
        if values["version"] is None:
            raise BadOrder("the backend's image has no tag to take the version from", remedy="add --version 1.2.3")
    try:
        return Order.model_validate({**values, "strategy": strategy})
    except ValidationError as error:
        raise BadOrder(
            "; ".join(f"{'.'.join(map(_key, one['loc']))}: {one['msg']}" for one in error.errors()),
            remedy="release deploy --help",
        ) from None


def _strategy(given: object) -> Strategy:
    try:
        return Strategy(str(given))
    except ValueError:
        raise BadOrder(f"there is no strategy {given!r:.40}", remedy=f"one of {', '.join(Strategy)}") from None


def from_file(path: Path) -> dict[str, Any]:
    """The values of a file that declares a release: keys as :class:`Order` has them, in camelCase; times as ``5m``."""
    try:
        text = path.read_text()
        if len(text) > LARGEST:
            raise BadOrder(f"{path} has more than {LARGEST} characters", remedy=f"look at {path}")
        found = yaml.safe_load(text)
    except OSError as error:
        raise BadOrder(f"{path} cannot be read: {error.strerror}", remedy=f"ls -l {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where is not None else ""
        raise BadOrder(f"{path} is not valid YAML{line}", remedy=f"mend {path}") from None
    if not isinstance(found, dict):
        raise BadOrder(f"{path} holds no keys", remedy="see docs/releasing.md for one that does")
    known = {field.alias or name: name for name, field in Order.model_fields.items()}
    short = {
        "backend": "backend_image",
        "frontend": "frontend_image",
        "soak": "soak_seconds",
        "keepWarm": "keep_warm_seconds",
    }
    values: dict[str, Any] = {}
    for key, value in found.items():
        name = short.get(str(key)) or known.get(str(key))
        if name is None:
            raise BadOrder(f"{path}: {key} is not a known key", remedy=f"one of {', '.join([*short, *known])}")
        values[name] = seconds(str(value), key) if str(key) in {"soak", "keepWarm"} else value
    return values


def require_digests(wanted: Order, environment: str) -> None:
    """Outside development, images come by content. Raises :class:`BadOrder`."""
    loose = [image for image in (wanted.backend_image, wanted.frontend_image) if DIGEST.search(image) is None]
    if loose and environment != "development":
        raise BadOrder(
            f"{' and '.join(loose)} must end in a digest (@sha256:…) in {environment}: a tag can be moved",
            remedy="release check images --backend IMAGE --frontend IMAGE   (names their digests)",
        )


def _key(part: int | str) -> str:
    """A key as files have it."""
    return to_camel(part) if isinstance(part, str) else str(part)


__all__ = ["Commit", "Migration", "from_file", "order", "require_digests", "seconds", "shares", "version_of"]
