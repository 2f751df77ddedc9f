"""How each random result comes about, and how one that exists already is taken over.

Every maker takes complete inputs and returns the computed outputs. Randomness is the operating system's, except where
the program gives a ``seed`` and so asks for a result that anybody can repeat.
"""

import base64
import importlib.util
import itertools
import random
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

from rehearsal.plugins.randomness.words import ANIMALS, DESCRIPTIONS

Values = Mapping[str, Any]

_SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"
_CHARACTERS: Final = {
    "lower": "abcdefghijklmnopqrstuvwxyz",
    "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "numeric": "0123456789",
    "special": _SPECIAL,
}
_BCRYPT_ROUNDS: Final = 10
"""The official provider's cost."""
_BCRYPT_LIMIT: Final = 72
"""Octets that bcrypt takes into account."""


def string(inputs: Values) -> dict[str, Any]:
    """Return ``result``: ``length`` characters, at least the asked-for number of each class."""
    alphabets = {**_CHARACTERS, "special": inputs.get("overrideSpecial") or _SPECIAL}
    picked = [
        secrets.choice(alphabet)
        for name, alphabet in alphabets.items()
        for _ in range(inputs[f"min{name.capitalize()}"])
    ]
    all_characters = "".join(alphabet for name, alphabet in alphabets.items() if inputs[name])
    picked += [secrets.choice(all_characters) for _ in range(inputs["length"] - len(picked))]
    secrets.SystemRandom().shuffle(picked)
    return {"result": "".join(picked)}


def password(inputs: Values) -> dict[str, Any]:
    """Return what :func:`string` returns and, where ``bcrypt`` is installed, its ``bcryptHash``."""
    return _with_hash(string(inputs)["result"])


def password_outputs() -> tuple[str, ...]:
    """Return the outputs that :func:`password` computes here."""
    return ("result", "bcryptHash") if importlib.util.find_spec("bcrypt") else ("result",)


def octets(inputs: Values) -> dict[str, Any]:
    """Return ``length`` random octets as ``base64`` and ``hex``."""
    return _octet_forms(secrets.token_bytes(inputs["length"]))


def identifier(inputs: Values) -> dict[str, Any]:
    """Return ``byteLength`` random octets in four spellings, each after ``prefix``."""
    return _identifier_forms(secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix") or "")


def integer(inputs: Values) -> dict[str, Any]:
    """Return ``result``, a number from ``min`` to ``max``, both included."""
    return {"result": _source(inputs).randint(inputs["min"], inputs["max"])}


def pet(inputs: Values) -> dict[str, Any]:
    """Return ``id``: ``length`` words, the last an animal, after ``prefix``."""
    words = [secrets.choice(DESCRIPTIONS) for _ in range(inputs["length"] - 1)]
    prefix = [inputs["prefix"]] if inputs.get("prefix") else []
    return {"id": inputs["separator"].join([*prefix, *words, secrets.choice(ANIMALS)])}


def shuffle(inputs: Values) -> dict[str, Any]:
    """Return ``results``: the list ``inputs`` shuffled, shuffled again for as long as ``resultCount`` wants more."""
    items, source = list(inputs["inputs"]), _source(inputs)
    count = inputs.get("resultCount", len(items)) if items else 0
    rounds = (source.sample(items, len(items)) for _ in itertools.count())
    return {"results": list(itertools.islice(itertools.chain.from_iterable(rounds), count)) if count else []}


def uuid4(_inputs: Values) -> dict[str, Any]:
    """Return ``result``, a random UUID."""
    return {"result": str(uuid.uuid4())}


def uuid7(_inputs: Values) -> dict[str, Any]:
    """Return ``result``, a UUID that begins with the time in milliseconds (RFC 9562, version 7)."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return {"result": str(uuid.UUID(int=value))}


def restore_string(identity: str) -> dict[str, Any]:
    """Take over the string ``identity`` itself."""
    if not identity:
        raise ValueError("the identifier to import is the string itself, which must not be empty")
    return {"length": len(identity), "result": identity}


def restore_password(identity: str) -> dict[str, Any]:
    """Take over the password ``identity`` itself."""
    return {**restore_string(identity), **_with_hash(identity)}


def restore_octets(identity: str) -> dict[str, Any]:
    """Take over octets in base 64."""
    content = _decode(identity, "the identifier to import is the octets in base 64")
    return {"length": len(content), **_octet_forms(content)}


def restore_identifier(identity: str) -> dict[str, Any]:
    """Take over ``[PREFIX,]OCTETS``, the octets in URL-safe base 64 without padding."""
    prefix, _, text = identity.rpartition(",")
    content = _decode(text.replace("-", "+").replace("_", "/"), "the identifier to import is [PREFIX,]BASE64URL")
    return {
        "byteLength": len(content),
        **({"prefix": prefix} if prefix else {}),
        **_identifier_forms(content, prefix),
    }


def restore_integer(identity: str) -> dict[str, Any]:
    """Take over ``RESULT,MIN,MAX[,SEED]``."""
    result, _, rest = identity.partition(",")
    least, _, rest = rest.partition(",")
    most, _, seed = rest.partition(",")
    try:
        numbers = {"result": int(result), "min": int(least), "max": int(most)}
    except ValueError:
        raise ValueError("the identifier to import is RESULT,MIN,MAX[,SEED]") from None
    return {**numbers, "seed": seed} if seed else numbers


def restore_uuid(identity: str) -> dict[str, Any]:
    """Take over a UUID."""
    try:
        return {"result": str(uuid.UUID(identity))}
    except ValueError:
        raise ValueError("the identifier to import is a UUID, such as 6a0ea33c-7c1c-4a5e-9d2b-1f5a3f3b7d10") from None


def restore_nothing(_identity: str) -> dict[str, Any]:
    """Refuse: the identifier does not tell what the inputs were."""
    raise ValueError("resources of this type cannot be imported")


def _with_hash(result: str) -> dict[str, Any]:
    if "bcryptHash" not in password_outputs():
        return {"result": result}
    bcrypt = importlib.import_module("bcrypt")
    hashed = bcrypt.hashpw(result.encode()[:_BCRYPT_LIMIT], bcrypt.gensalt(_BCRYPT_ROUNDS))
    return {"result": result, "bcryptHash": hashed.decode()}


def _octet_forms(content: bytes) -> dict[str, Any]:
    return {"base64": base64.b64encode(content).decode(), "hex": content.hex()}


def _identifier_forms(content: bytes, prefix: str) -> dict[str, Any]:
    forms = {
        "b64Std": base64.b64encode(content).decode(),
        "b64Url": base64.urlsafe_b64encode(content).rstrip(b"=").decode(),
        "dec": str(int.from_bytes(content)),
        "hex": content.hex(),
    }
    return {name: prefix + form for name, form in forms.items()}


def _decode(text: str, expected: str) -> bytes:
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError(expected) from None
    if not content:
        raise ValueError(expected)
    return content


def _source(inputs: Values) -> random.Random:
    seed = inputs.get("seed")
    return random.Random(seed) if seed else secrets.SystemRandom()  # noqa: S311 - a seed asks for what can be repeated
