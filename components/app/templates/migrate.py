"""Bring the database to the schema that this release expects: once, whoever else tries at the same time.

Runs in the backend's image, in the directory of its ``manage.py``. An advisory lock of PostgreSQL lets one runner in;
the others wait, then find the work done. What was reached is recorded in the table ``platform_schema``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

LOCK = 0x43455434
"""Key of the advisory lock: ``CET4``."""

TABLE = """
    CREATE TABLE IF NOT EXISTS platform_schema (
        version integer PRIMARY KEY,
        release text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


def main() -> None:
    """Migrate under the lock, unless somebody already has."""
    django.setup()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            cursor.execute(TABLE)
            cursor.execute("SELECT coalesce(max(version), 0) FROM platform_schema")
            (reached,) = cursor.fetchone()
            if reached >= settings.SCHEMA_VERSION:
                print(f"the schema is at version {reached}; nothing to do")
                return
            call_command("migrate", interactive=False)
            cursor.execute(
                "INSERT INTO platform_schema (version, release) VALUES (%s, %s)",
                [settings.SCHEMA_VERSION, settings.RELEASE_VERSION],
            )
            print(f"the schema went from version {reached} to {settings.SCHEMA_VERSION}")
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


main()
