"""What stands: release units and weights that the last update left in force, whatever a checkout's file says. Pure.

A release moves traffic in many updates, from a runner's checkout. Anybody else's `pulumi up`, from a checkout that
knows nothing of it, must leave that alone, and yet a person who changes the file must get what the file says. So each
update exports what it left in force and which configuration people last decided (``base``), and the next one compares
three ways, as ``kubectl apply`` does (docs/adr/0009-what-stands.md).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from settings.model import ReleaseMark

OWNED: Final = ("greenWeight", "blue", "green")
"""The keys that releases own: how requests are split, and the release unit of each colour."""

MARK: Final = "releaseMark"
"""The key in which the release tool says that it wrote the others."""

OUTPUT: Final = "standing"
"""The stack's output that holds what stands."""

Values = Mapping[str, JsonValue]


class Overtaken(Exception):
    """A person changed what a release in progress is moving."""

    def __init__(self, release: str, keys: list[str]) -> None:
        super().__init__(release)
        self.release = release
        """Which release is in progress."""
        self.keys = keys
        """The keys whose values differ from those in force."""


class Standing(BaseModel):
    """What is in force after an update; what the stack's output ``standing`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: Values
    """The owned keys that are set, and their values."""
    base: str
    """Digest of the values that people last decided."""
    serial: int = 0
    """Of the release tool's last write."""
    release: str | None = None
    """The release that wrote it."""
    open: bool = False
    """Whether that release is still in progress."""

    @classmethod
    def of(cls, output: object) -> Self | None:
        """What an earlier update exported; ``None`` before the first. Raises ``ValueError`` if it cannot be read."""
        if output is None:
            return None
        try:
            read = cls.model_validate(output)
        except ValidationError as error:
            where = ", ".join(sorted({".".join(map(str, one["loc"])) for one in error.errors()}))
            raise ValueError(f"output {OUTPUT} of the stack is not readable: {where or output}") from None
        # The engine keeps all numbers as floats.
        return read.model_copy(update={"values": {key: _whole(value) for key, value in read.values.items()}})


def digest(values: Values) -> str:
    """Digest of the owned keys, the same however numbers were written."""
    plain = {key: _whole(values[key]) for key in OWNED if values.get(key) is not None}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def mark(release: str, *, serial: int, values: Values, in_progress: bool) -> ReleaseMark:
    """What the release tool writes beside ``values``."""
    return ReleaseMark(id=release, serial=serial, digest=digest(values), open=in_progress)


def stand(values: Values, given: ReleaseMark | None, last: Standing | None) -> Standing:
    """What this update is to leave in force.

    ``values`` are the owned keys of this checkout, ``given`` is its mark, ``last`` what the last update exported.
    Raises :class:`Overtaken`.
    """
    own = {key: values[key] for key in OWNED if values.get(key) is not None}
    sign = digest(own)
    if given is not None and given.digest == sign:
        # The tool wrote these values, and nobody has touched them since.
        if last is not None and given.serial <= last.serial:
            return last
        base = sign if last is None else last.base
        return Standing(values=own, base=base, serial=given.serial, release=given.id, open=given.open)
    if last is None:
        return Standing(values=own, base=sign)
    if sign == last.base:
        return last
    if sign == digest(last.values):
        # The checkout has caught up with what stands: from here on, its former values would be a change. In mid-release
        # the others have not, and may not be taken for one.
        return last if last.open else last.model_copy(update={"base": sign})
    if last.open:
        raise Overtaken(str(last.release), [key for key in OWNED if _differs(own, last.values, key)])
    return last.model_copy(update={"values": own, "base": sign})


def _differs(one: Values, other: Values, key: str) -> bool:
    return _whole(one.get(key)) != _whole(other.get(key))


def _whole(value: JsonValue) -> JsonValue:
    """The same with whole numbers as integers; the engine keeps all numbers as floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    return value
