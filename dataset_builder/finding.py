"""Groups of near-duplicates in any folders and tars: for somebody who has no workspace and came for this alone."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.duplicates import Match, find_matches, quality, stars
from dataset_builder.pictures import Gallery, Unreadable, find_pictures, read_gallery
from imaging import ImageError
from shards.atomic import write_whole

if TYPE_CHECKING:
    import jinja2

Progress = Callable[[int, int | None, str], None]
RADIUS = 8
_PICTURE_BUDGET = 3_000_000


@dataclass(frozen=True)
class Member:
    """A picture that repeats the one to keep: bits between hashes, likeness in [0, 1], how it lies."""

    path: str
    distance: int
    similarity: float
    transform: str


@dataclass(frozen=True)
class DuplicateGroup:
    """The picture to keep and those that repeat it."""

    keep: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class DuplicateReport:
    """All groups, the best picture of each first; `images` were compared, `unreadable` could not be."""

    groups: tuple[DuplicateGroup, ...]
    images: int
    unreadable: tuple[Unreadable, ...]
    gallery: Gallery

    def as_json(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return {
            "groups": [{"keep": g.keep, "members": [m.__dict__ for m in g.members]} for g in self.groups],
            "images": self.images,
            "unreadable": [one.__dict__ for one in self.unreadable],
        }


def find_duplicates(
    paths: Sequence[Path],
    against: Sequence[Path] = (),
    *,
    radius: int = RADIUS,
    workers: int = 2,
    progress: Progress | None = None,
) -> DuplicateReport:
    """Near-duplicates among the pictures under `paths`; with `against`, only those that repeat one of its pictures.

    Folders, tars and pictures; RecipeError for a path that is not there. What cannot be read is reported.
    """
    theirs = {str(place) for place in find_pictures(against)} if against else set()
    places = find_pictures([*paths, *against])
    gallery, unreadable = read_gallery(places, workers, progress)
    other = [index for index, place in enumerate(gallery.places) if str(place) in theirs]
    own = [index for index, place in enumerate(gallery.places) if str(place) not in theirs]
    matches = find_matches(
        gallery.fingerprints,
        gallery.small,
        radius,
        between=(own, other) if against else None,
        progress=progress,
    )
    sides = set(other)
    rank = [
        (index not in sides, *quality(found), str(place))
        for index, (found, place) in enumerate(zip(gallery.fingerprints, gallery.places, strict=True))
    ]
    groups = [
        DuplicateGroup(
            str(gallery.places[star.centre]),
            tuple(_member(gallery, index, match) for index, match in star.members),
        )
        for star in stars(len(gallery), matches, rank)
    ]
    return DuplicateReport(tuple(groups), len(gallery), tuple(unreadable), gallery)


def write_html(report: DuplicateReport, path: Path) -> None:
    """A self-contained page of all groups, with pictures as long as it stays small."""
    by_name = {str(place): index for index, place in enumerate(report.gallery.places)}
    left = _PICTURE_BUDGET

    def thumbnail(name: str) -> str:
        nonlocal left
        try:
            data = report.gallery.thumbnail(by_name[name]) if left > 0 else b""
        except (OSError, ImageError):
            return ""
        left -= len(data)
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data else ""

    shown = [
        (group, thumbnail(group.keep), [(member, thumbnail(member.path)) for member in group.members])
        for group in report.groups
    ]
    page = _page().render(groups=shown, images=report.images, unreadable=report.unreadable)
    write_whole(path, page.encode())


def _member(gallery: Gallery, index: int, match: Match) -> Member:
    return Member(str(gallery.places[index]), match.distance, match.similarity, match.transform)


@cache
def _page() -> "jinja2.Template":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("dataset_builder"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    ).get_template("duplicates.html")  # fmt: skip
