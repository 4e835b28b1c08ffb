"""What a picture uses of its size: next to all as it was taken, about what it had before where it was enlarged."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from imaging import canonical, detail
from tests.data import shared_data


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    with tarfile.open(shared_data() / "imagenet_samples_150.tar") as archive:
        files = [file.read() for member in archive if (file := archive.extractfile(member)) is not None]
    return [picture for data in files[:30] if min((picture := canonical(data)).size) >= 200]


def enlarged(picture: Image.Image, factor: float, resample: Image.Resampling, quality: int) -> Image.Image:
    file = io.BytesIO()
    size = (round(picture.width * factor), round(picture.height * factor))
    picture.resize(size, resample).save(file, "JPEG", quality=quality)
    return Image.open(file)


@pytest.mark.parametrize(
    ("factor", "resample", "quality"),
    [
        (1.5, Image.Resampling.BICUBIC, 90),
        (2.0, Image.Resampling.BILINEAR, 90),
        (2.0, Image.Resampling.LANCZOS, 75),
        (3.0, Image.Resampling.BICUBIC, 90),
    ],
    ids=["half as large again", "twice, bilinear", "twice, Lanczos, q75", "three times"],
)
def test_an_enlarged_photograph_counts_for_no_more_than_it_had(
    photographs: list[Image.Image], factor: float, resample: Image.Resampling, quality: int
) -> None:
    shares = np.array([detail(enlarged(picture, factor, resample, quality)) for picture in photographs])
    assert (shares * factor < 1).mean() >= 0.9
    assert np.median(shares * factor) > 0.6


def test_photographs_as_they_were_taken_use_nearly_all_of_their_size(photographs: list[Image.Image]) -> None:
    assert np.median([detail(picture) for picture in photographs]) >= 0.9


def test_of_small_and_of_plain_pictures_nothing_is_said(photographs: list[Image.Image]) -> None:
    assert detail(photographs[0].resize((39, 40))) == 1
    assert detail(Image.new("RGB", (300, 200), "grey")) == 1
