"""What the application reads at start, rendered from templates with the stack's values. Pure: no Pulumi in here."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

SECRETS_DIRECTORY = "/run/secrets/english-training"
"""Where the backend finds its secrets, a file each."""

SETTINGS_DIRECTORY = "/etc/english-training"
"""Where the backend finds its rendered settings."""

SETTINGS_FILE = "settings.py"
"""Python module of Django settings that overlays the application's own."""

MIGRATE_FILE = "migrate.py"
"""Python program that brings the database to a release's schema."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """The PostgreSQL that the backend uses. Its password is a secret, and not here."""

    host: str
    port: int
    name: str
    user: str
    ssl_mode: str
    """libpq's ``sslmode``."""


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The Redis that the backend uses."""

    host: str
    port: int
    tls: bool
    database: int = 0
    """Number of the Redis database."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The values that both colours share; each colour may override single ones."""

    database: Database
    cache: Cache
    domain: str
    """Host name of the site."""
    allowed_hosts: Sequence[str]
    """Host names that Django answers to."""
    public_url: str
    """Address of the site as people type it, without a path."""
    django: Mapping[str, Any] = field(default_factory=dict)
    """Further Django settings, by name."""
    frontend: Mapping[str, str] = field(default_factory=dict)
    """Further environment of the frontend's server."""


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    # Python source, not HTML: every value goes through the `python` filter below, which no value can leave.
    autoescape=False,  # noqa: S701
    keep_trailing_newline=True,
)
_templates.filters["python"] = repr


def backend_settings(configuration: Configuration, *, schema_version: int, version: str) -> str:
    """Django settings of one release, as Python source. Values are literals: none can end its quotes."""
    return _templates.get_template("settings.py.j2").render(
        configuration=configuration,
        database=configuration.database,
        cache_url=_cache_url(configuration.cache),
        secrets=SECRETS_DIRECTORY,
        schema_version=schema_version,
        version=version,
    )


def frontend_environment(configuration: Configuration, *, version: str, api_origin: str) -> dict[str, str]:
    """Environment of the frontend's server. What browsers see (``NEXT_PUBLIC_*``) is fixed when the image is built."""
    rendered = _templates.get_template("frontend.json.j2").render(
        configuration=configuration, version=version, api_origin=api_origin
    )
    return {**json.loads(rendered), **configuration.frontend}


def migrate_script() -> str:
    """The program that migrates; it reads its settings as the backend does."""
    return (Path(__file__).parent / "templates" / MIGRATE_FILE).read_text()


def checksum(*parts: str | Mapping[str, str]) -> str:
    """Digest that changes exactly when one of ``parts`` does: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _cache_url(cache: Cache) -> str:
    return f"{'rediss' if cache.tls else 'redis'}://{cache.host}:{cache.port}/{cache.database}"
