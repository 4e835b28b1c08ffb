"""An epoch's order is a permutation that only the seed and the epoch decide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards import ShardError, epoch_order

small = st.integers(0, 500)


@given(small, st.integers(0, 2**70), st.integers(0, 10_000))
def test_epoch_order_is_a_permutation_and_repeats_itself(n: int, seed: int, epoch: int) -> None:
    order = epoch_order(n, seed, epoch)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))
    assert np.array_equal(order, epoch_order(n, seed, epoch))


def test_seeds_and_epochs_give_different_orders() -> None:
    orders = {tuple(epoch_order(100, seed, epoch).tolist()) for seed in range(10) for epoch in range(10)}
    assert len(orders) == 100


def test_the_order_never_moves_between_versions() -> None:
    assert epoch_order(10, seed=1, epoch=2).tolist() == [7, 1, 3, 0, 4, 8, 9, 2, 6, 5]


def test_every_place_is_equally_likely() -> None:
    n, epochs = 8, 4000
    counts = np.zeros((n, n))
    for epoch in range(epochs):
        counts[np.arange(n), epoch_order(n, 0, epoch)] += 1
    expected = epochs / n
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert chi2 < 100  # 49 degrees of freedom: beyond the 99.99th percentile only by a defect


def test_negative_arguments_are_errors_of_usage() -> None:
    with pytest.raises(ShardError, match="not negative"):
        epoch_order(3, -1, 0)
