"""Reads a release: any sample by number or key with one `pread`, from any thread or forked worker."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shards import tar
from shards.errors import ShardError
from shards.index import INDEX_NAME, SplitIndex, index_from_bytes
from shards.manifest import MANIFEST_NAME, Category, Manifest, SplitFiles, read_manifest

_OPEN_FILES = 128
# What is read beyond the picture in the hope that KEY.json fits in it; a second read follows if not.
_ABOUT = 4 * tar.BLOCK


@dataclass(frozen=True)
class Sample:
    """A picture as stored, and what is known about it; `meta` is its KEY.json."""

    key: str
    image: bytes
    extension: str
    label: int
    meta: dict[str, Any]


class Split:
    """One split of a release: a sequence of samples in key order. Safe across threads, forks and pickling."""

    def __init__(self, release: Path, name: str, files: SplitFiles, index: SplitIndex) -> None:
        self.release = release
        self.name = name
        self.files = files
        self.index = index
        self._open: dict[int, _OpenFile] = {}

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Sample]:
        return (self.read(i) for i in range(len(self)))

    def __getitem__(self, i: int) -> Sample:
        if i >= len(self):
            raise IndexError(i)  # lets plain Python and torch iterate
        return self.read(i)

    @cached_property
    def keys(self) -> NDArray[np.str_]:
        """str [N], ascending."""
        return self.index.key.astype(np.str_)

    @property
    def labels(self) -> NDArray[np.int64]:
        """int64 [N]; -1 where a sample has none."""
        return self.index.label

    @property
    def soft_label(self) -> NDArray[np.int32]:
        """int32 [N, 10], padded with -1."""
        return self.index.soft_label

    @property
    def soft_p(self) -> NDArray[np.float32]:
        """float32 [N, 10], padded with 0."""
        return self.index.soft_p

    def find(self, key: str) -> int:
        """The number of the sample with this key; ShardError if there is none."""
        wanted = key.encode()
        i = int(np.searchsorted(self.index.key, np.bytes_(wanted)))
        if i == len(self) or self.index.key[i] != wanted:
            raise ShardError(f"{self.name} of {self.release} has no sample {key}", exit_code=2)
        return i

    def read(self, i: int) -> Sample:
        """Sample `i` with its picture and metadata; ShardError names file and key if bytes are not as indexed."""
        key, offset, length = self._row(i)
        block = self._pread(i, offset - tar.BLOCK, tar.BLOCK + tar.padded(length) + _ABOUT)
        extension = self._extension(i, key, length, block[: tar.BLOCK])
        image = block[tar.BLOCK : tar.BLOCK + length]
        if len(image) != length:
            raise self._damaged(i, f"{len(image)} of {length} bytes of the picture are there")
        meta = self._parse_meta(i, key, block[tar.BLOCK + tar.padded(length) :])
        return Sample(key, image, extension, int(self.index.label[i]), meta)

    def read_image(self, i: int) -> bytes:
        """The picture's bytes of sample `i` alone; ShardError if the file is too short."""
        _, offset, length = self._row(i)
        image = self._pread(i, offset, length)
        if len(image) != length:
            raise self._damaged(i, f"{len(image)} of {length} bytes of the picture are there")
        return image

    def meta(self, which: int | str) -> dict[str, Any]:
        """KEY.json of a sample, by number or key."""
        i = self.find(which) if isinstance(which, str) else which
        key, offset, length = self._row(i)
        return self._parse_meta(i, key, self._pread(i, offset + tar.padded(length), _ABOUT))

    def file_of(self, i: int) -> Path:
        """The tar that holds sample `i`."""
        return self.release / self.name / f"{int(self.index.shard[i]):06d}.tar"

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: another process opens its own."""
        return self.__dict__ | {"_open": {}}

    def _row(self, i: int) -> tuple[str, int, int]:
        return self.index.key[i].decode("ascii"), int(self.index.offset[i]), int(self.index.length[i])

    def _extension(self, i: int, key: str, length: int, block: bytes) -> str:
        try:
            member = tar.parse_header(block)
        except ShardError as error:
            raise self._damaged(i, str(error)) from error
        if member is None or member[1] != length or not member[0].startswith(f"{key}."):
            raise self._damaged(i, "another member is where the index says it begins")
        return member[0][len(key) + 1 :]

    def _parse_meta(self, i: int, key: str, block: bytes) -> dict[str, Any]:
        try:
            member = tar.parse_header(block[: tar.BLOCK])
            if member is None or member[0] != f"{key}.json":
                raise self._damaged(i, f"{key}.json does not follow the picture")
            data = block[tar.BLOCK : tar.BLOCK + member[1]]
            if len(data) < member[1]:
                offset = int(self.index.offset[i]) + tar.padded(int(self.index.length[i])) + tar.BLOCK
                data = self._pread(i, offset, member[1])
            meta = json.loads(data)
        except ValueError as error:
            if isinstance(error, ShardError) and error.hint:
                raise
            raise self._damaged(i, str(error)) from error
        if not isinstance(meta, dict):
            raise self._damaged(i, f"{key}.json is not an object")
        return meta

    def _pread(self, i: int, offset: int, length: int) -> bytes:
        number = int(self.index.shard[i])
        opened = self._open.get(number)
        try:
            if opened is None:
                if len(self._open) >= _OPEN_FILES:
                    # No lock (one held by another thread would stay held after a fork): dropping the
                    # references is enough, a file closes when the last thread that reads it is done.
                    self._open = {}
                opened = self._open.setdefault(number, _OpenFile(self.file_of(i)))
            return opened.pread(offset, length)
        except OSError as error:
            raise self._damaged(i, f"it cannot be read: {error.strerror or error}") from error

    def _damaged(self, i: int, what: str) -> ShardError:
        key = self.index.key[i].decode("ascii")
        return ShardError(
            f"{self.file_of(i)}, sample {key}: {what}",
            hint="`cairn verify` lists every damaged file of a release; fetch those again",
        )


class Release:
    """An open release: manifest, id, categories and its splits, whose indexes are read when asked for."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._splits: dict[str, Split] = {}

    @cached_property
    def release_id(self) -> str:
        """SHA-256 (hex) of `dataset.json`."""
        return self.manifest.release_id

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes; `categories[k].label == k`."""
        return self.manifest.categories

    @property
    def splits(self) -> Mapping[str, SplitFiles]:
        """What the manifest lists for each split."""
        return self.manifest.splits

    def split(self, name: str) -> Split:
        """Open a split; its index is checked against the manifest's SHA-256. ShardError if it is not there."""
        if name not in self._splits:
            if name not in self.manifest.splits:
                names = ", ".join(self.manifest.splits) or "none"
                raise ShardError(f"{self.path} has no split {name!r}", hint=f"its splits are: {names}", exit_code=2)
            index = self._read_index(name)
            self._splits[name] = Split(self.path, name, self.manifest.splits[name], index)
        return self._splits[name]

    def _read_index(self, name: str) -> SplitIndex:
        file = f"{name}/{INDEX_NAME}"
        path = self.path / file
        listed = {entry.file: entry.sha256 for entry in self.manifest.files}
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ShardError(f"{path} cannot be read: {error.strerror}", hint="fetch the file again") from error
        if hashlib.sha256(data).hexdigest() != listed.get(file):
            raise ShardError(f"{path} is damaged: its SHA-256 is not the manifest's", hint="fetch the file again")
        return index_from_bytes(data, str(path))


def open_release(path: str | os.PathLike[str]) -> Release:
    """Open the release in folder `path` (or its `dataset.json`). ShardError if it is none."""
    folder = Path(path)
    if folder.name == MANIFEST_NAME:
        folder = folder.parent
    return Release(folder, read_manifest(folder))


class _OpenFile:
    """A descriptor that closes when nobody refers to it any more."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def pread(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)
