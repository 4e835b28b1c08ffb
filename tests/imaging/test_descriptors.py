"""The copy-detection descriptor: copies point one way, other pictures elsewhere; neighbours are exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from imaging import DESCRIPTOR_WIDTH, comparison_picture, descriptors, pairs_alike
from tests.imaging.pictures import scene


def described(*pictures: Image.Image) -> np.ndarray:
    return descriptors(np.stack([np.asarray(comparison_picture(picture)) for picture in pictures]))


def test_descriptors_are_unit_vectors_and_do_not_depend_on_the_batch() -> None:
    pictures = [scene(seed) for seed in range(70)]
    together = described(*pictures)
    assert together.shape == (70, DESCRIPTOR_WIDTH)
    assert together.dtype == np.dtype(np.float32)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    assert described(pictures[69])[0] == pytest.approx(together[69], abs=1e-5)


def test_a_cut_turned_mirrored_or_framed_copy_is_nearer_than_any_other_picture() -> None:
    pictures = [scene(seed, 320, 240) for seed in range(30)]
    own = described(*pictures)
    for change in (
        lambda image: image.crop((40, 10, 300, 205)),
        lambda image: image.rotate(8),
        ImageOps.mirror,
        lambda image: ImageOps.expand(image, 40, "white"),
        lambda image: image.convert("L").convert("RGB"),
    ):
        copies = described(*(change(image) for image in pictures))
        nearest = (copies @ own.T).argmax(axis=1)
        assert (nearest == np.arange(30)).mean() > 0.9


def test_a_picture_without_any_tones_still_has_a_descriptor() -> None:
    assert np.isfinite(described(Image.new("RGB", (64, 64), "black"), Image.new("RGB", (5, 900), "white"))).all()


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="64, 64, 3"):
        descriptors(np.zeros((1, 32, 32, 3), dtype=np.uint8))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 8), st.integers(0, 2**32))
def test_pairs_alike_are_those_of_comparing_all_with_all(n: int, m: int, most: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = (random.normal(size=(count, 3)).astype(np.float32) for count in (n, m))
    cosines = left @ right.T
    expected = [(i, int(j)) for i in range(n) for j in sorted(np.argsort(-cosines[i])[:most]) if cosines[i, j] >= 0.5]
    assert [tuple(pair) for pair in pairs_alike(left, right, 0.5, most).tolist()] == expected
    among = pairs_alike(left, None, 0.5, n + 1)
    own = np.triu(left @ left.T >= 0.5, 1)
    assert np.array_equal(among, np.stack(np.nonzero(own), axis=1))
