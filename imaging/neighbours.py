"""All pairs of 64-bit hashes within r bits, exactly, without comparing all with all.

Cut 64 bits into m blocks. Two hashes that differ in at most r bits differ in at most r blocks, so they are
equal in m - r others at least. Sort on every choice of t = m - r blocks and compare only inside equal
keys: nothing is missed (Manku, Jain, Das Sarma, "Detecting near-duplicates for web crawling", WWW 2007,
section 3). m is chosen by what sorting and comparing would cost for this many hashes.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from math import comb, log2

import numpy as np
from numpy.typing import NDArray

Pairs = tuple[NDArray[np.int64], NDArray[np.uint8]]
Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]
"""Left, right, bits between."""

_BITS = 64
# Cost of handling one hash in one sort, in comparisons of one pair (measured: 60 ns against 8 ns).
_SORT_COST = 8.0
# With fewer hashes than these, threads cost more than they save.
_MANY = 50_000
# Comparisons of `pairs_across` that are laid out at once.
_AT_ONCE = 1 << 22


def pairs_within(hashes: NDArray[np.uint64], radius: int) -> Pairs:
    """Every pair of hashes that differ in at most `radius` bits.

    `hashes` uint64 [N] -> (`pairs` int64 [M, 2], i < j, sorted by i then j; `distances` uint8 [M]).
    Equal hashes are pairs too: k equal ones give k (k - 1) / 2 rows. Raises `ValueError` for another
    shape or dtype, or a radius outside 0-64.
    """
    _refuse_wrong(hashes, radius)
    # Equal hashes collapse first: a thousand copies of one logo would be half a million comparisons in
    # each of the sorts.
    unique, members, starts, counts = _collapsed(hashes)
    left, right, distances = _unique_pairs_within(unique, radius)
    every_left, every_right, which = _expand(left, right, (starts, counts), (starts, counts))
    same = np.flatnonzero(counts > 1)
    own_left, own_right, _ = _expand(same, same, (starts, counts), (starts, counts))
    pairs = np.stack(
        [
            members[np.concatenate([every_left, own_left[own_left < own_right]])],
            members[np.concatenate([every_right, own_right[own_left < own_right]])],
        ],
        axis=1,
    ).astype(np.int64, copy=False)
    pairs.sort(axis=1)
    apart = np.zeros(len(pairs), dtype=np.uint8)
    apart[: len(which)] = distances[which]
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], apart[order]


def pairs_across(left: NDArray[np.uint64], right: NDArray[np.uint64], radius: int) -> Pairs:
    """Every pair of one of `left` and one of `right` that differ in at most `radius` bits.

    uint64 [N] and [M] -> (`pairs` int64 [P, 2], a row of `left` and one of `right`, sorted; `distances` uint8 [P]).
    What ten thousand new hashes add to a million is `pairs_across(known, new)` and `pairs_within(new)`.
    """
    _refuse_wrong(left, radius)
    _refuse_wrong(right, radius)
    unique_left, members_left, *of_left = _collapsed(left)
    unique_right, members_right, *of_right = _collapsed(right)
    if radius == 0:
        _, i, j = np.intersect1d(unique_left, unique_right, assume_unique=True, return_indices=True)
        distances = np.zeros(len(i), dtype=np.uint8)
    else:
        blocks, chosen = _plan(len(unique_left), radius, len(unique_right))
        edges = _edges(blocks)
        i, j, distances = _of_every_choice(
            lambda choice: _across_equal_blocks(unique_left, unique_right, radius, edges, choice),
            blocks, chosen, len(unique_left),
        )  # fmt: skip
    at_left, at_right, which = _expand(i, j, (of_left[0], of_left[1]), (of_right[0], of_right[1]))
    pairs = np.stack([members_left[at_left], members_right[at_right]], axis=1).astype(np.int64, copy=False)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], distances[which][order]


def _refuse_wrong(hashes: NDArray[np.uint64], radius: int) -> None:
    if hashes.ndim != 1 or hashes.dtype != np.uint64:
        raise ValueError(f"hashes are uint64 [N], not {hashes.dtype} {list(hashes.shape)}")
    if not 0 <= radius <= _BITS:
        raise ValueError(f"radius is 0 to {_BITS} bits, not {radius}")


def _collapsed(
    hashes: NDArray[np.uint64],
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each different hash once; all indices in its order; where each one's begin among them, and how many."""
    members = np.argsort(hashes, kind="stable")
    ordered = hashes[members]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(hashes) else members
    counts = np.diff(np.append(starts, len(hashes)))
    return ordered[starts], members, starts, counts


def _expand(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    of_left: tuple[NDArray[np.int64], NDArray[np.int64]],
    of_right: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each pair of different hashes into all pairs of their members: (left, right, which pair it was)."""
    (starts_left, counts_left), (starts_right, counts_right) = of_left, of_right
    sizes = counts_left[left] * counts_right[right]
    which = np.repeat(np.arange(len(left)), sizes)
    place = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    width = counts_right[right][which]
    return starts_left[left][which] + place // width, starts_right[right][which] + place % width, which


def _unique_pairs_within(hashes: NDArray[np.uint64], radius: int) -> Found:
    if len(hashes) < 2 or radius == 0:
        return _nothing()
    blocks, chosen = _plan(len(hashes), radius)
    edges = _edges(blocks)
    return _of_every_choice(
        lambda choice: _pairs_with_equal_blocks(hashes, radius, edges, choice), blocks, chosen, len(hashes)
    )


def _of_every_choice(one: Callable[[tuple[int, ...]], list[Found]], blocks: int, chosen: int, count: int) -> Found:
    """What each choice of blocks finds, in order; in threads, because sorts and comparisons leave Python's lock."""
    choices = combinations(range(blocks), chosen)
    if count < _MANY:
        found = [part for choice in choices for part in one(choice)]
    else:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            found = [part for parts in threads.map(one, choices) for part in parts]
    if not found:
        return _nothing()
    left, right, distances = (np.concatenate(part) for part in zip(*found, strict=True))
    return left, right, distances


def _nothing() -> Found:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint8)


def _edges(blocks: int) -> list[int]:
    return [_BITS * block // blocks for block in range(blocks + 1)]


def _plan(count: int, radius: int, others: int | None = None) -> tuple[int, int]:
    """(blocks to cut, blocks that a sort holds equal); (radius, 0) compares all with all, for few hashes."""
    index_bits = max(1, (count - 1).bit_length())
    compared = float(count) * (count / 2 if others is None else others)
    best = (compared, max(radius, 1), 0)
    for chosen in range(1, _BITS - radius + 1):
        blocks = radius + chosen
        key_bits = _BITS * chosen / blocks
        if key_bits + chosen + index_bits > _BITS:  # the key and the index share one integer; blocks round up
            break
        sorts = comb(blocks, chosen)
        sorting = _SORT_COST * (count + (others or 0)) * log2(max(count, 2)) / 20
        cost = sorts * (sorting + compared / 2**key_bits)
        if cost < best[0]:
            best = (cost, blocks, chosen)
    return best[1], best[2]


def _pairs_with_equal_blocks(
    hashes: NDArray[np.uint64], radius: int, edges: list[int], choice: tuple[int, ...]
) -> list[Found]:
    """Pairs within the radius that agree in the chosen blocks and in no earlier set of as many blocks."""
    keys, order = _sorted_by_key(hashes, edges, choice)
    ordered = hashes[order]
    found = []
    first = np.arange(len(hashes) - 1)
    apart = 1
    while len(first):
        first = first[keys[first] == keys[first + apart]]
        differing = ordered[first] ^ ordered[first + apart]
        distances = np.bitwise_count(differing)
        near = np.flatnonzero(distances <= radius)
        near = near[_is_first_choice(differing[near], edges, choice)]
        if len(near):
            at = first[near]
            found.append((order[at], order[at + apart], distances[near].astype(np.uint8, copy=False)))
        apart += 1
        first = first[first + apart < len(hashes)]
    return found


def _across_equal_blocks(
    left: NDArray[np.uint64], right: NDArray[np.uint64], radius: int, edges: list[int], choice: tuple[int, ...]
) -> list[Found]:
    """Pairs of one of each within the radius that agree in the chosen blocks and in no earlier set of as many."""
    keys, order = _sorted_by_key(left, edges, choice)
    wanted, of_wanted = _sorted_by_key(right, edges, choice)
    low, high = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
    ends = np.cumsum(high - low)
    found, done = [], 0
    while done < len(ends):
        # As many of the right as have so many to compare between them, one at least.
        before = ends[done - 1] if done else 0
        until = max(done + 1, int(np.searchsorted(ends, before + _AT_ONCE)))
        sizes = (high - low)[done:until]
        row = np.repeat(np.arange(done, until), sizes)
        place = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + low[row]
        i, j = order[place], of_wanted[row]
        differing = left[i] ^ right[j]
        distances = np.bitwise_count(differing)
        near = np.flatnonzero(distances <= radius)
        near = near[_is_first_choice(differing[near], edges, choice)]
        if len(near):
            found.append((i[near], j[near], distances[near].astype(np.uint8, copy=False)))
        done = until
    return found


def _sorted_by_key(
    hashes: NDArray[np.uint64], edges: list[int], choice: tuple[int, ...]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The chosen blocks of each hash as one number, in order, and which hash each is."""
    index_bits = np.uint64(max(1, (len(hashes) - 1).bit_length()))
    # Key above, index below: one plain sort of integers, several times faster than an argsort.
    keyed = np.zeros(len(hashes), dtype=np.uint64)
    for block in choice:
        keyed <<= np.uint64(edges[block + 1] - edges[block])
        keyed |= (hashes >> np.uint64(edges[block])) & _ones(edges[block + 1] - edges[block])
    keyed <<= index_bits
    keyed |= np.arange(len(hashes), dtype=np.uint64)
    keyed.sort()
    order = (keyed & _ones(int(index_bits))).astype(np.int64)
    keyed >>= index_bits
    return keyed, order


def _is_first_choice(differing: NDArray[np.uint64], edges: list[int], choice: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether the choice is the first blocks in which a pair agrees, so that each pair is found once."""
    first = np.ones(len(differing), dtype=np.bool_)
    for block in range(choice[-1] if choice else 0):
        if block not in choice:
            first &= (differing >> np.uint64(edges[block])) & _ones(edges[block + 1] - edges[block]) != 0
    return first


def _ones(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)
