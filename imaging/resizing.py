"""Scale a picture for a release or a page, and say where each full-size pixel went."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

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
    resized = image if new == image.size else image.resize(new, Image.Resampling.LANCZOS)
    return resized, Placement(new[0] / width, new[1] / height, 0.0, 0.0)


def _middle_square(image: Image.Image, size: int) -> tuple[Image.Image, Placement]:
    width, height = image.size
    side = min(width, height)
    # Whole pixels, so that a picture already of the right height is cut and not resampled.
    left, top = (width - side) // 2, (height - side) // 2
    scale = size / side
    square = image.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
    return square, Placement(scale, scale, -left * scale, -top * scale)
