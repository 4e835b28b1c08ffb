"""Contenders of benchmarks/shards.py write and read the same pictures, and its resume is checked to be exact."""

import io
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.shard_figures import pictures
from benchmarks.shard_figures.contenders import raw, write
from benchmarks.shard_figures.resume import measure_resume
from benchmarks.shard_figures.workers import measure_workers
from tests.shards.make import draw, encode


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    import numpy as np

    random = np.random.Generator(np.random.PCG64(1))
    return [encode(draw(label, 300 + 10 * label, random), "jpg") for label in range(4)]


def test_numbered_pictures_differ_in_bytes_and_not_in_pixels(photos: list[bytes]) -> None:
    made = list(pictures.numbered(photos, 12))
    assert [key for key, _, _ in made] == sorted({key for key, _, _ in made})
    assert len({data for _, data, _ in made}) == 12
    for _, data, label in made:
        with Image.open(io.BytesIO(data)) as one, Image.open(io.BytesIO(photos[label])) as other:
            assert one.tobytes() == other.tobytes()


def test_small_pictures_have_a_shorter_side_of_256(photos: list[bytes]) -> None:
    for data in pictures.small(photos):
        with Image.open(io.BytesIO(data)) as picture:
            assert min(picture.size) == 256


@pytest.mark.parametrize("who", ["cairn", "webdataset"])
def test_a_contender_reads_back_what_it_wrote(who: str, photos: list[bytes], tmp_path: Path) -> None:
    pytest.importorskip("webdataset")
    samples = list(pictures.numbered(photos, 30))
    write(who, tmp_path / who, samples)
    assert sorted(raw(who, tmp_path / who)) == sorted(data for _, data, _ in samples)


def test_a_build_with_two_workers_and_with_one_is_compared_file_by_file(tmp_path: Path) -> None:
    found = measure_workers(tmp_path, 30)
    assert found["identical"]
    assert found["files"] > 8
    assert found["1 workers"]["samples"] == found["2 workers"]["samples"] == 30


def test_resuming_in_the_middle_is_exact(tmp_path: Path) -> None:
    found = measure_resume(tmp_path, 300)
    assert found["exact"]
    assert measure_resume(tmp_path, 300)["samples"] == 300
