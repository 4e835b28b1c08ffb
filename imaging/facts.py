"""What one picture is: hash, format, size as seen, colour profile, time of exposure; or why it is refused."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags, Image

from imaging.colour import profile_name
from imaging.decode import MAX_PIXELS, Decoded, decode, refuse_oversized_frames


@dataclass(frozen=True)
class ImageFacts:
    """Facts of one picture that can be decoded completely."""

    sha256: str  # of exactly these bytes, 64 hex digits
    bytes: int
    format: str  # Pillow's name: JPEG, PNG, WEBP, ...
    mode: str  # Pillow's name of the pixels as stored: RGB, L, P, CMYK, I;16, ...
    width: int  # as a person sees it, orientation applied
    height: int
    orientation: int  # EXIF, 1-8, as declared
    icc_name: str | None  # the embedded profile's description; None without a readable one
    taken_at: datetime | None  # local time as the camera wrote it, without a zone
    frames: int


def inspect(data: bytes, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """Decode the first frame completely and say what the picture is.

    Raises `ImageError` with reason "not_image", "undecodable" (also truncated) or "too_large" (decided
    from the declared size, before decoding).
    """
    return facts_of(data, decode(data, max_pixels), max_pixels)


def facts_of(data: bytes, decoded: Decoded, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """`inspect` of what is already decoded."""
    if decoded.format == "GIF" and decoded.frames > 1:
        refuse_oversized_frames(data, max_pixels)
    width, height = decoded.size
    if decoded.turn >= 5:
        width, height = height, width
    return ImageFacts(
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        format=decoded.format,
        mode=decoded.mode,
        width=width,
        height=height,
        orientation=decoded.orientation,
        icc_name=profile_name(decoded.image.info.get("icc_profile")),
        taken_at=_taken_at(decoded.image),
        frames=decoded.frames,
    )


def _taken_at(image: Image.Image) -> datetime | None:
    try:
        exposure = image.getexif().get_ifd(ExifTags.IFD.Exif)
    except Exception:  # broken EXIF is common and says nothing about the pixels
        return None
    # Not `DateTime`: that is when the file was last edited.
    for tag in (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized):
        try:
            return datetime.strptime(str(exposure[tag]).strip("\0 "), "%Y:%m:%d %H:%M:%S")
        except (KeyError, ValueError):
            continue
    return None
