"""Untrusted bytes into one loaded frame: a closed list of formats, sizes refused before any pixel is made.

Nothing here changes colours or turns the picture; `canonical` does that.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image, JpegImagePlugin, UnidentifiedImageError

from imaging.colour import is_srgb
from imaging.errors import ImageError
from imaging.scans import too_many_scans

MAX_PIXELS = 100_000_000

# Every parser is attack surface: only formats that pictures on the web really come in, none that runs
# an interpreter (EPS, WMF) or is recognised by almost anything (TGA, PCD).
# MPO comes in with JPEG: Pillow opens it by that name and then finds its second picture.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "ICO", "PPM")

_MOST_BYTES = 2**31 - 1

# What broken members of these families begin with, and families that are not read here.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (8, b"WEBP", "WebP"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (8, b"avif", "AVIF"),
    (8, b"heic", "HEIC"),
    (8, b"heix", "HEIC"),
    (8, b"mif1", "HEIF"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"8BPS", "Photoshop"),
)
_NOT_READ = frozenset({"HEIC", "HEIF", "JPEG XL", "Photoshop"})

# `warnings.catch_warnings` is not safe in threads, and a decoder's remark about one of a million
# pictures is nothing a person can act on: what matters is returned or raised.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Decoded:
    """The first frame with all its pixels loaded, as stored (not yet turned upright)."""

    image: Image.Image
    format: str
    frames: int
    orientation: int  # as declared, 1-8
    turn: int  # the orientation that is still to be applied: Pillow turns a TIFF while loading it
    size: tuple[int, int]  # width and height as stored, also where the image was decoded smaller
    mode: str  # of the pixels as stored, also where only their luma was decoded
    scale: int = 1  # so many pixels of `size` across and down went into one of the image


def decode(data: bytes, max_pixels: int = MAX_PIXELS, luma_side: int | None = None, colour: bool = False) -> Decoded:
    """Load the first frame of the picture in `data` completely.

    With `luma_side` a JPEG is decoded at the smallest of 1/1, 1/2, 1/4 and 1/8 of its size that leaves both sides
    so long (ITU-T T.81's blocks through smaller inverse transforms), and where its colours are sRGB as they are, its
    luma alone (mode L, what `convert("L")` makes of RGB), with `colour` its chroma too (mode YCbCr). All of its data
    is read and checked all the same.
    Raises `ImageError`: "too_large" by the declared size, before pixels are decoded (Pillow's own limit
    of about 179 million pixels holds even where `max_pixels` is larger); "not_image"; "undecodable",
    also for a file that ends before its picture does, or would keep its decoder for minutes.
    """
    if why := too_many_scans(data):
        raise ImageError("undecodable", f"The picture {why}.")
    image = _open(data)
    try:
        refuse_too_large(image.size, max_pixels)
        size, mode = image.size, image.mode
        frames = int(getattr(image, "n_frames", 1))
        scale = _reduce(image, luma_side, colour) if luma_side is not None else 1
        before = orientation_of(image) if image.format == "TIFF" else None
        _load(image)
        refuse_too_large(image.size, max_pixels)  # an icon's real size is known only now
        turn = orientation_of(image)
    except (ImageError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageError("too_large", f"The picture declares too many pixels: {error}") from error
    except Exception as error:  # parsers of broken files raise nearly anything
        raise ImageError("undecodable", f"The {image.format} picture cannot be decoded: {error}") from error
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        size, mode = image.size, image.mode
    return Decoded(image, image.format or "", frames, turn if before is None else before, turn, size, mode, scale)


def refuse_oversized_frames(data: bytes, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse an animated GIF whose later frames enlarge it past `max_pixels` ("too_large").

    Frames are decoded until they add up to `max_pixels`, so that the work is bounded. Any other fault
    of a later frame is no reason to refuse: only the first one is ever used.
    """
    image = _open(data)
    spent = 0
    try:
        for frame in range(1, int(getattr(image, "n_frames", 1))):
            image.seek(frame)
            refuse_too_large(image.size, max_pixels)
            spent += image.width * image.height
            if spent > max_pixels:
                return
    except (ImageError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageError("too_large", f"A later frame declares too many pixels: {error}") from error
    except Exception:  # a broken later frame: see above
        return


def refuse_too_large(size: tuple[int, int], max_pixels: int) -> None:
    """Raise `ImageError` ("too_large") where width x height is more than `max_pixels`."""
    width, height = size
    if width * height > max_pixels:
        raise ImageError("too_large", f"The picture is {width} x {height} pixels; at most {max_pixels:,} are allowed.")


def orientation_of(image: Image.Image) -> int:
    """The EXIF (or XMP) orientation, 1-8; 1 where there is none, or one that makes no sense."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF is common and says nothing about the pixels
        return 1
    return orientation if orientation in range(1, 9) else 1


def _reduce(image: Image.Image, luma_side: int, colour: bool) -> int:
    """Have a JPEG decoded smaller, and its luma alone where that is all that grey needs; the scale, as 1/n."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return 1
    image.decodermaxblock = _MOST_BYTES  # in one piece: towards the end of each, libjpeg decodes more slowly
    luma = image.mode == "RGB" and is_srgb(image.info.get("icc_profile"))
    drafted = image.draft(("YCbCr" if colour else "L") if luma else None, (luma_side, luma_side))
    return 1 if drafted is None else image.decoderconfig[0]


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except OSError:
        # A PNG cut off in the chunks after its pixels: the picture itself is whole.
        if image.format != "PNG" or getattr(image, "tile", None):
            raise
        image.load()


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError("too_large", f"The picture declares too many pixels: {error}") from error
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except MemoryError:
        raise
    except Exception as error:  # parsers of broken files raise nearly anything
        raise ImageError("undecodable", f"The picture's header cannot be read: {error}") from error


def _unidentified(data: bytes) -> ImageError:
    if not data:
        return ImageError("not_image", "The file is empty.")
    for start, signature, name in _SIGNATURES:
        if data[start : start + len(signature)] == signature:
            if name in _NOT_READ:
                return ImageError("undecodable", f"The file is a {name} picture, which is not read here.")
            return ImageError("undecodable", f"The file begins like a {name} picture but cannot be read as one.")
    return ImageError("not_image", "The file is not a picture in any format that is read here.")
