"""Where partitions are worked on: processes of this machine, or Ray. An engine takes a pure function and partitions
and gives the results in the order of the partitions; it knows nothing of releases.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from dataset_builder.pool import map_partitions
from label_store import UsageError

ENGINES = ("local", "ray")

Partition = TypeVar("Partition")
Outcome = TypeVar("Outcome")


class Engine(Protocol):
    """`function` of each partition, in the order of the partitions; both must be picklable."""

    def __call__(
        self, function: Callable[[Partition], Outcome], partitions: Sequence[Partition], /
    ) -> Iterator[Outcome]:
        """The results, each as soon as it and all before it are there."""
        ...


def engine_named(name: str, workers: int) -> Engine:
    """The engine of this name; UsageError for another name, or where its package is not installed.

    `workers` are the processes of `local`; Ray has its own number of them.
    """
    if name == "local":
        return partial(map_partitions, workers=workers)
    if name == "ray":
        return partial(_by_ray, _ray())
    raise UsageError(f"there is no engine {name!r}", hint=f"the engines are {', '.join(ENGINES)}")


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "the engine ray is not installed", hint="pip install 'cairn-dataset[scale]', or --engine local"
        ) from error
    return ray


def _by_ray(
    ray: Any, function: Callable[[Partition], Outcome], partitions: Sequence[Partition], /
) -> Iterator[Outcome]:
    """A task a partition on the cluster of RAY_ADDRESS, else on this machine; a task whose node died runs again."""
    mine = not ray.is_initialized()
    if mine:
        ray.init(address=os.environ.get("RAY_ADDRESS"), log_to_driver=False, include_dashboard=False)
    try:
        task = ray.remote(function)
        most = max(4, 2 * int(ray.cluster_resources().get("CPU", 1)))  # bounds what is finished and not yet taken
        waiting: list[Any] = []
        for part in partitions:
            waiting.append(task.remote(part))
            if len(waiting) >= most:
                yield ray.get(waiting.pop(0))
        while waiting:
            yield ray.get(waiting.pop(0))
    finally:
        if mine:
            ray.shutdown()
