"""Canonical pixels: the one RGB picture that hashes, thumbnails and releases are all made from."""

from dataclasses import dataclass, replace

from PIL import Image, ImageColor

from imaging.colour import to_srgb
from imaging.decode import MAX_PIXELS, Decoded, decode
from imaging.hashes import working_picture
from imaging.matching import COMPARISON_SIDE, comparison_picture

LUMA_SIDE = 64
"""Sides of a JPEG that is decoded for its hash only: at least twice those of the picture that is hashed."""

# EXIF 2.3, tag 0x0112: what brings each stored orientation upright.
_UPRIGHT: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def canonical(data: bytes, background: str = "white", max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The first frame as a person sees it: mode RGB, 8-bit sRGB, upright, opaque, full size, no metadata.

    Transparent parts show `background` (any CSS colour). Raises `ImageError` as `inspect` does;
    `ValueError` for a colour that is none.
    """
    ImageColor.getrgb(background)  # before the work
    return without_metadata(as_seen(decode(data, max_pixels), background))


def hashing_picture(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """What hashes are taken of, grey, 32 x 32: `canonical` pixels made small, except that a JPEG is decoded small."""
    return hashed(decode(data, max_pixels, LUMA_SIDE))


def hashed(decoded: Decoded) -> Image.Image:
    """`hashing_picture` from what was decoded with LUMA_SIDE."""
    # The last column and row of a reduced JPEG may reach past its edge.
    width, height = (side / decoded.scale for side in decoded.size)
    if decoded.image.mode == "L" and decoded.mode == "RGB":  # luma of sRGB, with nothing to see through
        return _upright(working_picture(decoded.image, (width, height)), decoded.turn)
    seen = as_seen(decoded)
    return working_picture(seen, (height, width) if decoded.turn >= 5 else (width, height))


@dataclass(frozen=True)
class SmallViews:
    """All that duplicates are found by, from one decoding: `hashing_picture`, a `comparison_picture`, the full size."""

    hashing: Image.Image
    comparison: Image.Image
    width: int
    height: int


def small_views(data: bytes, max_pixels: int = MAX_PIXELS) -> SmallViews:
    """`hashing_picture` to the last bit; the comparison picture of a JPEG is made of its reduced decoding."""
    decoded = decode(data, max_pixels, LUMA_SIDE, colour=True)
    width, height = decoded.size if decoded.turn < 5 else decoded.size[::-1]
    if decoded.image.mode != "YCbCr" or decoded.mode != "RGB":
        return SmallViews(hashed(decoded), comparison_picture(as_seen(decoded)), width, height)
    luma = hashed(replace(decoded, image=decoded.image.getchannel("Y")))
    box = (0.0, 0.0, decoded.size[0] / decoded.scale, decoded.size[1] / decoded.scale)
    small = decoded.image.resize((COMPARISON_SIDE, COMPARISON_SIDE), Image.Resampling.BICUBIC, box, 2.0)
    return SmallViews(luma, _upright(small.convert("RGB"), decoded.turn), width, height)


def as_seen(decoded: Decoded, background: str = "white") -> Image.Image:
    """The pixels of `canonical` from what is already decoded; its `info` may still hold metadata."""
    behind = ImageColor.getrgb(background)[:3]
    rgb, alpha = to_srgb(decoded.image)
    if alpha is not None:
        opaque = Image.new("RGB", rgb.size, behind)
        opaque.paste(rgb, mask=alpha)
        rgb = opaque
    return _upright(rgb, decoded.turn)


def _upright(image: Image.Image, turn: int) -> Image.Image:
    return image.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else image


def without_metadata(image: Image.Image) -> Image.Image:
    """The same pixels as a plain image; nothing that an encoder would copy into a file."""
    plain = Image.new(image.mode, image.size, None)
    plain.paste(image)
    return plain
