"""What the databases themselves say when they cannot be written, told with the next step."""

import sqlite3

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from label_store import CairnError, CategorySpec, StoreBusy, StoreFull, Workspace, put_category


def add(workspace: Workspace, before: str = "") -> None:
    with workspace.write() as session:
        if before:
            session.execute(text(before))
        put_category(session, CategorySpec(name="car"))


def test_a_database_that_may_only_be_read_is_named(any_workspace: Workspace) -> None:
    lite = any_workspace.sqlite_file is not None
    with pytest.raises(CairnError, match="may only be read") as told:
        add(any_workspace, "PRAGMA query_only = ON" if lite else "SET TRANSACTION READ ONLY")
    assert "writable" in told.value.hint


def test_a_lock_that_is_not_given_up_says_to_wait(workspace: Workspace) -> None:
    assert workspace.sqlite_file
    other = sqlite3.connect(workspace.sqlite_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with workspace.engine.connect() as connection:  # the pool's one connection, made impatient
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    with pytest.raises(StoreBusy, match="locked by another process") as told:
        add(workspace)
    other.close()
    assert "wait" in told.value.hint
    add(workspace)


@pytest.mark.postgres
def test_a_lock_of_postgresql_that_is_not_given_up_says_to_wait(postgres_database: str, tmp_path) -> None:
    workspace = Workspace.init(tmp_path / "w", database_url=postgres_database)
    with workspace.engine.begin() as other:
        other.execute(text("LOCK TABLE categories IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(StoreBusy, match="locked"):
            add(workspace, "SET LOCAL lock_timeout = '50ms'")
    workspace.close()


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("state", "kind", "says"),
    [
        ("53100", StoreFull, "is full"),
        ("53300", StoreBusy, "no more work"),
        ("57P01", StoreBusy, "cannot be opened"),
        ("58030", CairnError, "cannot be read or written"),
    ],
)
def test_states_of_postgresql_are_told(postgres_database: str, tmp_path, state: str, kind: type, says: str) -> None:
    """PostgreSQL raises these itself when its disk, its connections or its server end; here it is asked to."""
    workspace = Workspace.init(tmp_path / "w", database_url=postgres_database)
    raise_it = f"DO $$ BEGIN RAISE EXCEPTION 'it ends' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(kind, match=says) as told:
        add(workspace, raise_it)
    assert told.value.hint
    workspace.close()


def test_an_error_of_ours_stays_what_it_is(any_workspace: Workspace) -> None:
    with pytest.raises(IntegrityError):
        add(any_workspace, "INSERT INTO campaigns (slug) VALUES ('the connection failed')")
    if any_workspace.sqlite_file is None:  # SQLite has no such class
        with pytest.raises(ProgrammingError):
            add(any_workspace, "SELECT no_such_column FROM campaigns")
