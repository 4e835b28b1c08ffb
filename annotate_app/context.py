"""What every route works with: the workspace, the clock, the dice, the counters. One per app."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from annotate_app.checkpoints import Checkpoints
from annotate_app.deck import Decks
from annotate_app.group_commit import GroupCommit
from annotate_app.kept_figures import KeptFigures
from annotate_app.live import LiveConsensus
from annotate_app.metrics import Metrics
from annotate_app.pictures import Pictures
from annotate_app.problems import Problem
from annotate_app.review_queue import ReviewQueue
from label_store import Workspace

Clock = Callable[[], datetime]
T = TypeVar("T")


class AppContext:
    """The state of one running app."""

    def __init__(self, workspace: Workspace, clock: Clock, seed: int | None) -> None:
        self.workspace = workspace
        self.clock = clock
        self.random = random.Random(seed)
        self.metrics = Metrics()
        self.pictures = Pictures(workspace)
        self.live = LiveConsensus(workspace)
        self.figures = KeptFigures(self)
        self.decks = Decks()
        self.review_queue = ReviewQueue()
        self._last_done: dict[str, datetime] = {}
        # SQLite lets one writer in and the others poll; queueing our own threads here is fair and quicker.
        self._together = GroupCommit(workspace, harmless=Problem) if workspace.sqlite_file else None
        self._checkpoints = Checkpoints(workspace.engine) if workspace.sqlite_file else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state."""
        with self.workspace.read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are on disk when the block ends."""
        if self._together is None:
            with self.workspace.write() as session:
                yield session
            return
        with self._together.lock, self.workspace.write() as session:
            yield session
        self._committed()

    def due(self, what: str, at: datetime, every: timedelta) -> bool:
        """Whether something that is done now and then is to be done now; once said, it counts as done."""
        last = self._last_done.get(what)
        if last is not None and at - last < every:
            return False
        self._last_done[what] = at
        return True

    def transact(self, job: Callable[[Session], T]) -> T:
        """What `job` returns, once its changes are on disk: for what many people do at once.

        On SQLite several jobs share a transaction, and a job may be run a second time after a rollback, so it
        must change nothing but the database, and raise a Problem only before it has changed that.
        """
        if self._together is not None:
            try:
                return self._together.run(job)
            finally:
                self._committed()
        with self.workspace.write() as session:
            return job(session)

    async def in_turn(self, job: Callable[[Session], T]) -> T:
        """As `transact`, for a coroutine. On SQLite no thread waits with it, so that the one that writes is quick."""
        if self._together is not None:
            try:
                return await asyncio.wrap_future(self._together.submit(job))
            finally:
                self._committed()
        return await run_in_threadpool(self.transact, job)

    def _committed(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.written()

    def start(self) -> None:
        """Begin what goes on beside the requests."""
        self.live.start()
        self.figures.begin()
        if self._checkpoints is not None:
            self._checkpoints.start()

    def close(self) -> None:
        """End the threads of the app."""
        self.live.stop()
        if self._checkpoints is not None:
            self._checkpoints.stop()
        if self._together is not None:
            self._together.close()


async def _context(request: Request) -> AppContext:  # async: a plain function would cost a change of threads
    context = request.app.state.context
    assert isinstance(context, AppContext)
    return context


Context = Annotated[AppContext, Depends(_context)]
