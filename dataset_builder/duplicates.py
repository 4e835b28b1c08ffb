"""Pairs of pictures that are one shot, and groups of them around the member worth keeping.

`proposing` names pairs, pixels decide. A group is a star: every
member matches the one that is kept, so that a chain of small differences cannot join two unlike pictures.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image

import imaging
from dataset_builder.fingerprints import IDENTITY, Fingerprint, mirrored
from dataset_builder.proposing import Proposal, propose

Progress = Callable[[int, int | None, str], None]
# Pictures made ready for comparison that are held at once, about 0.2 MB each.
_KEPT = 512
# A likeness that no other transform could better.
_SURE = 0.95


@dataclass(frozen=True)
class Match:
    """Two pictures (a < b) that are one shot: bits between their hashes, likeness in [0, 1], and how b lies.

    `transform` brings b upright; then `scale` under 1 says that b is cut from a, over 1 that a is within b, and b is
    `turned` by so many degrees besides. `framed` is a or b where that one has only a frame or a page around the other.
    """

    a: int
    b: int
    distance: int
    similarity: float
    transform: str
    scale: float = 1.0
    turned: float = 0.0
    framed: int | None = None


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
    least: float = imaging.MATCH_THRESHOLD,
    progress: Progress | None = None,
) -> list[Match]:
    """All pairs of pictures that are one shot, sorted; each pair once, by its likeliest transform.

    `picture_of(index)` gives the small picture. `between` limits pairs to one of each of two sets of indices;
    `least` is the likeness that makes a pair. Plain pictures match nothing.
    """
    return decide(propose(fingerprints, picture_of, radius, between), picture_of, least, progress)


def decide(
    proposals: Sequence[Proposal],
    picture_of: Callable[[int], Image.Image],
    least: float = imaging.MATCH_THRESHOLD,
    progress: Progress | None = None,
) -> list[Match]:
    """The proposed pairs whose pixels are at least so alike, sorted; each pair once."""

    @lru_cache(_KEPT)
    def prepared(index: int, transform: str) -> imaging.Prepared:
        return imaging.prepare(imaging.transformed(picture_of(index), transform))

    best: dict[tuple[int, int], Match] = {}
    for done, (a, b, distance, transform) in enumerate(proposals):
        known = best.get((a, b))
        if known is None or known.similarity < _SURE:
            likeness = imaging.compare(prepared(a, IDENTITY), prepared(b, transform))
            if likeness.similarity >= max(least, known.similarity if known else 0.0):
                lies = mirrored(transform) if likeness.mirrored else transform
                best[a, b] = Match(
                    a, b, distance, round(likeness.similarity, 4), lies,
                    round(likeness.scale, 3), round(likeness.turned, 1),
                    {"": None, "first": a, "second": b}[likeness.framed],
                )  # fmt: skip
        if progress is not None and done % 256 == 0:
            progress(done, len(proposals), "comparing pairs")
    return [best[pair] for pair in sorted(best)]


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
