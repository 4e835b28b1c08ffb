"""Database engines: SQLite in WAL mode that fsyncs every commit, or PostgreSQL, behind one pair of sessions."""

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from label_store.errors import UsageError

_LONGEST_LOG = 16_000
"""Pages of 4 kB in SQLite's write-ahead log before a commit copies them into the database. The app copies beside its
commits (annotate_app/checkpoints.py), so that none of them has to."""


def make_engine(parsed: URL) -> Engine:
    """An engine for `sqlite:///…` or `postgresql+psycopg://…` (plain `postgresql://` is taken as that)."""
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": 30, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20)
    raise UsageError(
        f"database_url {parsed.render_as_string(hide_password=True)!r}: only SQLite and PostgreSQL are supported",
        hint="use sqlite:///labels.db or postgresql://user@host/name",
    )


def parse_url(url: str) -> URL:
    """The parts of a database URL; UsageError where it is none."""
    try:
        return make_url(url)
    except ArgumentError as error:
        raise UsageError(
            f"database_url {url!r} is not a database URL",
            hint="use sqlite:///labels.db or postgresql://user@host/name",
        ) from error


def for_reading(engine: Engine) -> Engine:
    """The same engine and pool, whose transactions see one state of the database from their first statement on.

    SQLite's WAL readers do; PostgreSQL's do under REPEATABLE READ, not under its default.
    """
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ")
    return engine


def for_writing(engine: Engine) -> Engine:
    """The same engine and pool, whose SQLite transactions take the write lock when they begin.

    A transaction that reads first and writes later can meet "database is locked" that no timeout
    mends, because its snapshot is stale (sqlite.org/isolation.html); BEGIN IMMEDIATE waits instead.
    """
    return engine.execution_options(cairn_immediate=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we emit BEGIN ourselves; pysqlite's own is too late and deferred
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit that was told survives power loss
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("cairn_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
