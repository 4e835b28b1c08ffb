"""Pixels into file bytes, the same bytes every time: fixed settings, no metadata, no clock."""

import io
from typing import Literal

from PIL import Image

from imaging.pixels import without_metadata

EncodeFormat = Literal["jpeg", "png", "webp"]
Subsampling = Literal["4:4:4", "4:2:0"]

_THUMBNAIL_QUALITY = 80


def encode(
    image: Image.Image,
    format: EncodeFormat,  # noqa: A002  as Pillow's save calls it
    quality: int = 90,
    subsampling: Subsampling = "4:4:4",
) -> bytes:
    """An RGB image as JPEG (`quality` 1-95, `subsampling` of colour), PNG or lossless WebP.

    `quality` and `subsampling` mean nothing to the lossless two. Raises `ValueError` for another mode,
    format, quality or subsampling.
    """
    if image.mode != "RGB":
        raise ValueError(f"only RGB pixels are encoded, not {image.mode}; make them canonical first")
    plain = without_metadata(image)
    out = io.BytesIO()
    if format == "jpeg":
        if not 1 <= quality <= 95:
            raise ValueError(f"JPEG quality is 1 to 95, not {quality}")
        if subsampling not in ("4:4:4", "4:2:0"):
            raise ValueError(f"subsampling is 4:4:4 or 4:2:0, not {subsampling!r}")
        plain.save(out, "JPEG", quality=quality, subsampling=subsampling)
    elif format == "png":
        plain.save(out, "PNG", compress_level=6)
    elif format == "webp":
        plain.save(out, "WEBP", lossless=True, quality=75, method=4)
    else:
        raise ValueError(f"format is jpeg, png or webp, not {format!r}")
    return out.getvalue()


def thumbnail(image: Image.Image, side: int) -> bytes:
    """A small JPEG for pages: the longer side is at most `side` pixels, never enlarged."""
    if side < 1:
        raise ValueError(f"side must be at least 1 pixel, not {side}")
    scale = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    small = image
    if (width, height) != image.size:
        small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return encode(small, "jpeg", _THUMBNAIL_QUALITY, "4:2:0")
