"""Decoding and hashing in processes of their own: all cores, and a picture that crashes a decoder ends no run."""

import asyncio
import base64
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import imaging
from collector.errors import CollectError, FetchFailed
from collector.scans import too_many_scans
from label_store import Examined, examine

_GOOD = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
"""One grey pixel, as PNG."""
_start_lock = threading.Lock()


class Examiners:
    """A pool that runs `label_store.examine`; started with the first picture, so that an idle run costs nothing."""

    def __init__(self, processes: int, max_pixels: int) -> None:
        self._processes = processes
        self._max_pixels = max_pixels
        self._pool: Executor | None = None
        self._starting = asyncio.Lock()
        self._suspects = asyncio.Lock()

    async def examine(self, data: bytes) -> Examined:
        """The facts of a picture; raises FetchFailed with not_image, undecodable or too_large."""
        if why := await asyncio.to_thread(too_many_scans, data):
            raise FetchFailed("undecodable", why)
        try:
            for _ in range(2):
                pool = await self._running()
                try:
                    return await self._in(pool, data)
                except BrokenProcessPool:
                    # All pictures in work lose their process when one crashes it; another try tells them apart.
                    if self._pool is pool:
                        self._pool = None
            return await self._alone(data)
        except imaging.ImageError as error:
            raise FetchFailed(error.reason, str(error)) from error

    async def _alone(self, data: bytes) -> Examined:
        """A picture in a process of its own."""
        async with self._suspects:
            pool = await asyncio.to_thread(_started, 1)
            try:
                return await self._in(pool, data)
            except BrokenProcessPool as error:
                raise FetchFailed("undecodable", "the decoder crashed on it") from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    async def _in(self, pool: Executor, data: bytes) -> Examined:
        return await asyncio.get_running_loop().run_in_executor(pool, examine, data, self._max_pixels)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _running(self) -> Executor:
        async with self._starting:
            if self._pool is None:
                if self._processes == 0:
                    self._pool = ThreadPoolExecutor(1, thread_name_prefix="examine")
                else:
                    # Seconds on a busy machine, in which the event loop has deadlines to keep.
                    self._pool = await asyncio.to_thread(_started, self._processes)
            return self._pool


def _started(n: int) -> ProcessPoolExecutor:
    """A pool whose processes all run, shown by a picture that is known to be good."""
    # Not by fork: this process has threads, whose locks a fork would copy in whatever state they are.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["label_store.ingest"])
    pool = ProcessPoolExecutor(n, context, initializer=_prepare_worker)
    try:
        with _start_lock, _main_module_hidden():
            first = [pool.submit(examine, _GOOD) for _ in range(n)]
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

    `examine` needs nothing of it, it may take seconds to import, and a script without a main guard would start anew.
    """
    main = sys.modules["__main__"]
    kept: dict[str, object] = {name: vars(main)[name] for name in ("__spec__", "__file__") if name in vars(main)}
    try:
        main.__spec__ = None
        vars(main).pop("__file__", None)
        yield
    finally:
        vars(main).update(kept)


def _prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end when it ends, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
