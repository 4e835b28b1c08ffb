"""Writes one split of a release: WebDataset tars of a bounded size and their index, streaming.

A sample is three members, KEY.jpg, KEY.json, KEY.cls, in that order, so that one read from the picture's
header takes the picture and what is known about it.
"""

import contextlib
import hashlib
import json
import os
import shutil
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from shards import atomic, tar
from shards.errors import ShardError
from shards.index import INDEX_NAME, SOFT_WIDTH, SplitIndex
from shards.manifest import ShardFile, SplitFiles

DEFAULT_MAX_BYTES = 268_435_456


@dataclass(frozen=True)
class Placed:
    """Where a sample went: the tar relative to the release, and the picture's offset and length in it."""

    file: str
    offset: int
    length: int


class ShardWriter:
    """Writes `FOLDER/SPLIT/000000.tar` ... and `FOLDER/SPLIT/index.npz`; each appears whole or not at all.

    Keys come in ascending order. A tar stays within `max_bytes` unless one sample alone is larger.
    As a context manager it closes on success and removes the unfinished tar on an exception.
    With `resume` a tar that a stopped run finished is read beside what would be written, byte by byte, and stays
    where it is the same; it is written anew from where it differs.
    """

    def __init__(self, folder: Path, split: str, max_bytes: int = DEFAULT_MAX_BYTES, *, resume: bool = False) -> None:
        self._check_split(split)
        if max_bytes < 1:
            raise ShardError(f"a shard of {max_bytes} bytes holds nothing", hint="the default is 268435456")
        self.split = split
        self.folder = Path(folder) / split
        self.max_bytes = max_bytes
        self.files: SplitFiles | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise atomic.write_failed(self.folder, error) from error
        if not resume and (any(self.folder.glob("*.tar")) or (self.folder / INDEX_NAME).exists()):
            raise ShardError(
                f"{self.folder} already holds shards", hint="write to a new folder, or remove this one first"
            )
        self._shards: list[ShardFile] = []
        self._open: _OpenShard | None = None
        self._keys: list[bytes] = []
        self._shard, self._offset, self._length = array("i"), array("q"), array("q")
        self._label, self._soft_label, self._soft_p = array("q"), array("i"), array("f")

    def add(self, key: str, files: Mapping[str, bytes], label: int, soft: Sequence[tuple[int, float]] = ()) -> Placed:
        """Append a sample and say where it went.

        `files` maps extensions without a dot to bytes: exactly one picture, and `json` and `cls`, which
        are written from `label` (and `soft`) when absent. `label` is -1 for none; `soft` holds at most
        ten distinct (label, p). ShardError on a key out of order, or a value that cannot be stored.
        """
        if self.files is not None:
            raise ShardError(f"{self.folder} is closed", hint="open a writer for another split")
        members = self._members(key, files, label, soft)
        needed = sum(tar.BLOCK + tar.padded(len(data)) for _, data in members)
        try:
            if self._open is not None and self._open.size + needed + len(tar.END) > self.max_bytes:
                self._finish_shard()
            if self._open is None:
                self._open = _OpenShard(self.folder / f"{len(self._shards):06d}.tar")
            offset = self._open.append(members)
        except OSError as error:
            self.abort()
            raise atomic.write_failed(self.folder, error) from error
        padding = SOFT_WIDTH - len(soft)
        self._keys.append(key.encode("ascii"))
        self._shard.append(len(self._shards))
        self._offset.append(offset)
        self._length.append(len(members[0][1]))
        self._label.append(label)
        self._soft_label.extend([category for category, _ in soft] + [-1] * padding)
        self._soft_p.extend([p for _, p in soft] + [0.0] * padding)
        return Placed(f"{self.split}/{len(self._shards):06d}.tar", offset, len(members[0][1]))

    def close(self) -> SplitFiles:
        """Finish the last tar, write the index and return what the manifest lists for this split."""
        if self.files is None:
            try:
                self._finish_shard()
            except OSError as error:
                self.abort()
                raise atomic.write_failed(self.folder, error) from error
            for beyond in sorted(self.folder.glob("*.tar"))[len(self._shards) :]:
                beyond.unlink()  # of a stopped run that had more samples
            atomic.write_whole(self.folder / INDEX_NAME, self._index().to_bytes())
            total = sum(shard.bytes for shard in self._shards)
            self.files = SplitFiles(samples=len(self._keys), bytes=total, shards=tuple(self._shards))
        return self.files

    def abort(self) -> None:
        """Remove the unfinished tar; the finished ones stay, without an index."""
        if self._open is not None:
            self._open.discard()
            self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    @staticmethod
    def _check_split(split: str) -> None:
        if not split.isidentifier() or not split.isascii():
            raise ShardError(f"{split!r} cannot be a split's name", hint="use a word such as train, val or test")

    def _members(
        self, key: str, files: Mapping[str, bytes], label: int, soft: Sequence[tuple[int, float]]
    ) -> list[tuple[str, bytes]]:
        tar.check_key(key)
        if self._keys and key.encode("ascii") <= self._keys[-1]:
            last = self._keys[-1].decode("ascii")
            raise ShardError(f"key {key} comes after {last}", hint="add samples in ascending order of their keys")
        pictures = [extension for extension in files if extension not in ("json", "cls")]
        if len(pictures) != 1:
            raise ShardError(f"sample {key} has {len(pictures)} pictures", hint="give exactly one picture")
        tar.check_extension(pictures[0])
        check_labels(key, label, soft)
        cls = str(label).encode()
        if files.get("cls", cls) != cls:
            raise ShardError(f"sample {key} has the label {label} but another one in its cls file")
        about = files.get("json")
        if about is None:
            row = {"key": key, "split": self.split, "label": label, "soft": [list(pair) for pair in soft]}
            about = json.dumps(row, sort_keys=True).encode()
        return [(f"{key}.{pictures[0]}", files[pictures[0]]), (f"{key}.json", about), (f"{key}.cls", cls)]

    def _finish_shard(self) -> None:
        if self._open is not None:
            size, sha256, samples = self._open.finish()
            name = f"{self.split}/{self._open.path.name}"
            self._shards.append(ShardFile(file=name, samples=samples, bytes=size, sha256=sha256))
            self._open = None

    def _index(self) -> SplitIndex:
        width = max(map(len, self._keys), default=1)
        return SplitIndex(
            key=np.array(self._keys, dtype=f"S{width}"),
            shard=np.array(self._shard, dtype="<i4"),
            offset=np.array(self._offset, dtype="<i8"),
            length=np.array(self._length, dtype="<i8"),
            label=np.array(self._label, dtype="<i8"),
            soft_label=np.array(self._soft_label, dtype="<i4").reshape(-1, SOFT_WIDTH),
            soft_p=np.array(self._soft_p, dtype="<f4").reshape(-1, SOFT_WIDTH),
        )


def keep_finished_tars(release: Path, splits: Collection[str]) -> None:
    """Of what a stopped run left of a release, remove everything but the finished tars of these splits."""
    for entry in release.iterdir() if release.is_dir() else ():
        if entry.name not in splits or not entry.is_dir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            continue
        for file in entry.iterdir():
            if file.suffix != ".tar":  # a tar has this name when it is whole and synced
                file.unlink()


def check_labels(key: str, label: int, soft: Sequence[tuple[int, float]]) -> None:
    """ShardError unless label >= -1 and `soft` is at most ten distinct labels with p in [0, 1], sum <= 1."""
    labels = [category for category, _ in soft]
    wrong = None
    if label < -1:
        wrong = f"label {label}"
    elif len(soft) > SOFT_WIDTH:
        wrong = f"{len(soft)} soft labels; an index holds {SOFT_WIDTH}"
    elif len(set(labels)) != len(labels) or any(category < 0 for category in labels):
        wrong = f"soft labels {labels}"
    elif not all(0.0 <= p <= 1.0 for _, p in soft) or sum(p for _, p in soft) > 1.001:
        wrong = f"soft probabilities {[p for _, p in soft]}"
    if wrong:
        raise ShardError(f"sample {key} has {wrong}", hint="labels are -1 or more, probabilities sum to at most 1")


class _OpenShard:
    """The tar being written, under its temporary name, hashed as it grows; or the same one of a stopped run, read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.samples = 0
        self._digest = hashlib.sha256()
        self._temporary = atomic.temporary_name(path)
        self._same = path.exists()
        """Whether all so far is what the tar that was there holds: nothing is written then."""
        self._stream: BinaryIO = self._opened()

    def append(self, members: Sequence[tuple[str, bytes]]) -> int:
        first = self.size + tar.BLOCK
        for name, data in members:
            self._write(tar.header(name, len(data)))
            self._write(data)
            self._write(bytes(tar.padded(len(data)) - len(data)))
        self.samples += 1
        return first

    def finish(self) -> tuple[int, str, int]:
        self._write(tar.END)
        if self._same and self._stream.read(1):
            self._diverge()
        if not self._same:
            self._stream.flush()
            os.fsync(self._stream.fileno())
        self._stream.close()
        if not self._same:
            atomic.publish(self._temporary, self.path)
        return self.size, self._digest.hexdigest(), self.samples

    def discard(self) -> None:
        with contextlib.suppress(OSError):  # a full disk fails again on the last flush
            self._stream.close()
        self._temporary.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        return open(self.path, "rb") if self._same else open(self._temporary, "wb", buffering=1 << 20)

    def _diverge(self) -> None:
        """Go on in a new file that begins with what was the same."""
        self._stream.close()
        self._same = False
        self._stream = self._opened()
        with open(self.path, "rb") as before:
            left = self.size
            while left:
                block = before.read(min(left, 1 << 20))
                self._stream.write(block)
                left -= len(block)

    def _write(self, data: bytes) -> None:
        if self._same and self._stream.read(len(data)) != data:
            self._diverge()
        if not self._same:
            self._stream.write(data)
        self._digest.update(data)
        self.size += len(data)
