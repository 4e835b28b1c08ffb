"""Near-duplicates stay near, boxes follow, and odd files are what they claim."""

import io
from random import Random

import numpy as np
import pytest
from imagehash import phash
from PIL import Image, ImageOps

from cairn.demo.renderer import render
from cairn.demo.transforms import NEAR_DUPLICATES, encode, near_duplicate, odd_file, thumbnail


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("transform", NEAR_DUPLICATES)
def test_a_near_duplicate_is_near_by_perceptual_hash(transform: str) -> None:
    """Far nearer than two different pictures are; a mirrored one once it is mirrored back."""
    own, others = [], []
    for index in range(16):
        rendered = render(9, index)
        copy = decoded(near_duplicate(rendered.image, rendered.box, transform, Random(index)).data).convert("RGB")
        copy = ImageOps.mirror(copy) if transform == "mirrored" else copy
        own.append(phash(rendered.image) - phash(copy))
        others.append(phash(rendered.image) - phash(render(9, index + 1).image))
    assert np.median(own) <= 8
    assert np.median(others) >= 20


@pytest.mark.parametrize("transform", NEAR_DUPLICATES)
def test_the_box_follows_the_picture(transform: str) -> None:
    """The pixels in the box are, resized, about the pixels that were in it."""
    for index in (1, 11, 27):
        rendered = render(9, index)
        made = near_duplicate(rendered.image, rendered.box, transform, Random(index))
        image = decoded(made.data).convert("RGB")
        assert image.size == (made.width, made.height)
        assert made.box is not None
        x, y, w, h = made.box
        assert 0 <= x < x + w <= image.width + 1e-6
        assert 0 <= y < y + h <= image.height + 1e-6

        def inside(picture: Image.Image, box: tuple[float, float, float, float]) -> np.ndarray:
            x, y, w, h = box
            return np.asarray(picture.resize((24, 24), Image.Resampling.BOX, (x, y, x + w, y + h)), float)

        before, after = inside(rendered.image, rendered.box), inside(image, made.box)
        if transform == "mirrored":
            after = after[:, ::-1]
        assert np.abs(before - after).mean() < 25


def test_a_near_duplicate_has_other_bytes() -> None:
    rendered = render(9, 3)
    plain = encode(rendered.image, rendered.box).data
    for transform in NEAR_DUPLICATES:
        assert near_duplicate(rendered.image, rendered.box, transform, Random(1)).data != plain


def test_an_unknown_transform_names_the_known_ones() -> None:
    rendered = render(9, 3)
    with pytest.raises(ValueError, match="mirrored"):
        near_duplicate(rendered.image, rendered.box, "melted", Random(1))
    with pytest.raises(ValueError, match="cmyk"):
        odd_file(rendered.image, rendered.box, "melted")


def test_odd_files_are_what_they_claim() -> None:
    rendered = render(9, 5)

    def odd(kind: str) -> Image.Image:
        return decoded(odd_file(rendered.image, rendered.box, kind).data)

    assert (odd("cmyk").format, odd("cmyk").mode) == ("JPEG", "CMYK")
    assert (odd("png16").format, odd("png16").mode) == ("PNG", "I;16")
    assert (odd("alpha").format, odd("alpha").mode) == ("PNG", "RGBA")
    assert odd("alpha").getextrema()[3] == (0, 255)
    turned = odd("exif_rotated")
    assert turned.getexif()[0x0112] == 6
    assert turned.size == rendered.image.size[::-1]
    upright = np.asarray(ImageOps.exif_transpose(turned), float)
    assert np.abs(upright - np.asarray(rendered.image, float)).mean() < 12


def test_files_without_a_picture_do_not_decode() -> None:
    rendered = render(9, 5)
    with pytest.raises(OSError, match="truncated"):
        decoded(odd_file(rendered.image, rendered.box, "truncated").data).load()
    with pytest.raises(Image.UnidentifiedImageError):
        decoded(odd_file(rendered.image, rendered.box, "text").data)
    bomb = odd_file(rendered.image, rendered.box, "bomb").data
    assert len(bomb) < 1000
    with pytest.raises(Image.DecompressionBombError):
        decoded(bomb)


def test_a_thumbnail_is_small_and_keeps_its_shape() -> None:
    rendered = render(9, 2)
    small = decoded(thumbnail(rendered.image).data)
    assert max(small.size) == 64
    assert abs(small.width / small.height - rendered.image.width / rendered.image.height) < 0.05
