"""What untrusted bytes may and may not do."""

import pickle
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageFile

from imaging import FORMATS, ImageError, ImageFacts, Reason, canonical, describe, inspect
from imaging.scans import _pairs
from tests.imaging.pictures import file_bytes, scene

JPEG = file_bytes(scene(1), "JPEG", quality=85)
SRGB, XYZ = ImageCms.createProfile("sRGB"), ImageCms.createProfile("XYZ")


def png_declaring(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))


def reason(data: bytes, **limits: int) -> str:
    with pytest.raises(ImageError) as refused:
        inspect(data, **limits)
    assert refused.value.exit_code == 1
    assert refused.value.hint
    return refused.value.reason


@pytest.mark.parametrize(
    "data",
    [b"", b"hello, this is a text file named cat.jpg\n", b"<!doctype html><title>404</title>", b"%PDF-1.7\n"],
)
def test_what_is_no_picture_is_said_to_be_none(data: bytes) -> None:
    assert reason(data) == "not_image"


def test_a_bomb_is_refused_by_its_declared_size() -> None:
    # Nothing behind the header could be decoded: only a look at the declared size says "too_large".
    assert reason(png_declaring(60_000, 60_000)) == "too_large"
    assert reason(png_declaring(11_000, 10_000)) == "too_large"
    assert reason(png_declaring(1_000, 1_000)) == "undecodable"


def test_the_limit_of_pixels_is_the_callers() -> None:
    assert inspect(JPEG, max_pixels=240 * 180).width == 240
    assert reason(JPEG, max_pixels=240 * 180 - 1) == "too_large"
    with pytest.raises(ImageError, match="240 x 180"):
        canonical(JPEG, max_pixels=100)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95, 0.99])
def test_a_jpeg_cut_anywhere_is_refused(options: dict[str, bool], share: float) -> None:
    whole = file_bytes(scene(1), "JPEG", quality=85, **options)
    assert reason(whole[: int(len(whole) * share)]) == "undecodable"


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_half_a_file_of_each_format_is_refused(format: str) -> None:  # noqa: A002
    whole = file_bytes(scene(2), format)
    assert inspect(whole).format == format
    assert reason(whole[: len(whole) // 2]) == "undecodable"


def test_truncated_pictures_are_never_filled_up_with_grey() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_only_listed_formats_are_opened() -> None:
    assert "EPS" not in FORMATS
    assert reason(file_bytes(scene(3), "TGA")) == "not_image"
    assert reason(file_bytes(scene(3).convert("L"), "EPS")) == "not_image"


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(JPEG) - 1), byte=st.integers(0, 255), cut=st.integers(0, len(JPEG)))
def test_damaged_bytes_give_a_picture_or_an_image_error(at: int, byte: int, cut: int) -> None:
    damaged = (JPEG[:at] + bytes([byte]) + JPEG[at + 1 :])[:cut]
    try:
        assert canonical(damaged, max_pixels=1_000_000).mode == "RGB"
    except ImageError as error:
        assert error.reason in {"not_image", "undecodable", "too_large"}  # noqa: PT017


def facts_or_reason(look: Callable[[bytes], ImageFacts], data: bytes) -> ImageFacts | Reason:
    try:
        return look(data)
    except ImageError as error:
        return error.reason


def described(data: bytes) -> ImageFacts:
    return describe(data, 1_000_000).facts


def whole(data: bytes) -> ImageFacts:
    return inspect(data, 1_000_000)


EXIF = Image.Exif()
EXIF[ExifTags.Base.Orientation] = 6
STYLES = {
    "plain": JPEG,
    "progressive": file_bytes(scene(1), "JPEG", progressive=True),
    "grey": file_bytes(scene(1).convert("L"), "JPEG"),
    "CMYK": file_bytes(scene(1).convert("CMYK"), "JPEG"),
    "RGB inside": file_bytes(scene(1), "JPEG", keep_rgb=True),
    "turned": file_bytes(scene(1), "JPEG", exif=EXIF),
    "sRGB profile": file_bytes(scene(1), "JPEG", icc_profile=ImageCms.ImageCmsProfile(SRGB).tobytes()),
    "another profile": file_bytes(scene(1), "JPEG", icc_profile=ImageCms.ImageCmsProfile(XYZ).tobytes()),
    "restart markers": file_bytes(scene(1), "JPEG", restart_marker_rows=1),
}


@pytest.mark.parametrize("style", STYLES)
def test_a_jpeg_decoded_for_its_hash_has_the_facts_of_a_whole_one(style: str) -> None:
    assert described(STYLES[style]) == whole(STYLES[style])


@settings(max_examples=300, deadline=None)
@given(
    style=st.sampled_from(sorted(STYLES)),
    at=st.floats(0, 1),
    byte=st.integers(0, 255),
    cut=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_a_jpeg_decoded_for_its_hash_is_refused_as_a_whole_one(style: str, at: float, byte: int, cut: float) -> None:
    data = bytearray(STYLES[style])
    data[int(at * (len(data) - 1))] = byte
    damaged = bytes(data[: round(cut * len(data))])
    assert facts_or_reason(described, damaged) == facts_or_reason(whole, damaged)


@given(st.lists(st.sampled_from([b"\xff", b"\xda", b"\x00"]), min_size=2).map(b"".join))
def test_possible_scans_are_counted_at_even_and_odd_places(data: bytes) -> None:
    assert _pairs(data) == data.count(b"\xff\xda")


def test_an_error_survives_the_way_from_a_worker_process() -> None:
    error = pickle.loads(pickle.dumps(ImageError("too_large", "The picture is 9 x 9 pixels.", "Shrink it.")))
    assert (str(error), error.reason, error.hint) == (
        "The picture is 9 x 9 pixels.",
        "too_large",
        "Shrink it.",
    )


def test_every_pixel_of_a_lossless_file_comes_through() -> None:
    image = scene(4)
    for format in ("PNG", "BMP", "TIFF"):  # noqa: A001
        assert np.array_equal(np.asarray(canonical(file_bytes(image, format))), np.asarray(image))
    assert Image.MAX_IMAGE_PIXELS is not None
