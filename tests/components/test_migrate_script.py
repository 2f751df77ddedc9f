"""The program that migrates, run by a real Django on a real PostgreSQL, as the Job runs it."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from components.app.configuration import migrate_script
from tests.release.checks.servers import PASSWORD, postgresql

MIGRATION = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = []
    operations = [migrations.RunSQL({sql!r})]
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A Django project whose one application has one migration."""

    folder: Path
    port: int

    def expects(self, version: int, sql: str) -> None:
        """Let the release expect a schema, and bring it by ``sql``."""
        (self.folder / "site_settings.py").write_text(
            f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'HOST': '127.0.0.1', "
            f"'PORT': {self.port}, 'NAME': 'postgres', 'USER': 'exam', 'PASSWORD': {PASSWORD!r}}}}}\n"
            f"INSTALLED_APPS = ['exams']\nSCHEMA_VERSION = {version}\nRELEASE_VERSION = '{version}.0.0'\n"
        )
        folder = self.folder / "exams" / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        for package in (folder.parent, folder):
            (package / "__init__.py").touch()
        (folder / "0001_initial.py").write_text(MIGRATION.format(sql=sql))

    def start(self) -> "subprocess.Popen[str]":
        """Run the program, in the project's directory."""
        return subprocess.Popen(
            [sys.executable, str(self.folder / "elsewhere" / "migrate.py")],
            cwd=self.folder,
            env={"DJANGO_SETTINGS_MODULE": "site_settings", "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """What the database says."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="exam", password=PASSWORD, dbname="postgres"
        ) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A project beside an empty database."""
    script = tmp_path / "site" / "elsewhere" / "migrate.py"
    script.parent.mkdir(parents=True)
    script.write_text(migrate_script())
    with postgresql(tmp_path) as port:
        yield Site(folder=tmp_path / "site", port=port)


def test_of_many_that_migrate_at_once_one_does_and_the_others_find_it_done(site: Site) -> None:
    site.expects(2, "SELECT pg_sleep(0.3); CREATE TABLE exam (id integer)")
    said = [runner.communicate()[0] for runner in [site.start() for _ in range(3)]]
    assert sum("the schema went from version 0 to 2" in text for text in said) == 1, said
    assert sum("the schema is at version 2; nothing to do" in text for text in said) == 2, said
    assert site.ask("SELECT version, release FROM platform_schema") == [(2, "2.0.0")]


def test_a_migration_that_fails_is_not_recorded_and_gives_the_lock_back(site: Site) -> None:
    site.expects(2, "CREATE TABLE exam (id nonsense)")
    failed = site.start()
    said, _ = failed.communicate()
    assert failed.returncode != 0
    assert "nonsense" in said
    assert site.ask("SELECT count(*) FROM platform_schema") == [(0,)]
    site.expects(2, "CREATE TABLE exam (id integer)")
    mended = site.start()
    said, _ = mended.communicate()
    assert mended.returncode == 0, said
    assert site.ask("SELECT max(version) FROM platform_schema") == [(2,)]
