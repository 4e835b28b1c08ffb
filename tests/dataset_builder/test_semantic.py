"""Series by the features of a network trained here: from pictures to a run, its features, and what is near by them."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cairn.cli import app
from dataset_builder.semantic import find_series, near_vectors, series_links
from imaging import pairs_alike
from tests.dataset_builder.scenes import jpeg, picture
from train.__main__ import main as train

FLAGS = ["--model", "resnet20", "--width", "0.25", "--epochs", "1", "--size", "16", "--workers", "1"]
FLAGS += ["--device", "cpu", "--batch-size", "8"]


def test_frames_of_one_scene_are_a_series_by_what_a_network_trained_here_sees(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for category in ("car", "bus"):
        (photos / category).mkdir(parents=True)
        for number in range(10):  # the same file names in both classes
            (photos / category / f"{number}.jpg").write_bytes(jpeg(picture(number + 50 * (category == "bus"))))
    frame = picture(3, width=480, height=360)
    for number, left in enumerate((0, 330)):  # two parts of one scene that share nothing but its kind
        (photos / "car" / f"frame{number}.jpg").write_bytes(jpeg(frame.crop((left, 0, left + 150, 360))))
    assert train([str(photos), "--out", str(tmp_path / "run"), *FLAGS]) == 0
    features = tmp_path / "features.npz"
    assert train(["features", str(tmp_path / "run"), str(photos), "--out", str(features), "--device", "cpu"]) == 0
    with np.load(features) as stored:
        vectors = stored["features"] / np.linalg.norm(stored["features"], axis=1, keepdims=True)
        rows = [stored["key"].tolist().index(f"car/frame{number}.jpg") for number in (0, 1)]
    cosine = float(vectors[rows[0]] @ vectors[rows[1]]) - 1e-4
    done = CliRunner().invoke(
        app,
        [
            "duplicates",
            str(photos),
            "--semantic",
            str(features),
            "--cosine",
            f"{cosine:.5f}",
            "--workers",
            "1",
            "--json",
        ],
    )
    assert done.exit_code == 0, done.output
    series = [one["paths"] for one in json.loads(done.stdout)["series"]]
    both = {str(photos / "car" / f"frame{number}.jpg") for number in (0, 1)}
    assert any(both <= set(paths) for paths in series)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40), st.floats(0.1, 0.99))
def test_faiss_finds_what_comparing_all_with_all_finds(seed: int, count: int, cosine: float) -> None:
    pytest.importorskip("faiss")
    vectors = np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = np.triu(vectors @ vectors.T, 1)
    if np.abs(cosines - cosine).min() < 1e-5:  # on the edge either may be right
        return
    assert near_vectors(vectors, cosine).tolist() == pairs_alike(vectors, None, cosine, 50).tolist()


def test_a_graph_of_neighbours_finds_the_nearest_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr("dataset_builder.semantic._MOST_EXACT", 0)
    vectors = np.random.default_rng(1).normal(size=(500, 16)).astype(np.float32)
    vectors[250:] = vectors[:250] + 0.05 * vectors[250:]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert near_vectors(vectors, 0.98).tolist() == [[n, n + 250] for n in range(250)]


def test_without_faiss_numpy_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    vectors = {"a": np.array([1, 0], np.float32), "b": np.array([0.6, 0.8], np.float32)}
    (series,) = find_series(["x/a.jpg", "y/b.jpg"], vectors, 0.5)
    assert (series.paths, series.cosine) == (("x/a.jpg", "y/b.jpg"), 0.6)


def test_features_are_found_by_the_end_of_a_path_that_says_which_file_is_meant() -> None:
    near, far = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    features = {"car/1.jpg": near, "bus/1.jpg": far, "2": near}
    (series,) = find_series(["/data/car/1.jpg", "/data/bus/1.jpg", "all.tar::train/2.png"], features, 0.9)
    assert series.paths == ("/data/car/1.jpg", "all.tar::train/2.png")


def test_of_keys_that_begin_one_sha256_the_longest_is_the_pictures_own() -> None:
    """Keys are longer than 16 digits only where several pictures share those."""
    first, second, third = (("0" * 16 + digit).ljust(64, "f") for digit in "abc")
    near, far = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    found = series_links([first, second, third], {"0" * 16: far, first[:17]: near, second[:17]: near}, 0.9)
    assert (found.links, found.known, found.pictures) == (((first, second),), 3, 3)
