"""SQLite's checkpoints beside the commits, not in them.

Left to itself SQLite copies its log into the database within a commit, each time the log has a thousand pages: hundreds
of milliseconds where a database is large and judged all over, for whoever waits to be told "saved". A thread does it
instead, soon after commits. A passive checkpoint waits for no reader or writer and locks none out
(sqlite.org/pragma.html#pragma_wal_checkpoint), but both use one disk. It does not shorten the file: once all of the log
is copied and nobody reads from it, the next commit begins at its start again. The engine's own limit
(label_store/engine.py), for when this falls behind, is far away.
"""

import logging
import threading

from sqlalchemy import Engine

EVERY = 1.0
"""Seconds between two looks at the log."""
log = logging.getLogger("cairn.checkpoints")


class Checkpoints:
    """A thread that copies the write-ahead log into the database whenever something was committed, once a second."""

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
