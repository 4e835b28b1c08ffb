"""Opens a release by folder or URL: its manifest, proven by the id, and from that everything else."""

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from shards.cache import DEFAULT_BYTES, Cached, default_folder
from shards.errors import ShardError
from shards.index import INDEX_NAME, SplitIndex, index_from_bytes
from shards.manifest import MANIFEST_NAME, Category, Manifest, SplitFiles, manifest_from_bytes, read_manifest
from shards.reader import Split
from shards.storage import REMOTE, Folder, Remote, Storage


class Release:
    """An open release: manifest, id, categories and its splits, whose indexes are read when asked for."""

    def __init__(self, storage: Storage, manifest: Manifest) -> None:
        self.storage = storage
        self.manifest = manifest
        self._splits: dict[str, Split] = {}

    @property
    def path(self) -> Path:
        """The release's folder, or its URL in the form of a path."""
        return Path(self.storage.url)

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
                raise ShardError(
                    f"{self.storage.url} has no split {name!r}", hint=f"its splits are: {names}", exit_code=2
                )
            index, sha256 = self._read_index(name)
            self._splits[name] = Split(self.storage, name, self.manifest.splits[name], index, sha256)
        return self._splits[name]

    def _read_index(self, name: str) -> tuple[SplitIndex, str]:
        file = f"{name}/{INDEX_NAME}"
        where = f"{self.storage.url}/{file}"
        listed = {entry.file: entry.sha256 for entry in self.manifest.files}
        try:
            data = self.storage.read(file)
        except OSError as error:
            raise ShardError(f"{where} cannot be read: {error.strerror}", hint="fetch the file again") from error
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 != listed.get(file):
            raise ShardError(f"{where} is damaged: its SHA-256 is not the manifest's", hint="fetch the file again")
        return index_from_bytes(data, where), sha256


def open_release(
    path: str | os.PathLike[str],
    *,
    release_id: str | None = None,
    cache: Path | None = None,
    cache_bytes: int | None = None,
) -> Release:
    """Open a release: a folder (or its `dataset.json`), http(s)://, s3://, gs:// or az://. ShardError if it is none.

    With `release_id` no other release is accepted; all else is proven from there. A remote one keeps its
    tars in `cache` (by default of the user), at most `cache_bytes` (64 GiB).
    """
    text = str(path).removesuffix(f"/{MANIFEST_NAME}") if not isinstance(path, Path) else str(path)
    if text.startswith(REMOTE):
        release = _open_remote(text, cache, cache_bytes)
    else:
        folder = Path(path).parent if Path(path).name == MANIFEST_NAME else Path(path)
        release = Release(Folder(folder), read_manifest(folder))
    if release_id is not None and release.release_id != release_id:
        raise ShardError(
            f"{text} is the release {release.release_id}, not {release_id}", hint="check the URL or the id"
        )
    return release


def _open_remote(url: str, cache: Path | None, cache_bytes: int | None) -> Release:
    most = DEFAULT_BYTES if cache_bytes is None else cache_bytes
    storage = Cached(Remote(url), cache or default_folder(), most)
    try:
        data = storage.read(MANIFEST_NAME)
    except FileNotFoundError as error:
        raise ShardError(
            f"{url} is not a release: it has no {MANIFEST_NAME}",
            hint="give the URL of NAME/VERSION; a release published in part has none yet",
            exit_code=2,
        ) from error
    return Release(storage, manifest_from_bytes(data, f"{url}/{MANIFEST_NAME}"))
