"""`folder DIR`: pictures that are already on disk; the first folder under DIR names the category."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from collector.found import Candidate, Categories, Context, Found, refuse_unknown
from collector.pages import PICTURE_SUFFIXES
from label_store import UsageError

_SUFFIXES = (*PICTURE_SUFFIXES, ".jpe", ".jfif", ".heic", ".heif")
_BATCH = 500


@dataclass(frozen=True)
class Folder:
    """Picture files under a folder, in sorted order; hidden files and other kinds of files are not looked at."""

    directory: Path
    license: str | None = None
    author: str | None = None

    name = "folder"

    def named_categories(self) -> Collection[str]:
        """None: the folders' names are looked at by `check`."""
        return ()

    def check(self, categories: Categories, category: str | None) -> None:
        """The folder is there, and its sub-folders name categories that exist (unless one is given for all)."""
        if not self.directory.is_dir():
            raise UsageError(f"there is no folder {self.directory}", hint="give a folder of pictures")
        if category is None:
            folders = {entry.name for entry in os.scandir(self.directory) if entry.is_dir() and entry.name[0] != "."}
            refuse_unknown(
                {name for name in folders if categories.resolve(name) is None}, f"folders of {self.directory}"
            )

    def total(self) -> int | None:
        """Picture files under the folder."""
        return sum(1 for _ in self._files())

    async def candidates(self, context: Context) -> AsyncIterator[Found]:
        """One candidate a file, named by its `file:` URL."""
        root = self.directory.resolve()
        files = self._files()
        while batch := await asyncio.to_thread(lambda: list(islice(files, _BATCH))):
            for path in batch:
                parts = path.relative_to(root).parts
                folder = parts[0] if len(parts) > 1 else None
                yield Candidate(
                    url=path.as_uri(),
                    category=context.category or (context.categories.resolve(folder) if folder else None),
                    title=path.name,
                    license=self.license,
                    author=self.author,
                    path=path,
                )

    def _files(self) -> Iterator[Path]:
        for folder, names, files in os.walk(self.directory.resolve()):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith(".") and name.lower().endswith(_SUFFIXES):
                    yield Path(folder, name)
