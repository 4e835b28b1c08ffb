"""Scale a picture for a release or a page, and say where each full-size pixel went."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PIXELS_VERSION = 2
"""Raised when pictures of a release become other pixels than before."""

ResizeMode = Literal["shorter_side", "square", "untouched"]


@dataclass(frozen=True)
class Placement:
    """Where full-size coordinates lie in the resized picture: `x * scale_x + offset_x`, same for y.

    An offset below zero says that so many pixels were cut off at the left or top.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float


def resize(image: Image.Image, size: int, mode: ResizeMode) -> tuple[Image.Image, Placement]:
    """Resize with antialiased Lanczos; smaller pictures are enlarged.

    `shorter_side`: the shorter side becomes `size`, the form is kept. `square`: the same, then the middle
    `size` x `size` of it. `untouched`: as it is, `size` ignored. Raises `ValueError` for another mode or a
    size below 1.
    """
    if mode == "untouched":
        return image, Placement(1.0, 1.0, 0.0, 0.0)
    if mode not in ("shorter_side", "square"):
        raise ValueError(f"mode is shorter_side, square or untouched, not {mode!r}")
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, not {size}")
    width, height = image.size
    if mode == "square":
        return _middle_square(image, size)
    scale = size / min(width, height)
    new = (max(size, round(width * scale)), max(size, round(height * scale)))
    resized = image if new == image.size else _lanczos(image, new, (0, 0, width, height))
    return resized, Placement(new[0] / width, new[1] / height, 0.0, 0.0)


def _lanczos(image: Image.Image, size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    """Across first and then down, which Pillow by itself does in an order of its own; the same pixels by numba once
    there are many pictures to do."""
    vectors = _vectors() if next(_done) >= _FEW and image.mode == "RGB" and size != image.size else None
    if vectors is None:
        narrow = image.resize((size[0], image.height), Image.Resampling.LANCZOS, box=(box[0], 0, box[2], image.height))
        return narrow.resize(size, Image.Resampling.LANCZOS, box=(0, box[1], size[0], box[3]))
    return Image.fromarray(vectors(np.asarray(image), size, box))


_FEW = 300
"""So many pictures take Pillow as long as numba takes to begin."""
_done = count()


@cache
def _vectors() -> Callable[[NDArray[np.uint8], tuple[int, int], tuple[int, int, int, int]], NDArray[np.uint8]] | None:
    try:
        from imaging.lanczos import resized
    except (ImportError, RuntimeError):  # not installed, or nowhere to keep what it compiles
        return None
    return resized


def _middle_square(image: Image.Image, size: int) -> tuple[Image.Image, Placement]:
    width, height = image.size
    side = min(width, height)
    # Whole pixels, so that a picture already of the right height is cut and not resampled.
    left, top = (width - side) // 2, (height - side) // 2
    scale = size / side
    square = _lanczos(image, (size, size), (left, top, left + side, top + side))
    return square, Placement(scale, scale, -left * scale, -top * scale)
