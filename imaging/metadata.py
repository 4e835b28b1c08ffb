"""What a picture's file says of itself: author, rights, licence, the PLUS data-mining choice, where it was taken.

Reads what Pillow finds in the headers of JPEG, PNG, WebP, TIFF, GIF and AVIF: XMP, IPTC-IIM, EXIF and PNG texts, in
that order of trust (the IPTC Photo Metadata guidelines prefer XMP). Never raises; the work is bounded.
"""

import io
import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from PIL import ExifTags, Image

from imaging.decode import FORMATS, decode
from imaging.iptc import BY_LINE, COPYRIGHT_NOTICE, CREDIT, iim_in_resources, read_iim
from imaging.xmp import read_xmp

_DC_CREATOR = "http://purl.org/dc/elements/1.1/ creator"
_DC_RIGHTS = "http://purl.org/dc/elements/1.1/ rights"
_USAGE_TERMS = "http://ns.adobe.com/xap/1.0/rights/ UsageTerms"
_WEB_STATEMENT = "http://ns.adobe.com/xap/1.0/rights/ WebStatement"
_CC_LICENSE = "http://creativecommons.org/ns# license"
_CC_ATTRIBUTION = "http://creativecommons.org/ns# attributionName"
_CREDIT = "http://ns.adobe.com/photoshop/1.0/ Credit"
_DATA_MINING = "http://ns.useplus.org/ldf/xmp/1.0/ DataMining"
_PROPERTIES = frozenset((
    _DC_CREATOR, _DC_RIGHTS, _USAGE_TERMS, _WEB_STATEMENT, _CC_LICENSE, _CC_ATTRIBUTION, _CREDIT, _DATA_MINING,
))  # fmt: skip
_TIFF_XMP, _TIFF_IPTC, _TIFF_PHOTOSHOP = 700, 33723, 34377
_MAX_IIM_BYTES = 2**20
_MAX_WORDS = 1000


@dataclass(frozen=True)
class FileMetadata:
    """Words of one file, single-spaced, without control characters, at most 1,000 characters each."""

    creator: str | None = None
    rights: str | None = None
    """The copyright notice."""
    license: str | None = None
    """The address of a licence or of a rights statement, else the terms of use in words."""
    data_mining: str | None = None
    """PLUS's choice, such as "DMI-PROHIBITED-AIMLTRAINING" (ns.useplus.org/LDF/ldf-XMPSpecification#DataMining)."""
    latitude: float | None = None
    """Degrees north, WGS 84; None or both."""
    longitude: float | None = None

    @property
    def prohibits_mining(self) -> bool:
        """Whether the file reserves data mining or machine learning, wholly or under conditions."""
        return self.data_mining is not None and self.data_mining.startswith("DMI-PROHIBITED")

    @property
    def words(self) -> str | None:
        """Licence and copyright notice in one line; None without any."""
        return "; ".join(dict.fromkeys(one for one in (self.license, self.rights) if one)) or None


NOTHING = FileMetadata()


def file_metadata(source: Image.Image | bytes) -> FileMetadata:
    """What a picture's file says of itself; `NOTHING` for what is no picture. Never raises.

    A picture that Pillow opened and loaded costs no second reading; of bytes only headers are read, but a PNG is
    decoded, because its texts may come after its pixels.
    """
    try:
        image = _opened(source) if isinstance(source, bytes) else source
        info = image.info
        tags = getattr(image, "tag_v2", None) or {}
        xmp = read_xmp(_packet(info, tags), _PROPERTIES)
        iim = read_iim(_iim(info, tags)[:_MAX_IIM_BYTES])
    except Exception:  # parsers of broken files raise nearly anything, and then the file says nothing
        return NOTHING
    exif = _exif(image)
    latitude, longitude = _place(exif)
    return FileMetadata(
        creator=_first(
            ", ".join(dict.fromkeys(xmp.get(_DC_CREATOR, ()))),
            ", ".join(dict.fromkeys(iim.get(BY_LINE, ()))),
            _tag(exif, ExifTags.Base.Artist),
            info.get("Author"),
            *xmp.get(_CC_ATTRIBUTION, ()),
            *xmp.get(_CREDIT, ()),
            *iim.get(CREDIT, ()),
        ),
        rights=_first(
            *xmp.get(_DC_RIGHTS, ()),
            *iim.get(COPYRIGHT_NOTICE, ()),
            _tag(exif, ExifTags.Base.Copyright),
            info.get("Copyright"),
        ),
        license=_first(
            *xmp.get(_CC_LICENSE, ()), *xmp.get(_WEB_STATEMENT, ()), *xmp.get(_USAGE_TERMS, ()), info.get("License")
        ),
        data_mining=_mining(xmp.get(_DATA_MINING, ())),
        latitude=latitude,
        longitude=longitude,
    )


def _opened(data: bytes) -> Image.Image:
    if data.startswith(b"\x89PNG"):
        return decode(data).image
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _packet(info: Mapping[str | tuple[int, int], object], tags: Mapping[int, object]) -> bytes | str:
    for found in (info.get("xmp"), info.get("XML:com.adobe.xmp"), tags.get(_TIFF_XMP)):
        if isinstance(found, bytes | str) and found:
            return found
    return b""


def _iim(info: Mapping[str | tuple[int, int], object], tags: Mapping[int, object]) -> bytes:
    blocks = info.get("photoshop")
    if isinstance(blocks, dict) and isinstance(found := blocks.get(0x0404), bytes):
        return found
    for tag in (_TIFF_IPTC, _TIFF_PHOTOSHOP):
        raw = tags.get(tag)
        if isinstance(raw, bytes) and raw:
            return iim_in_resources(raw)
        if isinstance(raw, tuple) and raw and all(isinstance(one, int) for one in raw):
            # Declared as LONGs by many writers, though they are bytes in the order of the file.
            order: Literal["big", "little"] = "big" if getattr(tags, "prefix", b"II") == b"MM" else "little"
            return b"".join(int(one).to_bytes(4, order) for one in raw[: _MAX_IIM_BYTES // 4])
    profile = info.get("Raw profile type iptc")  # ImageMagick's way to put it into a PNG: name, size, hexadecimal
    if isinstance(profile, str) and len(profile) <= 4 * _MAX_IIM_BYTES:
        return iim_in_resources(bytes.fromhex("".join(profile.split()[2:])))
    return b""


def _exif(image: Image.Image) -> Image.Exif | None:
    try:
        return image.getexif()
    except Exception:  # broken EXIF is common and says nothing about the rest
        return None


def _tag(exif: Image.Exif | None, tag: int) -> str | None:
    try:
        value = exif.get(tag) if exif else None
    except Exception:  # values are read when asked for
        return None
    if not isinstance(value, str):
        return None
    # Copyright holds the photographer's and the editor's, divided by NUL.
    words = "; ".join(part.strip() for part in value.split("\0") if part.strip())
    try:
        return words.encode("latin-1").decode("utf-8")  # by the standard ASCII, in the wild UTF-8
    except UnicodeError:
        return words


def _place(exif: Image.Exif | None) -> tuple[float | None, float | None]:
    try:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo) if exif else {}
        latitude = _degrees(gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLatitudeRef], "N", "S")
        longitude = _degrees(gps[ExifTags.GPS.GPSLongitude], gps[ExifTags.GPS.GPSLongitudeRef], "E", "W")
    except Exception:  # no place, or nonsense in its stead
        return None, None
    somewhere = (latitude, longitude) != (0.0, 0.0)  # what cameras write that have not found where they are
    if somewhere and abs(latitude) <= 90 and abs(longitude) <= 180:
        return latitude, longitude
    return None, None


def _degrees(parts: Iterable[float], reference: str, positive: str, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    sign = {positive: 1, negative: -1}[reference.strip("\0 ").upper()]
    value = sign * (degrees + minutes / 60 + seconds / 3600)
    if not math.isfinite(value):
        raise ValueError("not a place")
    return round(value, 7)  # a centimetre


def _mining(values: Iterable[str]) -> str | None:
    """The choice's last part; where several stand, one that prohibits."""
    found = [value.strip().rstrip("/").rpartition("/")[2].upper() for value in values]
    known = [value for value in found if value.startswith("DMI-") and len(value) < 100 and value.isascii()]
    return min(known, key=lambda value: not value.startswith("DMI-PROHIBITED"), default=None)


def _first(*texts: object) -> str | None:
    for text in texts:
        if isinstance(text, str) and (clean := _clean(text)):
            return clean
    return None


def _clean(text: str) -> str:
    text = " ".join(text[: 4 * _MAX_WORDS].split())
    if not text.isprintable():
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs"))
    return text[:_MAX_WORDS].strip()
