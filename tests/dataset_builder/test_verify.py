"""`verify` finds what checksums cannot: tables that contradict samples, leaks, and a store that recorded otherwise."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import update

import shards
from dataset_builder import Recipe, build, verify
from dataset_builder.rows import DROPPED, SAMPLES
from label_store.models import ReleaseImage
from tests.dataset_builder.scenes import Store, mirrored


@pytest.fixture
def release(store: Store, small: Callable[..., Recipe]) -> Path:
    store.fill(20)
    store.yes(mirrored(3), "bus")
    return build(store.workspace, "v", small(), workers=1).path


def reseal(path: Path) -> None:
    """Make the manifest agree with whatever the files are now."""
    manifest = shards.read_manifest(path)
    files = shards.list_files(path, manifest.splits)
    shards.write_manifest(path, shards.Manifest(**{**manifest.__dict__, "files": files}))


def edit(path: Path, name: str, change: Callable[[list[dict[str, Any]]], None]) -> list[str]:
    """What verify says after a table was changed and everything sealed again."""
    rows = pq.read_table(path / name).to_pylist()
    change(rows)
    schema = SAMPLES if name == "samples.parquet" else DROPPED
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path / name)
    reseal(path)
    return [str(problem) for problem in verify(path)]


def set_in(row: int, **values: object) -> Callable[[list[dict[str, Any]]], None]:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[row] |= values

    return change


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("samples.parquet", set_in(0, license="MIT"), "license"),
        ("samples.parquet", set_in(0, posterior=0.5), "posterior"),
        ("samples.parquet", set_in(0, category="tram"), "category tram"),
        ("samples.parquet", set_in(0, shard="train/000009.tar"), "000009"),
        ("samples.parquet", lambda rows: rows.pop(), "lacks sample"),
        ("samples.parquet", lambda rows: rows.append(rows[0] | {"key": "abc"}), "is in no shard"),
        ("dropped.parquet", set_in(0, reason="ugly"), "ugly"),
        ("dropped.parquet", set_in(0, kept_sha256=None), "duplicate of nothing"),
        ("dropped.parquet", lambda rows: rows.append(rows[0]), "twice"),
    ],
)
def test_a_table_that_contradicts_the_samples_is_found(
    release: Path, name: str, change: Callable[[list[dict[str, Any]]], None], told: str
) -> None:
    assert verify(release) == []
    problems = edit(release, name, change)
    assert any(told in problem for problem in problems), problems


def test_a_group_in_two_splits_is_a_leak(release: Path) -> None:
    def leak(rows: list[dict[str, Any]]) -> None:
        first = next(row for row in rows if row["split"] == "train")
        next(row for row in rows if row["split"] == "test")["group"] = first["group"]

    assert any("is in" in problem and "and in" in problem for problem in edit(release, "samples.parquet", leak))


def test_a_left_out_picture_that_is_a_sample_is_found(release: Path) -> None:
    name = pq.read_table(release / "samples.parquet").to_pylist()[0]["sha256"]
    problems = edit(release, "dropped.parquet", set_in(0, sha256=name))
    assert any("and is a sample" in problem for problem in problems)


@pytest.mark.parametrize(
    "name", ["samples.parquet", "card.html", "train/000000.tar", "train/index.npz", "dataset.json"]
)
def test_a_single_flipped_bit_in_any_file_is_found(release: Path, name: str) -> None:
    data = bytearray((release / name).read_bytes())
    data[len(data) // 2] ^= 4
    (release / name).write_bytes(data)
    assert any(problem.file == name for problem in verify(release))


def test_a_store_that_recorded_something_else_is_found(store: Store, release: Path) -> None:
    assert verify(release, store.workspace) == []
    with store.workspace.write() as session:
        session.execute(update(ReleaseImage).where(ReleaseImage.split == "val").values(split="test"))
    problems = verify(release, store.workspace)
    assert problems
    assert all("the workspace recorded" in problem.what for problem in problems)


def test_a_folder_that_is_another_release_than_the_recorded_one_is_found(store: Store, release: Path) -> None:
    document = json.loads((release / "dataset.json").read_bytes())
    assert document["recipe"]["pixels"]["size"] == 48
    reseal_as = shards.read_manifest(release)
    shards.write_manifest(release, shards.Manifest(**{**reseal_as.__dict__, "created": "2020-01-01"}))
    assert any("recorded" in problem.what for problem in verify(release, store.workspace))


def test_what_cairn_shards_wrote_verifies_and_its_damage_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "bus"
    folder.mkdir(parents=True)
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(mirrored(n))
    made = shards.imagefolder_to_release(tmp_path / "photos", tmp_path / "made")
    assert verify(made.path) == []
    tar = next(made.path.glob("*/*.tar"))
    tar.write_bytes(tar.read_bytes()[:-512])
    assert verify(made.path)
