"""Groups of near-duplicates in any folders and tars: for somebody who has no workspace and came for this alone."""

import base64
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import imaging
from dataset_builder.against import LIST_RADIUS, is_hash_list, pictures_against, read_hashes
from dataset_builder.duplicates import Star, find_matches, left_out, stars
from dataset_builder.engines import engine_named
from dataset_builder.enlarged import details, measure_files
from dataset_builder.fingerprints import HashKind, quality
from dataset_builder.pictures import Gallery, Unreadable, find_pictures, read_gallery
from dataset_builder.proposing import near_hashes
from dataset_builder.reasons import reason
from dataset_builder.semantic import COSINE, Series, find_series, read_features
from imaging import ImageError
from shards.atomic import write_whole

if TYPE_CHECKING:
    import jinja2

Progress = Callable[[int, int | None, str], None]
RADIUS = 8
_PICTURE_BUDGET = 3_000_000


@dataclass(frozen=True)
class Member:
    """A picture that repeats the one to keep: bits between hashes, likeness in [0, 1], how it lies, and why it matched.

    The likeness is None where only the hash of the other one is known. `scale` and `turned` as in `Match`, seen from
    the kept one; `keep` where it stays too.
    """

    path: str
    distance: int
    similarity: float | None
    transform: str
    scale: float
    turned: float
    width: int
    height: int
    why: str
    keep: bool = False


@dataclass(frozen=True)
class DuplicateGroup:
    """The picture to keep and those that repeat it; its size is nought by nought where only its hash is known."""

    keep: str
    members: tuple[Member, ...]
    width: int
    height: int


@dataclass(frozen=True)
class DuplicateReport:
    """All groups, the best picture of each first; `images` were compared, `unreadable` could not be."""

    groups: tuple[DuplicateGroup, ...]
    images: int
    unreadable: tuple[Unreadable, ...]
    gallery: Gallery
    series: tuple[Series, ...] = ()

    @property
    def left_out(self) -> int:
        """How many pictures go when of each group only what is kept stays."""
        return sum(not member.keep for group in self.groups for member in group.members)

    def as_json(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return {
            "groups": [
                {"keep": group.keep, "members": [asdict(member) for member in group.members]} for group in self.groups
            ],
            "series": [asdict(one) for one in self.series],
            "images": self.images,
            "unreadable": [asdict(one) for one in self.unreadable],
        }


def find_duplicates(
    paths: Sequence[Path],
    against: Sequence[Path] = (),
    *,
    hash: HashKind = "phash",  # noqa: A002  as the recipe calls it
    radius: int = RADIUS,
    keep: str | int = "best",
    semantic: Path | None = None,
    cosine: float = COSINE,
    workers: int = 2,
    progress: Progress | None = None,
) -> DuplicateReport:
    """Near-duplicates among the pictures under `paths`; with `against`, only those that repeat one of its pictures.

    Folders, tars and pictures, and for `against` lists of hashes; RecipeError for a path that is not there. What
    cannot be read is reported. `keep` is "best", "all" or how many of a group stay (of `against` nothing goes).
    `semantic` is a file of features (`python -m train features`), whose neighbours of that `cosine` are told as series.
    """
    lists = [path for path in against if is_hash_list(path)]
    theirs = {str(place) for place in pictures_against(against)}
    places = find_pictures([*paths, *(path for path in against if path not in lists)])
    features = read_features(semantic) if semantic is not None else None
    gallery, unreadable = read_gallery(places, workers, progress, hash)
    other = [index for index, place in enumerate(gallery.places) if str(place) in theirs]
    own = [index for index, place in enumerate(gallery.places) if str(place) not in theirs]
    matches = find_matches(
        gallery.fingerprints,
        gallery.small,
        radius,
        between=(own, other) if against else None,
        progress=progress,
    )
    looked_at = details(matches, gallery.fingerprints, measure_files(gallery.places, engine_named("local", workers)))
    unreadable += [Unreadable(str(gallery.places[index]), why.detail) for index, why in looked_at.failed.items()]
    matches = [match for match in matches if not {match.a, match.b} & looked_at.failed.keys()]
    sides, framed = set(other), {match.framed for match in matches}
    rank = [
        (index not in sides, index in framed, *quality(found, looked_at.shares.get(index, 1.0)), str(place))
        for index, (found, place) in enumerate(zip(gallery.fingerprints, gallery.places, strict=True))
    ]
    groups = [_group(gallery, star, keep, sides) for star in stars(len(gallery), matches, rank)]
    told = {member.path for group in groups for member in group.members}
    groups += _listed(gallery, own, lists, min(radius, LIST_RADIUS), told)
    series: tuple[Series, ...] = ()
    if features is not None:
        series = tuple(find_series([str(place) for place in gallery.places], features, cosine, told))
    return DuplicateReport(tuple(groups), len(gallery), tuple(unreadable), gallery, series)


def _group(gallery: Gallery, star: Star, keep: str | int, theirs: Collection[int]) -> DuplicateGroup:
    # The public set's picture is not ours to leave out, and takes no place among those that stay.
    goes = star.members if star.centre in theirs else left_out(star, keep)
    going = {index for index, _ in goes}
    members = []
    for index, match in star.members:
        found, seen_from_kept = gallery.fingerprints[index], match.scale if star.centre == match.a else 1 / match.scale
        members.append(
            Member(
                str(gallery.places[index]), match.distance, match.similarity, match.transform, round(seen_from_kept, 3),
                match.turned, found.width, found.height, reason(match, star.centre), index not in going,
            )
        )  # fmt: skip
    centre = gallery.fingerprints[star.centre]
    return DuplicateGroup(str(gallery.places[star.centre]), tuple(members), centre.width, centre.height)


def _listed(
    gallery: Gallery, own: Sequence[int], lists: Sequence[Path], radius: int, told: Collection[str]
) -> Iterator[DuplicateGroup]:
    """A group for each hash of a list that pictures are near: without pixels, so that only close ones count."""
    for path in lists:
        hashes = read_hashes(path)
        near: dict[int, list[Member]] = {}
        rows = near_hashes([gallery.fingerprints[index] for index in own], np.array(hashes, dtype=np.uint64), radius)
        for at, row, distance, transform in rows:
            place, found = str(gallery.places[own[at]]), gallery.fingerprints[own[at]]
            if place not in told:
                member = Member(
                    place, distance, None, transform, 1.0, 0.0, found.width, found.height,
                    f"its hash is {distance} bits from the listed one; no pixels to compare",
                )  # fmt: skip
                near.setdefault(row, []).append(member)
        for row in sorted(near):
            yield DuplicateGroup(f"{path}: {imaging.phash_hex(hashes[row])}", tuple(near[row]), 0, 0)


def write_html(report: DuplicateReport, path: Path) -> None:
    """A self-contained page of all groups, with pictures as long as it stays small."""
    by_name = {str(place): index for index, place in enumerate(report.gallery.places)}
    left = _PICTURE_BUDGET

    def thumbnail(name: str) -> str:
        nonlocal left
        try:
            data = report.gallery.thumbnail(by_name[name]) if left > 0 and name in by_name else b""
        except (OSError, ImageError):
            return ""
        left -= len(data)
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data else ""

    shown = [
        (group, thumbnail(group.keep), [(member, thumbnail(member.path)) for member in group.members])
        for group in report.groups
    ]
    series = [[(path, thumbnail(path)) for path in one.paths] for one in report.series]
    page = _page().render(groups=shown, series=series, report=report)
    write_whole(path, page.encode())


@cache
def _page() -> "jinja2.Template":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("dataset_builder"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    ).get_template("duplicates.html")  # fmt: skip
