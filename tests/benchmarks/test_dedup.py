"""The figures of benchmarks/dedup.py: what counts as found, where the threshold lies; every change is a picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.dedup_figures.album import Album
from benchmarks.dedup_figures.changes import HARD, MILD
from benchmarks.dedup_figures.recall import Scored, figures, scored, threshold_for

NAMES = (*MILD, *HARD)
ALBUM = Album(Path(), ("a", "a1", "a2", "b", "c"), np.array([0, 0, 0, 1, 2]), ("", NAMES[0], NAMES[1], "", ""))


def test_a_copy_counts_with_its_original_and_not_with_another_copy() -> None:
    pairs = np.array([[0, 1], [1, 2], [3, 4], [2, 3]])
    found = scored(ALBUM, pairs, np.array([0.9, 0.8, 0.2, 0.7]))
    assert found.copies.tolist() == [0.9, -np.inf]
    assert sorted(found.wrong.tolist()) == [0.2, 0.7]


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), max_size=60), st.lists(st.integers(0, 20), max_size=60), st.floats(0.5, 1))
def test_the_threshold_is_the_least_that_is_precise_enough(
    copies: list[int], wrong: list[int], precision: float
) -> None:
    found = Scored(np.array(copies, dtype=np.float64), np.array(wrong, dtype=np.float64))
    good = [
        step
        for step in set(copies)
        if (taken := sum(c >= step for c in copies)) >= precision * (taken + sum(w >= step for w in wrong))
    ]
    assert threshold_for(found, precision) == (min(good) if good else float("inf"))


def test_figures_give_recall_by_change_and_the_wrong_pairs_taken() -> None:
    names = [*MILD, *HARD]
    album = Album(Path(), ("o", *names), np.zeros(len(names) + 1, dtype=np.int64), ("", *names))
    copies = np.array([1.0] * len(MILD) + [0.0] * len(HARD))
    told = figures(album, Scored(copies, np.array([0.3, 0.9])), 0.5)
    assert (told["mild"], told["hard"], told["wrong_pairs"]) == (1.0, 0.0, 1)
    assert set(told["by_change"]) == set(names)


@pytest.mark.parametrize("name", NAMES, ids=NAMES)
def test_every_change_is_a_picture_that_opens(name: str) -> None:
    image = Image.effect_mandelbrot((160, 120), (-2, -1, 1, 1), 60).convert("RGB")
    data = (MILD | HARD)[name](image, np.random.default_rng(0))
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        assert min(opened.size) >= 8
    assert data == (MILD | HARD)[name](image, np.random.default_rng(0))
