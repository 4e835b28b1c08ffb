"""Decoding and hashing in processes of their own: all cores, and a picture that crashes a decoder ends no run."""

import asyncio
import base64
import multiprocessing
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import imaging
from collector.errors import CollectError, FetchFailed
from imaging.worker import begin_work
from label_store import Examined, examined

_GOOD = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
"""One grey pixel, as PNG."""
_BATCH = 16
_BATCH_BYTES = 4 * 2**20
"""Pictures that wait travel to a process together: the way there costs as much for one as for sixteen."""
_AHEAD = 2
"""Batches on their way for each process, so that none waits for its next one."""
_start_lock = threading.Lock()


@dataclass(frozen=True)
class _Waiting:
    """One picture on its way through a decoder."""

    data: bytes
    result: "asyncio.Future[imaging.Description]"
    alone: bool = False
    """It was in a batch that lost its process, and goes by itself."""


class Examiners:
    """A pool that runs `imaging.describe_all`; started with the first picture, so that an idle run costs nothing."""

    def __init__(self, processes: int, max_pixels: int, keep_location: bool = False) -> None:
        self._processes = processes
        self._max_pixels, self._keep_location = max_pixels, keep_location
        self._pool: Executor | None = None
        self._starting = asyncio.Lock()
        self._suspects = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._carriers: set[asyncio.Task[None]] = set()

    async def examine(self, data: bytes) -> Examined:
        """The facts of a picture; raises FetchFailed with not_image, undecodable or too_large."""
        one = _Waiting(data, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self._carry()
        try:
            return examined(await one.result, self._keep_location)
        except imaging.ImageError as error:
            raise FetchFailed(error.reason, str(error)) from error

    def close(self) -> None:
        """End the processes."""
        for task in self._carriers:
            task.cancel()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _carry(self) -> None:
        if len(self._carriers) < max(self._processes, 1) * _AHEAD:
            self._carriers.add(asyncio.create_task(self._carrier()))

    async def _carrier(self) -> None:
        """Take what waits to a process, until nothing waits."""
        try:
            while batch := self._next_batch():
                try:
                    await self._through_pool(batch)
                except Exception as error:  # whoever waits for a picture must hear of it
                    for one in batch:
                        if not one.result.done():
                            one.result.set_exception(error)
        finally:
            # Here and not when the task is done: a picture that comes in between would find every carrier taken
            # and none of them looking.
            self._carriers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < _BATCH and size < _BATCH_BYTES:
            one = self._waiting.popleft()
            if one.result.done():  # nobody waits for it any more
                continue
            batch.append(one)
            size += len(one.data)
            if one.alone or (self._waiting and self._waiting[0].alone):
                break
        return batch

    async def _through_pool(self, batch: list[_Waiting]) -> None:
        pool = await self._running()
        try:
            _hand_out(batch, await self._in(pool, batch))
        except BrokenProcessPool:
            # All pictures in work lose their process when one crashes it; one by one tells them apart.
            if self._pool is pool:
                self._pool = None
            if len(batch) == 1 and batch[0].alone:
                await self._in_own_process(batch[0])
            else:
                self._waiting.extend(_Waiting(one.data, one.result, alone=True) for one in batch)

    async def _in_own_process(self, one: _Waiting) -> None:
        """A picture in a pool that no other picture can break."""
        async with self._suspects:
            pool = await asyncio.to_thread(_started, 1)
            try:
                _hand_out([one], await self._in(pool, [one]))
            except BrokenProcessPool:
                one.result.set_exception(FetchFailed("undecodable", "the decoder crashed on it"))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    async def _in(self, pool: Executor, batch: list[_Waiting]) -> list[imaging.Description | imaging.ImageError]:
        pictures = [one.data for one in batch]
        return await asyncio.get_running_loop().run_in_executor(pool, imaging.describe_all, pictures, self._max_pixels)

    async def _running(self) -> Executor:
        async with self._starting:
            if self._pool is None:
                if self._processes == 0:
                    self._pool = ThreadPoolExecutor(1, thread_name_prefix="examine")
                else:
                    # Seconds on a busy machine, in which the event loop has deadlines to keep.
                    self._pool = await asyncio.to_thread(_started, self._processes)
            return self._pool


def _hand_out(batch: list[_Waiting], found: list[imaging.Description | imaging.ImageError]) -> None:
    for one, result in zip(batch, found, strict=True):
        if one.result.done():
            continue
        if isinstance(result, imaging.ImageError):
            one.result.set_exception(result)
        else:
            one.result.set_result(result)


def _started(n: int) -> ProcessPoolExecutor:
    """A pool whose processes all run, shown by a picture that is known to be good."""
    # Not by fork: this process has threads, whose locks a fork would copy in whatever state they are.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["imaging"])  # and nothing above it: no database, no network
    pool = ProcessPoolExecutor(n, context, initializer=begin_work)
    try:
        with _start_lock, _main_module_hidden():
            first = [pool.submit(imaging.describe_all, [_GOOD], 1) for _ in range(n)]
        for future in first:
            future.result()
    except BrokenProcessPool as error:
        raise CollectError(
            "the processes that decode pictures do not start or are killed",
            hint="check the memory left, or run with --processes 0",
        ) from error
    return pool


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep multiprocessing from running the program's main module in each worker.

    `describe_all` needs nothing of it, it may take seconds to import, and a script without a guard would start anew.
    """
    main = sys.modules["__main__"]
    kept: dict[str, object] = {name: vars(main)[name] for name in ("__spec__", "__file__") if name in vars(main)}
    try:
        main.__spec__ = None
        vars(main).pop("__file__", None)
        yield
    finally:
        vars(main).update(kept)
