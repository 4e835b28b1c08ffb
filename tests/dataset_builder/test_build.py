"""A release appears whole, with the same bytes every time, and never changes what was released before."""

import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sqlalchemy import select

import dataset_builder.normalise
import dataset_builder.plan
import imaging
import shards
from dataset_builder import BuildError, Recipe, RecipeError, build, recipe_from, verify
from dataset_builder.rows import SAMPLES, published
from dataset_builder.splits import draw
from label_store import UsageError, Workspace, take_down
from label_store.models import Campaign, Consensus, Item, Judgment, Person, Release, ReleaseImage
from label_store.models import Image as ImageRow
from tests.dataset_builder.conftest import hashes
from tests.dataset_builder.scenes import AT, Store, blurred, jpeg, mirrored, photo, picture, sha256

Small = Callable[..., Recipe]


def samples(path: Path) -> dict[str, dict[str, object]]:
    return {row["sha256"]: row for row in pq.read_table(path / "samples.parquet").to_pylist()}


def dropped(path: Path) -> dict[str, dict[str, object]]:
    return {row["sha256"]: row for row in pq.read_table(path / "dropped.parquet").to_pylist()}


def test_a_release_holds_every_settled_picture_once_and_verifies(any_workspace: Workspace, small: Small) -> None:
    store = Store(any_workspace)
    names = store.fill(24)
    turned = store.yes(mirrored(3), "bus")
    report = build(store.workspace, "vehicles", small(), workers=1)
    assert report.path == store.workspace.releases / "vehicles" / "1"
    assert report.samples == 24 == sum(report.splits.values())
    assert set(report.splits) == {"train", "val", "test"}
    rows = samples(report.path)
    assert len({turned, names[3]} & set(rows)) == 1
    assert {row["category"]: row["label"] for row in rows.values()} == {"car": 0, "bus": 1}
    assert report.left_out == {"duplicate": 1}
    (gone,) = dropped(report.path).values()
    assert {gone["sha256"], gone["kept_sha256"]} == {turned, names[3]}
    assert verify(report.path, store.workspace) == []
    with store.workspace.read() as session:
        assert session.scalar(select(Release.manifest_sha256)) == report.release_id
        placed = {row.image_sha256: (row.split, row.label) for row in session.scalars(select(ReleaseImage))}
        assert placed == {name: (row["split"], row["label"]) for name, row in rows.items()}
        assert session.get_one(ImageRow, names[0]).group == rows[names[0]]["group"]
    assert not list(store.workspace.releases.glob(".*"))


def test_a_sample_carries_its_pixels_and_provenance(store: Store, small: Small) -> None:
    names = store.fill(12)
    path = build(store.workspace, "vehicles", small(), workers=1).path
    table = pq.read_table(path / "samples.parquet")
    assert table.schema.equals(SAMPLES)
    row = samples(path)[names[0]]
    assert row["key"] == names[0][:16]
    assert (row["license"], row["author"], row["source"]) == ("CC0-1.0", "A. Person", "urls")
    assert row["url"] == f"https://pictures.example/{names[0][:12]}.jpg"
    assert str(row["fetched_at"]) == "2026-03-01 12:00:00+00:00"
    split = shards.open_release(path).split(str(row["split"]))
    sample = split.read(split.find(str(row["key"])))
    image = Image.open(io.BytesIO(sample.image))
    assert image.size == (row["width"], row["height"]) == (64, 48)
    assert (row["scale_x"], row["scale_y"]) == (64 / 96, 48 / 72)
    assert sample.meta["soft"] == [[0, 1.0]] or sample.meta["soft"] == [[0, 0.99]]
    expected = picture(0).resize((64, 48), Image.Resampling.LANCZOS)
    error = np.abs(np.asarray(image, dtype=float) - np.asarray(expected, dtype=float)).mean()
    assert error < 4


def test_mean_and_std_are_those_of_the_pixels_of_train(store: Store) -> None:
    store.fill(12)
    recipe = recipe_from({"pixels": {"mode": "untouched", "format": "png"}})
    release = shards.open_release(build(store.workspace, "v", recipe, workers=1).path)
    train = release.split("train")
    pixels = np.concatenate(
        [np.asarray(Image.open(io.BytesIO(train.read_image(i)))).reshape(-1, 3) for i in range(len(train))]
    )
    assert release.manifest.pixels.mean == pytest.approx(pixels.mean(axis=0) / 255, abs=1e-6)
    assert release.manifest.pixels.std == pytest.approx(pixels.std(axis=0) / 255, abs=1e-6)
    assert release.manifest.pixels.size is None


def test_one_worker_and_two_write_the_same_bytes(store: Store, small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_builder.normalise, "PACK_SIZE", 8)
    store.fill(30)
    store.yes(blurred(4), "car")
    recipe = small(shards={"bytes": 40_000})
    first = build(store.workspace, "vehicles", recipe, workers=1)
    before = hashes(first.path)
    assert len([name for name in before if name.startswith("train/") and name.endswith(".tar")]) > 1
    shutil.rmtree(first.path)
    again = build(store.workspace, "vehicles/1", recipe, workers=2)
    assert hashes(again.path) == before
    assert again.release_id == first.release_id


def test_a_recorded_release_is_not_built_again_as_something_else(store: Store, small: Small) -> None:
    store.fill(20)
    first = build(store.workspace, "vehicles", small(), workers=1)
    shutil.rmtree(first.path)
    store.yes(photo(99))
    with pytest.raises(BuildError, match="has changed since"):
        build(store.workspace, "vehicles", small(), version=1, workers=1)
    assert not first.path.exists()


def test_growing_keeps_every_split_group_and_category_number(store: Store, small: Small) -> None:
    store.fill(20)
    first = build(store.workspace, "vehicles", small(categories=["bus", "car"]), workers=1)
    store.fill(20, start=50)
    copies = [store.yes(blurred(n), store.categories[n % 2]) for n in range(6)]
    second = build(store.workspace, "vehicles", small(duplicates={"keep": "all"}), workers=1)
    assert second.path.name == "2"
    before, after = samples(first.path), samples(second.path)
    for name, row in before.items():
        assert (after[name]["split"], after[name]["group"], after[name]["label"]) == (
            row["split"], row["group"], row["label"],
        )  # fmt: skip
    for number, copy in enumerate(copies):
        assert after[copy]["group"] == before[sha256(photo(number))]["group"]
        assert after[copy]["split"] == before[sha256(photo(number))]["split"]
    manifest = shards.read_manifest(second.path)
    assert [category.slug for category in manifest.categories] == ["bus", "car"]
    told = build(store.workspace, "vehicles", small(categories=["car", "bus"]), workers=1, dry_run=True)
    assert any("the categories are bus, car, not car, bus as the recipe says" in note for note in told.notes)
    assert not any("as the recipe says" in note for note in second.notes)
    assert manifest.parent == first.release_id
    assert verify(second.path, store.workspace) == []


def test_frames_of_one_series_by_their_features_are_in_one_split_and_none_is_left_out(
    store: Store, small: Small, tmp_path: Path
) -> None:
    names = store.fill(20)
    vectors = np.eye(20, dtype=np.float32)
    vectors[4:10:2] = vectors[2]  # 2, 4, 6 and 8 are one series
    keys = [f"train/car/{name[:16]}.jpg" if n % 4 else name for n, name in enumerate(names)]
    np.savez(tmp_path / "features.npz", key=np.array(keys[:18]), features=vectors[:18])
    recipe = small(duplicates={"semantic": "features.npz"})
    report = build(store.workspace, "v", recipe, workers=1, files=tmp_path)
    rows = samples(report.path)
    assert report.left_out == {}
    assert {rows[names[n]]["group"] for n in (2, 4, 6, 8)} == {min(names[n] for n in (2, 4, 6, 8))}
    assert len({row["group"] for row in rows.values()}) == 17
    assert any(
        "4 pictures are of a series with another" in note and "known of 18 of 20" in note for note in report.notes
    )
    assert verify(report.path, store.workspace) == []
    np.savez(tmp_path / "features.npz", key=np.array(["elsewhere"]), features=np.ones((1, 3)))
    with pytest.raises(RecipeError, match="begins a picture's SHA-256"):
        build(store.workspace, "v", recipe, workers=1, files=tmp_path)


def test_a_released_picture_is_kept_before_a_better_copy_of_it(store: Store, small: Small) -> None:
    store.fill(20)
    first = build(store.workspace, "vehicles", small(), workers=1)
    better = store.yes(jpeg(picture(2, width=192, height=144), 95), "car")
    second = build(store.workspace, "vehicles", small(), workers=1)
    assert samples(second.path).keys() == samples(first.path).keys()
    assert dropped(second.path)[better]["kept_sha256"] == sha256(photo(2))


def test_of_a_group_the_picture_under_the_licence_wanted_most_is_kept_before_a_larger_one(
    store: Store, small: Small
) -> None:
    store.fill(20)
    larger = store.yes(jpeg(picture(50, width=192, height=144), 95), licence="CC-BY-4.0")
    free = store.yes(photo(50), licence="CC0-1.0")
    plain = build(store.workspace, "size", small(), workers=1)
    assert dropped(plain.path)[free]["kept_sha256"] == larger
    wanted = build(store.workspace, "licence", small(duplicates={"prefer_licenses": ["CC0-1.0"]}), workers=1)
    assert dropped(wanted.path)[larger]["kept_sha256"] == free


def test_difference_hashes_propose_pairs_and_samples_keep_their_phash(store: Store, small: Small) -> None:
    store.fill(20)
    store.yes(mirrored(3), "bus")
    by_phash = build(store.workspace, "p", small(), workers=1)
    by_dhash = build(store.workspace, "d", small(duplicates={"hash": "dhash"}), workers=1)
    assert by_dhash.left_out == {"duplicate": 1}
    hash_of = [{name: row["phash"] for name, row in samples(one.path).items()} for one in (by_phash, by_dhash)]
    assert hash_of[0] == hash_of[1]


def test_pandas_reads_the_tables_of_a_release(store: Store, small: Small) -> None:
    store.fill(20)
    copy = store.yes(mirrored(3), "bus")
    report = build(store.workspace, "v", small(), workers=1)
    table = pandas.read_parquet(report.path / "samples.parquet")
    assert table["sha256"].is_unique
    assert table.groupby("split").size().to_dict() == dict(report.splits)
    assert table.groupby("category").size().to_dict() == dict(report.categories)
    assert table["fetched_at"].dt.tz is not None
    assert table["posterior"].between(0, 1).all()
    gone = pandas.read_parquet(report.path / "dropped.parquet").set_index("sha256")
    kept = {copy, sha256(photo(3))} - set(gone.index)
    assert gone["kept_sha256"].tolist() == list(kept)
    assert table.merge(gone, left_on="sha256", right_on="kept_sha256")["reason"].tolist() == ["duplicate"]


def test_each_left_out_picture_has_one_row_with_its_reason(store: Store, small: Small) -> None:
    names = store.fill(20)
    gold = store.collect(photo(100))
    store.answer(gold, "car", {"value": "yes"}, {"yes": 1.0}, gold={"value": "yes"})
    unsettled = store.collect(photo(101))
    store.answer(unsettled, "car", {"value": "yes"}, {"yes": 0.6, "no": 0.4}, state="open")
    old = store.collect(photo(102))
    store.answer(old, "car", {"value": "yes"}, {"yes": 0.9, "no": 0.1}, version=0)
    foreign = store.yes(photo(103), licence="all rights reserved")
    tiny = store.yes(photo(104, width=40, height=30))
    both = store.yes(photo(105), "car")
    store.answer(both, "bus", {"value": "yes"}, {"yes": 0.9, "no": 0.1})
    gone = store.yes(photo(106))
    take_down(store.workspace, sha256=gone, reason="asked by its author")
    report = build(store.workspace, "v", small(licenses=["CC0-1.0"], min_side=40), workers=1)
    reasons = {name: row["reason"] for name, row in dropped(report.path).items()}
    assert reasons == {
        gold: "unsettled", unsettled: "unsettled", old: "unsettled", foreign: "license", tiny: "too_small",
        both: "disputed", gone: "takedown",
    }  # fmt: skip
    assert set(samples(report.path)) == set(names)
    assert report.left_out == {"takedown": 1, "unsettled": 3, "disputed": 1, "license": 1, "too_small": 1}


def test_attributes_of_another_campaign_join_by_the_picture(store: Store, small: Small) -> None:
    names = store.fill(20)
    store.campaign("colours", "attributes", ["car"])
    store.answer(names[0], "car", {"values": {"colour": "red"}}, {"colour": {"red": 0.9}}, campaign="colours")
    path = build(store.workspace, "v", small(), workers=1).path
    row = samples(path)[names[0]]
    assert row["attributes"] == '{"colour":"red"}'
    split = shards.open_release(path).split(str(row["split"]))
    assert split.meta(str(row["key"]))["attributes"] == {"colour": "red"}
    assert "colour" in (path / "card.html").read_text()


def test_limits_of_a_category_leave_out_the_same_pictures_every_time(store: Store, small: Small) -> None:
    store.fill(20)
    store.workspace.blobs.prepare()
    for n in range(3):
        store.yes(photo(200 + n), "bus")
    limited = small(per_class_max=10)
    first = build(store.workspace, "v", limited, workers=1)
    assert first.left_out == {"class_max": 3}
    assert first.categories == {"car": 10, "bus": 10}
    store.fill(10, start=300)
    second = build(store.workspace, "v", limited, workers=1)
    assert samples(second.path).keys() == samples(first.path).keys()
    least = build(store.workspace, "w", small(per_class_min=16, categories=["car", "bus"]), workers=1)
    assert least.left_out == {"class_min": 15}
    assert any("car" in note for note in least.notes)


def test_balance_takes_as_many_of_each_category_as_the_smallest_has(store: Store, small: Small) -> None:
    store.fill(20)
    for n in range(5):
        store.yes(photo(200 + n), "bus")
    report = build(store.workspace, "v", small(balance=True), workers=1)
    assert report.categories == {"car": 10, "bus": 10}
    assert report.left_out == {"class_max": 5}
    assert build(store.workspace, "w", small(balance=True, per_class_max=8), workers=1).categories == {
        "car": 8,
        "bus": 8,
    }


def test_unsure_pictures_are_a_split_of_their_own_that_never_meets_another(store: Store, small: Small) -> None:
    store.fill(20)
    doubted = [store.collect(photo(100 + n)) for n in range(4)] + [
        store.collect(blurred(3)),
        store.collect(blurred(100)),
    ]
    for name in doubted:
        store.answer(name, "car", {"value": "unsure"}, {"yes": 0.5, "no": 0.5}, state="disputed")
    recipe = small(splits={"unsure": True}, duplicates={"keep": "all"})
    report = build(store.workspace, "v", recipe, workers=1)
    assert report.splits["unsure"] == 5
    rows = samples(report.path)
    mine = [rows[name] for name in doubted if name in rows]
    assert {(row["split"], row["label"], row["category"]) for row in mine} == {("unsure", -1, None)}
    assert rows[doubted[0]]["group"] == rows[doubted[5]]["group"]  # a copy, and still one group
    gone = dropped(report.path)[doubted[4]]
    assert (gone["reason"], gone["detail"]) == ("bridges_splits", "is like a picture that has a label")
    assert verify(report.path, store.workspace) == []
    assert shards.verify_release(report.path) == []
    with store.workspace.read() as session:
        recorded = session.scalars(select(ReleaseImage.image_sha256).where(ReleaseImage.split == "unsure"))
        assert sorted(recorded) == sorted(row["sha256"] for row in mine)
        grouped = session.scalars(select(ImageRow.group).where(ImageRow.sha256.in_(doubted)))
        assert set(grouped) == {None}  # nothing of them is decided for ever
    # Once people are sure, it is a sample of an ordinary split like any other.
    store.answer(doubted[1], "car", {"value": "yes"}, {"yes": 0.99, "no": 0.01}, version=2)
    _next_consensus(store)
    again = build(store.workspace, "v", recipe, workers=1)
    assert samples(again.path)[doubted[1]]["split"] in ("train", "val", "test")
    assert verify(again.path, store.workspace) == []


def _next_consensus(store: Store) -> None:
    """Make version 2 of the campaign's consensus the present one, the other items as they were."""
    with store.workspace.write() as session:
        campaign = session.get(Campaign, store.campaigns["vehicles"])
        assert campaign is not None
        campaign.consensus_version = 2
        rows = session.scalars(select(Consensus)).all()
        done = {row.item_id for row in rows if row.version == 2}
        for row in rows:
            if row.item_id not in done:
                session.add(
                    Consensus(
                        item_id=row.item_id, version=2, state=row.state, answer=row.answer, posterior=row.posterior,
                        risk=row.risk, n=row.n, method=row.method, at=row.at,
                    )
                )  # fmt: skip


def test_official_splits_win_and_other_sets_are_kept_clear_of(store: Store, small: Small, tmp_path: Path) -> None:
    names = store.fill(20)
    fixed = tmp_path / "fixed.csv"
    fixed.write_text("sha256,split\n" + "".join(f"{name},test\n" for name in names[:7]))
    benchmark = tmp_path / "benchmark"
    benchmark.mkdir()
    (benchmark / "known.jpg").write_bytes(blurred(10))
    recipe = small(splits={"fixed": "fixed.csv"}, duplicates={"against": ["benchmark"]})
    report = build(store.workspace, "v", recipe, workers=1, files=tmp_path)
    rows = samples(report.path)
    assert all(rows[name]["split"] == "test" for name in names[:7])
    assert report.left_out == {"leak": 1}
    assert dropped(report.path)[names[10]]["reason"] == "leak"
    assert verify(report.path, store.workspace) == []


def test_damaged_pictures_are_left_out_by_name_or_refused(store: Store, small: Small) -> None:
    names = store.fill(20)
    rotten = store.workspace.blobs.path(names[0])  # type: ignore[attr-defined]
    rotten.write_bytes(rotten.read_bytes()[:-1] + b"x")
    store.workspace.blobs.remove(names[1])
    with pytest.raises(BuildError, match="2 pictures are damaged") as caught:
        build(store.workspace, "v", small(), workers=1, strict=True)
    assert "--strict" in caught.value.hint
    report = build(store.workspace, "v", small(), workers=1)
    assert {one.sha256: one.reason for one in report.damaged} == {names[0]: "bit_rot", names[1]: "bit_rot"}
    assert report.path.name == "1"
    assert not {names[0], names[1]} & set(samples(report.path))


def test_a_picture_that_vanishes_after_it_was_made_is_left_out_by_name_and_its_copy_stays(
    store: Store, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = store.fill(20)
    larger = store.yes(jpeg(picture(3, width=192, height=144), 95), "bus")
    looked = dataset_builder.plan.find_matches

    def vanish(*given: object, **named: object) -> object:
        found = looked(*given, **named)  # type: ignore[arg-type]
        store.workspace.blobs.remove(names[3])
        return found

    monkeypatch.setattr(dataset_builder.plan, "find_matches", vanish)
    with pytest.raises(BuildError, match="1 pictures are damaged"):
        build(store.workspace, "v", small(), workers=1, strict=True)
    report = build(store.workspace, "v", small(), workers=1)
    assert [(one.sha256, one.reason, one.detail) for one in report.damaged] == [(names[3], "bit_rot", "it is missing")]
    assert set(samples(report.path)) == {*names, larger} - {names[3]}
    assert verify(report.path, store.workspace) == []


def test_what_cannot_be_cut_is_told_and_nothing_appears(store: Store, small: Small) -> None:
    with pytest.raises(BuildError, match="nothing to release"):
        build(store.workspace, "v", small())
    store.yes(photo(1))
    with pytest.raises(BuildError, match="split would be empty") as caught:
        build(store.workspace, "v", small(), workers=1)
    assert "--splits." in caught.value.hint
    with pytest.raises(RecipeError, match="'lorry'"):
        build(store.workspace, "v", small(categories=["lorry"]))
    with pytest.raises(RecipeError, match="'trucks'"):
        build(store.workspace, "v", small(campaigns=["trucks"]))
    with pytest.raises(UsageError, match="cannot be a release"):
        build(store.workspace, "../v", small())
    with pytest.raises(BuildError, match="nothing is left"):
        build(store.workspace, "v", small(min_posterior=1.0), workers=1)
    assert not (store.workspace.releases / "v").exists()


def test_a_release_that_exists_is_never_changed(store: Store, small: Small) -> None:
    store.fill(20)
    before = hashes(build(store.workspace, "v", small(), workers=1).path)
    with pytest.raises(BuildError, match="exists"):
        build(store.workspace, "v/1", small(), workers=1)
    assert hashes(store.workspace.releases / "v" / "1") == before


def test_a_dry_run_says_what_would_be_and_leaves_nothing(store: Store, small: Small) -> None:
    store.fill(20)
    store.yes(mirrored(3), "bus")
    told = build(store.workspace, "v", small(), workers=1, dry_run=True)
    assert told.dry_run
    assert told.release_id is None
    assert list(store.workspace.releases.iterdir()) == []
    done = build(store.workspace, "v", small(), workers=1)
    assert (done.splits, done.left_out) == (told.splits, told.left_out)
    assert not any("enlarged" in note for note in done.notes)
    large = build(store.workspace, "v", small(pixels={"size": 100}), workers=1, dry_run=True)
    (note,) = (note for note in large.notes if "enlarged" in note)
    assert note.startswith("21 of 21 pictures are enlarged to 100 pixels, the smallest from 72; --pixels.size 72,")
    cut = build(store.workspace, "w", small(pixels={"size": 100}), workers=1)
    assert note in cut.notes
    assert "--pixels.size" not in (cut.path / "card.md").read_text()  # advice to who cuts it, not to who reads it


def test_a_full_disk_is_told_before_anything_is_written(
    store: Store, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.fill(2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(100, 100, 0))  # type: ignore[attr-defined]
    with pytest.raises(BuildError, match="GiB") as caught:
        build(store.workspace, "v", small(), workers=1)
    assert "space" in caught.value.hint


def test_a_disk_that_fills_up_in_mid_build_is_a_sentence_and_the_same_command_goes_on(
    store: Store, small: Small
) -> None:
    store.fill(20)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # the kernel then refuses to let a file grow
    try:
        with pytest.raises(shards.ShardError, match="could not be written") as caught:
            build(store.workspace, "v", small(), workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.hint
    assert not (store.workspace.releases / "v").exists()
    assert build(store.workspace, "v", small(), workers=1).samples == 20


@pytest.mark.parametrize("moment", ["between the rename and the rows", "found by verify"])
def test_a_crash_before_the_rows_is_mended_by_the_next_command(
    store: Store, small: Small, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    store.fill(20)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dataset_builder.building.record_release", crash)
        with pytest.raises(KeyboardInterrupt):
            build(store.workspace, "v", small(), workers=1)
    path = store.workspace.releases / "v" / "1"
    with store.workspace.read() as session:
        assert session.scalar(select(Release.id)) is None
    if moment == "found by verify":
        assert verify(path, store.workspace) == []
    else:
        again = build(store.workspace, "v", small(), workers=1)
        assert again.finished_earlier
        assert again.path == path
        assert again.samples == 20
    with store.workspace.read() as session:
        assert session.scalar(select(Release.manifest_sha256)) == shards.read_manifest(path).release_id
        assert len(session.scalars(select(ReleaseImage)).all()) == 20
    assert build(store.workspace, "v", small(), workers=1).path.name == "2"
    assert not list(store.workspace.releases.glob(".*"))


_KILLED = """
import sys, time
from pathlib import Path
import dataset_builder.normalise as normalise
import dataset_builder.building as builder
from dataset_builder import build, recipe_from
from label_store import Workspace

normalise.PACK_SIZE = 8
slow, real = sys.argv[2], normalise._normalise
if slow == "packs":
    def one(*given):
        time.sleep(0.05)
        return real(*given)
    normalise._normalise = one
elif slow == "shards":
    import shards
    put = shards.ShardWriter.add
    def add(*given, **named):
        time.sleep(0.05)
        return put(*given, **named)
    shards.ShardWriter.add = add
else:
    write = builder.write_release
    def all_then_wait(*given):
        write(*given)
        print("written", flush=True)
        time.sleep(60)
    builder.write_release = all_then_wait
print("started", flush=True)
recipe = recipe_from({"pixels": {"size": 48}, "shards": {"bytes": 20000}})
build(Workspace.open(Path(sys.argv[1])), "v", recipe, workers=1)
"""


@pytest.mark.parametrize("moment", ["packs", "shards", "release"])
def test_after_kill_9_the_same_command_gives_the_same_bytes(
    store: Store, small: Small, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    store.fill(40)
    script = textwrap.dedent(_KILLED)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(store.workspace.folder), moment], stdout=subprocess.PIPE, text=True
    )
    partial = store.workspace.releases / ".v-1.partial"
    try:
        if moment == "packs":
            deadline = time.monotonic() + 120
            while len(list(partial.glob("packs/*.pack"))) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
        elif moment == "shards":
            deadline = time.monotonic() + 120
            while len(list(partial.glob("release/train/*.tar"))) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
        else:
            assert process.stdout is not None
            while "written" not in (line := process.stdout.readline()):
                assert line, "the build ended before it was killed"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in partial.glob("packs/*.pack")}
    assert 2 <= len(done) <= 5
    finished = {path.name: path.stat().st_ino for path in partial.glob("release/train/*.tar")}
    assert len(finished) >= (0 if moment == "packs" else 2)
    assert not (store.workspace.releases / "v").exists()

    monkeypatch.setattr(dataset_builder.normalise, "PACK_SIZE", 8)
    decoded = []
    real = dataset_builder.normalise._normalise
    monkeypatch.setattr(
        dataset_builder.normalise, "_normalise", lambda *given: (decoded.append(given), real(*given))[1]
    )
    recipe = small(shards={"bytes": 20_000})
    report = build(store.workspace, "v", recipe, workers=1)
    assert len(decoded) == 40 - 8 * len(done)  # what was finished is not done again
    assert finished.items() <= {path.name: path.stat().st_ino for path in report.path.glob("train/*.tar")}.items()
    assert verify(report.path, store.workspace) == []
    found = hashes(report.path)
    shutil.rmtree(report.path)
    assert hashes(build(store.workspace, "v/1", recipe, workers=1).path) == found


def test_two_builds_of_one_release_do_not_write_together(store: Store, small: Small) -> None:
    import fcntl

    store.fill(2)
    partial = store.workspace.releases / ".v-1.partial"
    partial.mkdir()
    with (partial / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BuildError, match="another build"):
            build(store.workspace, "v", small(), workers=1)


def test_a_group_is_not_named_after_a_picture_that_was_left_out_and_none_is_lost_later(
    store: Store, small: Small
) -> None:
    names = store.fill(20)
    copies = sorted([store.yes(photo(60), "car"), store.yes(blurred(60), "car")])
    cars = [*names[::2], *copies]
    seed = next(str(n) for n in range(999) if max(cars, key=lambda name: draw(str(n), name)) == copies[0])
    first = build(
        store.workspace, "v", small(duplicates={"keep": "all"}, per_class_max=11, splits={"seed": seed}), workers=1
    )
    assert dropped(first.path)[copies[0]]["reason"] == "class_max"
    assert samples(first.path)[copies[1]]["group"] == copies[1]
    second = build(store.workspace, "v", small(duplicates={"keep": "all", "radius": 0}), workers=1)
    assert set(samples(second.path)) == {*names, *copies}
    assert verify(second.path, store.workspace) == []


@pytest.mark.parametrize("why", ["disputed", "damaged", "fixed and never released"])
def test_a_copy_of_a_test_picture_that_is_not_chosen_now_goes_to_test_or_nowhere(
    store: Store, small: Small, tmp_path: Path, why: str
) -> None:
    names = store.fill(20)
    (tmp_path / "fixed.csv").write_text("sha256,split\n" + "".join(f"{name},test\n" for name in names[:4]))
    recipe = small(splits={"fixed": "fixed.csv"} if why == "fixed and never released" else {})
    if why == "fixed and never released":
        original = store.workspace.blobs  # the picture is only collected, nobody was asked about it
        hidden = store.collect(photo(77))
        with (tmp_path / "fixed.csv").open("a") as file:
            file.write(f"{hidden},test\n")
        assert original.get(hidden)
        copies = [store.yes(blurred(77), "car")]
    else:
        first = build(store.workspace, "v", recipe, workers=1)
        tested = [n for n, name in enumerate(names) if samples(first.path)[name]["split"] == "test"]
        for n in tested:
            if why == "disputed":
                other = store.categories[(n + 1) % 2]
                store.answer(names[n], other, {"value": "yes"}, {"yes": 0.9, "no": 0.1})
            else:
                store.workspace.blobs.remove(names[n])
        copies = [store.yes(blurred(n), store.categories[n % 2]) for n in tested]
        store.fill(20, start=100)
    second = build(store.workspace, "v", recipe, workers=1, files=tmp_path)
    rows = samples(second.path)
    assert len(copies) >= 1
    assert {str(rows[copy]["split"]) for copy in copies if copy in rows} <= {"test"}
    assert any(copy in rows for copy in copies)


def test_a_picture_whose_bytes_were_restored_is_in_the_release(store: Store, small: Small) -> None:
    names = store.fill(20)
    path = store.workspace.blobs.path(names[0])  # type: ignore[attr-defined]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    with pytest.raises(BuildError, match="1 pictures are damaged"):
        build(store.workspace, "v", small(), workers=1, strict=True)
    path.write_bytes(whole)
    assert names[0] in samples(build(store.workspace, "v", small(), workers=1).path)


def test_no_byte_of_a_release_says_where_the_files_lay_or_who_built_it(
    store: Store, small: Small, tmp_path: Path
) -> None:
    names = store.fill(20)
    store.workspace.blobs.remove(names[1])
    beside, elsewhere = tmp_path / "recipes", tmp_path / "elsewhere"
    beside.mkdir()
    elsewhere.mkdir()
    (elsewhere / "other.jpg").write_bytes(blurred(12))
    (beside / "known.jpg").write_bytes(blurred(10))
    (beside / "list.txt").write_text(f"{imaging.phash_hex(imaging.phash(picture(11)))}\n")
    local = [
        store.yes(photo(50), url=f"{tmp_path.as_uri()}/my%20photos/a%20car.jpg", page="https://me:secret@a.example/50"),
        store.yes(photo(51), url=f"{tmp_path.as_uri()}/cars.tar?member=home/b.jpg", page=f"{tmp_path.as_uri()}/c.html"),
    ]
    recipe = small(duplicates={"against": ["known.jpg", "list.txt", str(elsewhere)]})
    path = build(store.workspace, "v", recipe, workers=1, files=beside).path
    details = {name: str(row["detail"]) for name, row in dropped(path).items()}
    assert details[names[1]] == "it is missing"
    assert details[names[10]] == "is in known.jpg"
    assert details[names[12]] == "is in elsewhere/other.jpg"
    rows = samples(path)
    assert [rows[name]["url"] for name in local] == ["a car.jpg", "b.jpg"]
    assert [rows[name]["page_url"] for name in local] == ["https://a.example/50", "c.html"]
    for file in path.rglob("*"):
        if file.is_file() and file.suffix in (".tar", ".json", ".md", ".html"):
            assert str(tmp_path).encode() not in file.read_bytes(), file
            assert b"secret" not in file.read_bytes(), file
    assert "files" in (path / "card.md").read_text()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://a.example/1.jpg?size=2", "https://a.example/1.jpg?size=2"),
        ("HTTP://me:p@ss@A.example/1.jpg", "http://A.example/1.jpg"),
        ("https:/home/me/1.jpg", "1.jpg"),
        ("//me:secret@a.example/1.jpg", "1.jpg"),
        ("ftp://me:secret@a.example/1.jpg", "1.jpg"),
        ("http://[me:secret@a.example/1.jpg", "1.jpg"),
        ("C:\\Users\\me\\1.jpg", "1.jpg"),
        ("\\\\server\\home\\me\\1.jpg", "1.jpg"),
        ("file:///C:/Users/me/1.jpg", "1.jpg"),
        ("/home/me/1.jpg", "1.jpg"),
        ("urn:uuid:1", "urn:uuid:1"),
        ("", ""),
        (None, None),
    ],
)
def test_an_address_is_published_where_others_can_open_it_else_the_name_alone(address: str, told: str) -> None:
    assert published(address) == told


def test_answers_newer_than_the_consensus_stop_the_build(store: Store, small: Small) -> None:
    store.fill(20)
    with store.workspace.write() as session:
        person = Person(name="late")
        session.add(person)
        session.flush()
        item = session.scalars(select(Item)).first()
        assert item is not None
        session.add(
            Judgment(
                id=UUID(int=1), item_id=item.id, person_id=person.id, answer={"value": "no"}, answered_at=AT,
                received_at=AT + timedelta(seconds=1),
            )
        )  # fmt: skip
    with pytest.raises(BuildError, match="newer than its consensus") as caught:
        build(store.workspace, "v", small(), workers=1)
    assert "cairn consensus vehicles" in caught.value.hint
