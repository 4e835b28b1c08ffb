"""Remote tars on the local disk: fetched whole once a machine, proven by SHA-256, the least recently used given up.

Any number of processes share one folder: a lock for each file while it is fetched, one for the folder while
room is made. A file that another process gives up stays readable to who has it open.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shards import atomic
from shards.errors import ShardError
from shards.manifest import FileEntry
from shards.storage import Remote

DEFAULT_BYTES = 64 * 2**30
_SPARE = 256 * 2**20
_WAIT = 0.02


def default_folder() -> Path:
    """`$XDG_CACHE_HOME/cairn/shards`, else below `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cairn" / "shards"


class Cached:
    """A remote release whose tars are kept in `folder`, at most `most_bytes` of them, named by their SHA-256."""

    remote = True

    def __init__(self, source: Remote, folder: Path, most_bytes: int = DEFAULT_BYTES) -> None:
        self.url = source.url
        self.folder = folder
        self.room = most_bytes
        self._source = source

    def read(self, file: str) -> bytes:
        """The whole of a small file, not kept."""
        return self._source.read(file)

    def open(self, entry: FileEntry) -> int:
        """A descriptor of the tar, which is fetched unless it is here."""
        path = self._path(entry)
        while True:
            with contextlib.suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
                with contextlib.suppress(FileNotFoundError):
                    os.utime(path)  # its place in the order of use
                return descriptor
            self._fetch(entry, path)

    def is_near(self, entry: FileEntry) -> bool:
        """Whether the tar is in the cache."""
        return self._path(entry).exists()

    def read_range(self, entry: FileEntry, offset: int, length: int) -> bytes | None:
        """Part of a tar that is not here; None where it is."""
        if self.is_near(entry):
            return None
        return self._source.read_range(entry.file, offset, length)

    def announce(self, entry: FileEntry) -> None:
        """Fetch the tar unless it is here."""
        os.close(self.open(entry))

    def _path(self, entry: FileEntry) -> Path:
        return self.folder / f"{entry.sha256}.tar"

    def _fetch(self, entry: FileEntry, path: Path) -> None:
        if entry.bytes > self.room:
            raise ShardError(
                f"{entry.file} has {entry.bytes:,} bytes, the cache {self.folder} may hold {self.room:,}",
                hint="allow a larger cache (cache_bytes)",
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self.folder / f"{entry.sha256}.lock"):
                if path.exists():
                    return  # another process fetched it while this one waited
                while not self._reserve(entry, path):
                    time.sleep(_WAIT)
                self._download(entry, path)
        except OSError as error:
            raise atomic.write_failed(path, error) from error

    def _download(self, entry: FileEntry, path: Path) -> None:
        partial = atomic.temporary_name(path)
        digest = hashlib.sha256()
        try:
            with partial.open("r+b") as file:
                for block in self._blocks(entry):
                    file.write(block)
                    digest.update(block)
                file.flush()
                os.fsync(file.fileno())  # the name is proof from here on, also after a power cut
            if digest.hexdigest() != entry.sha256:
                raise ShardError(
                    f"{self.url}/{entry.file} is damaged: its SHA-256 is not the manifest's",
                    hint="ask whoever published the release to publish it again",
                )
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    def _blocks(self, entry: FileEntry) -> Iterator[bytes]:
        try:
            yield from self._source.blocks(entry.file, entry.bytes)
        except FileNotFoundError as error:
            raise ShardError(
                f"{self.url}/{entry.file} is not there", hint="the release was published in part; publish it again"
            ) from error

    def _reserve(self, entry: FileEntry, path: Path) -> bool:
        """Give up the least recently used tars and hold the room of one more; False while others arrive in it."""
        atomic.temporary_name(path).unlink(missing_ok=True)  # of a process that was killed: the lock is ours
        with _locked(self.folder / "room.lock"):
            if not self._make_room(entry.bytes):
                return False
            with atomic.temporary_name(path).open("wb") as file:
                file.truncate(entry.bytes)
            return True

    def _make_room(self, wanted: int) -> bool:
        found = []
        for path in self.folder.glob("*.tar"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        arriving = sum(_arriving(path) for path in self.folder.glob(".*.tar.partial"))
        held = sum(size for _, size, _ in found) + arriving
        free = shutil.disk_usage(self.folder).free
        for _, size, path in sorted(found):
            if held + wanted <= self.room and free >= wanted + _SPARE:
                return True
            path.unlink(missing_ok=True)
            held, free = held - size, free + size
        if free < wanted:
            raise ShardError(
                f"{self.folder} has {free / 2**20:,.0f} MiB free, the next tar needs {wanted / 2**20:,.0f}",
                hint="free some space, or name another folder for the cache",
            )
        return held + wanted <= self.room


def _arriving(partial: Path) -> int:
    """The bytes that are held for a tar on its way; one whose process was killed is removed."""
    name = partial.name.removeprefix(".").removesuffix(".tar.partial")
    try:
        with (partial.parent / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            partial.unlink(missing_ok=True)
            return 0
    except BlockingIOError:
        with contextlib.suppress(FileNotFoundError):
            return partial.stat().st_size
        return 0


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[Any]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
