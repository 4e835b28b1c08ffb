"""Pairs that could be one shot: hashes within a radius in any of eight positions, or descriptors that point one way.

Hashes find what was re-encoded, resized, mirrored and turned by quarters, in any number of pictures; descriptors what
was cropped, turned a little, framed or marked, by comparing all with all.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import imaging
from dataset_builder.fingerprints import IDENTITY, TRANSFORMS, Fingerprint, hash_table, quality

Sides = tuple[Sequence[int], Sequence[int]]
Proposal = tuple[int, int, int, str]
"""(a, b, bits between their hashes, transform of b), a < b."""

# Chosen on the development half of benchmarks/dedup.py: see benchmarks/README.md.
_LEAST_COSINE = 0.68
_MOST_ALIKE = 20
# Pictures of one hash that are all compared with each other.
_MOST_EQUAL = 50
# Pictures described in one call.
_AT_ONCE = 1024
# Comparing all with all ends here (200,000 pictures among each other, some minutes); past it hashes alone propose.
_MOST_PRODUCTS = 2e10


def propose(
    fingerprints: Sequence[Fingerprint],
    picture_of: Callable[[int], Image.Image],
    radius: int,
    between: Sides | None = None,
) -> list[Proposal]:
    """What pixels should decide on, sorted; the same pair may stand under several transforms, the nearest first."""
    by_hash = near_pairs(fingerprints, radius, between)
    known = {(a, b) for a, b, _, _ in by_hash}
    alike = [pair for pair in alike_pairs(fingerprints, picture_of, between) if pair not in known]
    rows = by_hash + [(a, b, _distance(fingerprints[a], fingerprints[b]), IDENTITY) for a, b in alike]
    return sorted(rows, key=lambda row: (row[0], row[1], row[2], row[3]))


def near_pairs(fingerprints: Sequence[Fingerprint], radius: int, between: Sides | None = None) -> list[Proposal]:
    """a as it is and b transformed have hashes within the radius; sorted.

    Of more than fifty pictures with one hash, each is a pair with the best of them, which stands for all of them
    elsewhere: a logo that comes a hundred thousand times is not five billion pairs.
    """
    known, hashes = hash_table(fingerprints)
    if between is not None:
        left, right = (np.flatnonzero(np.isin(known, np.array(side, dtype=np.int64))) for side in between)
        return sorted(
            _moved_pairs(known, hashes, left, right, radius) | _moved_pairs(known, hashes, right, left, radius)
        )
    places, stood_for = _represented(fingerprints, known, hashes)
    rows = {(min(a, b), max(a, b), 0, IDENTITY) for a, b in stood_for}
    return sorted(rows | _moved_pairs(known, hashes, places, places, radius))


def _represented(
    fingerprints: Sequence[Fingerprint], known: NDArray[np.int64], hashes: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], list[tuple[int, int]]]:
    """(rows that are compared with others, (best, member) of pictures that are too many of one hash)."""
    _, inverse, counts = np.unique(hashes[:, 0], return_inverse=True, return_counts=True)
    kept = counts[inverse] <= _MOST_EQUAL
    pairs = []
    for crowd in np.flatnonzero(counts > _MOST_EQUAL):
        rows = np.flatnonzero(inverse == crowd).tolist()
        best = min(rows, key=lambda row: (*quality(fingerprints[int(known[row])]), row))
        kept[best] = True
        pairs += [(int(known[best]), int(known[row])) for row in rows if row != best]
    return np.flatnonzero(kept), pairs


def _moved_pairs(
    known: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    radius: int,
) -> set[Proposal]:
    """One of the rows `first` as it is, and a later picture of the rows `second` in any position."""
    columns = len(TRANSFORMS)
    pairs, distances = imaging.pairs_across(hashes[first, 0], hashes[second].reshape(-1), radius)
    a, b, moved = known[first[pairs[:, 0]]], known[second[pairs[:, 1] // columns]], pairs[:, 1] % columns
    later = np.flatnonzero(a < b)
    lies = [TRANSFORMS[column] for column in moved[later].tolist()]
    return set(zip(a[later].tolist(), b[later].tolist(), distances[later].tolist(), lies, strict=True))


def alike_pairs(
    fingerprints: Sequence[Fingerprint], picture_of: Callable[[int], Image.Image], between: Sides | None = None
) -> list[tuple[int, int]]:
    """Pairs (a < b), sorted, whose descriptors point nearly the same way; none where there are too many to compare."""
    sides = (range(len(fingerprints)),) if between is None else between
    tables = [
        np.array([index for index in side if fingerprints[index].hashes is not None], dtype=np.int64) for side in sides
    ]
    if float(len(tables[0])) * len(tables[-1]) / (1 if between else 2) > _MOST_PRODUCTS:
        return []
    vectors = [_described(table, picture_of) for table in tables]
    right = vectors[1] if between is not None else None
    found = imaging.pairs_alike(vectors[0], right, _LEAST_COSINE, _MOST_ALIKE)
    named = np.stack([tables[0][found[:, 0]], tables[-1][found[:, 1]]], axis=1)
    named.sort(axis=1)
    return sorted({(a, b) for a, b in named.tolist()})


def near_hashes(fingerprints: Sequence[Fingerprint], hashes: NDArray[np.uint64], radius: int) -> list[Proposal]:
    """(picture, index into `hashes`, bits, transform of the picture) within the radius in any position, the nearest.

    For lists that have no pixels to check; they hold pHashes.
    """
    known, own = hash_table(fingerprints, "phash")
    if not len(known) or not len(hashes):
        return []
    pairs, distances = imaging.pairs_across(own.reshape(-1), hashes, radius)
    found: dict[tuple[int, int], tuple[int, str]] = {}
    for (at, row), distance in zip(pairs.tolist(), distances.tolist(), strict=True):
        place = int(known[at // len(TRANSFORMS)]), row
        lies = distance, TRANSFORMS[at % len(TRANSFORMS)]
        found[place] = min(found.get(place, lies), lies)
    return [(picture, row, *found[picture, row]) for picture, row in sorted(found)]


def _described(indices: NDArray[np.int64], picture_of: Callable[[int], Image.Image]) -> NDArray[np.float32]:
    found = np.empty((len(indices), imaging.DESCRIPTOR_WIDTH), dtype=np.float32)
    for start in range(0, len(indices), _AT_ONCE):
        pictures = [np.asarray(picture_of(int(index))) for index in indices[start : start + _AT_ONCE]]
        found[start : start + _AT_ONCE] = imaging.descriptors(np.stack(pictures))
    return found


def _distance(a: Fingerprint, b: Fingerprint) -> int:
    """Bits between a's hash and the nearest of b's eight."""
    assert a.proposing is not None
    assert b.proposing is not None
    return min((a.proposing[0] ^ other).bit_count() for other in b.proposing)
