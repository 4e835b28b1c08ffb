"""Copies a release to a folder or a bucket: every file checked at its destination, the manifest last.

Repeating continues: what is already there with the right bytes is not sent again.
"""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dataset_builder.errors import PublishError
from dataset_builder.releases import read_release_manifest
from label_store import UsageError
from shards.atomic import file_sha256, sync_folder
from shards.manifest import MANIFEST_NAME, FileEntry

Progress = Callable[[int, int | None, str], None]
_BLOCK = 8 * 2**20


@dataclass(frozen=True)
class Published:
    """Where a release is now, and how much of it was sent and was there before."""

    url: str
    sent: int
    sent_bytes: int
    kept: int


class Destination(Protocol):
    """A place with names below it."""

    url: str

    def sha256(self, name: str, size: int) -> str | None:
        """SHA-256 of what is there under a name; None where nothing of this size is."""

    def send(self, source: Path, name: str) -> None:
        """Put a file there, whole or not at all."""

    def small(self, name: str) -> bytes | None:
        """The bytes of a small file; None where it is not."""


def publish(release: Path, to: str, progress: Progress | None = None, *, check: bool = False) -> Published:
    """Copy a release to `TO/NAME/VERSION`; with `check` only compare. The manifest goes last.

    `to` is a folder or a URL such as s3://bucket/prefix. Raises PublishError when a file of the release
    is damaged here, is not the same there after sending, or another release of that name is there.
    """
    manifest = read_release_manifest(release)
    place = open_destination(to, f"{manifest.name}/{manifest.version}")
    there = place.small(MANIFEST_NAME)
    if there is not None and there != manifest.to_bytes():
        raise PublishError(
            f"{place.url} holds another release {manifest.name}/{manifest.version}",
            hint="a published release is never changed: publish to another place, or build the next version",
        )
    if check and there is None:
        raise PublishError(
            f"{place.url} holds no whole release: it was never published there, or not to its end",
            hint=f"`cairn publish {release} {to}` sends what is missing, {MANIFEST_NAME} last",
        )
    total = sum(entry.bytes for entry in manifest.files)
    done = sent = sent_bytes = kept = 0
    for entry in manifest.files:
        if place.sha256(entry.file, entry.bytes) == entry.sha256:
            kept += 1
        elif check:
            raise PublishError(f"{place.url}/{entry.file} is missing or differs", hint="publish again; it continues")
        else:
            _send(release, entry, place)
            sent, sent_bytes = sent + 1, sent_bytes + entry.bytes
        done += entry.bytes
        if progress is not None:
            progress(done, total, entry.file)
    if there is None:
        place.send(release / MANIFEST_NAME, MANIFEST_NAME)
    return Published(place.url, sent, sent_bytes, kept)


def _send(release: Path, entry: FileEntry, place: Destination) -> None:
    if not (release / entry.file).is_file() or file_sha256(release / entry.file) != (entry.sha256, entry.bytes):
        raise PublishError(
            f"{release / entry.file} is not what the manifest lists", hint="`cairn verify` lists all that is damaged"
        )
    place.send(release / entry.file, entry.file)
    if place.sha256(entry.file, entry.bytes) != entry.sha256:
        raise PublishError(f"{place.url}/{entry.file} arrived damaged", hint="run the same command again")


def open_destination(to: str, below: str) -> Destination:
    """The folder or bucket that a URL names."""
    if "://" not in to:
        return _Folder(Path(to) / below)
    if not to.startswith(("s3://", "gs://", "az://")):
        raise UsageError(f"{to} is neither a folder nor a bucket", hint="use a folder, or s3://bucket/prefix")
    return _Bucket(f"{to.rstrip('/')}/{below}")


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def sha256(self, name: str, size: int) -> str | None:
        path = self.root / name
        if not path.is_file() or path.stat().st_size != size:
            return None
        return file_sha256(path)[0]

    def send(self, source: Path, name: str) -> None:
        path = self.root / name
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for stale in path.parent.glob(f".{path.name}.*.partial"):
                stale.unlink()
            with source.open("rb") as read, temporary.open("wb") as write:
                while block := read.read(_BLOCK):
                    write.write(block)
                write.flush()
                os.fsync(write.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise PublishError(
                f"{path} could not be written: {error.strerror}", hint="free some space, then run it again"
            ) from error

    def small(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.is_file() else None


class _Bucket:
    """One PUT, also of several parts, shows an object with all its bytes or not at all."""

    def __init__(self, url: str) -> None:
        from obstore.store import from_url

        self.url = url
        options: dict[str, Any] = {}
        if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            options["client_options"] = {"allow_http": True}
        try:
            self._store = from_url(url, **options)
        except Exception as error:
            raise PublishError(f"{url} cannot be opened: {error}", hint="check the URL and AWS_*") from error

    def sha256(self, name: str, size: int) -> str | None:
        import obstore

        with _answering(self.url):
            try:
                found = obstore.get(self._store, name)
            except FileNotFoundError:
                return None
            if found.meta["size"] != size:
                return None
            digest = hashlib.sha256()
            for block in found.stream(min_chunk_size=_BLOCK):
                digest.update(block)
            return digest.hexdigest()

    def send(self, source: Path, name: str) -> None:
        import obstore

        with _answering(self.url):
            obstore.put(self._store, name, source)

    def small(self, name: str) -> bytes | None:
        import obstore

        with _answering(self.url):
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None


@contextmanager
def _answering(url: str) -> Iterator[None]:
    """Turn whatever a bucket's client raises into a sentence."""
    try:
        yield
    except Exception as error:
        raise PublishError(
            f"{url} does not answer: {error}", hint="check AWS_ENDPOINT_URL and the keys; run it again"
        ) from error
