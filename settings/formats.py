"""The texts that a setting may hold, each with a sentence that says what it must be."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from settings.quantities import DURATION, QUANTITY, duration, quantity

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*"
# A host name never ends in a label of digits only: that would be an address.
_NAME = rf"(?!([\w-]+\.)*[0-9]+$){_HOST}"
_REPOSITORY = rf"{_HOST}(:[0-9]{{1,5}})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
_DIGEST = r"@sha256:[0-9a-f]{64}"
_TAG = r":[\w][\w.-]{0,127}"


def text(pattern: str | re.Pattern[str], must: str) -> AfterValidator:
    """Accept a text that ``pattern`` matches as a whole; say what it ``must`` be otherwise."""
    compiled = re.compile(pattern, re.ASCII)
    return _check(lambda value: compiled.fullmatch(value) is not None, must)


def _check(accepts: Callable[[str], bool], must: str) -> AfterValidator:
    def check(value: str) -> str:
        if not accepts(value):
            raise PydanticCustomError("format", "{must}", {"must": must})
        return value

    return AfterValidator(check)


def _network(value: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(value) if "/" in value else None
    except ValueError:
        return None


HostName = Annotated[str, text(_NAME, "must be a host name in lower case, without scheme, port or path")]
Address = Annotated[str, text(_HOST, "must be a host name or an IPv4 address, without scheme, port or path")]
AllowedHost = Annotated[str, text(rf"\*|\.?{_HOST}", "must be a host name, '.name' for all its sub-domains, or '*'")]
ObjectName = Annotated[str, text(_HOST, "must be the name of a Kubernetes object: lower case, digits, '-' and '.'")]
Identifier = Annotated[str, text(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", "must be a name of letters, digits, '_' and '-'")]
Line = Annotated[str, text(r"\S(.*\S)?", "must be one line of text")]
Version = Annotated[str, text(r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?", "must be a version: letters, digits, '.', '-'")]
Registry = Annotated[str, text(_REPOSITORY, "must be a registry with a project, without scheme or closing '/'")]
Image = Annotated[
    str,
    text(
        rf"{_REPOSITORY}(({_TAG})?{_DIGEST}|{_TAG})", "must name registry and repository, with a tag, a digest or both"
    ),
]
Quantity = Annotated[
    str,
    _check(
        lambda value: QUANTITY.fullmatch(value) is not None and quantity(value) > 0,
        "must be a Kubernetes quantity above zero, such as '250m' or '512Mi'",
    ),
]
Duration = Annotated[
    str,
    _check(
        lambda value: DURATION.fullmatch(value) is not None and duration(value).total_seconds() > 0,
        "must be a duration above zero, such as '10s' or '500ms'",
    ),
]
Cidr = Annotated[
    str, _check(lambda value: _network(value) is not None, "must be a range of addresses in CIDR form: network/length")
]
Url = Annotated[
    str, text(rf"https?://{_HOST}(:[0-9]{{1,5}})?(/[\w.~/-]*)?", "must be an address with its scheme: 'https://host'")
]
DjangoName = Annotated[str, text(r"[A-Z][A-Z0-9_]*", "must be the name of a Django setting: capitals, digits, '_'")]
VariableName = Annotated[str, text(r"[A-Z_][A-Z0-9_]*", "must be an environment variable: capitals, digits, '_'")]

DIGEST = re.compile(_DIGEST + r"\Z")
"""An image that is pinned by content ends like this."""
