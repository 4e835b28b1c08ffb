"""`folder DIR`: pictures that are already on disk, as files or inside tars.

What a picture is proposed for: `--category`, else the table of labels, else KEY.cls in a tar, else a folder's name.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from collector.archives import Sample, is_tar, samples
from collector.errors import CollectError
from collector.found import BadRow, Candidate, Categories, Context, Found, refuse_unknown
from collector.licenses import spdx
from collector.links import PICTURE_SUFFIXES
from collector.tables import Row, column_names, read_rows
from label_store import UsageError

_SUFFIXES = (*PICTURE_SUFFIXES, ".jpe", ".jfif", ".heic", ".heif")
_SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing"))
"""Folders of an ImageFolder's splits: the category is the folder below. Cairn makes splits of its own."""
_FILE_NAMES = ("file", "filename", "file_name", "path", "image")
_CATEGORY_NAMES = ("category", "label", "class", "class_name")
_BATCH = 500


@dataclass(frozen=True)
class Folder:
    """Pictures and tars of pictures under a folder (or one tar), in sorted order; hidden files are left out."""

    directory: Path
    license: str | None = None
    author: str | None = None
    labels: Path | None = None
    """A table with the columns file (below `directory`, in a tar, or the mere name) and category."""
    classes: Path | None = None
    """A text file whose line n names the class that KEY.cls calls n, from 0."""

    name = "folder"

    def named_categories(self) -> Collection[str]:
        """None: the folders' names are looked at by `check`."""
        return ()

    def check(self, categories: Categories, category: str | None) -> None:
        """The folder is there, and what names a category names one that exists (unless one is given for all)."""
        if not self.directory.is_dir() and not (self.directory.is_file() and is_tar(self.directory)):
            raise UsageError(f"there is no folder {self.directory}", hint="give a folder of pictures, or a .tar")
        if self.directory.is_file():
            first = next(samples(self.directory, _SUFFIXES), None)
            if isinstance(first, BadRow) and first.where == str(self.directory):
                raise CollectError(f"{first.where} {first.why}", hint="check that the tar is whole")
        if category is not None:
            return
        if self.labels is not None:
            words = set(self._read_labels(self.labels).values())
            if words and not any(categories.resolve(word) for word in words):
                refuse_unknown(words, str(self.labels))
        if self.classes is not None:
            words = set(_read_classes(self.classes))
            if not any(categories.resolve(word) for word in words):
                refuse_unknown(words, str(self.classes))
        if self.labels is None and self.directory.is_dir():
            unknown = {name for name in self._class_folders(categories) if categories.resolve(name) is None}
            refuse_unknown(unknown, f"folders of {self.directory}")

    def total(self) -> int | None:
        """Picture files under the folder; unknown where there are tars, which would have to be read through."""
        count = 0
        for path in self._files():
            if is_tar(path):
                return None
            count += 1
        return count

    async def candidates(self, context: Context) -> AsyncIterator[Found]:
        """One candidate a picture, named by its `file:` URL; in a tar with `?member=NAME` behind it."""
        found = self._found(context)
        while batch := await asyncio.to_thread(lambda: list(islice(found, _BATCH))):
            for one in batch:
                yield one

    def _found(self, context: Context) -> Iterator[Found]:
        naming = _Naming(
            context,
            self._read_labels(self.labels) if self.labels else {},
            _read_classes(self.classes) if self.classes else (),
        )
        root = self.directory.resolve()
        for path in self._files():
            within = path.relative_to(root) if path != root else Path(path.name)
            # realpath: Path.resolve raises RuntimeError for a link that leads to itself.
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                yield BadRow(str(path), "is a link that leads out of the folder")
                continue
            if not is_tar(path):
                yield naming.file(path, within, self)
                continue
            for sample in samples(path, _SUFFIXES):
                yield sample if isinstance(sample, BadRow) else naming.member(sample, within, self)
        yield from (BadRow(f"{self.labels}:{name}", "there is no such picture") for name in naming.unused())

    def _files(self) -> Iterator[Path]:
        root = self.directory.resolve()
        if root.is_file():
            yield root
            return
        for folder, names, files in os.walk(root):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith(".") and (name.lower().endswith(_SUFFIXES) or is_tar(Path(name))):
                    yield Path(folder, name)

    def _class_folders(self, categories: Categories) -> Iterator[str]:
        """The names that stand for categories, of folders with pictures in them."""
        for entry in _folders(self.directory):
            if entry.name in _SPLITS and categories.resolve(entry.name) is None:
                yield from (inner.name for inner in _folders(Path(entry.path)) if _has_pictures(inner.path))
            elif _has_pictures(entry.path):
                yield entry.name

    @staticmethod
    def _read_labels(path: Path) -> dict[str, str]:
        """Category words by file; UsageError where the table is not one of file and category."""
        if not path.is_file():
            raise UsageError(f"there is no file {path}", hint="--labels takes a table with columns file and category")
        there = {name.strip().lower(): name for name in reversed(column_names(path))}
        file = next((there[name] for name in _FILE_NAMES if name in there), None)
        category = next((there[name] for name in _CATEGORY_NAMES if name in there), None)
        if file is None or category is None:
            raise UsageError(
                f"{path} has no columns file and category",
                hint=f"its columns are {', '.join(there.values()) or 'none'}",
            )
        rows = (row.values for row in read_rows(path, (file, category)) if isinstance(row, Row))
        return {
            values[file].strip().removeprefix("./"): values[category].strip()
            for values in rows
            if values.get(file, "").strip() and values.get(category, "").strip()
        }


class _Naming:
    """Decides what each picture is proposed for, and remembers which labels met none."""

    def __init__(self, context: Context, labels: Mapping[str, str], classes: Sequence[str]) -> None:
        self._context, self._labels, self._classes = context, labels, classes
        self._resolve = lru_cache(4096)(context.categories.resolve)
        self._used: set[str] = set()

    def unused(self) -> list[str]:
        """The files of the table of labels that no picture had."""
        return [name for name in self._labels if name not in self._used]

    def file(self, path: Path, within: Path, folder: Folder) -> Candidate | BadRow:
        """A picture file."""
        category = self._category(str(path), (within.as_posix(), path.name), None, (within.parts[:-1],))
        if isinstance(category, BadRow):
            return category
        return Candidate(
            url=path.as_uri(),
            category=category,
            title=path.name,
            license=folder.license,
            author=folder.author,
            path=path,
        )

    def member(self, sample: Sample, within: Path, folder: Folder) -> Candidate | BadRow:
        """A picture in a tar, with what the JSON beside it says."""
        picture, facts = sample.picture, sample.facts
        inner = PurePosixPath(picture.name)
        names = (f"{within.as_posix()}/{picture.name}", picture.name, inner.name, picture.key)
        folders = (inner.parts[:-1], within.parts[:-1])
        stem = within.name.partition(".")[0]
        category = self._category(f"{picture.tar}:{picture.name}", names, sample.label, folders, stem)
        if isinstance(category, BadRow):
            return category
        license_words = folder.license or _text(facts, "license", "licence", "rights")
        return Candidate(
            url=picture.url,
            category=category,
            page_url=_text(facts, "page_url", "landing_page", "url", "source_url", "original_url"),
            title=_text(facts, "title") or inner.name,
            caption=_text(facts, "caption", "text", "alt") or sample.text,
            license=spdx(license_words) if license_words else None,
            author=folder.author or _text(facts, "author", "creator", "credit"),
            read=picture.read,
        )

    def _category(
        self,
        where: str,
        names: Sequence[str],
        label: str | None,
        folders: Sequence[Sequence[str]],
        stem: str = "",
    ) -> str | BadRow | None:
        listed = next((name for name in names if name in self._labels), None)
        if listed is not None:
            self._used.add(listed)
        if self._context.category is not None:
            return self._context.category
        word = self._labels[listed] if listed is not None else self._class_name(label)
        if word is not None:
            return self._resolve(word) or BadRow(where, f"there is no category {word[:100]!r}")
        words = [word for parts in folders if (word := self._folder_word(parts)) is not None]
        found = next((found for word in (*words, stem) if (found := self._resolve(word)) is not None), None)
        if found is None and words:
            return BadRow(where, f"there is no category {words[0][:100]!r}")
        if found is None and label is not None:
            return BadRow(where, f"is of class {label[:100]}, which has no name; say --classes FILE")
        return found

    def _class_name(self, label: str | None) -> str | None:
        """What KEY.cls says in words; None where it is a number that nobody gave a name."""
        if label is None or not label.isdecimal():
            return label
        if not self._classes:
            return None
        return self._classes[int(label)] if int(label) < len(self._classes) else f"class {label}"

    def _folder_word(self, parts: Sequence[str]) -> str | None:
        if len(parts) > 1 and parts[0] in _SPLITS and self._resolve(parts[0]) is None:
            parts = parts[1:]
        if parts and parts[0] in _SPLITS and self._resolve(parts[0]) is None:
            return None
        return parts[0] if parts else None


def _read_classes(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", hint="--classes takes a text file, a class a line"
        ) from error


def _folders(directory: Path) -> list["os.DirEntry[str]"]:
    with os.scandir(directory) as entries:
        return sorted((one for one in entries if one.is_dir() and one.name[0] != "."), key=lambda one: one.name)


def _has_pictures(directory: str) -> bool:
    for _, names, files in os.walk(directory):
        names[:] = [name for name in names if not name.startswith(".")]
        if any(name.lower().endswith(_SUFFIXES) and not name.startswith(".") for name in files):
            return True
    return False


def _text(facts: Mapping[str, Any], *names: str) -> str | None:
    """The first of these facts that is a text with something in it."""
    return next((value for name in names if isinstance(value := facts.get(name), str) and value.strip()), None)
