"""Real photographs and odd files, from the store to a verified release with the pixels a person sees."""

import io
import tarfile
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

import imaging
import shards
from dataset_builder import Recipe, build, verify
from tests.data import shared_data
from tests.dataset_builder.scenes import Store

# One shot in eight orientations, a CMYK and a 16-bit file, palettes, alpha: whatever decodes is released.
_MOST_BYTES = 300_000


def members(name: str) -> list[tuple[str, bytes]]:
    with tarfile.open(shared_data() / name) as tar:
        return [(m.name, tar.extractfile(m).read()) for m in tar if m.isfile()]  # type: ignore[union-attr]


def test_odd_files_are_released_as_a_person_sees_them(store: Store, small: Callable[..., Recipe]) -> None:
    expected = {}
    for number, (name, data) in enumerate(members("odd_encodings.tar")):
        if len(data) > _MOST_BYTES:
            continue
        try:
            sha256 = store.yes(data, store.categories[number % 2], url=f"https://odd.example/{name}")
        except imaging.ImageError:
            continue
        expected[sha256] = data
    assert len(expected) > 25
    recipe = small(pixels={"mode": "untouched", "format": "png"}, duplicates={"keep": "all"})
    report = build(store.workspace, "odd", recipe, workers=1)
    assert verify(report.path, store.workspace) == []
    assert report.left_out == {}
    release = shards.open_release(report.path)
    for row in pq.read_table(report.path / "samples.parquet").to_pylist():
        split = release.split(row["split"])
        written = Image.open(io.BytesIO(split.read_image(split.find(row["key"]))))
        pixels = imaging.canonical(expected[row["sha256"]])
        assert np.array_equal(np.asarray(written), np.asarray(pixels)), row["url"]
        assert not written.getexif()
        assert "icc_profile" not in written.info


def test_eight_orientations_of_one_photograph_are_one_sample(store: Store, small: Callable[..., Recipe]) -> None:
    store.fill(20)
    turned = [data for name, data in members("odd_encodings.tar") if "Landscape_" in name]
    assert len(turned) == 8
    names = {store.yes(data) for data in turned}
    report = build(store.workspace, "v", small(), workers=1)
    assert report.left_out == {"duplicate": 7}
    kept = names & set(pq.read_table(report.path / "samples.parquet")["sha256"].to_pylist())
    assert len(kept) == 1
