"""Verifies a release: every byte against its SHA-256, then what the bytes say against each other.

Each file is read once; a tar is hashed and walked in the same pass, and one whose SHA-256 is wrong is not
interpreted further. Nothing here trusts a length, a path or a number before it was checked.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from shards.errors import ShardError
from shards.index import INDEX_NAME, SplitIndex, index_from_bytes
from shards.manifest import (
    MANIFEST_NAME,
    FileEntry,
    Manifest,
    SplitFiles,
    present_files,
    read_manifest,
)
from shards.samples import check_shard

Progress = Callable[[int, int | None, str], None]
_MOST_PER_FILE = 20


@dataclass(frozen=True)
class Problem:
    """Something wrong with a release: the file (relative to it) and a phrase that says what."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


def verify_release(
    path: str | os.PathLike[str], release_id: str | None = None, progress: Progress | None = None
) -> list[Problem]:
    """Everything wrong with the release in folder `path`; an empty list when all is well.

    Checks the manifest's seal (and its SHA-256 against `release_id`, if given), every listed file's size and
    SHA-256, files that are not listed, counts, key order, index against tar, `KEY.cls` against `KEY.json`
    against index, soft labels, and that no group and no key is in two splits. `progress` counts bytes.
    ShardError only when there is no manifest to check against.
    """
    release = Path(path)
    try:
        manifest = read_manifest(release)
    except ShardError as error:
        if not (release / MANIFEST_NAME).exists():
            raise
        return [Problem(MANIFEST_NAME, str(error))]
    if release_id is not None and manifest.release_id != release_id:
        return [Problem(MANIFEST_NAME, f"it is release {manifest.release_id}, not {release_id}")]
    problems = [Problem(MANIFEST_NAME, what) for what in _manifest_problems(manifest)]
    return problems or _Verification(release, manifest, progress).run()


def _manifest_problems(manifest: Manifest) -> Iterator[str]:
    if [category.label for category in manifest.categories] != list(range(len(manifest.categories))):
        yield "the categories are not numbered 0, 1, 2, ..."
    if len({category.slug for category in manifest.categories}) != len(manifest.categories):
        yield "two categories have the same slug"
    names = [entry.file for entry in manifest.files]
    if names != sorted(set(names)):
        yield "the files are not listed once each in the order of their names"
    listed = {entry.file: entry for entry in manifest.files}
    for split, files in manifest.splits.items():
        if [shard.file for shard in files.shards] != [f"{split}/{n:06d}.tar" for n in range(len(files.shards))]:
            yield f"the shards of {split} are not {split}/000000.tar, {split}/000001.tar, ..."
        if f"{split}/{INDEX_NAME}" not in listed:
            yield f"{split}/{INDEX_NAME} is not listed"
        for shard in files.shards:
            if listed.get(shard.file) != FileEntry(shard.file, shard.bytes, shard.sha256):
                yield f"{shard.file} is listed otherwise among the files than in {split}"
        if (files.samples, files.bytes) != (
            sum(shard.samples for shard in files.shards),
            sum(shard.bytes for shard in files.shards),
        ):
            yield f"the samples or bytes of {split} are not the sum of its shards'"


class _Verification:
    def __init__(self, release: Path, manifest: Manifest, progress: Progress | None) -> None:
        self._release = release
        self._manifest = manifest
        self._listed = {entry.file: entry for entry in manifest.files}
        self._problems: list[Problem] = []
        self._split_of: dict[tuple[str, str], str] = {}
        self._progress = progress
        self._done = 0
        self._total = sum(entry.bytes for entry in manifest.files)

    def run(self) -> list[Problem]:
        for name in sorted(set(present_files(self._release)) - self._listed.keys()):
            self._report(name, ["it is not listed in the manifest"])
        remaining = dict(self._listed)
        for split, files in self._manifest.splits.items():
            index = self._index(split, files, remaining.pop(f"{split}/{INDEX_NAME}"))
            first_row = 0
            for number, shard in enumerate(files.shards):
                self._check_shard(split, number, remaining.pop(shard.file), shard.samples, index, first_row)
                first_row += shard.samples
        for entry in remaining.values():
            with self._opened(entry):
                pass
        return sorted(self._problems, key=lambda problem: (problem.file, problem.what))

    def _index(self, split: str, files: SplitFiles, entry: FileEntry) -> SplitIndex | None:
        data = b""
        with self._opened(entry) as stream:
            data = stream.read()
        if not stream.is_right:
            return None
        try:
            index = index_from_bytes(data, entry.file)
        except ShardError as error:
            self._report(entry.file, [str(error)])
            return None
        if not np.all(index.key[:-1] < index.key[1:]):
            self._report(entry.file, ["its keys are not in ascending order"])
        if len(index) != files.samples:
            self._report(entry.file, [f"it has {len(index)} samples, the manifest says {files.samples}"])
        return index

    def _check_shard(
        self, split: str, number: int, entry: FileEntry, samples: int, index: SplitIndex | None, first_row: int
    ) -> None:
        classes = len(self._manifest.categories)
        with self._opened(entry) as stream:
            found = check_shard(stream, split, number, classes, index, first_row)
        if not stream.is_right:
            return
        if found.samples != samples:
            found.problems.append(f"it holds {found.samples} samples, the manifest says {samples}")
        for key, group in found.groups:
            for kind, name in (("key", key), ("group", group)):
                other = self._split_of.setdefault((kind, name), split) if name else split
                if other != split:
                    found.problems.append(f"sample {key} leaks: its {kind} {name} is also in {other}")
        self._report(entry.file, found.problems)

    def _opened(self, entry: FileEntry) -> "_ListedFile":
        return _ListedFile(self._release / entry.file, entry, self._finished)

    def _finished(self, entry: FileEntry, problem: str | None) -> None:
        if problem is not None:
            self._report(entry.file, [problem])
        self._done += entry.bytes
        if self._progress is not None:
            self._progress(self._done, self._total, entry.file)

    def _report(self, file: str, what: list[str]) -> None:
        shown = what[:_MOST_PER_FILE]
        if len(what) > len(shown):
            shown.append(f"... and {len(what) - len(shown)} problems more")
        self._problems += [Problem(file, phrase) for phrase in shown]


class _ListedFile:
    """A listed file that is hashed as it is read; whatever is left is read on leaving, then compared.

    One that cannot be read reads as empty. After the `with`, `is_right` tells if the bytes were the listed ones.
    """

    def __init__(self, path: Path, entry: FileEntry, finished: Callable[[FileEntry, str | None], None]) -> None:
        self.is_right = False
        self._entry = entry
        self._finished = finished
        self._digest = hashlib.sha256()
        self._size = 0
        self._failure: str | None = None
        self._stream: BinaryIO | None = None
        try:
            if not path.exists():
                self._failure = "it is missing"
            elif not path.is_file():
                self._failure = "it is not a file"
            else:
                self._stream = open(path, "rb", buffering=1 << 20)  # noqa: SIM115  closed by __exit__
        except OSError as error:
            self._failure = f"it cannot be read: {error.strerror}"

    def __enter__(self) -> Self:
        return self

    def read(self, size: int = -1, /) -> bytes:
        data = b""
        if self._stream is not None and self._failure is None:
            try:
                data = self._stream.read(size)
            except OSError as error:
                self._failure = f"it cannot be read: {error.strerror}"
        self._digest.update(data)
        self._size += len(data)
        return data

    def __exit__(self, *_: object) -> None:
        while self.read(1 << 20):
            pass
        if self._stream is not None:
            self._stream.close()
        problem = self._failure
        if problem is None and self._size != self._entry.bytes:
            problem = f"it has {self._size} bytes, the manifest says {self._entry.bytes}"
        elif problem is None and self._digest.hexdigest() != self._entry.sha256:
            problem = "its SHA-256 is not the manifest's"
        self.is_right = problem is None
        self._finished(self._entry, problem)
