"""What each resource of the ``random`` provider takes and gives: one table, and the checks that follow from it.

Names, defaults, ranges and what counts as secret are the official provider's (its schema, version 4.21). Every input
decides the result, so a change of any replaces the resource. Three differences: the identifier of ``RandomBytes`` does
not repeat the secret bytes, a ``seed`` leads to another result than there (but always to the same), and ``bcryptHash``
is there only where the package ``bcrypt`` is installed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rehearsal.plugins.randomness import generate

Values = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An input that is refused."""

    property: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input property."""

    kind: str
    """``integer``, ``boolean``, ``string``, ``strings`` (a list) or ``keepers`` (a map of strings)."""
    required: bool = False
    default: Any = None
    """Taken when the program says nothing; ``None``: the property stays absent."""
    least: int | None = None
    """Smallest integer allowed."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One type of resource."""

    inputs: Mapping[str, Input]
    generate: Callable[[Values], dict[str, Any]]
    """From complete inputs to the computed outputs."""
    outputs: tuple[str, ...]
    """Computed outputs; unknown until the resource is made."""
    identify: Callable[[Values], str]
    """From inputs and outputs to the identifier."""
    restore: Callable[[str], dict[str, Any]]
    """From an identifier to import to inputs and outputs. Raises ``ValueError`` saying what it should look like."""
    secret: frozenset[str] = frozenset()
    check: Callable[[Values], Iterator[Failure]] = field(default=lambda _inputs: iter(()))
    """Rules between the inputs; called with known values only."""


def complete(kind: Kind, inputs: Values) -> dict[str, Any]:
    """Return ``inputs`` with the defaults of what they leave out."""
    defaults = {name: entry.default for name, entry in kind.inputs.items() if entry.default is not None}
    if "number" in inputs and "numeric" not in inputs:
        # The former name of numeric.
        defaults["numeric"] = inputs["number"]
    return {**defaults, **inputs}


_KEEPERS: Final = Input(kind="keepers")
_YES: Final = Input(kind="boolean", default=True)
_NONE_AT_LEAST: Final = Input(kind="integer", default=0, least=0)


def _check_characters(inputs: Values) -> Iterator[Failure]:
    classes = ("lower", "upper", "numeric", "special")
    minimum = sum(inputs[f"min{name.capitalize()}"] for name in classes)
    if inputs["length"] < minimum:
        yield Failure(property="length", reason=f"is {inputs['length']}, but the least numbers add up to {minimum}")
    if not any(inputs[name] for name in classes):
        yield Failure(property="lower", reason="must be true where upper, numeric and special are false")


def _check_range(inputs: Values) -> Iterator[Failure]:
    if inputs["min"] > inputs["max"]:
        yield Failure(property="min", reason=f"is {inputs['min']}, more than max, which is {inputs['max']}")


_CHARACTERS: Final = {
    "keepers": _KEEPERS,
    "length": Input(kind="integer", required=True, least=1),
    **dict.fromkeys(("lower", "upper", "numeric", "number", "special"), _YES),
    **dict.fromkeys(("minLower", "minUpper", "minNumeric", "minSpecial"), _NONE_AT_LEAST),
    "overrideSpecial": Input(kind="string"),
}

KINDS: Final[Mapping[str, Kind]] = {
    "random:index/randomPassword:RandomPassword": Kind(
        inputs=_CHARACTERS,
        generate=generate.password,
        outputs=generate.password_outputs(),
        secret=frozenset({"result", "bcryptHash"}),
        identify=lambda _state: "none",
        restore=generate.restore_password,
        check=_check_characters,
    ),
    "random:index/randomString:RandomString": Kind(
        inputs=_CHARACTERS,
        generate=generate.string,
        outputs=("result",),
        identify=lambda state: str(state["result"]),
        restore=generate.restore_string,
        check=_check_characters,
    ),
    "random:index/randomBytes:RandomBytes": Kind(
        inputs={"keepers": _KEEPERS, "length": Input(kind="integer", required=True, least=1)},
        generate=generate.octets,
        outputs=("base64", "hex"),
        secret=frozenset({"base64", "hex"}),
        identify=lambda _state: "none",
        restore=generate.restore_octets,
    ),
    "random:index/randomId:RandomId": Kind(
        inputs={
            "keepers": _KEEPERS,
            "byteLength": Input(kind="integer", required=True, least=1),
            "prefix": Input(kind="string"),
        },
        generate=generate.identifier,
        outputs=("b64Std", "b64Url", "dec", "hex"),
        identify=lambda state: str(state["b64Url"]).removeprefix(state.get("prefix") or ""),
        restore=generate.restore_identifier,
    ),
    "random:index/randomInteger:RandomInteger": Kind(
        inputs={
            "keepers": _KEEPERS,
            "min": Input(kind="integer", required=True),
            "max": Input(kind="integer", required=True),
            "seed": Input(kind="string"),
        },
        generate=generate.integer,
        outputs=("result",),
        identify=lambda state: str(state["result"]),
        restore=generate.restore_integer,
        check=_check_range,
    ),
    "random:index/randomPet:RandomPet": Kind(
        inputs={
            "keepers": _KEEPERS,
            "length": Input(kind="integer", default=2, least=1),
            "prefix": Input(kind="string"),
            "separator": Input(kind="string", default="-"),
        },
        generate=generate.pet,
        outputs=(),
        identify=lambda state: str(state["id"]),
        restore=generate.restore_nothing,
    ),
    "random:index/randomShuffle:RandomShuffle": Kind(
        inputs={
            "keepers": _KEEPERS,
            "inputs": Input(kind="strings", required=True),
            "resultCount": Input(kind="integer", least=0),
            "seed": Input(kind="string"),
        },
        generate=generate.shuffle,
        outputs=("results",),
        identify=lambda _state: "-",
        restore=generate.restore_nothing,
    ),
    **{
        f"random:index/random{name}:Random{name}": Kind(
            inputs={"keepers": _KEEPERS},
            generate=maker,
            outputs=("result",),
            identify=lambda state: str(state["result"]),
            restore=generate.restore_uuid,
        )
        for name, maker in {"Uuid": generate.uuid4, "Uuid4": generate.uuid4, "Uuid7": generate.uuid7}.items()
    },
}
