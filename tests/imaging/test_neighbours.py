"""All pairs within r bits: exactly what comparing all with all finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import pairs_across, pairs_within
from imaging.neighbours import _plan, _unique_pairs_within

Hashes = NDArray[np.uint64]


def brute_force(hashes: Hashes, radius: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None, :])
    first, second = np.nonzero(np.triu(apart <= radius, 1))
    return np.stack([first, second], axis=1), apart[first, second]


def crowded(count: int, seed: int) -> Hashes:
    """Hashes of which half are others with a few bits changed, some with none."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, count, dtype=np.uint64)
    for at in range(count // 2):
        changed = int(hashes[random.integers(count)])
        for bit in random.integers(0, 64, random.integers(0, 12)):
            changed ^= 1 << int(bit)
        hashes[at] = changed
    return hashes


def assert_same(hashes: Hashes, radius: int) -> int:
    pairs, distances = pairs_within(hashes, radius)
    expected_pairs, expected_distances = brute_force(hashes, radius)
    assert np.array_equal(pairs, expected_pairs)
    assert np.array_equal(distances, expected_distances)
    assert pairs.dtype == np.dtype(np.int64)
    assert distances.dtype == np.dtype(np.uint8)
    return len(pairs)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(0, 24), st.integers(0, 2**32))
def test_the_pairs_are_those_of_brute_force(count: int, radius: int, seed: int) -> None:
    assert_same(crowded(count, seed), radius)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=30), st.integers(0, 64))
def test_any_hashes_and_any_radius(values: list[int], radius: int) -> None:
    assert_same(np.array(values, dtype=np.uint64), radius)


@pytest.mark.parametrize("radius", [1, 2, 4, 6, 8, 10])
def test_many_hashes_are_sorted_and_not_all_compared(radius: int) -> None:
    blocks, chosen = _plan(4000, radius)
    assert chosen > 0
    assert blocks - chosen >= radius
    assert assert_same(crowded(4000, radius), radius) > 100


@pytest.mark.parametrize("radius", [1, 4, 8])
def test_hashes_that_share_most_bits_are_searched_exactly(radius: int) -> None:
    low = np.unique(np.random.default_rng(1).integers(0, 2**14, 2000, dtype=np.uint64))
    assert assert_same(low << np.uint64(25), radius) > 1000


def test_each_pair_of_different_hashes_is_found_by_one_sort_only() -> None:
    hashes = np.unique(crowded(3000, 3))
    left, right, _ = _unique_pairs_within(hashes, 6)
    found = {frozenset(pair) for pair in zip(left.tolist(), right.tolist(), strict=True)}
    assert len(found) == len(left)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 24), st.integers(0, 2**32))
def test_pairs_across_two_sets_are_those_of_brute_force(n: int, m: int, radius: int, seed: int) -> None:
    together = crowded(n + m, seed)
    left, right = together[:n], together[n:]
    apart = np.bitwise_count(left[:, None] ^ right[None, :])
    first, second = np.nonzero(apart <= radius)
    pairs, distances = pairs_across(left, right, radius)
    assert np.array_equal(pairs, np.stack([first, second], axis=1))
    assert np.array_equal(distances, apart[first, second])


@pytest.mark.parametrize("radius", [0, 1, 4, 8])
def test_what_new_hashes_add_is_what_a_search_from_nothing_finds_more(radius: int) -> None:
    every = crowded(60_000, radius)
    known, new = every[:58_000], every[58_000:]
    across, _ = pairs_across(known, new, radius)
    within, _ = pairs_within(new, radius)
    before, _ = pairs_within(known, radius)
    grown = np.concatenate([before, across + np.array([0, 58_000]), within + 58_000])
    whole, _ = pairs_within(every, radius)
    assert np.array_equal(grown[np.lexsort((grown[:, 1], grown[:, 0]))], whole)
    assert len(whole) > len(before)


def test_a_bucket_that_shares_its_blocks_is_compared_in_bounded_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.neighbours._AT_ONCE", 100)
    left, right = crowded(500, 1), crowded(500, 2)
    right[:100] = left[:100]
    apart = np.bitwise_count(left[:, None] ^ right[None, :])
    assert np.array_equal(pairs_across(left, right, 4)[0], np.stack(np.nonzero(apart <= 4), axis=1))


def test_equal_hashes_are_pairs_at_distance_nought() -> None:
    pairs, distances = pairs_within(np.full(5, 77, dtype=np.uint64), 0)
    assert len(pairs) == 10
    assert distances.tolist() == [0] * 10
    assert pairs[0].tolist() == [0, 1]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_pair_gives_empty_arrays(count: int) -> None:
    pairs, distances = pairs_within(np.zeros(count, dtype=np.uint64), 4)
    assert pairs.shape == (0, 2)
    assert distances.shape == (0,)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="uint64"):
        pairs_within(np.zeros(3, dtype=np.int64), 4)
    with pytest.raises(ValueError, match="radius"):
        pairs_within(np.zeros(3, dtype=np.uint64), 65)
