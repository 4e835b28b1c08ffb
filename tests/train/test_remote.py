"""A release at a URL: nothing is learnt from unproven bytes, and one too large for memory is decoded by threads."""

from pathlib import Path

import numpy as np
import pytest
import torch

import train.data
from shards import open_release
from tests.shards.make import make_release
from tests.shards.serving import serve
from train.data import Streamed, load
from train.errors import TrainError
from train.sources import open_source


@pytest.fixture
def release(tmp_path):
    return make_release(tmp_path / "web", {"train": 24, "test": 6}, classes=3, side=16)


@pytest.fixture
def url(release, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serve(release.parent.parent) as serving:
        yield f"{serving.url}/tiny/1"


def test_a_damaged_tar_at_a_url_is_refused_though_its_pictures_could_be_decoded(release, url):
    split = open_release(release).split("train")
    tar = Path(split.file_of(0))
    data = bytearray(tar.read_bytes())
    at = data.index(split.read_image(0)) + len(split.read_image(0)) // 2
    data[at] ^= 1
    tar.write_bytes(bytes(data))
    samples = open_source(url).splits["train"]
    row = samples.keys.index(str(split.keys[0]))
    for read in (samples.picture, samples.origin, samples.story):
        with pytest.raises(TrainError, match=rf"Sample {split.keys[0]} of train cannot be read"):
            read(row)


def test_a_release_at_a_url_is_streamed_by_threads_in_the_order_asked_for(release, url, monkeypatch):
    near, far = open_source(release).splits["train"], open_source(url).splits["train"]
    cpu = torch.device("cpu")
    expected, _ = load(near, 16, cpu, 0)
    monkeypatch.setattr(train.data, "MEMORY_LIMIT", 0)
    streamed, _ = load(far, 16, cpu, 2)
    assert isinstance(streamed, Streamed)
    orders = np.array_split(np.random.default_rng(0).permutation(24), 9)
    pairs = zip(streamed.batches(orders), expected.batches(orders), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
