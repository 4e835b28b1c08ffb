"""One partition of pictures, from stored bytes to what a release needs of each, in one decode.

Canonical pixels, the fingerprint, the resized and encoded picture, a thumbnail and the sums for mean and
standard deviation go into one pack file. A pack is named by everything it depends on, so that a build that
was killed finds its finished partitions again, and one that changed finds none.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL

import imaging
from dataset_builder.fingerprints import Fingerprint, HashKind, fingerprint, small_pixels
from dataset_builder.recipe import PixelRecipe
from label_store import BlobError, open_blobs
from shards.atomic import write_whole

PACK_SIZE = 256
THUMBNAIL_SIDE = 112
_FORMAT = 2
# In words that are the same on every machine: they go into the release.
_UNREADABLE = {
    "not_image": "its bytes are no picture",
    "undecodable": "it cannot be decoded",
    "too_large": "it has more pixels than are allowed",
}
_EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp"}


@dataclass(frozen=True)
class Partition:
    """Pictures to normalise, where their bytes are, and the pack that holds the result."""

    sha256s: tuple[str, ...]
    blobs_url: str
    blobs_folder: Path
    pixels: PixelRecipe
    max_pixels: int
    pack: Path
    hash: HashKind = "phash"
    compare_only: bool = False
    """Make only what finds duplicates: the pictures are no samples of this release."""


@dataclass(frozen=True)
class Normalised:
    """What became of one picture; width and height are those of the encoded picture.

    Sums are over its resized pixels, per channel, of 8-bit values: integers, so that their total does not
    depend on an order.
    """

    fingerprint: Fingerprint
    width: int
    height: int
    placement: imaging.Placement
    sums: tuple[int, int, int]
    squares: tuple[int, int, int]


@dataclass(frozen=True)
class Failed:
    """Why a picture that was fine when it was collected gives no sample now."""

    reason: Literal["undecodable", "bit_rot"]
    detail: str


def partitions(
    sha256s: Sequence[str],
    blobs_url: str,
    blobs_folder: Path,
    pixels: PixelRecipe,
    max_pixels: int,
    packs: Path,
    hash: HashKind = "phash",  # noqa: A002  as the recipe calls it
    compare_only: bool = False,
) -> list[Partition]:
    """Cut pictures, in the order of their names, into partitions of at most `PACK_SIZE`."""
    ordered = sorted(sha256s)
    found = []
    for start in range(0, len(ordered), PACK_SIZE):
        part = tuple(ordered[start : start + PACK_SIZE])
        depends = [
            _FORMAT, asdict(pixels), max_pixels, imaging.PHASH_VERSION, imaging.PIXELS_VERSION, PIL.__version__, part,
            hash, compare_only,
        ]  # fmt: skip
        name = hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:32]
        pack = packs / f"{name}.pack"
        found.append(Partition(part, blobs_url, blobs_folder, pixels, max_pixels, pack, hash, compare_only))
    return found


def normalise_partition(partition: Partition) -> Path:
    """Make the partition's pack unless it is there; returns its path.

    A pack with failures is made again: the bytes may have been restored since.
    """
    if partition.pack.exists() and not Pack(partition.pack).has_failures:
        return partition.pack
    blobs = open_blobs(partition.blobs_url, partition.blobs_folder)
    body = bytearray()
    rows: dict[str, dict[str, Any]] = {}
    for sha256 in partition.sha256s:
        try:
            data = blobs.get(sha256)
            make = _compared if partition.compare_only else _normalise
            rows[sha256] = make(data, partition, body)
        except (imaging.ImageError, BlobError) as error:
            why = failure(error)
            rows[sha256] = {"failed": why.reason, "detail": why.detail}
    head = json.dumps(rows, separators=(",", ":")).encode()
    write_whole(partition.pack, len(head).to_bytes(8, "little") + head + bytes(body))
    return partition.pack


def failure(error: imaging.ImageError | BlobError) -> Failed:
    """Why a picture of the store gives no sample; the error itself is raised where it says nothing of the picture."""
    if isinstance(error, imaging.ImageError):
        return Failed("undecodable", _UNREADABLE[error.reason])
    # Changed bytes have no deeper cause, missing ones a FileNotFoundError; a store that does not
    # answer is neither, and must stop the build instead of leaving pictures out.
    if error.__cause__ is None:
        return Failed("bit_rot", "its bytes have changed")
    if isinstance(error.__cause__, FileNotFoundError):
        return Failed("bit_rot", "it is missing")
    raise error


def _normalise(data: bytes, partition: Partition, body: bytearray) -> dict[str, Any]:
    recipe = partition.pixels
    pixels = imaging.canonical(data, recipe.background, partition.max_pixels)
    resized, placement = imaging.resize(pixels, recipe.size, recipe.mode)
    # How often each value occurs says both sums, without a wider copy of all pixels.
    counts = np.array(resized.histogram(), dtype=np.int64).reshape(3, 256)
    levels = np.arange(256, dtype=np.int64)
    return {
        "fingerprint": astuple(fingerprint(data, pixels, partition.hash)),
        "size": resized.size,
        "placement": [placement.scale_x, placement.scale_y, placement.offset_x, placement.offset_y],
        "sums": (counts @ levels).tolist(),
        "squares": (counts @ (levels * levels)).tolist(),
        "image": _append(body, imaging.encode(resized, recipe.format, recipe.quality, recipe.subsampling)),
        "small": _append(body, small_pixels(pixels)),
        "thumbnail": _append(body, imaging.thumbnail(pixels, THUMBNAIL_SIDE)),
    }


def _compared(data: bytes, partition: Partition, body: bytearray) -> dict[str, Any]:
    pixels = imaging.canonical(data, partition.pixels.background, partition.max_pixels)
    return {
        "fingerprint": astuple(fingerprint(data, pixels, partition.hash)),
        "small": _append(body, small_pixels(pixels)),
    }


def _append(body: bytearray, data: bytes) -> list[int]:
    body += data
    return [len(body) - len(data), len(data)]


class Pack:
    """A finished partition on disk: rows in memory, pictures read when asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            self._rows: dict[str, dict[str, Any]] = json.loads(file.read(size))
        self._start = 8 + size

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    @property
    def has_failures(self) -> bool:
        """Whether a picture of this partition gave no sample."""
        return any("failed" in row for row in self._rows.values())

    def fingerprint(self, sha256: str) -> Fingerprint | None:
        """What duplicates of one picture are found by; None where it could not be read."""
        row = self._rows[sha256]
        if "failed" in row:
            return None
        hashes, width, height, size, dhashes = row["fingerprint"]
        return Fingerprint(hashes and tuple(hashes), width, height, size, dhashes and tuple(dhashes))

    def outcome(self, sha256: str) -> Normalised | Failed:
        """What became of one picture."""
        row = self._rows[sha256]
        if "failed" in row:
            return Failed(row["failed"], row["detail"])
        found = self.fingerprint(sha256)
        assert found is not None
        return Normalised(
            fingerprint=found,
            width=row["size"][0],
            height=row["size"][1],
            placement=imaging.Placement(*row["placement"]),
            sums=tuple(row["sums"]),
            squares=tuple(row["squares"]),
        )

    def read(self, sha256: str, what: Literal["image", "small", "thumbnail"]) -> bytes:
        """The encoded picture, the pixels to compare, or the thumbnail."""
        offset, length = self._rows[sha256][what]
        with self.path.open("rb") as file:
            file.seek(self._start + offset)
            return file.read(length)

    def bytes_of(self, sha256: str) -> int:
        """How many bytes the encoded picture has."""
        return int(self._rows[sha256]["image"][1])


class Packs:
    """All finished partitions of one build, asked by SHA-256."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._packs = [Pack(path) for path in paths]

    @cached_property
    def _pack_of(self) -> Mapping[str, Pack]:
        return {sha256: pack for pack in self._packs for sha256 in pack}

    def outcome(self, sha256: str) -> Normalised | Failed:
        """What became of one picture."""
        return self._pack_of[sha256].outcome(sha256)

    def fingerprint(self, sha256: str) -> Fingerprint | None:
        """What duplicates of one picture are found by; None where it could not be read."""
        return self._pack_of[sha256].fingerprint(sha256)

    def read(self, sha256: str, what: Literal["image", "small", "thumbnail"]) -> bytes:
        """The encoded picture, the pixels to compare, or the thumbnail."""
        return self._pack_of[sha256].read(sha256, what)

    def bytes_of(self, sha256: str) -> int:
        """How many bytes the encoded picture has."""
        return self._pack_of[sha256].bytes_of(sha256)


def extension(recipe: PixelRecipe) -> str:
    """The extension of pictures in the shards."""
    return _EXTENSIONS[recipe.format]


def mean_and_std(
    found: Sequence[Normalised],
) -> tuple[tuple[float, float, float], tuple[float, float, float]] | tuple[None, None]:
    """Per-channel mean and (population) standard deviation in [0, 1] over all pixels; None without any."""
    count = sum(one.width * one.height for one in found)
    if not count:
        return None, None

    def moments(channel: int) -> tuple[float, float]:
        total = sum(one.sums[channel] for one in found)
        square = sum(one.squares[channel] for one in found)
        return round(total / count / 255, 6), round(((square * count - total * total) ** 0.5) / count / 255, 6)

    red, green, blue = moments(0), moments(1), moments(2)
    return (red[0], green[0], blue[0]), (red[1], green[1], blue[1])
