"""Pairs that could be one shot: hashes within a radius in any of eight positions, or descriptors that point one way.

Hashes find what was re-encoded, resized, mirrored and turned by quarters, in any number of pictures; descriptors what
was cropped, turned a little, framed or marked, by comparing all with all.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import imaging
from dataset_builder.fingerprints import IDENTITY, TRANSFORMS, Fingerprint, hash_table

Sides = tuple[Sequence[int], Sequence[int]]
Proposal = tuple[int, int, int, str]
"""(a, b, bits between their hashes, transform of b), a < b."""

# Chosen on the development half of benchmarks/dedup.py: see benchmarks/README.md.
_LEAST_COSINE = 0.72
_MOST_ALIKE = 20
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
    by_hash = near_pairs(fingerprints, radius)
    if between is not None:
        left, right = set(between[0]), set(between[1])
        by_hash = [
            row for row in by_hash
            if (row[0] in left and row[1] in right) or (row[0] in right and row[1] in left)
        ]  # fmt: skip
    known = {(a, b) for a, b, _, _ in by_hash}
    alike = [pair for pair in alike_pairs(fingerprints, picture_of, between) if pair not in known]
    rows = by_hash + [(a, b, _distance(fingerprints[a], fingerprints[b]), IDENTITY) for a, b in alike]
    return sorted(rows, key=lambda row: (row[0], row[1], row[2], row[3]))


def near_pairs(fingerprints: Sequence[Fingerprint], radius: int) -> list[Proposal]:
    """a as it is and b transformed have hashes within the radius; sorted."""
    known, hashes = hash_table(fingerprints)
    if len(known) < 2:
        return []
    columns = len(TRANSFORMS)
    # All hashes in one table: row = picture * 8 + transform. A pair of two transformed hashes says
    # nothing that a pair with an identity does not.
    pairs, distances = imaging.pairs_within(hashes.reshape(-1), radius)
    picture, transform = pairs // columns, pairs % columns
    useful = (picture[:, 0] != picture[:, 1]) & (transform[:, 0] == 0)
    rows = {
        (int(known[a]), int(known[b]), int(distance), TRANSFORMS[moved])
        for (a, b), moved, distance in zip(
            picture[useful].tolist(), transform[useful, 1].tolist(), distances[useful].tolist(), strict=True
        )
    }
    return sorted(rows)


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


def near_hashes(fingerprints: Sequence[Fingerprint], hashes: NDArray[np.uint64], radius: int) -> list[tuple[int, int]]:
    """(picture, index into `hashes`) within the radius in any position, for lists that have no pixels to check."""
    known, own = hash_table(fingerprints)
    if not len(known) or not len(hashes):
        return []
    pairs, _ = imaging.pairs_within(np.concatenate([own.reshape(-1), hashes]), radius)
    edge = own.size
    across = (pairs[:, 0] < edge) & (pairs[:, 1] >= edge)
    found = {(int(known[a // len(TRANSFORMS)]), int(b - edge)) for a, b in pairs[across].tolist()}
    return sorted(found)


def _described(indices: NDArray[np.int64], picture_of: Callable[[int], Image.Image]) -> NDArray[np.float32]:
    found = np.empty((len(indices), imaging.DESCRIPTOR_WIDTH), dtype=np.float32)
    for start in range(0, len(indices), _AT_ONCE):
        pictures = [np.asarray(picture_of(int(index))) for index in indices[start : start + _AT_ONCE]]
        found[start : start + _AT_ONCE] = imaging.descriptors(np.stack(pictures))
    return found


def _distance(a: Fingerprint, b: Fingerprint) -> int:
    """Bits between a's hash and the nearest of b's eight."""
    assert a.hashes is not None
    assert b.hashes is not None
    return min((a.hashes[0] ^ other).bit_count() for other in b.hashes)
