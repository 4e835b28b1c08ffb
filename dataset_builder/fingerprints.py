"""What duplicates are found by, for one picture: hashes of its eight positions and a small picture to compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import imaging

TRANSFORMS = (
    "identity", "mirror", "rotate90", "rotate180", "rotate270",
    "mirror_rotate90", "mirror_rotate180", "mirror_rotate270",
)  # fmt: skip
"""Column of each transform in `hashes`."""

HashKind = Literal["phash", "dhash"]
"""What proposes pairs."""

IDENTITY = "identity"
_MIRRORED = {
    "identity": "mirror", "rotate90": "mirror_rotate270", "rotate180": "mirror_rotate180",
    "rotate270": "mirror_rotate90",
}  # fmt: skip

COMPARISON_SIDE = 64


@dataclass(frozen=True)
class Fingerprint:
    """What pairs are proposed and ranked by; the small picture that decides is kept apart, it is larger.

    `hashes` 8 numbers of 64 bits in the order of `TRANSFORMS`, None where the picture is plain and a hash says
    nothing; width and height in pixels, `bytes` as stored. `dhashes` are there where these shall propose pairs.
    """

    hashes: tuple[int, ...] | None
    width: int
    height: int
    bytes: int
    dhashes: tuple[int, ...] | None = None

    @property
    def proposing(self) -> tuple[int, ...] | None:
        """The hashes that propose pairs; None where the picture is plain."""
        return self.dhashes or self.hashes

    @property
    def phash(self) -> str | None:
        """The picture's own hash as 16 hex digits."""
        return None if self.hashes is None else imaging.phash_hex(self.hashes[0])


def mirrored(transform: str) -> str:
    """The one transform that is this one and then a mirroring."""
    return (_MIRRORED | {there: back for back, there in _MIRRORED.items()})[transform]


def fingerprint(data: bytes, pixels: Image.Image, kind: HashKind = "phash") -> Fingerprint:
    """The fingerprint of a file with these canonical pixels."""
    return _fingerprint(imaging.hashing_picture(data), pixels.width, pixels.height, len(data), kind)


def fingerprint_alone(data: bytes, kind: HashKind = "phash") -> tuple[Fingerprint, bytes]:
    """The fingerprint and the small pixels of a file of which nothing else is wanted, from one decoding."""
    views = imaging.small_views(data)
    return _fingerprint(views.hashing, views.width, views.height, len(data), kind), views.comparison.tobytes()


def _fingerprint(hashing: Image.Image, width: int, height: int, size: int, kind: HashKind) -> Fingerprint:
    if imaging.is_plain(hashing):
        return Fingerprint(None, width, height, size)
    by_name = imaging.phash_transforms(hashing)
    hashes = tuple(by_name[name] for name in TRANSFORMS)
    if kind == "phash":
        return Fingerprint(hashes, width, height, size)
    by_name = imaging.dhash_transforms(hashing)
    return Fingerprint(hashes, width, height, size, tuple(by_name[name] for name in TRANSFORMS))


def small_pixels(pixels: Image.Image) -> bytes:
    """The pixels that a pair is compared on, RGB 64 x 64, row by row."""
    return imaging.comparison_picture(pixels).tobytes()


def small_picture(data: bytes) -> Image.Image:
    """The picture of `small_pixels`."""
    return Image.frombytes("RGB", (COMPARISON_SIDE, COMPARISON_SIDE), data)


def quality(found: Fingerprint, detail: float = 1.0) -> tuple[float, float]:
    """Sorts better pictures first: more pixels, then more bytes a pixel (less compression).

    `detail` is the share of its sides that a picture uses: one that was enlarged counts with what it was before.
    """
    area = found.width * found.height
    return (-area * detail**2, -found.bytes / max(1, area))


def hash_table(
    fingerprints: Sequence[Fingerprint], kind: HashKind | None = None
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """(which pictures have hashes, int64 [M]; their hashes, uint64 [M, 8]); by default those that propose pairs."""
    known = [index for index, found in enumerate(fingerprints) if found.hashes is not None]
    every = [fingerprints[index].hashes if kind == "phash" else fingerprints[index].proposing for index in known]
    hashes = np.array(every, dtype=np.uint64)
    return np.array(known, dtype=np.int64), hashes.reshape(-1, len(TRANSFORMS))
