"""Pictures decoded no larger than they are needed, and batches decoded where the network is: nearly the same pixels."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

import train.data
from tests.shards.make import make_release
from tests.train.data import tiny_config
from train import run
from train.data import Streamed, load
from train.decoding import decode_on_device, is_upright_jpeg, square
from train.errors import TrainError
from train.sources import open_source
from train.sources.kinds import decode
from train.sources.pictures import read_pictures

CPU = torch.device("cpu")


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Clouds with some grain, as a camera gives them."""
    random = np.random.default_rng(seed)
    clouds = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    smooth = np.asarray(clouds.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray(np.clip(smooth + random.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8))


def encoded(picture: Image.Image, kind: str = "JPEG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(picture: Image.Image) -> bytes:
    """A JPEG that lies on its side, with EXIF that says so."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return encoded(picture, exif=exif)


@given(width=st.integers(16, 400), height=st.integers(16, 400), least=st.integers(8, 64))
@settings(max_examples=30, deadline=None)
def test_a_jpeg_is_never_decoded_smaller_than_it_is_needed(width, height, least):
    data = encoded(photo(width, height))
    found = decode(data, "", least)
    assert min(found.size) >= min(least, width, height)
    assert max(found.size) <= max(width, height)
    if min(width, height) >= 2 * least:
        assert found.size[0] <= (width + 1) // 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "turned"], ids=str)
def test_pixels_of_a_reduced_picture_are_those_of_the_whole_one(kind):
    picture = photo(1200, 900)
    data = turned(picture) if kind == "turned" else encoded(picture, kind)
    whole, reduced = (square(decode(data, "", least), 200).astype(int) for least in (0, 200))
    assert decode(data, "", 200).size == {"JPEG": (300, 225), "PNG": (1200, 900), "turned": (225, 300)}[kind]
    assert np.abs(whole - reduced).mean() < 1.5
    assert kind != "PNG" or np.array_equal(whole, reduced)


def test_training_and_prediction_read_the_same_pixels(tmp_path):
    folder = tmp_path / "set" / "train"
    for number in range(4):
        (folder / f"class{number % 2}").mkdir(parents=True, exist_ok=True)
        (folder / f"class{number % 2}" / f"{number}.jpg").write_bytes(encoded(photo(300, 200, number)))
    samples = open_source(tmp_path / "set").splits["train"]
    pictures, _ = load(samples, 32, CPU, 0)
    names = [str(folder / key) for key in samples.keys]
    for row, (_, read) in enumerate(read_pictures(names, 1, 32)):
        assert np.array_equal(square(read, 32), pictures.one(row))


def test_a_batch_on_the_device_is_what_pillow_gives_one_by_one():
    """Also what torchvision cannot: a PNG, and a JPEG that EXIF turns. On this device its decoder is the CPU's."""
    batch = [encoded(photo(90, 60)), encoded(photo(60, 90, 1), "PNG"), turned(photo(80, 64, 2))]
    batch += [encoded(photo(64, 48, 3).convert("L")), encoded(photo(32, 32, 4))]
    assert [is_upright_jpeg(data) for data in batch] == [True, False, False, True, True]
    asked = []

    def by_pillow(i):
        asked.append(i)
        return square(decode(batch[i], ""), 32)

    found = decode_on_device(batch, 32, CPU, by_pillow)
    assert asked == [1, 2]
    assert found.shape == (5, 32, 32, 3)
    assert found.dtype == torch.uint8
    for i, data in enumerate(batch):
        assert np.abs(found[i].numpy().astype(int) - square(decode(data, ""), 32)).mean() < 2


def test_a_broken_picture_in_a_batch_on_the_device_is_named_by_pillow():
    batch = [encoded(photo(64, 64)), encoded(photo(64, 64, 1))[:900]]
    with pytest.raises(TrainError, match="The picture number 1 cannot be decoded"):
        decode_on_device(batch, 32, CPU, lambda i: square(decode(batch[i], f"number {i}"), 32))


def test_that_pillow_decodes_in_the_devices_stead_is_said_once(caplog, monkeypatch):
    monkeypatch.setattr(train.decoding, "_told", set())
    whole = [encoded(photo(64, 64)), encoded(photo(64, 64, 1))]
    squares = [square(decode(data, ""), 64) for data in whole]
    for _ in range(2):
        found = decode_on_device([whole[0], whole[1][:-2]], 64, CPU, squares.__getitem__)
    assert np.array_equal(found.numpy(), np.stack(squares))
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        "a batch was decoded by Pillow, which is slower"
    ]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_a_gpu_decodes_what_the_cpu_decodes():
    batch = [encoded(photo(640, 480, seed)) for seed in range(8)]
    squares = [square(decode(data, ""), 224) for data in batch]
    found = decode_on_device(batch, 224, torch.device("cuda"), lambda i: squares[i]).cpu().numpy().astype(int)
    assert np.abs(found - np.stack(squares)).mean() < 2


@pytest.mark.parametrize("workers", [0, 1], ids=["here", "process"])
def test_a_stream_decoded_on_the_device_gives_the_same_pictures_in_the_same_order(tmp_path, monkeypatch, workers):
    release = make_release(tmp_path, {"train": 24}, classes=3, side=16, formats=("jpg", "png"))
    samples = open_source(release).splits["train"]
    expected, _ = load(samples, 16, CPU, 0)
    monkeypatch.setattr(train.data, "MEMORY_LIMIT", 0)
    streamed, _ = load(samples, 16, CPU, workers, gpu_decode=True)
    assert isinstance(streamed, Streamed)
    orders = np.array_split(np.random.default_rng(0).permutation(24), 5)
    for ours, theirs in zip(streamed.batches(orders), expected.batches(orders), strict=True):
        assert (ours.int() - theirs.int()).abs().float().mean() < 1  # libjpeg of another build


def test_the_flag_trains_a_streamed_release_and_changes_nothing_else(tmp_path, monkeypatch):
    release = make_release(tmp_path, {"train": 24, "test": 6}, classes=3, side=16, formats=("png",))
    monkeypatch.setattr(train.data, "MEMORY_LIMIT", 0)
    plain = run(tiny_config(release, tmp_path / "plain", epochs=1))
    flagged = run(tiny_config(release, tmp_path / "flagged", epochs=1, gpu_decode=True))
    assert [row.train_loss for row in flagged.history] == [row.train_loss for row in plain.history]
