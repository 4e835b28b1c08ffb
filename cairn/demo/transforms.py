"""What happens to pictures on the web: the near-duplicates and the odd files that the demo plants on its site.

Each near-duplicate comes with what became of the subject's box; each odd file is bytes made to be what it claims.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["NEAR_DUPLICATES", "ODD_FILES", "Encoded", "encode", "near_duplicate", "odd_file", "thumbnail"]

Box = tuple[float, float, float, float]

NEAR_DUPLICATES: tuple[str, ...] = ("reencoded", "resized", "mirrored", "watermarked", "cropped")
# The first four decode to the picture they were made of; the rest hold no picture at all.
ODD_FILES: tuple[str, ...] = ("cmyk", "exif_rotated", "png16", "alpha", "truncated", "text", "bomb")

_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Encoded:
    """A file: its bytes, the ending and Content-Type that fit them, and the subject's box as a person sees it."""

    data: bytes
    suffix: str
    content_type: str
    box: Box | None
    width: int
    height: int


def encode(image: Image.Image, box: Box | None, kind: str = "jpeg", quality: int = 88) -> Encoded:
    """`image` as a jpeg, png or webp file."""
    buffer = io.BytesIO()
    if kind == "jpeg":
        image.save(buffer, "JPEG", quality=quality)
        return Encoded(buffer.getvalue(), ".jpg", "image/jpeg", box, *image.size)
    if kind == "webp":
        image.save(buffer, "WEBP", quality=quality, method=2)
        return Encoded(buffer.getvalue(), ".webp", "image/webp", box, *image.size)
    image.save(buffer, "PNG", compress_level=4)
    return Encoded(buffer.getvalue(), ".png", "image/png", box, *image.size)


def thumbnail(image: Image.Image, side: int = 64) -> Encoded:
    """A small JPEG of `image`, its longer side `side` pixels."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return encode(small, None, quality=80)


def near_duplicate(image: Image.Image, box: Box, transform: str, rng: Random) -> Encoded:
    """`image` after one of NEAR_DUPLICATES; ValueError for an unknown name."""
    x, y, w, h = box
    width, height = image.size
    if transform == "reencoded":
        return encode(image, box, *rng.choice([("jpeg", 45), ("jpeg", 60), ("webp", 60)]))
    if transform == "resized":
        k = rng.choice([0.7, 0.8, 1.3, 1.5])
        size = (round(width * k), round(height * k))
        scaled = (x * size[0] / width, y * size[1] / height, w * size[0] / width, h * size[1] / height)
        return encode(image.resize(size, Image.Resampling.LANCZOS), scaled, quality=85)
    if transform == "mirrored":
        return encode(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (width - x - w, y, w, h))
    if transform == "watermarked":
        return encode(_watermarked(image, rng), box, quality=86)
    if transform == "cropped":
        # Five per cent of each dimension is cut away, shared between the two ends.
        left, top = (round(side * 0.05 * rng.random()) for side in image.size)
        right, bottom = left + round(width * 0.95), top + round(height * 0.95)
        x0, y0 = max(x, left), max(y, top)
        seen = (x0 - left, y0 - top, min(x + w, right) - x0, min(y + h, bottom) - y0)
        return encode(image.crop((left, top, right, bottom)), seen, quality=86)
    raise ValueError(f"unknown near-duplicate {transform!r}; known: {', '.join(NEAR_DUPLICATES)}")


def odd_file(image: Image.Image, box: Box, kind: str) -> Encoded:
    """`image` as one of ODD_FILES; ValueError for an unknown name. Box is None where there is no picture in it."""
    buffer = io.BytesIO()
    if kind == "cmyk":
        image.convert("CMYK").save(buffer, "JPEG", quality=90)
        return Encoded(buffer.getvalue(), ".jpg", "image/jpeg", box, *image.size)
    if kind == "exif_rotated":
        exif = Image.Exif()
        exif[_EXIF_ORIENTATION] = 6  # turn clockwise to see it upright, so it is stored turned the other way
        image.transpose(Image.Transpose.ROTATE_90).save(buffer, "JPEG", quality=90, exif=exif)
        return Encoded(buffer.getvalue(), ".jpg", "image/jpeg", box, *image.size)
    if kind == "png16":
        grey = np.asarray(image.convert("L"), np.uint16) * 257
        Image.fromarray(grey).save(buffer, "PNG")
        return Encoded(buffer.getvalue(), ".png", "image/png", box, *image.size)
    if kind == "alpha":
        mask = Image.new("L", image.size, 0)
        ImageDraw.Draw(mask).rounded_rectangle(
            (0, 0, image.width - 1, image.height - 1), min(image.size) // 6, fill=255
        )
        see_through = image.convert("RGBA")
        see_through.putalpha(mask)
        see_through.save(buffer, "PNG")
        return Encoded(buffer.getvalue(), ".png", "image/png", box, *image.size)
    if kind == "truncated":
        whole = encode(image, None).data
        return Encoded(whole[: len(whole) * 55 // 100], ".jpg", "image/jpeg", None, *image.size)
    if kind == "text":
        note = "This picture has moved. Please see our new gallery.\n" * 3
        return Encoded(note.encode("ascii"), ".jpg", "image/jpeg", None, *image.size)
    if kind == "bomb":
        return Encoded(_huge_png(60_000), ".png", "image/png", None, 60_000, 60_000)
    raise ValueError(f"unknown odd file {kind!r}; known: {', '.join(ODD_FILES)}")


def _watermarked(image: Image.Image, rng: Random) -> Image.Image:
    """A half-transparent line of text in a lower corner, as picture agencies put it."""
    sheet = Image.new("RGBA", image.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(sheet)
    text = rng.choice(["© PICSTOCK", "sample", "preview only"])
    font = ImageFont.load_default(size=max(9, image.width // 11))
    x0, y0, x1, y1 = draw.textbbox((0, 0), text, font=font)
    at = (image.width - (x1 - x0) - 4 if rng.random() < 0.5 else 4, image.height - (y1 - y0) - 7)
    draw.text((at[0] + 1, at[1] + 1), text, font=font, fill=(0, 0, 0, 110))
    draw.text(at, text, font=font, fill=(255, 255, 255, 170))
    return Image.alpha_composite(image.convert("RGBA"), sheet).convert("RGB")


def _huge_png(side: int) -> bytes:
    """A PNG of a few hundred bytes whose header declares `side` x `side` pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(4096))) + chunk(b"IEND", b"")
    )
