"""Blob stores: the same contract for a folder and for a real S3 protocol on loopback."""

import errno
import hashlib
import os
import signal
import subprocess
import sys

import obstore
import pytest

from label_store import BlobError, BlobStore, FolderBlobs, UsageError, Workspace, ingest, open_blobs
from label_store.durable import flush_all
from label_store.origin import Origin
from tests.label_store.pictures import jpeg


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path) -> BlobStore:
    url = "blobs" if request.param == "folder" else request.getfixturevalue("s3_bucket") + "/pictures"
    store = open_blobs(url, tmp_path)
    store.prepare()
    return store


def test_bytes_come_back_under_their_sha256(blobs):
    data = os.urandom(5000)
    name = blobs.put(data)
    assert name == hashlib.sha256(data).hexdigest()
    assert blobs.get(name) == data
    assert blobs.has(name)


def test_the_same_bytes_twice_are_one_blob(blobs):
    assert blobs.put(b"x") == blobs.put(b"x")
    assert list(blobs.names()) == [hashlib.sha256(b"x").hexdigest()]


def test_those_that_are_missing_are_told_among_many(blobs):
    there = [blobs.put(bytes([n])) for n in range(20)]
    gone = {f"{n:064x}" for n in range(20)}
    assert blobs.missing([*gone, *there]) == gone
    assert blobs.missing([]) == set()


def test_a_missing_blob_is_a_sentence(blobs):
    with pytest.raises(BlobError, match="are not in"):
        blobs.get("0" * 64)
    assert not blobs.has("0" * 64)


def test_removed_bytes_are_gone_and_removing_again_is_quiet(blobs):
    name = blobs.put(b"y")
    blobs.remove(name)
    blobs.remove(name)
    assert not blobs.has(name)


def test_changed_bytes_are_never_handed_out(blobs):
    name = blobs.put(b"the truth")
    if isinstance(blobs, FolderBlobs):
        blobs.path(name).write_bytes(b"the trutH")
    else:
        obstore.put(blobs._store, blobs._key(name), b"the trutH")
    with pytest.raises(BlobError, match="bit rot"):
        blobs.get(name)


def test_a_name_that_is_a_path_is_refused(tmp_path):
    store = FolderBlobs(tmp_path / "blobs")
    with pytest.raises(BlobError):
        store.get("../../../etc/passwd")


def test_an_unknown_scheme_is_refused(tmp_path):
    with pytest.raises(UsageError, match="neither a folder"):
        open_blobs("ftp://x/y", tmp_path)


def test_a_bucket_that_does_not_answer_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    store = open_blobs("s3://none/x", tmp_path)
    with pytest.raises(BlobError, match="does not answer"):
        store.prepare()


def test_a_whole_workspace_can_keep_its_pictures_in_a_bucket(tmp_path, s3_bucket):
    workspace = Workspace.init(tmp_path / "w", blobs_url=f"{s3_bucket}/pictures")
    kept = ingest(workspace, jpeg(1), Origin(source="folder", url="file:///1.jpg"))
    assert workspace.blobs.get(kept.sha256) == jpeg(1)
    assert list(workspace.blobs.names()) == [kept.sha256]
    workspace.close()


def test_a_killed_writer_leaves_no_half_blob_under_a_name(tmp_path):
    script = """
import os, sys, threading
from pathlib import Path
from label_store import FolderBlobs
store = FolderBlobs(Path(sys.argv[1])); store.prepare()
print("ready", flush=True)
n = 0
while True:
    store.put(n.to_bytes(4, "big") * 50_000); n += 1
"""
    writer = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "blobs")], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    store = FolderBlobs(tmp_path / "blobs")
    while sum(1 for _ in store.names()) < 20:
        pass
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    names = list(store.names())
    assert len(names) >= 20
    for name in names:
        store.get(name)


def test_putting_the_right_bytes_again_mends_rotten_ones(tmp_path):
    store = FolderBlobs(tmp_path / "blobs")
    name = store.put(b"the truth")
    store.path(name).write_bytes(b"the trutH")
    assert store.put(b"the truth") == name
    assert store.get(name) == b"the truth"


def test_what_a_killed_writer_left_long_ago_is_cleared_and_a_living_ones_file_is_not(tmp_path):
    store = FolderBlobs(tmp_path / "blobs")
    folder = store.path(store.put(b"x")).parent
    old, new = folder / ".old.tmp", folder / ".new.tmp"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (0, 0))
    store.prepare()
    assert (old.exists(), new.exists()) == (False, True)


def test_many_at_once_are_the_same_as_one_by_one(blobs):
    pictures = [os.urandom(100 + n) for n in range(20)]
    blobs.put(pictures[3])
    names = blobs.put_all([*pictures, pictures[5], pictures[5]])
    assert names == [hashlib.sha256(data).hexdigest() for data in [*pictures, pictures[5], pictures[5]]]
    assert sorted(blobs.names()) == sorted(set(names))
    assert [blobs.get(name) for name in names[:20]] == pictures
    assert blobs.put_all([]) == []


def test_bytes_that_an_earlier_version_kept_two_folders_deep_are_found_and_removed(tmp_path):
    store = FolderBlobs(tmp_path / "blobs")
    data = os.urandom(100)
    name = hashlib.sha256(data).hexdigest()
    older = store.root / name[:2] / name[2:4] / name
    older.parent.mkdir(parents=True)
    older.write_bytes(data)
    assert (store.get(name), store.has(name), list(store.names())) == (data, True, [name])
    store.put(data)
    assert list(store.names()) == [name]
    store.remove(name)
    assert (store.has(name), list(store.names())) == (False, [])


def test_names_that_the_caller_knows_are_used_but_never_put_over_other_bytes(tmp_path):
    store = open_blobs("blobs", tmp_path)
    store.prepare()
    pictures = [os.urandom(10) for _ in range(4)]
    names = [hashlib.sha256(data).hexdigest() for data in pictures]
    assert store.put_all(pictures, names) == names
    assert [store.get(name) for name in names] == pictures
    with pytest.raises(BlobError, match="is not the SHA-256"):
        store.put_all([pictures[1]], [names[0]])
    assert store.get(names[0]) == pictures[0]


def test_a_batch_that_does_not_fit_leaves_no_temporary_file(tmp_path, monkeypatch):
    store = FolderBlobs(tmp_path / "blobs")
    store.prepare()

    def full(paths):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("label_store.blobs.flush_all", full)
    with pytest.raises(BlobError, match="cannot keep 3 pictures of 30 bytes"):
        store.put_all([os.urandom(10) for _ in range(3)])
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("library", ["syncfs", None])
def test_every_file_and_folder_is_flushed_or_the_failure_is_raised(tmp_path, monkeypatch, library):
    if library is None:
        monkeypatch.setattr("label_store.durable._libc", None)
    paths = [tmp_path / str(n) for n in range(5)]
    for path in paths:
        path.write_bytes(b"x")
    flush_all([*paths, tmp_path])
    with pytest.raises(FileNotFoundError):
        flush_all([tmp_path / "missing", *paths])
