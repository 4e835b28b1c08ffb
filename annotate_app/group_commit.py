"""One commit to disk for many requests: one thread does the jobs that wait, up to `MOST` in one transaction.

For SQLite, which lets one writer in at a time, and whose durable commit takes milliseconds of the disk: jobs that
arrive meanwhile are done together in the next transaction. One thread that writes also leaves the interpreter to the
one that answers; a dozen that take turns spend half of it on the turns. PostgreSQL lets many in, each in a transaction
of its own.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from label_store import Workspace

T = TypeVar("T")
Job = Callable[[Session], Any]
MOST = 32
"""Jobs of one transaction, so that nobody waits long for a long one to end."""


class GroupCommit:
    """Runs jobs in write transactions, in the order in which they came.

    A job must do nothing but database work, because it may be run twice: where another job of its transaction fails,
    all are rolled back and each is done again by itself. An exception of the class `harmless` rolls nothing back, so it
    must be raised before the job changes anything.
    """

    def __init__(self, workspace: Workspace, harmless: type[Exception]) -> None:
        self._workspace = workspace
        self._harmless = harmless
        self._alone = threading.Lock()
        self._waiting: SimpleQueue[tuple[Job, Future[Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def lock(self) -> threading.Lock:
        """Held while a transaction is open; for writers that cannot be run twice."""
        return self._alone

    def submit(self, job: Callable[[Session], T]) -> "Future[T]":
        """Will hold what the job returns, once it is on disk; or what it raised, with nothing of it kept."""
        done: Future[T] = Future()
        self._waiting.put((job, done))
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="group-commit", daemon=True)
                    self._thread.start()
        return done

    def run(self, job: Callable[[Session], T]) -> T:
        """The same, waited for."""
        return self.submit(job).result()

    def close(self) -> None:
        """Finish what waits and end the thread."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join(timeout=30)

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            jobs, last = [first], False
            try:
                while len(jobs) < MOST and not last:
                    more = self._waiting.get_nowait()
                    last = more is None
                    jobs += [more] if more is not None else []
            except Empty:
                pass
            with self._alone:
                self._commit([entry for entry in jobs if entry[1].set_running_or_notify_cancel()])
            if last:
                return

    def _commit(self, jobs: list[tuple[Job, Future[Any]]]) -> None:
        results: list[tuple[Any, Exception | None]] = []
        try:
            with self._workspace.write() as session:
                for job, _ in jobs:
                    try:
                        results.append((job(session), None))
                    except self._harmless as error:
                        results.append((None, error))
                    session.flush()
                    session.expunge_all()  # the next job sees the database, not what this one remembers
        except BaseException as error:  # told to the one whose job it was
            if len(jobs) == 1:
                jobs[0][1].set_exception(error)
            else:  # somebody's job failed, and took back what the others did: each again by itself
                for alone in jobs:
                    self._commit([alone])
        else:
            for (_, done), (result, harmless) in zip(jobs, results, strict=True):
                if harmless is None:
                    done.set_result(result)
                else:
                    done.set_exception(harmless)
