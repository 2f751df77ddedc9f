"""Starts PostgreSQL: makes its data folder at the first start, and the application's role and database if need be.

``python -m rehearsal.cluster.postgresql ROOT INITDB POSTGRES``

PostgreSQL refuses to run as root, so it runs in a user namespace in which the caller is somebody else: its files still
belong to the caller. The same works for root and for an ordinary user, who is root only in the cluster's namespace.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

from rehearsal.cluster import files, namespace
from rehearsal.cluster.layout import POSTGRESQL_ADDRESS, POSTGRESQL_PORT, Layout

SUPERUSER: Final = "postgres"
"""Owns the databases; nobody can log in as it."""
ACCESS: Final = "hostssl all all all scram-sha-256\n"
"""Who may connect: with a password, and never in the clear."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """The application's database."""

    name: str
    user: str
    """The owner."""
    password: str = field(repr=False)

    @classmethod
    def read(cls, layout: Layout) -> Self | None:
        """What was written down; ``None`` if nothing was."""
        content = files.read_json(layout.database)
        return None if content is None else cls(**content)

    def write(self, layout: Layout) -> None:
        """Write it down, for the owner's eyes alone."""
        files.write_json(layout.database, asdict(self))


def settings(layout: Layout) -> str:
    """``postgresql.conf``. It may skip fsync as etcd does: a killed process loses nothing."""
    values = {
        "listen_addresses": POSTGRESQL_ADDRESS,
        "port": str(POSTGRESQL_PORT),
        "unix_socket_directories": "",
        "ssl": "on",
        "ssl_cert_file": str(layout.certificate("postgresql")),
        "ssl_key_file": str(layout.key("postgresql")),
        "ssl_min_protocol_version": "TLSv1.2",
        "password_encryption": "scram-sha-256",
        "shared_buffers": "32MB",
        "max_connections": "50",
        "max_wal_size": "128MB",
        "fsync": "off",
        "full_page_writes": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        # Statements can hold passwords.
        "log_min_error_statement": "panic",
    }
    quoted = {name: value.replace("\\", "\\\\").replace("'", "''") for name, value in values.items()}
    return "".join(f"{name} = '{value}'\n" for name, value in quoted.items())


def statements(database: Database, known: str) -> str:
    """SQL, a statement a line, that gives the application its role and database.

    ``known``: any text that has ``role:NAME`` and ``database:NAME`` in quotation marks for those that are there.
    """
    password = "'" + database.password.replace("'", "''") + "'"
    lines = [
        f"CREATE ROLE {_identifier(database.user)}" if f'"role:{database.user}"' not in known else "",
        f"ALTER ROLE {_identifier(database.user)} LOGIN PASSWORD {password}",
        f"CREATE DATABASE {_identifier(database.name)} OWNER {_identifier(database.user)}"
        if f'"database:{database.name}"' not in known
        else "",
    ]
    if any(character in line for line in lines for character in "\r\n\0"):
        raise ValueError("the password of the database has a line break in it")
    return "".join(f"{line};\n" for line in lines if line)


KNOWN: Final = """\
SELECT '"role:' || rolname || '"' FROM pg_roles;
SELECT '"database:' || datname || '"' FROM pg_database;
"""
"""Asks for what :func:`statements` has to know."""


def prepare(layout: Layout, initdb: str, postgres: str) -> None:
    """Make the data folder if there is none, and bring configuration, role and database up to date."""
    data = layout.postgresql
    if not (data / "PG_VERSION").exists():
        shutil.rmtree(data, ignore_errors=True)  # What an interrupted first start left.
        made = data.with_name(f"{data.name}.new")
        shutil.rmtree(made, ignore_errors=True)
        layouts = ("--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync", "--no-instructions")
        _run(initdb, f"--pgdata={made}", f"--username={SUPERUSER}", *layouts)
        made.rename(data)
    # What a killed server left: another process may have the number in it by now.
    (data / "postmaster.pid").unlink(missing_ok=True)
    files.write(data / "postgresql.conf", settings(layout))
    files.write(data / "pg_hba.conf", ACCESS)
    database, applied = Database.read(layout), data / "application.json"
    if database is not None and files.read_json(applied) != asdict(database):
        single = (postgres, "--single", "-D", str(data), SUPERUSER)
        _run(*single, text=statements(database, _run(*single, text=KNOWN)))
        files.write_json(applied, asdict(database))


def _run(*argv: str, text: str = "") -> str:
    done = subprocess.run(argv, input=text, text=True, check=True, stdout=subprocess.PIPE)  # noqa: S603 - ours
    return done.stdout


def _identifier(text: str) -> str:
    """``text`` as a name in SQL. Raises ``ValueError`` if it is none that needs no thought."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", text):
        raise ValueError(f"{text!r} is no name for a role or a database")
    return f'"{text}"'


def main() -> None:
    """Entry point of the process, which becomes PostgreSQL."""
    root, initdb, postgres = sys.argv[1:]
    layout = Layout(root=Path(root))
    namespace.become_somebody()
    prepare(layout, initdb, postgres)
    os.execv(postgres, [postgres, "-D", str(layout.postgresql)])  # noqa: S606 - without a shell is the purpose


if __name__ == "__main__":
    main()
