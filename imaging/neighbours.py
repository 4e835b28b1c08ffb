"""All pairs of 64-bit hashes within r bits, exactly, without comparing all with all.

Cut 64 bits into m blocks. Two hashes that differ in at most r bits differ in at most r blocks, so they are
equal in m - r others at least. Sort on every choice of t = m - r blocks and compare only inside equal
keys: nothing is missed (Manku, Jain, Das Sarma, "Detecting near-duplicates for web crawling", WWW 2007,
section 3). m is chosen by what sorting and comparing would cost for this many hashes.
"""

from itertools import combinations
from math import comb, log2

import numpy as np
from numpy.typing import NDArray

Pairs = tuple[NDArray[np.int64], NDArray[np.uint8]]

_BITS = 64
# Cost of handling one hash in one sort, in comparisons of one pair (measured: 60 ns against 8 ns).
_SORT_COST = 8.0


def pairs_within(hashes: NDArray[np.uint64], radius: int) -> Pairs:
    """Every pair of hashes that differ in at most `radius` bits.

    `hashes` uint64 [N] -> (`pairs` int64 [M, 2], i < j, sorted by i then j; `distances` uint8 [M]).
    Equal hashes are pairs too: k equal ones give k (k - 1) / 2 rows. Raises `ValueError` for another
    shape or dtype, or a radius outside 0-64.
    """
    if hashes.ndim != 1 or hashes.dtype != np.uint64:
        raise ValueError(f"hashes are uint64 [N], not {hashes.dtype} {list(hashes.shape)}")
    if not 0 <= radius <= _BITS:
        raise ValueError(f"radius is 0 to {_BITS} bits, not {radius}")
    # Equal hashes collapse first: a thousand copies of one logo would be half a million comparisons in
    # each of the sorts.
    unique, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    members = np.argsort(inverse, kind="stable")
    starts = np.cumsum(counts) - counts
    left, right, distances = _unique_pairs_within(unique, radius)
    every_left, every_right, which = _expand(left, right, starts, counts)
    same = np.flatnonzero(counts > 1)
    own_left, own_right, _ = _expand(same, same, starts, counts)
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


def _expand(
    left: NDArray[np.int64], right: NDArray[np.int64], starts: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each pair of unique hashes into all pairs of their members: (left, right, which pair it was)."""
    sizes = counts[left] * counts[right]
    which = np.repeat(np.arange(len(left)), sizes)
    place = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    width = counts[right][which]
    return starts[left][which] + place // width, starts[right][which] + place % width, which


def _unique_pairs_within(
    hashes: NDArray[np.uint64], radius: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]] = []
    if len(hashes) > 1 and radius > 0:
        blocks, chosen = _plan(len(hashes), radius)
        edges = [_BITS * block // blocks for block in range(blocks + 1)]
        for choice in combinations(range(blocks), chosen):
            found.extend(_pairs_with_equal_blocks(hashes, radius, edges, choice))
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, np.zeros(0, dtype=np.uint8)
    left, right, distances = (np.concatenate(part) for part in zip(*found, strict=True))
    return left, right, distances


def _plan(count: int, radius: int) -> tuple[int, int]:
    """(blocks to cut, blocks that a sort holds equal); (radius, 0) compares all with all, for few hashes."""
    index_bits = max(1, (count - 1).bit_length())
    best = (float(count) * count / 2, max(radius, 1), 0)
    for chosen in range(1, _BITS - radius + 1):
        blocks = radius + chosen
        key_bits = _BITS * chosen / blocks
        if key_bits + chosen + index_bits > _BITS:  # the key and the index share one integer; blocks round up
            break
        sorts = comb(blocks, chosen)
        sorting = _SORT_COST * count * log2(count) / 20
        cost = sorts * (sorting + count * (count - 1) / 2 ** (key_bits + 1))
        if cost < best[0]:
            best = (cost, blocks, chosen)
    return best[1], best[2]


def _pairs_with_equal_blocks(
    hashes: NDArray[np.uint64], radius: int, edges: list[int], choice: tuple[int, ...]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]]:
    """Pairs within the radius that agree in the chosen blocks and in no earlier set of as many blocks."""
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
    keys = keyed >> index_bits
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


def _is_first_choice(differing: NDArray[np.uint64], edges: list[int], choice: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether the choice is the first blocks in which a pair agrees, so that each pair is found once."""
    first = np.ones(len(differing), dtype=np.bool_)
    for block in range(choice[-1] if choice else 0):
        if block not in choice:
            first &= (differing >> np.uint64(edges[block])) & _ones(edges[block + 1] - edges[block]) != 0
    return first


def _ones(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)
