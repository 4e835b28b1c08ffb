"""Reads a split: any sample by number or key with one `pread`, from any thread or forked worker.

One in a bucket or on a web server is read the same way: by ranges, or from tars in a local cache.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shards import tar
from shards.errors import ShardError
from shards.index import SplitIndex
from shards.manifest import FileEntry, SplitFiles
from shards.storage import Storage

_OPEN_FILES = 128
_OPEN_CACHED = 16  # an open tar keeps its place on the disk, also when the cache has given it up
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

    def __init__(self, storage: Storage, name: str, files: SplitFiles, index: SplitIndex, identity: str) -> None:
        self.storage = storage
        self.name = name
        self.files = files
        self.index = index
        self.identity = identity
        """SHA-256 (hex) of the index: says which samples these are, and in which order."""
        self._open: dict[int, _OpenFile] = {}

    @property
    def release(self) -> Path:
        """The release's folder, or its URL in the form of a path."""
        return Path(self.storage.url)

    def subset(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> "Split":
        """A split of these rows only, in key order, as good as a whole one. ShardError if a row is not there."""
        wanted = np.unique(np.asarray(rows, dtype=np.int64))
        if len(wanted) and (wanted[0] < 0 or wanted[-1] >= len(self)):
            raise ShardError(f"{self.name} has the rows 0 to {len(self) - 1}", exit_code=2)
        identity = hashlib.sha256(self.identity.encode() + wanted.astype("<i8").tobytes()).hexdigest()
        return Split(self.storage, self.name, self.files, self.index.take(wanted), identity)

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

    def read(self, i: int, *, whole: bool = False) -> Sample:
        """Sample `i` with its picture and metadata; ShardError names file and key if bytes are not as indexed.

        Of a remote release this gets the sample alone, or with `whole` its tar, proven, into the cache.
        """
        key, offset, length = self._row(i)
        block = self._pread(i, offset - tar.BLOCK, tar.BLOCK + tar.padded(length) + _ABOUT, whole)
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

    def announce(self, number: int) -> None:
        """Tar `number` will be read from soon: bring it into the cache, or into memory."""
        self.storage.announce(self._entry(number))

    def _entry(self, number: int) -> FileEntry:
        shard = self.files.shards[number]
        return FileEntry(shard.file, shard.bytes, shard.sha256)

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

    def _pread(self, i: int, offset: int, length: int, whole: bool = False) -> bytes:
        number = int(self.index.shard[i])
        opened = self._open.get(number)
        try:
            if opened is None:
                entry = self._entry(number)
                if not whole and (part := self.storage.read_range(entry, offset, length)) is not None:
                    return part
                if len(self._open) >= (_OPEN_CACHED if self.storage.remote else _OPEN_FILES):
                    # No lock (one held by another thread would stay held after a fork): dropping the
                    # references is enough, a file closes when the last thread that reads it is done.
                    self._open = {}
                opened = self._open.setdefault(number, _OpenFile(self.storage.open(entry)))
            return opened.pread(offset, length)
        except OSError as error:
            raise self._damaged(i, f"it cannot be read: {error.strerror or error}") from error

    def _damaged(self, i: int, what: str) -> ShardError:
        key = self.index.key[i].decode("ascii")
        return ShardError(
            f"{self.storage.url}/{self._entry(int(self.index.shard[i])).file}, sample {key}: {what}",
            hint="`cairn verify` lists every damaged file of a release; fetch those again",
        )


class _OpenFile:
    """A descriptor that closes when nobody refers to it any more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def pread(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)
