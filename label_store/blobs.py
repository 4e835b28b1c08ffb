"""Content-addressed bytes of pictures: a folder by default, an S3 bucket by URL.

A blob is written under a temporary name, flushed to disk, then renamed to its SHA-256, so that a name
that exists always has its bytes whole; writing the same bytes twice is the same as once.
"""

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from label_store.durable import flush_all, make_durable
from label_store.errors import CairnError, UsageError

_AT_ONCE = 16
"""Requests to a bucket in flight."""
_HEX = frozenset("0123456789abcdef")


class BlobError(CairnError):
    """A blob is missing, damaged, or cannot be written."""


class BlobStore(Protocol):
    """What every blob store does; names are lower-case hex SHA-256."""

    def prepare(self) -> None:
        """Make the folder, or check that the bucket answers."""

    def put(self, data: bytes) -> str:
        """Keep the bytes for ever and return their SHA-256; durable when it returns."""

    def put_all(self, pictures: Sequence[bytes], sha256s: Sequence[str] | None = None) -> list[str]:
        """`put` of many at once, at a fraction of the cost; all are durable when it returns.

        `sha256s` are those of the pictures, in their order, where the caller has them already.
        """

    def get(self, sha256: str) -> bytes:
        """The bytes, checked against their name; BlobError when missing or changed."""

    def has(self, sha256: str) -> bool:
        """Whether the bytes are there."""

    def missing(self, sha256s: Collection[str]) -> set[str]:
        """Those whose bytes are not there."""

    def remove(self, sha256: str) -> None:
        """Forget the bytes (a takedown); nothing happens when they are not there."""

    def names(self) -> Iterator[str]:
        """Every SHA-256 held, in no stated order."""


def open_blobs(url: str, folder: Path) -> BlobStore:
    """A store for a folder (relative to `folder`) or `s3://bucket/prefix`."""
    if url.startswith("s3://"):
        return S3Blobs(url)
    if "://" in url:
        raise UsageError(f"blobs_url {url!r} is neither a folder nor s3://…", hint="use a folder or s3://bucket/prefix")
    return FolderBlobs(folder / url)


def _checked(data: bytes, sha256: str, where: str) -> bytes:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BlobError(
            f"the bytes of {sha256} in {where} have changed (bit rot)",
            hint="restore that file from a backup, or remove it and run the same `cairn collect` again",
        )
    return data


class FolderBlobs:
    """Blobs in a folder, in 256 folders by the first two hex digits, as in a bucket.

    A second level would make one more folder for nearly every picture of the first 65,536, which takes ext4 longer
    than to write the picture; without it a folder holds 4,000 of a million. What lies in one from before is found.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where these bytes lie."""
        path = Path(self._folder(sha256), sha256)
        if not path.exists() and (older := path.parent / sha256[2:4] / sha256).exists():
            return older
        return path

    def prepare(self) -> None:
        """Make the folder and remove temporary files that writers killed over an hour ago left."""
        make_durable(self.root)
        for left in (*self.root.glob("??/.*.tmp"), *self.root.glob("??/??/.*.tmp")):
            with contextlib.suppress(OSError):
                if left.stat().st_mtime < time.time() - 3600:
                    left.unlink()

    def put(self, data: bytes) -> str:
        """Keep the bytes; durable when it returns."""
        return self.put_all([data])[0]

    def put_all(self, pictures: Sequence[bytes], sha256s: Sequence[str] | None = None) -> list[str]:
        """Keep many at once: all written, all flushed, all renamed, all names flushed."""
        names = list(map(_sha256, pictures)) if sha256s is None else list(sha256s)
        new = {name: data for name, data in zip(names, pictures, strict=True) if not self._holds(name, data)}
        if not new:
            return names
        # Texts and not Paths, which would take as long as the writing.
        ending = f"{uuid.uuid4().hex}.tmp"
        temporaries: dict[str, str] = {}
        try:
            holders: dict[str, None] = {}  # of new folders, whose names are flushed too
            for name, data in new.items():
                folder = self._folder(name)
                temporary = f"{folder}/.{name}.{ending}"
                temporaries[temporary] = f"{folder}/{name}"
                try:
                    _write(temporary, data)
                except FileNotFoundError:
                    _make(folder, holders)
                    _write(temporary, data)
            flush_all([*temporaries, *holders])
            for temporary, path in temporaries.items():
                os.replace(temporary, path)
            flush_all(list({os.path.dirname(path): None for path in temporaries.values()}))
        except OSError as error:
            for temporary in temporaries:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            size = sum(map(len, new.values()))
            many = "a picture" if len(new) == 1 else f"{len(new)} pictures"
            raise BlobError(
                f"cannot keep {many} of {size} bytes in {self.root}: {error.strerror}",
                hint="free some space and run the same command again; it continues where it stopped",
            ) from error
        return names

    def _folder(self, sha256: str) -> str:
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            raise BlobError(f"{sha256!r} is not a SHA-256", hint="a blob's name is 64 lower-case hex digits")
        return f"{self.root}/{sha256[:2]}"

    def _holds(self, sha256: str, data: bytes) -> bool:
        """Whether exactly these bytes are there; those that rotted are written anew."""
        try:
            with open(f"{self._folder(sha256)}/{sha256}", "rb", buffering=0) as file:
                if file.readall() == data:
                    return True
        except OSError:
            return False
        if _sha256(data) != sha256:  # what is there gives way to nothing but the bytes of its name
            raise BlobError(f"{sha256} is not the SHA-256 of the bytes to be kept by it", hint="check the memory")
        return False

    def get(self, sha256: str) -> bytes:
        """The bytes, checked against their name."""
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise BlobError(
                f"the bytes of {sha256} are not in {self.root}",
                hint="run the same `cairn collect` again, or restore it from a backup",
            ) from error
        return _checked(data, sha256, str(self.root))

    def has(self, sha256: str) -> bool:
        """Whether the bytes are there."""
        return os.path.exists(f"{self._folder(sha256)}/{sha256}") or self.path(sha256).exists()

    def missing(self, sha256s: Collection[str]) -> set[str]:
        """Those whose bytes are not there."""
        return {sha256 for sha256 in sha256s if not self.has(sha256)}

    def remove(self, sha256: str) -> None:
        """Forget the bytes."""
        while (path := self.path(sha256)).exists():
            path.unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """Every SHA-256 held."""
        for path in self.root.glob("??/*"):
            if len(path.name) == 64:
                yield path.name
        for path in self.root.glob("??/??/*"):
            if len(path.name) == 64 and self.path(path.name) == path:
                yield path.name


class S3Blobs:
    """Blobs in an S3-compatible bucket by obstore; `AWS_*` variables name endpoint and keys.

    One PUT of an object is atomic in S3: a name appears with all its bytes or not at all.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    @property
    def _store(self) -> Any:
        if "_opened" not in self.__dict__:
            from obstore.store import from_url

            options: dict[str, Any] = {}
            if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
                options["client_options"] = {"allow_http": True}
            try:
                self._opened = from_url(self.url, **options)
            except Exception as error:
                raise BlobError(f"{self.url} cannot be opened: {error}", hint="check blobs_url and AWS_*") from error
        return self._opened

    @staticmethod
    def _key(sha256: str) -> str:
        return f"{sha256[:2]}/{sha256}"

    def prepare(self) -> None:
        """Check that the bucket answers."""
        import obstore

        try:
            next(iter(obstore.list(self._store, chunk_size=1)), None)
        except Exception as error:
            raise BlobError(
                f"the bucket {self.url} does not answer: {error}", hint="check AWS_ENDPOINT_URL and the keys"
            ) from error

    def put(self, data: bytes) -> str:
        """Keep the bytes; durable when the bucket has answered."""
        import obstore

        sha256 = hashlib.sha256(data).hexdigest()
        if not self.has(sha256):
            try:
                obstore.put(self._store, self._key(sha256), data)
            except Exception as error:
                raise BlobError(f"{self.url} did not take a picture: {error}", hint="run it again") from error
        return sha256

    def put_all(self, pictures: Sequence[bytes], sha256s: Sequence[str] | None = None) -> list[str]:
        """`put` of many, several at a time: a bucket takes a round trip for each. Each is hashed here all the same."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(self.put, pictures))

    def get(self, sha256: str) -> bytes:
        """The bytes, checked against their name."""
        import obstore

        try:
            data = bytes(obstore.get(self._store, self._key(sha256)).bytes())
        except FileNotFoundError as error:
            raise BlobError(
                f"the bytes of {sha256} are not in {self.url}",
                hint="run the same `cairn collect` again, or restore it from a backup",
            ) from error
        except Exception as error:
            raise BlobError(f"{self.url} did not give {sha256}: {error}", hint="run it again") from error
        return _checked(data, sha256, self.url)

    def has(self, sha256: str) -> bool:
        """Whether the bytes are there."""
        import obstore

        try:
            obstore.head(self._store, self._key(sha256))
        except FileNotFoundError:
            return False
        except Exception as error:
            raise BlobError(f"{self.url} does not answer: {error}", hint="check AWS_* and run it again") from error
        return True

    def missing(self, sha256s: Collection[str]) -> set[str]:
        """Those whose bytes are not there; asked for several at a time, since each takes a round trip."""
        asked = list(sha256s)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return {sha256 for sha256, there in zip(asked, threads.map(self.has, asked), strict=True) if not there}

    def remove(self, sha256: str) -> None:
        """Forget the bytes."""
        import obstore

        try:
            obstore.delete(self._store, self._key(sha256))
        except FileNotFoundError:
            return

    def names(self) -> Iterator[str]:
        """Every SHA-256 held."""
        import obstore

        for chunk in obstore.list(self._store):
            for entry in chunk:
                yield entry["path"].rsplit("/", 1)[-1]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: str, data: bytes) -> None:
    """A new file with these bytes."""
    with open(path, "xb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]


def _make(folder: str, holders: dict[str, None]) -> None:
    """Make a folder and those above it, and note the ones that hold a new name."""
    holder = os.path.dirname(folder)
    try:
        with contextlib.suppress(FileExistsError):  # another writer was faster
            os.mkdir(folder)
    except FileNotFoundError:
        _make(holder, holders)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)
    holders[holder] = None
