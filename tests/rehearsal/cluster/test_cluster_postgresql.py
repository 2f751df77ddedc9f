"""What PostgreSQL is told before it starts."""

from pathlib import Path

import pytest

from rehearsal.cluster import prepare
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.postgresql import ACCESS, Database, settings, statements

WANTED = Database(name="english_training", user="site", password="it's \\ secret")


def test_the_first_time_role_and_database_are_made() -> None:
    assert statements(WANTED, known='1: x = "role:postgres"').splitlines() == [
        'CREATE ROLE "site";',
        """ALTER ROLE "site" LOGIN PASSWORD 'it''s \\ secret';""",
        'CREATE DATABASE "english_training" OWNER "site";',
    ]


def test_what_is_there_only_gets_its_password() -> None:
    known = ' 1: ?column? = ""role:site""\n 1: ?column? = ""database:english_training""\n'
    assert statements(WANTED, known).splitlines() == ["""ALTER ROLE "site" LOGIN PASSWORD 'it''s \\ secret';"""]


@pytest.mark.parametrize("name", ['x"; DROP ROLE postgres; --', "", "1st", "a b", "a" * 64, "x\n"])
def test_a_name_that_needs_thought_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name for a role or a database"):
        statements(Database(name="english_training", user=name, password="p"), "")


@pytest.mark.parametrize("password", ["a\nb", "a\0b"])
def test_a_password_that_would_end_the_statement_is_refused_without_being_shown(password: str) -> None:
    with pytest.raises(ValueError, match=r"^the password of the database has a line break in it$"):
        statements(Database(name="english_training", user="site", password=password), "")


def test_nobody_connects_in_the_clear_or_without_a_password() -> None:
    assert ACCESS.split() == ["hostssl", "all", "all", "all", "scram-sha-256"]


def test_it_listens_where_the_network_policies_let_the_application_go_and_logs_no_statement() -> None:
    lines = settings(Layout(root=Path("/check'out"))).splitlines()
    assert "listen_addresses = '10.20.0.10'" in lines
    assert "unix_socket_directories = ''" in lines
    assert "ssl = 'on'" in lines
    assert "ssl_key_file = '/check''out/pki/postgresql.key'" in lines
    assert "log_min_error_statement = 'panic'" in lines


def test_without_a_wish_the_password_is_random_and_stays(tmp_path: Path) -> None:
    layout, other = Layout(root=tmp_path / "one"), Layout(root=tmp_path / "other")
    assert prepare.database(layout, None) is True
    chosen = Database.read(layout)
    assert prepare.database(layout, None) is False
    assert Database.read(layout) == chosen
    prepare.database(other, None)
    assert chosen is not None
    assert len(chosen.password) > 30
    assert chosen != Database.read(other)


def test_another_wish_is_a_change_and_is_kept_from_others(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    prepare.database(layout, None)
    assert prepare.database(layout, WANTED) is True
    assert prepare.database(layout, WANTED) is False
    assert prepare.database(layout, None) is False
    assert Database.read(layout) == WANTED
    assert layout.database.stat().st_mode & 0o077 == 0
    assert "secret" not in repr(WANTED)
