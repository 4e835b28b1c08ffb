"""One commit to disk for many requests: whoever has the write lock also does the work of those who wait for it.

SQLite lets one writer in at a time, and a durable commit takes milliseconds of the disk. Requests that arrive
meanwhile are done together in the next transaction. PostgreSQL does the same by itself.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from label_store import Workspace

T = TypeVar("T")
Job = Callable[[Session], Any]
MOST = 32
"""Jobs of one transaction, so that nobody waits long for a long one to end."""


class GroupCommit:
    """Runs jobs in write transactions. A job must do nothing but database work: it may be run twice."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._alone = threading.Lock()
        self._waiting: deque[tuple[Job, Future[Any]]] = deque()

    @property
    def lock(self) -> threading.Lock:
        """Held while a transaction is open; for writers that cannot be run twice."""
        return self._alone

    def run(self, job: Callable[[Session], T]) -> T:
        """What the job returns, once it is on disk; what it raises, with nothing of it kept."""
        done: Future[T] = Future()
        self._waiting.append((job, done))
        with self._alone:
            while not done.done():
                self._commit([self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))])
        return done.result()

    def _commit(self, jobs: list[tuple[Job, Future[Any]]]) -> None:
        try:
            results = []
            with self._workspace.write() as session:
                for job, _ in jobs:
                    results.append(job(session))
                    session.flush()
                    session.expunge_all()  # the next job sees the database, not what this one remembers
        except BaseException as error:  # told to the one whose job it was
            if len(jobs) == 1:
                jobs[0][1].set_exception(error)
            else:  # somebody's job failed, and took back what the others did: each again by itself
                for alone in jobs:
                    self._commit([alone])
        else:
            for (_, done), result in zip(jobs, results, strict=True):
                done.set_result(result)
