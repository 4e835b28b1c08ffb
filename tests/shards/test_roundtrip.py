"""What is written is what is read: any bytes, any keys, any shard size, from threads and forks."""

import errno
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shards import (
    Category,
    Manifest,
    Pixels,
    ShardError,
    ShardWriter,
    Split,
    epoch_order,
    list_files,
    open_release,
    verify_release,
    write_manifest,
)
from tests.shards.make import make_release

keys = st.from_regex(r"\A[0-9A-Za-z_][0-9A-Za-z_-]{0,79}\Z")
softs = st.lists(st.tuples(st.integers(0, 2), st.floats(0, 0.25, width=32)), max_size=3, unique_by=lambda pair: pair[0])
samples = st.dictionaries(
    keys,
    st.tuples(
        st.sampled_from(["jpg", "png", "webp"]),
        st.one_of(st.binary(max_size=2000), st.binary(max_size=3).map(lambda b: b * 700)),
        st.integers(-1, 2),
        softs,
        st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=3000), st.none(), st.integers()), max_size=3),
    ),
    max_size=12,
)


def write(folder: Path, content: dict[str, Any], max_bytes: int) -> Path:
    with ShardWriter(folder, "train", max_bytes) as writer:
        for key in sorted(content):
            extension, image, label, soft, more = content[key]
            about = json.dumps({**more, "key": key, "split": "train", "label": label, "soft": soft}).encode()
            placed = writer.add(key, {extension: image, "json": about}, label, soft)
            assert placed.length == len(image)
    splits = {"train": writer.close()}
    categories = tuple(Category(k, f"c{k}", f"c{k}") for k in range(3))
    files = list_files(folder, splits)
    write_manifest(folder, Manifest("any", 1, categories, splits, files, Pixels(None, "untouched", "original")))
    return folder


@settings(max_examples=60, deadline=None)
@given(samples, st.sampled_from([1, 4096, 20_000, 1 << 28]))
def test_any_bytes_under_any_keys_come_back(content: dict[str, Any], max_bytes: int) -> None:
    content = {k: v for k, v in content.items() if not {"group", "key", "split", "label", "soft"} & v[4].keys()}
    with tempfile.TemporaryDirectory() as folder:
        release = write(Path(folder) / "r", content, max_bytes)
        assert verify_release(release) == []
        train = open_release(release).split("train")
        assert list(train.keys) == sorted(content)
        for i, sample in enumerate(train):
            extension, image, label, soft, more = content[sample.key]
            assert (sample.extension, sample.image, sample.label) == (extension, image, label)
            assert train.read_image(i) == image
            assert train.meta(sample.key) == sample.meta
            assert {k: sample.meta[k] for k in more} == more
            assert train.find(sample.key) == i
            n = len(soft)
            assert train.soft_label[i].tolist() == [a for a, _ in soft] + [-1] * (10 - n)
            assert train.soft_p[i].tolist() == [p for _, p in soft] + [0.0] * (10 - n)
        for shard in train.files.shards:
            assert shard.bytes <= max_bytes or shard.samples == 1
        again = write(Path(folder) / "again", content, max_bytes)
        for path in release.rglob("*"):
            if path.is_file():
                assert path.read_bytes() == (again / path.relative_to(release)).read_bytes(), path


def test_the_same_samples_give_the_same_bytes_and_id(tmp_path: Path) -> None:
    one, two = make_release(tmp_path / "one"), make_release(tmp_path / "two")
    assert open_release(one).release_id == open_release(two).release_id
    assert list_files(one) == list_files(two)
    assert open_release(make_release(tmp_path / "three", seed=1)).release_id != open_release(one).release_id


def test_a_release_is_what_the_format_says(tmp_path: Path) -> None:
    release = open_release(make_release(tmp_path))
    train = release.split("train")
    assert (train.labels.dtype, train.labels.shape) == (np.int64, (40,))
    assert (train.soft_label.dtype, train.soft_label.shape) == (np.int32, (40, 10))
    assert (train.soft_p.dtype, train.soft_p.shape) == (np.float32, (40, 10))
    with np.load(release.path / "train" / "index.npz") as index:
        assert set(index) == {"key", "shard", "offset", "length", "label", "soft_label", "soft_p"}
        tar = (release.path / "train" / f"{index['shard'][7]:06d}.tar").read_bytes()
        start = index["offset"][7]
        assert tar[start : start + index["length"][7]] == train.read_image(7)
    assert len(train.files.shards) > 1
    assert [c.label for c in release.categories] == [0, 1, 2, 3]
    document = json.loads((release.path / "dataset.json").read_bytes())
    assert document["splits"]["train"]["samples"] == 40
    assert {"schema", "name", "version", "created", "parent", "categories", "splits", "files", "pixels"} < set(document)
    assert {"recipe", "label_error", "tools"} < set(document)


def test_an_empty_split_is_a_split(tmp_path: Path) -> None:
    release = make_release(tmp_path, {"train": 4, "val": 0})
    assert verify_release(release) == []
    assert len(open_release(release).split("val")) == 0
    assert list(open_release(release).split("val")) == []


@pytest.mark.parametrize(
    "key, files, label, soft, expected",
    [
        ("a.b", {"jpg": b""}, 0, [], "key"),
        ("", {"jpg": b""}, 0, [], "key"),
        ("-x", {"jpg": b""}, 0, [], "key"),
        ("a/b", {"jpg": b""}, 0, [], "key"),
        ("clé", {"jpg": b""}, 0, [], "key"),
        ("a\n", {"jpg": b""}, 0, [], "key"),
        ("k" * 81, {"jpg": b""}, 0, [], "key"),
        ("a", {"json": b"{}"}, 0, [], "0 pictures"),
        ("a", {"jpg": b"", "png": b""}, 0, [], "2 pictures"),
        ("a", {"JPG": b""}, 0, [], "extension"),
        ("a", {"jpg": b"", "cls": b"1"}, 0, [], "another one in its cls"),
        ("a", {"jpg": b""}, -2, [], "label -2"),
        ("a", {"jpg": b""}, 0, [(k, 0.0) for k in range(11)], "11 soft labels"),
        ("a", {"jpg": b""}, 0, [(1, 0.5), (1, 0.5)], "soft labels"),
        ("a", {"jpg": b""}, 0, [(-1, 1.0)], "soft labels"),
        ("a", {"jpg": b""}, 0, [(0, float("nan"))], "probabilities"),
        ("a", {"jpg": b""}, 0, [(0, 0.9), (1, 0.9)], "probabilities"),
        ("a", {"jpg": b""}, 0, [(0, -0.1)], "probabilities"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_a_sentence(
    tmp_path: Path, key: str, files: dict[str, bytes], label: int, soft: list, expected: str
) -> None:
    with ShardWriter(tmp_path, "train") as writer, pytest.raises(ShardError, match=expected):
        writer.add(key, files, label, soft)
    assert writer.close().samples == 0


@pytest.mark.parametrize("second", ["b", "a"])
def test_keys_must_ascend(tmp_path: Path, second: str) -> None:
    with ShardWriter(tmp_path, "train") as writer:
        writer.add("b", {"jpg": b"1"}, 0)
        with pytest.raises(ShardError, match="comes after b"):
            writer.add(second, {"jpg": b"2"}, 0)


def test_a_writer_does_not_write_over_shards(tmp_path: Path) -> None:
    make_release(tmp_path)
    with pytest.raises(ShardError, match="already holds shards"):
        ShardWriter(tmp_path / "tiny" / "1", "train")


@settings(deadline=None)
@given(
    before=st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=3000)), max_size=12, unique_by=lambda s: s[0]),
    now=st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=3000)), max_size=12, unique_by=lambda s: s[0]),
    most=st.sampled_from([3000, 6000, 10**6]),
)
def test_whatever_tars_a_stopped_run_left_the_bytes_are_those_of_a_new_run(
    before: list[tuple[int, bytes]], now: list[tuple[int, bytes]], most: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fresh, resumed = Path(folder) / "fresh", Path(folder) / "resumed"
        for place, samples, resume in ((resumed, before, False), (resumed, now, True), (fresh, now, False)):
            with ShardWriter(place, "train", most, resume=resume) as writer:
                for number, data in sorted(samples):
                    writer.add(f"{number:04d}", {"jpg": data}, 0)
        written = {path.name: path.read_bytes() for path in (resumed / "train").iterdir()}
        assert written == {path.name: path.read_bytes() for path in (fresh / "train").iterdir()}


def test_a_finished_tar_that_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    def write(resume: bool) -> dict[str, int]:
        with ShardWriter(tmp_path, "train", 8192, resume=resume) as writer:
            for number in range(12):
                writer.add(f"{number:04d}", {"jpg": bytes([number]) * 1000}, 0)
        return {path.name: path.stat().st_ino for path in (tmp_path / "train").glob("*.tar")}

    first = write(False)
    assert len(first) == 6
    damaged = tmp_path / "train" / "000002.tar"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    again = write(True)
    assert [name for name in first if first[name] != again[name]] == ["000002.tar"]


def test_an_exception_leaves_no_unfinished_tar_and_no_index(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ShardWriter(tmp_path, "train", 2048) as writer:
        writer.add("a", {"jpg": b"1"}, 0)
        writer.add("b", {"jpg": b"2"}, 0)
        raise RuntimeError
    assert sorted(p.name for p in (tmp_path / "train").iterdir()) == ["000000.tar"]


def test_a_killed_writer_leaves_only_whole_tars_and_an_unfinished_name(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, shards\n"
        "w = shards.ShardWriter(pathlib.Path(sys.argv[1]), 'train', 50_000)\n"
        "for i in range(10**9):\n"
        "    w.add(f'{i:012d}', {'jpg': bytes(3000)}, 0)\n"
        "    if i == 100: print('going', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"going\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    names = sorted(p.name for p in (tmp_path / "train").iterdir())
    tars = [name for name in names if name.endswith(".tar")]
    assert len(tars) >= 5
    for name in tars:
        subprocess.run(["tar", "tf", tmp_path / "train" / name], check=True, capture_output=True)
    assert [n for n in names if n not in tars] in ([], [f".{len(tars):06d}.tar.partial"])


def test_a_full_disk_is_a_sentence_and_leaves_nothing_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = ShardWriter(tmp_path, "train")
    writer.add("a", {"jpg": b"1"}, 0)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ShardError, match="No space left") as error:
        writer.close()
    assert "free some space" in error.value.hint
    assert list((tmp_path / "train").iterdir()) == []


def test_short_and_shifted_bytes_name_the_file_and_the_key(tmp_path: Path) -> None:
    release = make_release(tmp_path, formats=("jpg", "png"))
    tar = release / "train" / "000000.tar"
    train = open_release(release).split("train")
    key = train.keys[3]
    whole = tar.read_bytes()
    tar.write_bytes(whole[: train.index.offset[3] + 10])
    for read in (train.read, train.read_image, train.meta):
        with pytest.raises(ShardError, match=f"000000.tar, sample {key}: ") as error:
            read(3)
        assert "cairn verify" in error.value.hint
    tar.write_bytes(whole[train.index.offset[1] - 512 :] + whole)
    with pytest.raises(ShardError, match=f"sample {key}: (another member|a tar header)"):
        train.read(3)
    tar.unlink()
    with pytest.raises(ShardError, match=f"sample {key}: it cannot be read"):
        open_release(release).split("train").read(3)


def test_a_damaged_index_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    release = make_release(tmp_path)
    path = release / "val" / "index.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ShardError, match=r"val/index.npz is damaged"):
        open_release(release).split("val")


def test_wrong_names_are_errors_of_usage(tmp_path: Path) -> None:
    release = open_release(make_release(tmp_path))
    with pytest.raises(ShardError, match="no split 'dev'") as error:
        release.split("dev")
    assert error.value.exit_code == 2
    with pytest.raises(ShardError, match="no sample zzz"):
        release.split("train").find("zzz")
    with pytest.raises(ShardError, match="no sample é"):
        release.split("train").find("é")
    with pytest.raises(IndexError):
        release.split("train")[40]


def test_a_release_of_a_newer_schema_says_upgrade(tmp_path: Path) -> None:
    path = make_release(tmp_path) / "dataset.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(ShardError, match="schema 2") as error:
        open_release(path.parent)
    assert "upgrade" in error.value.hint


def read_all(split: Split, seed: int) -> bool:
    order = epoch_order(len(split), seed, 0)
    return all(split.read(i).key == split.keys[i] and len(split.read_image(i)) for i in order)


def test_threads_read_one_split_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shards.reader._OPEN_FILES", 2)  # so that files close under the readers
    train = open_release(make_release(tmp_path, {"train": 200})).split("train")
    assert len(train.files.shards) > 4
    right: list[bool] = []
    threads = [threading.Thread(target=lambda s=s: right.append(read_all(train, s))) for s in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 8


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_a_split_that_was_already_read_from(tmp_path: Path, method: str) -> None:
    train = open_release(make_release(tmp_path)).split("train")
    assert read_all(train, 0)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(read_all, [(train, seed) for seed in range(4)]) == [True] * 4
    assert read_all(train, 1)


def test_torch_workers_read_a_split(tmp_path: Path) -> None:
    data = pytest.importorskip("torch.utils.data")
    train = open_release(make_release(tmp_path)).split("train")
    train.read(0)
    loader = data.DataLoader(train, batch_size=None, num_workers=2)
    assert [sample.key for sample in loader] == list(train.keys)


def test_a_pickled_split_opens_its_own_files(tmp_path: Path) -> None:
    train = open_release(make_release(tmp_path)).split("train")
    first = train.read(0)
    assert pickle.loads(pickle.dumps(train)).read(0) == first
