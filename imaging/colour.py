"""Any pixel mode and colour profile into 8-bit sRGB plus an alpha channel where there is one.

Profiles go through Little CMS: perceptual intent with black-point compensation. A profile that is
broken, or belongs to another kind of pixels, is ignored: browsers do the same.
"""

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_SRGB = ImageCms.createProfile("sRGB")
_SRGB_NAMES = frozenset({"sRGB", "sRGB built-in", "sRGB IEC61966-2.1", "sRGB IEC61966-2-1 black scaled"})
# Modes of pixels that a profile of this colour space describes.
_PROFILED_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_PNG_GAMMA = 1 / 2.2
_STRIP_PIXELS = 1 << 18


def to_srgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The pixels of a loaded image as (mode RGB in sRGB, alpha as mode L or None).

    Reads `image.info` for the ICC profile, the PNG gamma and the transparent colour.
    """
    pixels, alpha = _eight_bits(image)
    profile = image.info.get("icc_profile")
    if profile and not is_srgb(profile):
        managed = _through_profile(pixels, bytes(profile))
        if managed is not None:
            return managed, alpha
    rgb = _lab_to_srgb(pixels) if pixels.mode == "LAB" else pixels if pixels.mode == "RGB" else pixels.convert("RGB")
    if not profile and "srgb" not in image.info:
        rgb = _undo_gamma(rgb, image.info.get("gamma"))
    return rgb, alpha


def is_srgb(profile: bytes | None) -> bool:
    """Whether pixels with this ICC profile, or with none, are taken for sRGB as they are."""
    return not profile or profile_name(profile) in _SRGB_NAMES


def profile_name(profile: bytes | None) -> str | None:
    """The description inside an ICC profile; None for no profile or an unreadable one."""
    if not profile:
        return None
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _eight_bits(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """8 bits a channel, palette expanded, alpha apart."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _from_deep_grey(image)
    if image.has_transparency_data:
        grey = mode in ("1", "L", "LA", "La")
        # Pillow has no way from La to RGBA or from 1 with a colour key to LA in one step.
        separate = image.convert("LA" if grey else "RGBA")
        return separate.convert("L" if grey else "RGB"), separate.getchannel("A")
    if mode == "1":
        return image.convert("L"), None
    if mode in ("RGB", "L", "CMYK", "LAB"):
        return image, None
    return image.convert("RGB"), None


def _from_deep_grey(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """16-bit grey divided by 257, so that white stays white; wider numbers from their own least to most.

    `Image.convert` would clip everything above 255 to white.
    """
    values = np.asarray(image)
    key = image.info.get("transparency")
    alpha = None
    if isinstance(key, int):
        alpha = Image.fromarray((values != key).astype(np.uint8) * np.uint8(255))
    edges = [(float(part.min()), float(part.max())) for _, part in _finite_strips(values)]
    low, high = min(low for low, _ in edges), max(high for _, high in edges)
    grey = np.zeros(values.shape, dtype=np.uint8)
    for rows, part in _finite_strips(values):
        if image.mode.startswith("I;16") or (image.mode == "I" and low >= 0 and high <= 65535):
            scaled = part / 257
        elif high > low:
            scaled = (part - low) * (255 / (high - low))
        else:
            break
        grey[rows] = np.rint(scaled).clip(0, 255).astype(np.uint8)
    return Image.fromarray(grey), alpha


def _finite_strips(values: NDArray[Any]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Some rows at a time as float64, what is no number as 0: whole, a large picture would take eight times
    its memory and more."""
    height = max(1, _STRIP_PIXELS // values.shape[1])
    for start in range(0, len(values), height):
        rows = slice(start, start + height)
        yield rows, np.nan_to_num(values[rows].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _through_profile(pixels: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        space, transform = _transform(profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    mode = _PROFILED_MODES[space]
    if pixels.mode == "L" and mode == "RGB":
        pixels = pixels.convert("RGB")
    if pixels.mode != mode:
        return None
    return transform.apply(pixels)


@lru_cache(maxsize=64)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform]:
    """The colour space that a profile describes, and the way from it to sRGB (safe in threads)."""
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = opened.profile.xcolor_space
    if space not in _PROFILED_MODES:
        raise ValueError(f"no pixels here are in the colour space {space!r}")
    transform = ImageCms.buildTransform(
        opened,
        _SRGB,
        _PROFILED_MODES[space],
        "RGB",
        ImageCms.Intent.PERCEPTUAL,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return space, transform


def _lab_to_srgb(pixels: Image.Image) -> Image.Image:
    lab = ImageCms.createProfile("LAB")
    transform = ImageCms.buildTransform(lab, _SRGB, "LAB", "RGB", ImageCms.Intent.PERCEPTUAL)
    return transform.apply(pixels)


def _undo_gamma(rgb: Image.Image, gamma: object) -> Image.Image:
    """Follow a PNG's gAMA chunk (PNG 3rd edition, 13.13) where it differs from that of sRGB."""
    if not isinstance(gamma, int | float) or not 0.1 <= gamma <= 2.5 or abs(gamma - _PNG_GAMMA) < 0.01:
        return rgb
    curve = np.rint(255 * (np.arange(256) / 255) ** (_PNG_GAMMA / gamma)).astype(int).tolist()
    return rgb.point(curve * 3)
