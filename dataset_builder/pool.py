"""Runs a pure function over partitions, here or in worker processes; results come in the order of the partitions.

The seam behind which another engine may stand: partitions in, results out.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import TypeVar

Partition = TypeVar("Partition")
Outcome = TypeVar("Outcome")


def map_partitions(
    function: Callable[[Partition], Outcome], partitions: Sequence[Partition], workers: int
) -> Iterator[Outcome]:
    """`function` of each partition, in order; both must be picklable when there is more than one worker."""
    if workers <= 1 or len(partitions) <= 1:
        yield from map(function, partitions)
        return
    # Not a fork of this process: that would copy database connections and locks that other threads hold.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dataset_builder"])
    processes = min(workers, len(partitions))
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent) as pool:
        waiting: list[Future[Outcome]] = []
        try:
            for partition in partitions:
                waiting.append(pool.submit(function, partition))
                if len(waiting) >= 4 * workers:  # bounds what is finished and not yet taken
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever; this ends it."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
