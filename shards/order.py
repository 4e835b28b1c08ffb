"""The order of an epoch: a permutation that depends on the seed and the epoch alone.

Random 64-bit keys are sorted, as Philox's raw stream is fixed for ever by NumPy (NEP 19) and
`Generator.permutation` is not. It does not know of workers or ranks, so any number of them sees the same.
"""

import numpy as np
from numpy.typing import NDArray

from shards.errors import ShardError


def epoch_order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """A permutation int64 [n] of 0..n-1; the same (n, seed, epoch) gives the same one everywhere."""
    if min(n, seed, epoch) < 0:
        raise ShardError(f"n, seed and epoch are not negative, but {n}, {seed}, {epoch} were given", exit_code=2)
    raw = np.random.Philox(np.random.SeedSequence([seed, epoch])).random_raw(n)
    return np.argsort(raw, kind="stable").astype(np.int64)
