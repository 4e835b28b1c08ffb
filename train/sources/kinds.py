"""What every source of pictures gives: splits of labelled samples in a fixed order, and an identity."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from train.errors import TrainError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


class ReadPicture(Protocol):
    """Decodes a sample to RGB; where `least` is not 0, maybe at a reduced scale whose sides are still that long."""

    def __call__(self, row: int, least: int = 0, /) -> Image.Image:
        """The picture of a row."""


@dataclass(frozen=True)
class Labelled:
    """The samples of one split.

    `labels` int64 [N] in 0..K-1; `soft` float32 [N, K], rows sum to 1, or None; `picture(i)` decodes sample i to
    RGB, and `encoded(i)` are its bytes where it is stored as a file; `origin(i)` is the SHA-256 (hex) of its image and
    the group that must stay together in cross-validation; `story(i)` says in words which judgments made its label,
    where the dataset knows; `forks` whether all these may be called in a forked process.
    """

    keys: Sequence[str]
    labels: NDArray[np.int64]
    picture: ReadPicture
    origin: Callable[[int], tuple[str, str]]
    soft: NDArray[np.float32] | None = None
    story: Callable[[int], str] | None = None
    forks: bool = True
    encoded: Callable[[int], bytes] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def subset(self, rows: NDArray[np.int64]) -> "Labelled":
        """The samples `rows` int64 [M], in that order."""
        return replace(
            self,
            keys=[self.keys[row] for row in rows],
            labels=self.labels[rows],
            picture=lambda i, least=0: self.picture(int(rows[i]), least),
            origin=lambda i: self.origin(int(rows[i])),
            soft=None if self.soft is None else self.soft[rows],
            story=None if self.story is None else lambda i: self.story(int(rows[i])),  # type: ignore[misc]  # not None
            encoded=None if self.encoded is None else lambda i: self.encoded(int(rows[i])),  # type: ignore[misc]
        )


@dataclass(frozen=True)
class Source:
    """A dataset: `categories` by label, the splits that have samples, and `identity`, a SHA-256 that says which.

    `identity` is a release's id, else a hash of keys and labels; `left_out` counts samples without a category.
    """

    name: str
    identity: str
    categories: tuple[str, ...]
    splits: Mapping[str, Labelled]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    left_out: int = 0


def identity_of(categories: Sequence[str], splits: Mapping[str, Labelled]) -> str:
    """A SHA-256 (hex) over categories, split names, keys and labels, for sources that have no manifest."""
    digest = hashlib.sha256()
    feed(digest.update, categories)
    for name in sorted(splits):
        feed(digest.update, [name, *splits[name].keys])
        digest.update(splits[name].labels.astype("<i8").tobytes())
    return digest.hexdigest()


def feed(update: Callable[[bytes], object], words: Iterable[str]) -> None:
    """Hash words so that no two lists give the same bytes."""
    for word in words:
        encoded = word.encode()
        update(len(encoded).to_bytes(4, "little") + encoded)


def decode(data: bytes, what: str, least: int = 0) -> Image.Image:
    """Bytes of a picture -> RGB as a person sees it (EXIF orientation applied). `what` names it in the error.

    A JPEG whose sides are twice `least` or more is decoded at a half, a quarter or an eighth of its scale, which costs
    a fraction: its blocks of 8 x 8 become blocks of 4, 2 or 1. No side becomes shorter than `least`; 0: the whole.
    Raises TrainError for anything that Pillow cannot read whole.
    """
    try:
        with Image.open(BytesIO(data)) as opened:
            if least:
                opened.draft(None, (least, least))
            upright = ImageOps.exif_transpose(opened)
            return upright.convert("RGB")
    except UnidentifiedImageError as error:
        raise TrainError(
            f"The picture {what} cannot be decoded: it is no picture, or of a format that is not known here.",
            hint="remove or replace that file; for a release, `cairn verify RELEASE` tells what else is damaged",
        ) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TrainError(
            f"The picture {what} cannot be decoded ({error}).",
            hint="remove or replace that file; for a release, `cairn verify RELEASE` tells what else is damaged",
        ) from error
