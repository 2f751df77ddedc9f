"""Who is told, from environment variables or the files that they name. Pure: both are passed in.

==========================  =================================================================================
``RELEASE_SLACK_WEBHOOK``   address of a Slack incoming webhook: a secret
``RELEASE_SLACK_ON``        what Slack is told, separated by commas; everything by default
``RELEASE_WEBHOOK``         address of any other receiver of JSON: a secret
``RELEASE_WEBHOOK_ON``      what it is told
``RELEASE_WEBHOOK_KEY``     key that signs what it is told: a secret
==========================  =================================================================================

Each of the secrets can be in a file instead, which the variable of that name with ``_FILE`` names.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from release.notify.notice import EVERYTHING, Happening

LONGEST: Final = 4_096
"""Characters of an address or a key."""
SHORTEST_KEY: Final = 16
"""Characters of a key that can be guessed by nobody."""
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts to which an address need not be ``https``."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A receiver. ``repr`` shows neither address nor key."""

    name: str
    """How failures name it: ``slack``."""
    url: SecretStr
    slack: bool = False
    """Whether it understands Slack's blocks; others get the notice as it is."""
    key: SecretStr | None = None
    """Signs what is sent, if given."""
    on: Collection[Happening] = EVERYTHING


def targets(environ: Mapping[str, str], read: Callable[[Path], str]) -> tuple[list[Target], list[str]]:
    """The receivers, and what is wrong with others: a line each, which names the variable and shows no value.

    ``read`` gives a file's text and raises ``OSError`` or ``UnicodeDecodeError`` where it cannot.
    """
    found, problems = [], []
    for name, prefix in (("slack", "RELEASE_SLACK"), ("webhook", "RELEASE_WEBHOOK")):
        variable = "RELEASE_SLACK_WEBHOOK" if name == "slack" else "RELEASE_WEBHOOK"
        url, wrong = _secret(environ, variable, read)
        wrong += _address_problems(variable, url)
        key, key_wrong = _secret(environ, f"{prefix}_KEY", read) if name == "webhook" else (None, [])
        if key is not None and len(key) < SHORTEST_KEY:
            key_wrong = [f"{prefix}_KEY is shorter than {SHORTEST_KEY} characters: make a longer one"]
        on, on_wrong = _selection(environ, f"{prefix}_ON")
        if url is None and not wrong:
            wrong = [f"{other} is set, but {variable} is not" for other in _lonely(environ, prefix)]
            problems += wrong
            continue
        if wrong or key_wrong or on_wrong:
            problems += [*wrong, *key_wrong, *on_wrong]
        elif url is not None:
            signer = None if key is None else SecretStr(key)
            found.append(Target(name=name, url=SecretStr(url), slack=name == "slack", key=signer, on=on))
    return found, problems


def _secret(environ: Mapping[str, str], variable: str, read: Callable[[Path], str]) -> tuple[str | None, list[str]]:
    direct, file = environ.get(variable, "").strip(), environ.get(f"{variable}_FILE", "").strip()
    if direct and file:
        return None, [f"{variable} and {variable}_FILE are both set: unset one"]
    if file:
        try:
            direct = read(Path(file)).strip()
        except (OSError, UnicodeDecodeError) as error:
            return None, [f"the file that {variable}_FILE names cannot be read ({type(error).__name__})"]
        if not direct:
            return None, [f"the file that {variable}_FILE names is empty"]
    if len(direct) > LONGEST or not direct.isprintable():
        return None, [f"{variable} is longer than {LONGEST} characters, or is not one line"]
    return direct or None, []


def _address_problems(variable: str, url: str | None) -> list[str]:
    if url is None:
        return []
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return [f"{variable} is no address"]
    if not host or not url.isascii() or parts.scheme not in {"http", "https"}:
        return [f"{variable} is no address that begins with https://"]
    if parts.username is not None:
        return [f"{variable} has a user's name in it, which nothing would send: leave it out"]
    if parts.scheme == "http" and host not in LOCAL:
        return [f"{variable} must begin with https://, or everybody on the way can read it"]
    return []


def _selection(environ: Mapping[str, str], variable: str) -> tuple[frozenset[Happening], list[str]]:
    names = [name.strip().lower() for name in environ.get(variable, "").split(",") if name.strip()]
    known = {happening.value for happening in Happening}
    unknown = sorted(set(names) - known)
    if unknown:
        choices = ", ".join(happening.value for happening in Happening)
        return EVERYTHING, [f"{variable} names {', '.join(map(repr, unknown))[:100]}; there are: {choices}"]
    return frozenset(map(Happening, names)) or EVERYTHING, []


def _lonely(environ: Mapping[str, str], prefix: str) -> list[str]:
    return [name for name in (f"{prefix}_ON", f"{prefix}_KEY", f"{prefix}_KEY_FILE") if environ.get(name, "").strip()]
