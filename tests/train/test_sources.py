"""Every kind of dataset gives the same pictures, labels and splits that were put into it."""

import json
import os
import pickle

import numpy as np
import pytest
from PIL import Image

from shards import open_release
from tests.shards.make import make_release
from tests.train.data import make_cifar, make_image_folder, make_tars, shapes
from train.errors import TrainError
from train.sources import open_source
from train.sources.kinds import decode
from train.sources.release import dense_soft


def test_a_release_gives_its_pictures_labels_posteriors_and_identity(tmp_path):
    path = make_release(tmp_path, {"train": 12, "val": 4, "test": 4}, classes=4)
    source = open_source(path)
    release = open_release(path)
    split = release.split("train")
    train = source.splits["train"]
    assert source.identity == release.release_id
    assert source.name == "tiny/1"
    assert source.categories == tuple(c.slug for c in release.categories)
    assert source.mean == release.manifest.pixels.mean
    assert {name: len(s) for name, s in source.splits.items()} == {"train": 12, "val": 4, "test": 4}
    np.testing.assert_array_equal(train.labels, split.labels)
    np.testing.assert_allclose(train.soft[np.arange(12), train.labels], 0.75)
    np.testing.assert_allclose(train.soft.sum(axis=1), 1, rtol=1e-6)
    for row in range(12):
        expected = decode(split.read(row).image, "")
        assert np.array_equal(np.asarray(train.picture(row)), np.asarray(expected))
        assert train.origin(row)[0] == split.meta(row)["sha256"]


def test_dense_posteriors_fall_back_to_the_label_and_are_renormalised():
    soft_label = np.array([[2, 0], [-1, -1], [1, -1]], np.int32)
    soft_p = np.array([[0.6, 0.2], [0, 0], [0.5, 0]], np.float32)
    dense = dense_soft(soft_label, soft_p, np.array([2, 1, 1]), 3)
    np.testing.assert_allclose(dense, [[0.25, 0, 0.75], [0, 1, 0], [0, 1, 0]], rtol=1e-6)


def test_an_image_folder_with_splits_keeps_them(tmp_path):
    source = open_source(make_image_folder(tmp_path / "set", {"train": 9, "val": 3, "test": 6}))
    assert source.categories == ("class0", "class1", "class2")
    assert {name: len(s) for name, s in source.splits.items()} == {"train": 9, "val": 3, "test": 6}
    train = source.splits["train"]
    by_key = dict(zip(train.keys, train.labels, strict=True))
    assert by_key["class1/001.png"] == 1
    row = train.keys.index("class1/001.png")
    assert np.array_equal(np.asarray(train.picture(row)), np.asarray(shapes(9, seed=len("train"))[1][0]))


def test_an_image_folder_without_splits_is_split_by_name_the_same_way_each_time(tmp_path):
    folder = make_image_folder(tmp_path / "set", {"": 60})
    first, again = open_source(folder), open_source(folder)
    assert {name: len(s) for name, s in first.splits.items()} == {"train": 48, "val": 6, "test": 6}
    for name, split in first.splits.items():
        assert list(split.keys) == list(again.splits[name].keys)
        assert sorted(np.bincount(split.labels)) == [len(split) // 3] * 3
    seen = [key for split in first.splits.values() for key in split.keys]
    assert len(seen) == len(set(seen)) == 60
    row = 7
    train = first.splits["train"]
    assert np.array_equal(
        np.asarray(train.picture(row)), np.asarray(Image.open(folder / train.keys[row]).convert("RGB"))
    )


def test_webdataset_tars_are_read_by_offset(tmp_path):
    source = open_source(make_tars(tmp_path / "set", {"train": 9, "validation": 3, "test": 6}))
    assert source.categories == ("0", "1", "2")
    assert {name: len(s) for name, s in source.splits.items()} == {"train": 9, "val": 3, "test": 6}
    for row, (picture, label) in enumerate(shapes(9)):
        assert source.splits["train"].labels[row] == label
        assert np.array_equal(np.asarray(source.splits["train"].picture(row)), np.asarray(picture))


def test_webdataset_names_its_classes_from_classes_txt(tmp_path):
    folder = make_tars(tmp_path / "set", {"train": 9})
    (folder / "classes.txt").write_text("disc\nsquare\ntriangle\n")
    assert open_source(folder).categories == ("disc", "square", "triangle")
    (folder / "classes.txt").write_text("disc\n")
    with pytest.raises(TrainError, match=r"label 2"):
        open_source(folder)


def test_a_tar_of_pictures_without_labels_is_refused(tmp_path):
    import tarfile

    folder = make_tars(tmp_path / "set", {"train": 3})
    extra = tmp_path / "extra.png"
    shapes(1)[0][0].save(extra)
    with tarfile.open(folder / "train-000000.tar", "a") as tar:
        tar.add(extra, "extra.png")
    with pytest.raises(TrainError, match=r"without a KEY\.cls, such as extra"):
        open_source(folder)


@pytest.mark.parametrize("binary", [False, True])
def test_cifars_own_files(tmp_path, binary):
    folder, pixels, labels = make_cifar(tmp_path / "cifar", binary)
    source = open_source(folder)
    assert source.categories == ("airplane", "automobile", "bird")
    train = source.splits["train"]
    np.testing.assert_array_equal(train.labels, labels)
    assert np.array_equal(np.stack([np.asarray(train.picture(i)) for i in range(30)]), pixels)
    assert len(source.splits["test"]) == 6


def test_cifar_100s_own_files(tmp_path):
    content = {b"data": np.zeros((4, 3072), np.uint8), b"fine_labels": [0, 1, 0, 1], b"coarse_labels": [0] * 4}
    (tmp_path / "train").write_bytes(pickle.dumps(content, 2))
    (tmp_path / "test").write_bytes(pickle.dumps(content, 2))
    (tmp_path / "meta").write_bytes(pickle.dumps({b"fine_label_names": [b"apple", b"bear"]}, 2))
    assert open_source(tmp_path).categories == ("apple", "bear")


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/never",)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    folder, _, _ = make_cifar(tmp_path / "cifar")
    (folder / "data_batch_3").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(TrainError, match=r"asks for (posix|os)\.system"):
        open_source(folder)


def test_wrong_paths_are_told_apart(tmp_path):
    with pytest.raises(TrainError, match="nothing at") as caught:
        open_source(tmp_path / "absent")
    assert caught.value.exit_code == 2
    with pytest.raises(TrainError, match="no dataset") as caught:
        open_source(tmp_path)
    assert "CIFAR" in caught.value.hint
    for number, (picture, _) in enumerate(shapes(3)):
        picture.save(tmp_path / f"{number}.png")
    with pytest.raises(TrainError, match="pictures without folders that say their classes") as caught:
        open_source(tmp_path)
    assert "predict" in caught.value.hint


def test_one_class_only_is_refused(tmp_path):
    with pytest.raises(TrainError, match="same class, 'class0'"):
        open_source(make_image_folder(tmp_path / "set", {"train": 5, "test": 5}, classes=1))


def test_a_damaged_manifest_is_told_with_the_shards_hint(tmp_path):
    path = make_release(tmp_path, {"train": 8, "test": 4}, classes=2)
    manifest = json.loads((path / "dataset.json").read_text())
    manifest["name"] = "other"
    (path / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(TrainError, match="damaged") as caught:
        open_source(path)
    assert caught.value.hint


def test_a_broken_picture_is_named(tmp_path):
    folder = make_image_folder(tmp_path / "set", {"train": 9})
    file = folder / "train" / "class1" / "004.png"
    file.write_bytes(file.read_bytes()[:60])
    train = open_source(folder).splits["train"]
    with pytest.raises(TrainError, match=r"class1/004\.png"):
        train.picture(train.keys.index("class1/004.png"))


def test_subsets_keep_rows_together(tmp_path):
    whole = open_source(make_image_folder(tmp_path / "set", {"train": 9})).splits["train"]
    part = whole.subset(np.array([7, 2]))
    assert part.keys == [whole.keys[7], whole.keys[2]]
    assert part.origin(1) == whole.origin(2)
    assert np.array_equal(np.asarray(part.picture(0)), np.asarray(whole.picture(7)))
