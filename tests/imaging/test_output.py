"""Resizing, encoding and thumbnails."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from imaging import ResizeMode, canonical, encode, inspect, resize, thumbnail
from tests.imaging.pictures import file_bytes, scene

sizes = st.integers(1, 300)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, st.integers(1, 200))
def test_the_shorter_side_becomes_the_size_and_the_form_stays(width: int, height: int, size: int) -> None:
    resized, placement = resize(Image.new("RGB", (width, height)), size, "shorter_side")
    assert min(resized.size) == size
    assert resized.width == pytest.approx(width * placement.scale_x)
    assert resized.height == pytest.approx(height * placement.scale_y)
    assert abs(max(resized.size) - max(width, height) * size / min(width, height)) <= 0.5
    assert (placement.offset_x, placement.offset_y) == (0, 0)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, st.integers(1, 200))
def test_a_square_is_exact_and_in_the_middle(width: int, height: int, size: int) -> None:
    square, placement = resize(Image.new("RGB", (width, height)), size, "square")
    assert square.size == (size, size)
    middle = width / 2 * placement.scale_x + placement.offset_x
    assert abs(middle - size / 2) <= placement.scale_x / 2 + 1e-6


@pytest.mark.parametrize("mode", ["shorter_side", "square"])
def test_the_placement_says_where_a_point_went(mode: str) -> None:
    image = Image.new("RGB", (400, 300))
    image.paste("white", (196, 98, 204, 106))
    resized, placement = resize(image, 150, mode)  # type: ignore[arg-type]
    bright = np.argwhere(np.asarray(resized.convert("L")) > 128)
    y, x = bright.mean(axis=0) + 0.5
    assert x == pytest.approx(200 * placement.scale_x + placement.offset_x, abs=0.6)
    assert y == pytest.approx(102 * placement.scale_y + placement.offset_y, abs=0.6)


def test_untouched_is_untouched() -> None:
    image = scene(1)
    same, placement = resize(image, 0, "untouched")
    assert np.array_equal(np.asarray(same), np.asarray(image))
    assert (placement.scale_x, placement.scale_y, placement.offset_x, placement.offset_y) == (1, 1, 0, 0)


def test_a_wrong_size_or_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="size"):
        resize(scene(1), 0, "square")
    with pytest.raises(ValueError, match="mode"):
        resize(scene(1), 10, "longest")  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_the_same_pixels_give_the_same_bytes_and_carry_no_metadata(format: str) -> None:  # noqa: A002
    image = scene(2)
    laden = image.copy()
    laden.info = {"exif": b"Exif\0\0secret", "icc_profile": b"p" * 200, "comment": b"made by", "dpi": (72, 72)}
    data = encode(laden, format)  # type: ignore[arg-type]
    assert data == encode(image, format)  # type: ignore[arg-type]
    assert data == encode(canonical(file_bytes(image, "PNG")), format)  # type: ignore[arg-type]
    facts = inspect(data)
    assert facts.format == format.upper()
    assert (facts.width, facts.height, facts.orientation) == (240, 180, 1)
    assert (facts.icc_name, facts.taken_at) == (None, None)
    assert not {"exif", "icc_profile", "comment", "dpi"} & set(Image.open(io.BytesIO(data)).info)


@pytest.mark.parametrize("format", ["png", "webp"])
def test_lossless_formats_keep_every_pixel(format: str) -> None:  # noqa: A002
    image = scene(3)
    assert np.array_equal(np.asarray(canonical(encode(image, format))), np.asarray(image))  # type: ignore[arg-type]


def test_jpeg_quality_and_subsampling_are_followed() -> None:
    image = scene(4)
    assert len(encode(image, "jpeg", 30)) < len(encode(image, "jpeg", 90))
    full, half = (Image.open(io.BytesIO(encode(image, "jpeg", 90, how))) for how in ("4:4:4", "4:2:0"))
    assert [layer[1:3] for layer in full.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
    assert half.layer[0][1:3] == (2, 2)  # type: ignore[attr-defined]


def test_what_cannot_be_encoded_is_refused() -> None:
    for image, format, quality, match in (  # noqa: A001
        (scene(1).convert("L"), "jpeg", 90, "RGB"),
        (scene(1), "gif", 90, "format"),
        (scene(1), "jpeg", 0, "quality"),
    ):
        with pytest.raises(ValueError, match=match):
            encode(image, format, quality)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="subsampling"):
        encode(scene(1), "jpeg", 90, "4:1:1")  # type: ignore[arg-type]


def test_a_thumbnail_fits_and_never_grows() -> None:
    assert Image.open(io.BytesIO(thumbnail(scene(5), 96))).size == (96, 72)
    assert Image.open(io.BytesIO(thumbnail(scene(5, 30, 20), 96))).size == (30, 20)
    assert Image.open(io.BytesIO(thumbnail(Image.new("RGB", (3000, 2)), 100))).size == (100, 1)
    assert thumbnail(scene(5), 96) == thumbnail(scene(5), 96)
    with pytest.raises(ValueError, match="side"):
        thumbnail(scene(5), 0)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.data(),
)
def test_lanczos_by_numba_is_pillows_to_the_last_bit(
    pixels: np.ndarray, size: tuple[int, int], data: st.DataObject
) -> None:
    lanczos = pytest.importorskip("imaging.lanczos", exc_type=ImportError)
    height, width, _ = pixels.shape
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    narrow = Image.fromarray(pixels).resize((size[0], height), Image.Resampling.LANCZOS, box=(left, 0, box[2], height))
    expected = narrow.resize(size, Image.Resampling.LANCZOS, box=(0, top, size[0], box[3]))
    assert np.array_equal(lanczos.resized(pixels, size, box), np.asarray(expected))


@pytest.mark.parametrize("mode", ["shorter_side", "square"])
def test_after_some_hundred_pictures_the_pixels_are_still_the_same(
    mode: ResizeMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [scene(seed, 200 + 7 * seed, 180) for seed in range(8)]
    before = [resize(picture, 64, mode)[0].tobytes() for picture in pictures]
    monkeypatch.setattr("imaging.resizing._FEW", 0)
    assert [resize(picture, 64, mode)[0].tobytes() for picture in pictures] == before
