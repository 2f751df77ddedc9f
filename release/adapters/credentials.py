"""Name and password for a registry: from the environment, or from where ``docker login`` put them."""

import base64
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from release.adapters.web import Unclear

USER: Final = "ENGLISH_TRAINING_REGISTRY_USER"
PASSWORD: Final = "ENGLISH_TRAINING_REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable
"""Environment variables: the account in the stack's own registry. No other registry is told."""

_LARGEST: Final = 2**20
_HELPER_SECONDS: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An account."""

    user: str
    password: str = field(repr=False)


def find(host: str, *, environ: Mapping[str, str], own: str | None) -> Credentials | None:
    """The account at the registry ``host``; ``own`` is the stack's registry. ``None`` where there is none.

    Raises ``Unclear`` where Docker's configuration cannot be read.
    """
    if host == own and environ.get(USER) and environ.get(PASSWORD):
        return Credentials(user=environ[USER], password=environ[PASSWORD])
    file = _configuration(environ)
    if file is None or not file.is_file():
        return None
    known = _read(file)
    for name in _names(host):
        entry = _part(known, "auths").get(name)
        given = _entry(entry, file) if isinstance(entry, dict) else None
        if given:
            return given
    for name in _names(host):
        helper = _part(known, "credHelpers").get(name) or known.get("credsStore")
        given = _ask(str(helper), name, environ, file) if helper else None
        if given:
            return given
    return None


def _configuration(environ: Mapping[str, str]) -> Path | None:
    if environ.get("DOCKER_CONFIG"):
        return Path(environ["DOCKER_CONFIG"]) / "config.json"
    return Path(environ["HOME"]) / ".docker" / "config.json" if environ.get("HOME") else None


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            known = json.loads(opened.read(_LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(file) from error
    if not isinstance(known, dict):
        raise _unreadable(file)
    return known


def _part(known: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = known.get(key)
    return part if isinstance(part, dict) else {}


def _names(host: str) -> tuple[str, ...]:
    """Under which names Docker keeps the account at ``host``."""
    if host == "docker.io":
        return ("https://index.docker.io/v1/", host)
    return (host, f"https://{host}", f"https://{host}/v1/", f"https://{host}/v2/")


def _entry(entry: Mapping[str, Any], file: Path) -> Credentials | None:
    user, password, packed = entry.get("username"), entry.get("password"), entry.get("auth")
    if isinstance(packed, str) and packed:
        try:
            user, _, password = base64.b64decode(packed, validate=True).decode().partition(":")
        except ValueError as error:
            raise _unreadable(file) from error
    if isinstance(user, str) and isinstance(password, str) and user and password:
        return Credentials(user=user, password=password.rstrip("\0"))
    return None


def _ask(helper: str, name: str, environ: Mapping[str, str], file: Path) -> Credentials | None:
    """What Docker's credential helper knows."""
    if re.fullmatch(r"[\w.-]+", helper, re.ASCII) is None:
        raise _unreadable(file)
    try:
        done = subprocess.run(  # noqa: S603 - the program that the user told Docker to ask
            [f"docker-credential-{helper}", "get"],
            input=name.encode(),
            env=dict(environ),
            capture_output=True,
            check=False,
            timeout=_HELPER_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unclear(
            f"docker-credential-{helper}, which {file} names, cannot be asked",
            remedy=f"install it, or set {USER} and {PASSWORD}",
        ) from error
    try:
        told = json.loads(done.stdout[:_LARGEST])
    except (ValueError, RecursionError):
        return None
    if done.returncode != 0 or not isinstance(told, dict):
        return None
    return _entry({"username": told.get("Username"), "password": told.get("Secret")}, file)


def _unreadable(file: Path) -> Unclear:
    return Unclear(f"{file} is not what Docker writes", remedy=f"mend it, or set {USER} and {PASSWORD}")
