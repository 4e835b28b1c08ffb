"""Which pictures of a match were enlarged, told from their full pixels: these count with what they were before.

The decision is pure; decoding is a pure function over partitions, for the same workers or engine as all else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import imaging
from dataset_builder.duplicates import Match
from dataset_builder.engines import Engine
from dataset_builder.fingerprints import Fingerprint
from dataset_builder.normalise import Failed, failure
from dataset_builder.pictures import Place
from label_store import BlobError, open_blobs

Share = float | Failed
"""How much of its sides a picture uses (`imaging.detail`), or why it cannot be read any more."""
Measure = Callable[[Sequence[int]], Mapping[int, Share]]

# A picture that uses less of its size is smooth or enlarged itself, and shows nothing of another.
_SHARP = 0.6
_PART = 32


@dataclass(frozen=True)
class Details:
    """{picture: share of its sides that it uses} of those that look enlarged, and what could not be read for it."""

    shares: Mapping[int, float]
    failed: Mapping[int, Failed]


@dataclass(frozen=True)
class Blobs:
    """Some pictures of a blob store to look at."""

    sha256s: tuple[str, ...]
    url: str
    folder: Path
    max_pixels: int


def details(matches: Sequence[Match], fingerprints: Sequence[Fingerprint], measure: Measure) -> Details:
    """The larger picture of a match counts as enlarged where the smaller one is sharp; no other is measured."""
    pairs = [pair for match in matches if (pair := _by_size(match, fingerprints)) is not None]
    if not pairs:  # an engine may take seconds to begin
        return Details({}, {})
    found = dict(measure(sorted({smaller for smaller, _ in pairs})))
    enlarged = sorted({larger for smaller, larger in pairs if _is_sharp(found[smaller])})
    if left := [index for index in enlarged if index not in found]:
        found |= measure(left)
    shares = {index: share for index in enlarged if not isinstance(share := found[index], Failed)}
    return Details(shares, {index: share for index, share in found.items() if isinstance(share, Failed)})


def measure_blobs(sha256s: Sequence[str], url: str, folder: Path, max_pixels: int, engine: Engine) -> Measure:
    """A `Measure` of pictures of a blob store."""

    def measure(indices: Sequence[int]) -> dict[int, Share]:
        parts = [Blobs(tuple(sha256s[index] for index in part), url, folder, max_pixels) for part in _cut(indices)]
        return dict(zip(indices, (share for part in engine(blob_shares, parts) for share in part), strict=True))

    return measure


def measure_files(places: Sequence[Place], engine: Engine) -> Measure:
    """A `Measure` of files and members of tars."""

    def measure(indices: Sequence[int]) -> dict[int, Share]:
        parts = [tuple(places[index] for index in part) for part in _cut(indices)]
        return dict(zip(indices, (share for part in engine(file_shares, parts) for share in part), strict=True))

    return measure


def blob_shares(part: Blobs) -> list[Share]:
    """The share of each, in order; BlobError where the store does not answer."""
    blobs = open_blobs(part.url, part.folder)
    found: list[Share] = []
    for sha256 in part.sha256s:
        try:
            found.append(imaging.detail(imaging.canonical(blobs.get(sha256), max_pixels=part.max_pixels)))
        except (imaging.ImageError, BlobError) as error:
            found.append(failure(error))
    return found


def file_shares(places: tuple[Place, ...]) -> list[Share]:
    """The share of each, in order."""
    found: list[Share] = []
    for place in places:
        try:
            found.append(imaging.detail(imaging.canonical(place.read())))
        except (imaging.ImageError, OSError) as error:
            found.append(Failed("undecodable", str(error)))
    return found


def _cut(indices: Sequence[int]) -> list[Sequence[int]]:
    return [indices[start : start + _PART] for start in range(0, len(indices), _PART)]


def _by_size(match: Match, fingerprints: Sequence[Fingerprint]) -> tuple[int, int] | None:
    """(smaller, larger) in pixels; None where they have as many."""
    a, b = (fingerprints[index].width * fingerprints[index].height for index in (match.a, match.b))
    return None if a == b else (match.a, match.b) if a < b else (match.b, match.a)


def _is_sharp(share: Share) -> bool:
    return not isinstance(share, Failed) and share >= _SHARP
