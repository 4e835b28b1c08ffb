"""Sets that a release must not overlap (a public benchmark's test split): folders, tars, or lists of hashes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import imaging
from dataset_builder.arrange import Leak
from dataset_builder.duplicates import find_matches
from dataset_builder.errors import RecipeError
from dataset_builder.fingerprints import Fingerprint, HashKind
from dataset_builder.pictures import Place, find_pictures, read_gallery
from dataset_builder.proposing import near_hashes

# A list of hashes has no pixels that could tell chance from likeness, so only close ones count.
LIST_RADIUS = 4
_LISTS = (".txt", ".csv", ".hashes")


def find_leaks(
    names: Sequence[str],
    fingerprints: Sequence[Fingerprint],
    picture_of: Callable[[int], Image.Image],
    against: Sequence[Path],
    radius: int,
    workers: int = 2,
    files: Path = Path(),
    kind: HashKind = "phash",
) -> tuple[list[Leak], list[str]]:
    """The pictures (by name) that are one shot with a picture of the other sets, first the pixel-checked ones, and the
    places of the other sets that could not be read.

    Places are named from `files` on, or from what was given by an absolute path, so that a release does not depend
    on where these lie.
    """
    roots = {str(path): path.name if path.is_absolute() else str(path) for path in against}
    roots |= {str(path): str(path.relative_to(files)) for path in against if path.is_relative_to(files)}
    leaks = []
    unreadable: list[str] = []
    others = pictures_against(against)
    if others:
        gallery, broken = read_gallery(others, workers, kind=kind)
        unreadable = [_told(one.path, roots) for one in broken]
        own = len(names)
        together = [*fingerprints, *gallery.fingerprints]
        sides = (range(own), range(own, len(together)))
        for match in find_matches(
            together,
            lambda index: picture_of(index) if index < own else gallery.small(index - own),
            radius,
            between=sides,
        ):
            leaks.append(Leak(names[match.a], _told(str(gallery.places[match.b - own]), roots)))
    for path in filter(is_hash_list, against):
        hashes = read_hashes(path)
        for index, row, _, _ in near_hashes(fingerprints, np.array(hashes, dtype=np.uint64), min(radius, LIST_RADIUS)):
            leaks.append(Leak(names[index], f"{_told(str(path), roots)}: {imaging.phash_hex(hashes[row])}"))
    return leaks, unreadable


def pictures_against(against: Sequence[Path]) -> list[Place]:
    """The pictures of sets that are no lists; RecipeError where one holds none, which would look like an all-clear."""
    found: dict[str, Place] = {}
    for path in against:
        if is_hash_list(path):
            continue
        places = find_pictures([path])
        if not places:
            raise RecipeError(
                f"{path} holds no pictures that could be compared",
                hint="give folders or tars of pictures, or a list of hashes (.txt, .csv, .hashes)",
            )
        found |= {str(place): place for place in places}
    return [found[name] for name in sorted(found)]


def _told(place: str, roots: Mapping[str, str]) -> str:
    """A place below one of the roots, with the name that the root is told by."""
    root = max((root for root in roots if place.startswith(root)), key=len, default="")
    return roots.get(root, "") + place[len(root) :]


def is_hash_list(path: Path) -> bool:
    """Whether a path is a list of hashes, and not a place of pictures."""
    return path.suffix.lower() in _LISTS and path.is_file()


def read_hashes(path: Path) -> list[int]:
    """One hash of 16 hex digits a line (or in the first column of a CSV); # begins a remark."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        word = line.split("#")[0].split(",")[0].strip()
        if not word or (number == 1 and word.lower() in ("phash", "hash")):
            continue
        try:
            found.append(imaging.phash_from_hex(word))
        except ValueError as error:
            raise RecipeError(
                f"{path}, line {number}: {error}", hint="write one hash of 16 hex digits a line"
            ) from error
    if not found:  # nothing would overlap with it, which would look like an all-clear
        raise RecipeError(f"{path} holds no hashes", hint="write one hash of 16 hex digits a line")
    return found
