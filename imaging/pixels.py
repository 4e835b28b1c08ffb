"""Canonical pixels: the one RGB picture that hashes, thumbnails and releases are all made from."""

from PIL import Image, ImageColor

from imaging.colour import to_srgb
from imaging.decode import MAX_PIXELS, Decoded, decode
from imaging.hashes import HASHING_SIDE

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
    """What hashes are taken of: `canonical` pixels, except that a JPEG is decoded at reduced scale."""
    return as_seen(decode(data, max_pixels, HASHING_SIDE))


def as_seen(decoded: Decoded, background: str = "white") -> Image.Image:
    """The pixels of `canonical` from what is already decoded; its `info` may still hold metadata."""
    behind = ImageColor.getrgb(background)[:3]
    rgb, alpha = to_srgb(decoded.image)
    if alpha is not None:
        opaque = Image.new("RGB", rgb.size, behind)
        opaque.paste(rgb, mask=alpha)
        rgb = opaque
    if decoded.turn in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[decoded.turn])
    return rgb


def without_metadata(image: Image.Image) -> Image.Image:
    """The same pixels as a plain image; nothing that an encoder would copy into a file."""
    plain = Image.new(image.mode, image.size)
    plain.paste(image)
    return plain
