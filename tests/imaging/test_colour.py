"""Modes, depths, profiles and transparency into sRGB."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageCms

from imaging import canonical, inspect
from imaging.colour import to_srgb
from tests.imaging.pictures import file_bytes, scene


def pixels(data: bytes, background: str = "white") -> np.ndarray:
    return np.asarray(canonical(data, background), dtype=np.int16)


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)
    data = file_bytes(Image.fromarray(np.tile(ramp, (8, 1))), "PNG")
    assert inspect(data).mode == "I;16"
    assert np.array_equal(pixels(data)[0, :, 0], np.arange(256))


def test_floats_run_from_black_to_white() -> None:
    data = file_bytes(Image.fromarray(np.array([[-2.0, 0.5, 3.0]], dtype=np.float32)), "TIFF")
    assert pixels(data)[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_a_grey_ramp_looks_the_same_in_every_mode(mode: str) -> None:
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (16, 1)))
    image = ramp.convert("RGB").convert(mode) if mode not in ("L", "LA", "1") else ramp.convert(mode)
    format = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"  # noqa: A001
    shown = pixels(file_bytes(image, format))
    expected = np.asarray(image.convert("RGB"), dtype=np.int16)
    assert np.abs(shown - expected).max() <= 1


def test_half_transparent_black_over_red_is_half_red() -> None:
    data = file_bytes(Image.new("RGBA", (4, 4), (0, 0, 0, 128)), "PNG")
    assert pixels(data, "red")[0, 0].tolist() == [127, 0, 0]


def test_a_palette_colour_may_be_half_transparent() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    shown = pixels(file_bytes(image, "PNG", transparency=bytes([255, 0])), "lime")
    assert shown[0].tolist() == [[255, 0, 0], [0, 255, 0]]


def test_an_rgb_colour_key_is_transparent() -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    assert pixels(file_bytes(image, "PNG", transparency=(9, 9, 9)))[0].tolist() == [[1, 2, 3], [255] * 3]


def lab_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB with the red and the blue primary exchanged: what it does to a picture cannot be overlooked."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12):
        if profile[at : at + 4] == b"rXYZ":
            profile[at : at + 4] = b"bXYZ"
        elif profile[at : at + 4] == b"bXYZ":
            profile[at : at + 4] = b"rXYZ"
    return bytes(profile).replace("sRGB built-in".encode("utf-16-be"), "swapped prims".encode("utf-16-be"))


def test_an_embedded_profile_is_followed_into_srgb() -> None:
    image = Image.new("RGB", (8, 8), (200, 30, 30))
    data = file_bytes(image, "PNG", icc_profile=swapped_profile())
    assert inspect(data).icc_name == "swapped prims"
    assert np.abs(pixels(data)[0, 0] - [30, 30, 200]).max() <= 3


def test_alpha_is_kept_apart_from_the_profile() -> None:
    image = Image.new("RGBA", (8, 8), (200, 30, 30, 0))
    assert pixels(file_bytes(image, "PNG", icc_profile=swapped_profile()), "#0a141e")[0, 0].tolist() == [
        10,
        20,
        30,
    ]


@pytest.mark.parametrize("profile", [b"no profile", b"\0" * 128, swapped_profile()[:300], lab_profile()])
def test_a_profile_that_is_broken_or_of_other_pixels_is_ignored(profile: bytes) -> None:
    image = scene(5)
    assert np.array_equal(pixels(file_bytes(image, "PNG", icc_profile=profile)), np.asarray(image))


def test_a_grey_jpeg_with_a_colour_profile_stays_grey() -> None:
    data = file_bytes(scene(6).convert("L"), "JPEG", icc_profile=swapped_profile())
    shown = pixels(data)
    assert np.abs(shown[:, :, 0] - shown[:, :, 2]).max() <= 3


def test_a_linear_png_is_brightened_by_its_gamma_chunk() -> None:
    plain = file_bytes(Image.new("RGB", (4, 4), (64, 64, 64)), "PNG")
    chunk = b"gAMA" + (100_000).to_bytes(4, "big")
    import zlib

    gama = (4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    linear = plain[:33] + gama + plain[33:]
    assert Image.open(io.BytesIO(linear)).info["gamma"] == 1.0
    assert pixels(linear)[0, 0].tolist() == [136, 136, 136]
    assert pixels(plain)[0, 0].tolist() == [64, 64, 64]


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_a_deep_grey_picture_takes_little_more_memory_than_its_pixels(mode: str) -> None:
    random = np.random.default_rng(1)
    dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    values = random.integers(0, 65536, (1500, 1400)).astype(dtype)
    image = Image.fromarray(values)
    assert image.mode == mode
    tracemalloc.start()
    try:
        rgb, _ = to_srgb(image)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    low, high = float(values.min()), float(values.max())
    wide = values.astype(np.float64)
    expected = np.rint((wide - low) * (255 / (high - low)) if mode == "F" else wide / 257).astype(np.uint8)
    assert np.array_equal(np.asarray(rgb)[:, :, 0], expected)
    assert most < 16 * values.size
