"""A `Stream` for PyTorch: worker processes, DDP ranks, batches in one order, exact state. Imports torch.

A `Split` is a map-style dataset by itself: `DataLoader(split, sampler=..., collate_fn=...)`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from shards.errors import ShardError
from shards.reader import Sample, Split
from shards.stream import DEFAULT_WINDOW, ReadAhead, Stream


class ShardBatches(IterableDataset):
    """Batches of the rest of an epoch; of W workers, worker w makes every W-th, which `DataLoader` puts in order."""

    def __init__(
        self, stream: Stream, batch_size: int, transform: Callable[[Sample], Any], collate: Callable[..., Any]
    ) -> None:
        self.stream = stream
        self.batch_size = batch_size
        self.transform = transform
        self.collate = collate
        # Shared, so that workers that live longer than an epoch see where the next one begins.
        self._start = torch.zeros(2, dtype=torch.int64).share_memory_()

    def begin(self, epoch: int, position: int) -> None:
        """Where the next `iter` starts, in every process."""
        self._start[0], self._start[1] = epoch, position

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        stream = self.stream
        stream.epoch, start = (int(value) for value in self._start)
        order, split = stream.order(), stream.split
        positions = range(start + stream.rank, stream.end, stream.ranks)
        with ReadAhead(split, order) as ahead:
            for begin in range(first * self.batch_size, len(positions), step * self.batch_size):
                made = []
                for position in positions[begin : begin + self.batch_size]:
                    ahead.reached(position)
                    made.append(self.transform(split.read(int(order.rows[position]), whole=True)))
                yield self.collate(made)


class ShardLoader:
    """Iterating gives the rest of an epoch in batches of `batch_size` for this rank, then one more epoch each time.

    `transform` makes a tensor (or a tuple of values) of a `Sample`, in the workers; `collate` a batch of
    those. Rank and ranks are torch.distributed's when it is running. Batches are the same with any number
    of workers; all ranks together take the same samples at each step with any number of ranks, if ranks x
    batch_size stays the same. Ranks end together: up to ranks - 1 samples of an epoch are dropped for that.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        transform: Callable[[Sample], Any],
        *,
        shuffle: bool = True,
        seed: int = 0,
        window: int = DEFAULT_WINDOW,
        rank: int | None = None,
        ranks: int | None = None,
        workers: int = 0,
        collate: Callable[[Sequence[Any]], Any] | None = None,
        **options: Any,
    ) -> None:
        if batch_size < 1:
            raise ShardError(f"a batch of {batch_size} samples holds nothing", hint="use 1 or more", exit_code=2)
        if rank is None or ranks is None:
            distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
            rank = torch.distributed.get_rank() if distributed else 0
            ranks = torch.distributed.get_world_size() if distributed else 1
        self.stream = Stream(split, shuffle=shuffle, seed=seed, window=window, rank=rank, ranks=ranks, even=ranks > 1)
        self.batch_size = batch_size
        self._batches = ShardBatches(self.stream, batch_size, transform, collate or torch.utils.data.default_collate)
        if workers:
            options = {"persistent_workers": True} | options
            if split.storage.remote:
                # A bucket's client has threads, which a fork does not copy.
                options = {"multiprocessing_context": "forkserver"} | options
        self._loader: DataLoader[Any] = DataLoader(self._batches, batch_size=None, num_workers=workers, **options)

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return -(-len(self.stream) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        stream = self.stream
        self._batches.begin(stream.epoch, stream.position)
        # Without workers the batches are made from this very stream, so its state is only moved here.
        for batch in self._loader:
            stream.position = min(stream.position + self.batch_size * stream.ranks, stream.end)
            yield batch
        stream.next_epoch()

    def set_epoch(self, epoch: int) -> None:
        """Begin at the start of this epoch."""
        self.stream.epoch, self.stream.position = epoch, 0

    def state_dict(self) -> dict[str, Any]:
        """The state after the last batch that was handed over, whatever workers have made beyond it."""
        return self.stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after the last batch handed over before `state_dict`. ShardError if this loader shuffles otherwise."""
        own = self.stream.state_dict()
        if other := [name for name in ("shuffle", "seed", "window") if state[name] != own[name]]:
            raise ShardError(
                f"the state was taken with {other[0]} = {state[other[0]]}, this loader has {own[other[0]]}",
                hint="make the loader with the same shuffle, seed and window",
                exit_code=2,
            )
        self.stream.load_state_dict(state)
