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
    """A picture as stored, and what is known about it; `about` are the bytes of its KEY.json."""

    key: str
    image: bytes
    extension: str
    label: int
    about: bytes

    @cached_property
    def meta(self) -> dict[str, Any]:
        """KEY.json, parsed when it is asked for; ShardError if it is no JSON object."""
        return parse_about(self.key, self.about)


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
        head, image, after = self._pread_parts(i, offset, length, whole)
        extension = self._extension(i, key, length, head)
        if len(image) != length:
            raise self._damaged(i, f"{len(image)} of {length} bytes of the picture are there")
        return Sample(key, image, extension, int(self.index.label[i]), self._about(i, key, after))

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
        return parse_about(key, self._about(i, key, self._pread(i, offset + tar.padded(length), _ABOUT)))

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

    def _extension(self, i: int, key: str, length: int, head: bytes) -> str:
        name, size = self._member(i, head)
        if size != length or not name.startswith(f"{key}."):
            raise self._damaged(i, "another member is where the index says it begins")
        return name[len(key) + 1 :]

    def _about(self, i: int, key: str, block: bytes) -> bytes:
        name, size = self._member(i, block[: tar.BLOCK])
        if name != f"{key}.json":
            raise self._damaged(i, f"{key}.json does not follow the picture")
        data = block[tar.BLOCK : tar.BLOCK + size]
        if len(data) < size:
            offset = int(self.index.offset[i]) + tar.padded(int(self.index.length[i])) + tar.BLOCK
            data = self._pread(i, offset, size)
        if len(data) < size:
            raise self._damaged(i, f"{len(data)} of {size} bytes of {key}.json are there")
        return data

    def _member(self, i: int, head: bytes) -> tuple[str, int]:
        """Name and size of a member; whether the rest of its header is right does not change what is read."""
        try:
            return head[: head.index(b"\0")].decode("ascii"), int(head[124:135], 8)
        except ValueError as error:
            raise self._damaged(i, "a tar header is damaged") from error

    def _pread_parts(self, i: int, offset: int, length: int, whole: bool) -> tuple[bytes, bytes, bytes]:
        """The picture's header, the picture, and what follows it."""
        opened = self._opened(i, whole)
        if opened is None:  # one request, whatever it costs to cut what comes
            block = self._pread(i, offset - tar.BLOCK, tar.BLOCK + tar.padded(length) + _ABOUT)
            start, end = tar.BLOCK + length, tar.BLOCK + tar.padded(length)
            return block[: tar.BLOCK], block[tar.BLOCK : start], block[end:]
        try:
            # Three short calls are cheaper than one, and a copy of the picture.
            head, image = opened.pread(offset - tar.BLOCK, tar.BLOCK), opened.pread(offset, length)
            return head, image, opened.pread(offset + tar.padded(length), _ABOUT)
        except OSError as error:
            raise self._damaged(i, f"it cannot be read: {error.strerror or error}") from error

    def _pread(self, i: int, offset: int, length: int) -> bytes:
        opened = self._opened(i, False)
        try:
            if opened is None:
                part = self.storage.read_range(self._entry(int(self.index.shard[i])), offset, length)
                if part is not None:
                    return part
                opened = self._opened(i, True)  # another process has fetched the tar meanwhile
                assert opened is not None
            return opened.pread(offset, length)
        except OSError as error:
            raise self._damaged(i, f"it cannot be read: {error.strerror or error}") from error

    def _opened(self, i: int, whole: bool) -> "_OpenFile | None":
        """The tar of sample `i`; None where it would have to be fetched whole for that and `whole` does not ask."""
        number = int(self.index.shard[i])
        opened = self._open.get(number)
        if opened is not None:
            return opened
        entry = self._entry(number)
        if not whole and not self.storage.is_near(entry):
            return None
        try:
            descriptor = self.storage.open(entry)
        except OSError as error:
            raise self._damaged(i, f"it cannot be read: {error.strerror or error}") from error
        if len(self._open) >= (_OPEN_CACHED if self.storage.remote else _OPEN_FILES):
            # No lock (one held by another thread would stay held after a fork): dropping the
            # references is enough, a file closes when the last thread that reads it is done.
            self._open = {}
        return self._open.setdefault(number, _OpenFile(descriptor))

    def _damaged(self, i: int, what: str) -> ShardError:
        key = self.index.key[i].decode("ascii")
        return ShardError(
            f"{self.storage.url}/{self._entry(int(self.index.shard[i])).file}, sample {key}: {what}",
            hint="`cairn verify` lists every damaged file of a release; fetch those again",
        )


def parse_about(key: str, about: bytes) -> dict[str, Any]:
    """KEY.json as an object; ShardError where it is none."""
    try:
        meta = json.loads(about)
    except (ValueError, RecursionError) as error:
        raise _no_object(key, str(error)) from error
    if not isinstance(meta, dict):
        raise _no_object(key, "it is not an object")
    return meta


def _no_object(key: str, why: str) -> ShardError:
    return ShardError(f"{key}.json is damaged: {why}", hint="`cairn verify` lists every damaged file of a release")


class _OpenFile:
    """A descriptor that closes when nobody refers to it any more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def pread(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)
