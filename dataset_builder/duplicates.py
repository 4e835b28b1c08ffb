"""Pairs of pictures that are one shot, and groups of them around the member worth keeping.

Hashes within a radius propose a pair (also mirrored and turned), pixels decide. A group is a star: every
member matches the one that is kept, so that a chain of small differences cannot join two unlike pictures.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import imaging
from dataset_builder.fingerprints import TRANSFORMS, Fingerprint, hash_table

Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True)
class Match:
    """Two pictures (a < b) that are one shot: bits between their hashes, likeness in [0, 1], and how b lies."""

    a: int
    b: int
    distance: int
    similarity: float
    transform: str


@dataclass(frozen=True)
class Star:
    """One picture and those that repeat it, each by a match of its own with the centre."""

    centre: int
    members: tuple[tuple[int, Match], ...]


def find_matches(
    fingerprints: Sequence[Fingerprint],
    picture_of: Callable[[int], Image.Image],
    radius: int,
    *,
    between: tuple[Sequence[int], Sequence[int]] | None = None,
    progress: Progress | None = None,
) -> list[Match]:
    """All pairs of pictures that are one shot, sorted; each pair once, by its likeliest transform.

    `picture_of(index)` gives the small picture, asked only for pictures of a proposed pair.
    `between` limits pairs to one of each of two sets of indices. Plain pictures match nothing.
    """
    proposed = propose(fingerprints, radius)
    if between is not None:
        left, right = set(between[0]), set(between[1])
        proposed = [
            row for row in proposed
            if (row[0] in left and row[1] in right) or (row[0] in right and row[1] in left)
        ]  # fmt: skip
    best: dict[tuple[int, int], Match] = {}
    for done, (a, b, distance, transform) in enumerate(proposed):
        likeness = imaging.similarity(picture_of(a), imaging.transformed(picture_of(b), transform))
        known = best.get((a, b))
        if likeness >= imaging.MATCH_THRESHOLD and (known is None or likeness > known.similarity):
            best[a, b] = Match(a, b, distance, round(likeness, 4), transform)
        if progress is not None and done % 256 == 0:
            progress(done, len(proposed), "comparing pairs")
    return [best[pair] for pair in sorted(best)]


def propose(fingerprints: Sequence[Fingerprint], radius: int) -> list[tuple[int, int, int, str]]:
    """(a, b, distance, transform), a < b, sorted: a as it is and b transformed lie within the radius."""
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


def stars(count: int, matches: Sequence[Match], rank: Sequence[Any]) -> list[Star]:
    """Groups around the best: the lowest `rank` takes all its matches that no better picture took.

    `rank` [count] holds sortable values without ties. Stars of one picture are left out; sorted by rank.
    """
    near: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        near[match.a].append(match)
        near[match.b].append(match)
    taken: set[int] = set()
    found = []
    for centre in sorted(near, key=lambda index: rank[index]):
        if centre in taken:
            continue
        members = []
        for match in near[centre]:
            other = match.b if match.a == centre else match.a
            if other not in taken:
                members.append((other, match))
        taken.add(centre)
        taken.update(other for other, _ in members)
        if members:
            members.sort(key=lambda member: rank[member[0]])
            found.append(Star(centre, tuple(members)))
    return found


def left_out(star: Star, keep: str | int) -> tuple[tuple[int, Match], ...]:
    """The members that go when `keep` is "best" (one stays), "all", or the number that stays."""
    if keep == "all":
        return ()
    stay = 1 if keep == "best" else int(keep)
    return star.members[max(0, stay - 1) :]


def quality(found: Fingerprint) -> tuple[float, float]:
    """Sorts better pictures first: more pixels, then more bytes a pixel (less compression)."""
    area = found.width * found.height
    return (-float(area), -found.bytes / max(1, area))


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
