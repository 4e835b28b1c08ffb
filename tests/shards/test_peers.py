"""Programs that know nothing of Cairn read a split as it is: tar, tarfile, webdataset, datasets."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas
import pytest

from shards import Split, open_release
from tests.shards.make import make_release


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return open_release(make_release(tmp_path_factory.mktemp("peers"))).split("train")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return open_release(make_release(tmp_path_factory.mktemp("mixed"), formats=("jpg", "png"))).split("train")


def tars(split: Split) -> list[str]:
    return [str(split.release / shard.file) for shard in split.files.shards]


def test_tar_unpacks_every_shard_without_a_word(train: Split, tmp_path: Path) -> None:
    for tar in tars(train):
        done = subprocess.run(["tar", "xf", tar, "-C", tmp_path], check=True, capture_output=True, text=True)
        assert done.stdout == done.stderr == ""
    for sample in train:
        assert (tmp_path / f"{sample.key}.{sample.extension}").read_bytes() == sample.image
        assert json.loads((tmp_path / f"{sample.key}.json").read_bytes()) == sample.meta
        assert (tmp_path / f"{sample.key}.cls").read_text() == str(sample.label)
    assert len(list(tmp_path.iterdir())) == 3 * len(train)


def test_tarfile_sees_the_fixed_headers(train: Split) -> None:
    names = []
    for tar in tars(train):
        with tarfile.open(tar) as archive:
            for member in archive:
                names.append(member.name)
                assert (member.mode, member.uid, member.gid, member.mtime) == (0o644, 0, 0, 315_532_800)
                assert (member.uname, member.gname, member.isreg(), member.pax_headers) == ("", "", True, {})
    keys = [name.split(".")[0] for name in names]
    assert keys == sorted(keys)
    assert keys[::3] == list(train.keys)


@pytest.mark.parametrize("which", ["train", "mixed"])
def test_webdataset_reads_it_unchanged(which: str, request: pytest.FixtureRequest) -> None:
    webdataset = pytest.importorskip("webdataset")
    train = request.getfixturevalue(which)
    dataset = webdataset.WebDataset(tars(train), shardshuffle=False, empty_check=False)
    raw = list(dataset)
    assert [sample["__key__"] for sample in raw] == list(train.keys)
    for theirs, ours in zip(raw, train, strict=True):
        assert theirs[ours.extension] == ours.image
        assert int(theirs["cls"]) == ours.label
        assert json.loads(theirs["json"]) == ours.meta
    decoded = webdataset.WebDataset(tars(train), shardshuffle=False, empty_check=False)
    for picture, label in decoded.decode("pil").to_tuple("jpg;png", "cls"):
        assert picture.size == (32, 32)
        assert label in range(4)


def test_pandas_reads_the_index_and_what_is_known_of_each_sample(train: Split) -> None:
    with np.load(train.release / "train" / "index.npz") as index:
        table = pandas.DataFrame({name: index[name] for name in ("key", "shard", "offset", "length", "label")})
    table["key"] = table["key"].str.decode("ascii")
    assert table["key"].is_monotonic_increasing
    about = pandas.DataFrame([sample.meta for sample in train])
    both = table.merge(about, on="key", suffixes=("", "_of_json"), validate="one_to_one")
    assert len(both) == len(train)
    assert (both["label"] == both["label_of_json"]).all()
    assert table.groupby("shard").size().tolist() == [shard.samples for shard in train.files.shards]


def test_hugging_face_datasets_reads_it_offline(train: Split, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    program = (
        "import json, sys, datasets\n"
        "d = datasets.load_dataset('webdataset', data_files={'train': json.loads(sys.argv[1])}, split='train')\n"
        "print(json.dumps([[r['__key__'], r['cls'], r['json']['sha256']] for r in d.remove_columns(['jpg'])]))\n"
    )
    environment = os.environ | {
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    command = [sys.executable, "-c", program, json.dumps(tars(train))]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])
    assert rows == [[s.key, s.label, s.meta["sha256"]] for s in train]
