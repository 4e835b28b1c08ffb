"""The order of an epoch: a permutation that depends on the seed and the epoch alone.

Random 64-bit keys are sorted, as Philox's raw stream is fixed for ever by NumPy (NEP 19) and
`Generator.permutation` is not. It does not know of workers or ranks, so any number of them sees the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shards.errors import ShardError


@dataclass(frozen=True)
class EpochOrder:
    """The rows of a split as an epoch reads them: int64 [N], and the windows that they are read in.

    `starts` int64 [W]: the position where each window begins; `shards`: the numbers of its tars.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    shards: tuple[tuple[int, ...], ...]

    def window_of(self, position: int) -> int:
        """The window that a position of the epoch lies in."""
        return int(np.searchsorted(self.starts, position, side="right")) - 1


def epoch_order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """A permutation int64 [n] of 0..n-1; the same (n, seed, epoch) gives the same one everywhere."""
    return np.argsort(_keys(n, [seed, epoch]), kind="stable").astype(np.int64)


def windowed_order(shard: NDArray[np.int32], seed: int, epoch: int, window: int) -> EpochOrder:
    """A shuffled epoch that needs `window` tars at a time: tars in random order, rows mixed inside each window.

    `shard` int32 [N] is the tar of each row. With a window of all tars it is `epoch_order`. Keys of a
    release are hashes, so that each tar is itself a random part of its split.
    """
    numbers = np.flatnonzero(np.bincount(shard)).astype(np.int32)
    turn = np.argsort(_keys(len(numbers), [seed, epoch, 1]), kind="stable")
    place = np.empty(len(numbers), np.int64)
    place[turn] = np.arange(len(numbers)) // _at_least_one(window)
    table = np.zeros(int(numbers[-1]) + 1 if len(numbers) else 0, np.int64)
    table[numbers] = place
    by_key = epoch_order(len(shard), seed, epoch)
    window_of = table[shard][by_key]
    # Stable, so that keys stay in order inside a window; sixteen bits are sorted by counting, much faster.
    narrow = window_of.astype(np.uint16) if len(numbers) <= 2**16 else window_of
    last = np.argsort(narrow, kind="stable")
    return _order(by_key[last], window_of[last], numbers[turn], window)


def sequential_order(shard: NDArray[np.int32], window: int) -> EpochOrder:
    """The rows as they lie, in windows of `window` tars."""
    numbers, place = np.unique(shard, return_inverse=True)
    return _order(np.arange(len(shard)), place // _at_least_one(window), numbers, window)


def _order(
    rows: NDArray[np.int64], window_of: NDArray[np.int64], numbers: NDArray[np.int32], window: int
) -> EpochOrder:
    groups = tuple(tuple(numbers[i : i + window].tolist()) for i in range(0, len(numbers), window))
    starts = np.searchsorted(window_of, np.arange(len(groups)))
    return EpochOrder(rows, starts.astype(np.int64), groups)


def _keys(n: int, entropy: list[int]) -> NDArray[np.uint64]:
    if n < 0 or min(entropy) < 0:
        raise ShardError(f"n, seed and epoch are not negative, but {n}, {entropy[:2]} were given", exit_code=2)
    return np.random.Philox(np.random.SeedSequence(entropy)).random_raw(n)


def _at_least_one(window: int) -> int:
    if window < 1:
        raise ShardError(f"a window of {window} tars holds nothing", hint="use 1 or more", exit_code=2)
    return window
