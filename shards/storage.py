"""Where a release's files lie: a folder, or a bucket or web server behind a local cache of proven tars."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from shards.errors import ShardError
from shards.manifest import FileEntry

REMOTE = ("http://", "https://", "s3://", "gs://", "az://")
_PART = 8 * 2**20
_MOST_AT_ONCE = 1 << 30  # an index of ten million samples has half of it
_READ_AHEAD = 8 * 2**20


class Storage(Protocol):
    """The files of one release, by their names in the manifest."""

    url: str
    remote: bool

    @property
    def room(self) -> int | None:
        """Bytes of tars that can be near at once; None where nothing bounds them."""

    def read(self, file: str) -> bytes:
        """The whole of a small file; FileNotFoundError, or another OSError that says why it cannot be read."""

    def open(self, entry: FileEntry) -> int:
        """A descriptor of the file, open for `pread`; a remote one is fetched and proven first."""

    def is_near(self, entry: FileEntry) -> bool:
        """Whether `open` fetches nothing."""

    def read_range(self, entry: FileEntry, offset: int, length: int) -> bytes | None:
        """A part of a file that is not here yet, without fetching it whole; None where it is here by now."""

    def announce(self, entry: FileEntry) -> None:
        """The file will be read from start to end soon: begin to bring it nearer. Returns when it is near."""


class Folder:
    """A release in a folder of this machine."""

    remote = False
    room = None

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def read(self, file: str) -> bytes:
        """The whole file."""
        return (self.root / file).read_bytes()

    def open(self, entry: FileEntry) -> int:
        """A descriptor of the file."""
        return os.open(self.root / entry.file, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def is_near(self, entry: FileEntry) -> bool:
        """Always."""
        return True

    def read_range(self, entry: FileEntry, offset: int, length: int) -> bytes | None:
        """None: a local file is opened instead."""
        return None

    def announce(self, entry: FileEntry) -> None:
        """Ask the system to read the file into memory in its own order, which a disk likes better than ours."""
        if not hasattr(os, "posix_fadvise"):
            return
        try:
            descriptor = self.open(entry)
        except OSError:
            return  # told, with its name, by whoever reads from it
        try:
            for offset in range(0, entry.bytes, _READ_AHEAD):
                os.posix_fadvise(descriptor, offset, _READ_AHEAD, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)


class Remote:
    """Files below a URL, read by ranges."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._store: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the client: another process makes its own."""
        return self.__dict__ | {"_store": None}

    def read(self, file: str) -> bytes:
        """The whole of a small file; ShardError for one of more than a GiB."""
        import obstore

        with self._answering(file) as store:
            found = bytearray()
            for block in obstore.get(store, file):
                found += block
                if len(found) > _MOST_AT_ONCE:
                    raise ShardError(
                        f"{self.url}/{file} does not end", hint="is this the URL of a release, NAME/VERSION?"
                    )
            return bytes(found)

    def read_range(self, file: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` on, fewer where the file ends; ShardError where no ranges are served."""
        import obstore
        from obstore.exceptions import NotSupportedError

        with self._answering(file) as store:
            try:
                return bytes(obstore.get_range(store, file, start=offset, length=length))
            except NotSupportedError as error:
                raise ShardError(
                    f"{self.url} does not serve parts of files (HTTP ranges)",
                    hint="serve the release with a web server that does, such as nginx, or from a bucket",
                ) from error

    def blocks(self, file: str, size: int) -> Iterator[bytes]:
        """The whole of a large file in order; several parts are on their way at once, which hides latency."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(4) as pool:
            waiting: list[Any] = []
            for offset in range(0, size, _PART):
                waiting.append(pool.submit(self.read_range, file, offset, min(_PART, size - offset)))
                if len(waiting) == 4:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()

    @contextmanager
    def _answering(self, file: str) -> Iterator[Any]:
        """The client; what it raises becomes an OSError or a sentence."""
        _refuse_fork(self.url)
        try:
            if self._store is None:
                self._store = _client(self.url)
            yield self._store
        except (FileNotFoundError, ShardError):
            raise
        except Exception as error:
            why = str(error).split("\n\nDebug source", 1)[0].strip().splitlines()
            raise ShardError(
                f"{self.url}/{file} cannot be fetched: {why[0] if why else type(error).__name__}",
                hint="check the URL, the network and, for a bucket, AWS_ENDPOINT_URL, AWS_REGION and the keys",
            ) from error


_client_process: int | None = None


def _refuse_fork(url: str) -> None:
    """ShardError in a process forked after the first request: the client's threads are not there, it would hang."""
    global _client_process
    if _client_process is None:
        _client_process = os.getpid()
    if _client_process != os.getpid():
        raise ShardError(
            f"{url} is read in a process that was forked after its parent had opened a remote release",
            hint='start workers with "forkserver" or "spawn", or open remote releases only in the workers',
        )


def _client(url: str) -> Any:
    from obstore.store import from_url

    plain = url.startswith("http://") or os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    options: dict[str, Any] = {
        "client_options": {"connect_timeout": "10s", "timeout": "60s", "allow_http": plain},
        "retry_config": {"max_retries": 5, "retry_timeout": timedelta(seconds=60)},
    }
    return from_url(url, **options)
