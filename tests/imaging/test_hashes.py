"""The perceptual hash: fixed for ever, and close for pictures that look alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import ExifTags, Image

from imaging import (
    canonical,
    comparison_picture,
    dhash_transforms,
    hashing_picture,
    is_plain,
    phash,
    phash_from_hex,
    phash_hex,
    phash_transforms,
    similarity,
    small_views,
    transformed,
)
from tests.imaging.pictures import file_bytes, scene


def bits_apart(one: int, other: int) -> int:
    return (one ^ other).bit_count()


@given(st.integers(0, 2**64 - 1))
def test_hex_is_sixteen_digits_and_goes_both_ways(value: int) -> None:
    text = phash_hex(value)
    assert len(text) == 16
    assert phash_from_hex(text) == value


@pytest.mark.parametrize("text", ["", "0" * 15, "0" * 17, "g" * 16, "0x" + "0" * 14, "+" + "1" * 15])
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="16 hex digits"):
        phash_from_hex(text)


@pytest.mark.parametrize("value", [-1, 2**64])
def test_a_number_of_more_than_64_bits_has_no_hex(value: int) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        phash_hex(value)


def test_the_hash_of_a_known_picture_never_moves() -> None:
    """If this fails, hashes in stores are no longer comparable: `PHASH_VERSION` must change too."""
    y, x = np.mgrid[0:90, 0:120]
    channels = [(x * 2) % 256, (x * y) // 50 % 256, (255 - y * 2) % 256]
    assert phash_hex(phash(Image.fromarray(np.stack(channels, axis=2).astype(np.uint8)))) == "a0754c5f525f855c"


def test_it_is_imagehashes_phash_of_the_working_picture() -> None:
    import imagehash

    for seed in range(200):
        working = scene(seed).convert("L").resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=2.0)
        assert phash_hex(phash(scene(seed))) == str(imagehash.phash(working))


@given(arrays(np.uint8, (32, 32)))
def test_bits_differ_from_imagehashes_only_at_the_median(pixels: np.ndarray) -> None:
    """There the rounding of either decides: a frequency that equals the median, or is nearly nothing."""
    import imagehash
    from scipy.fftpack import dct

    image = Image.fromarray(pixels)
    theirs = int(str(imagehash.phash(image)), 16)
    low = dct(dct(pixels.astype(np.float64), axis=0), axis=1)[:8, :8].reshape(-1)
    apart = [bit for bit in range(64) if (phash(image) ^ theirs) >> (63 - bit) & 1]
    assert all(abs(low[bit] - np.median(low)) < 2.0 for bit in apart)  # of frequencies up to a million


@given(arrays(np.uint8, (32, 32)))
def test_the_eight_hashes_are_those_of_the_moved_picture_to_the_last_bit(pixels: np.ndarray) -> None:
    image = Image.fromarray(pixels)
    assert phash_transforms(image) == {name: phash(transformed(image, name)) for name in phash_transforms(image)}


@pytest.mark.parametrize("size", [(240, 180), (517, 391), (900, 1201), (64, 65), (40, 33), (20, 31)], ids=str)
def test_a_jpeg_decoded_small_has_nearly_the_hash_of_all_its_pixels(size: tuple[int, int]) -> None:
    for seed in range(10):
        data = file_bytes(scene(seed, *size), "JPEG", quality=90)
        assert hashing_picture(data).size == (32, 32)
        assert bits_apart(phash(hashing_picture(data)), phash(canonical(data))) <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_is_hashed_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = file_bytes(scene(3, 500, 375), "JPEG", quality=90, exif=exif)
    assert bits_apart(phash(hashing_picture(data)), phash(canonical(data))) <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(517, 391), (64, 65), (40, 33), (900, 1201)], ids=str)
def test_small_views_hash_as_the_hashing_picture_and_compare_as_all_pixels_do(
    size: tuple[int, int], orientation: int
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = file_bytes(scene(3, *size), "JPEG", quality=90, exif=exif)
    views = small_views(data)
    assert views.hashing.tobytes() == hashing_picture(data).tobytes()
    assert (views.width, views.height) == canonical(data).size
    assert views.comparison.size == (64, 64)
    assert similarity(views.comparison, comparison_picture(canonical(data))) > 0.99


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"], ids=str)
def test_small_views_of_other_formats_are_those_of_all_pixels(kind: str) -> None:
    data = file_bytes(scene(4, 200, 150), kind)
    views = small_views(data)
    assert views.hashing.tobytes() == hashing_picture(data).tobytes()
    assert views.comparison.tobytes() == comparison_picture(canonical(data)).tobytes()


def test_half_of_the_bits_are_ones() -> None:
    assert {phash(scene(seed)).bit_count() for seed in range(10)} == {32}


def test_a_smaller_recompressed_copy_is_near_and_another_picture_far() -> None:
    for seed in range(20):
        image = scene(seed)
        copy = canonical(file_bytes(image.resize((120, 90)), "JPEG", quality=40))
        assert bits_apart(phash(image), phash(copy)) <= 6
        assert bits_apart(phash(image), phash(scene(seed + 1000))) > 12


def test_the_eight_transforms_find_their_own_picture() -> None:
    image = scene(8, 200, 200)
    hashes = phash_transforms(image)
    assert len(hashes) == 8
    assert hashes["identity"] == phash(image)
    assert len(set(hashes.values())) == 8
    for name, value in hashes.items():
        assert bits_apart(phash(transformed(image, name)), value) <= 2


def test_mirrored_and_turned_names_mean_what_they_say() -> None:
    pixels = np.asarray(scene(9))
    moved = {name: np.asarray(transformed(scene(9), name)) for name in phash_transforms(scene(9))}
    assert np.array_equal(moved["mirror"], pixels[:, ::-1])
    for turns in (1, 2, 3):
        assert np.array_equal(moved[f"rotate{turns * 90}"], np.rot90(pixels, turns))
        assert np.array_equal(moved[f"mirror_rotate{turns * 90}"], np.rot90(pixels[:, ::-1], turns))


def test_plain_pictures_are_told_apart_from_pictures_of_something() -> None:
    noise = np.random.default_rng(0).normal(250, 3, (100, 100, 3)).clip(0, 255).astype(np.uint8)
    for plain in (Image.new("RGB", (50, 40), "white"), Image.new("RGB", (9, 9)), Image.fromarray(noise)):
        assert is_plain(plain)
    assert not any(is_plain(scene(seed)) for seed in range(10))


def test_the_difference_hash_is_imagehashes_of_the_same_working_picture_in_each_position() -> None:
    import imagehash

    for seed in range(30):
        working = hashing_picture(file_bytes(scene(seed), "PNG"))
        for name, value in dhash_transforms(working).items():
            assert phash_hex(value) == str(imagehash.dhash(transformed(working, name))), (seed, name)


def test_the_difference_hash_of_a_known_picture_never_moves() -> None:
    assert phash_hex(dhash_transforms(scene(5))["identity"]) == "e131360d6fc23031"
