"""SQLite's checkpoints beside the commits, not in them.

Whoever commits the thousandth page of the log would copy it all into the database before being told "saved": hundreds
of milliseconds where a database is large and judged all over. A thread copies instead; a passive checkpoint waits for
nobody and makes nobody wait (sqlite.org/wal.html#ckpt). The engine's own limit stays as a backstop, far away.
"""

import logging
import threading

from sqlalchemy import Engine

EVERY = 1.0
"""Seconds between two looks at the log."""
log = logging.getLogger("cairn.checkpoints")


class Checkpoints:
    """A thread that keeps the write-ahead log short."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._written = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch, name="checkpoints", daemon=True)
        self._thread.start()

    def written(self) -> None:
        """Say that something was committed."""
        self._written.set()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._written.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _watch(self) -> None:
        while not self._stopping.wait(EVERY):
            self._written.wait()
            self._written.clear()
            if self._stopping.is_set():
                return
            try:
                self._copy()
            except Exception:  # the log only grows until the next time
                log.exception("the write-ahead log could not be copied")

    def _copy(self) -> None:
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            connection.close()
