"""Which picture of a campaign a file's name, path or URL means: the one that was collected under that name.

Names are compared without their ending, from the back: `labels/train/0001.txt` means `…/images/train/0001.jpg`.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import select

from label_store import AnswerError, Workspace
from label_store.models import Fetch, Item

SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
"""Label Studio puts eight digits before the name of an uploaded file."""


class Pictures:
    """The names of a campaign's pictures, read when the first is asked for, in a file of SQLite's."""

    def __init__(self, workspace: Workspace, campaign_id: int) -> None:
        self._workspace = workspace
        self._campaign_id = campaign_id
        self._names: sqlite3.Connection | None = None
        self.named = lru_cache(maxsize=10_000)(self._named)

    def close(self) -> None:
        """Forget the names."""
        if self._names is not None:
            self._names.close()

    def _named(self, name: str) -> str:
        """The SHA-256 of the picture of this name. AnswerError when there is none, or several."""
        parts = _parts(name)
        if parts and SHA256.fullmatch(parts[-1]):
            return parts[-1].lower()
        if self._names is None:
            self._names = self._read()
        found: dict[str, int] = {}
        for stem in _stems(parts):
            for path, sha256 in self._names.execute("SELECT path, sha256 FROM names WHERE stem = ?", (stem,)):
                found[sha256] = max(found.get(sha256, 0), _alike(path.split("/"), [*parts[:-1], stem]))
            if found:
                break
        best = [sha256 for sha256, alike in found.items() if alike == max(found.values())]
        if not best:
            raise AnswerError(f"no picture of the campaign was collected under the name {name!r}")
        if len(best) > 1:
            raise AnswerError(f"{len(best)} pictures of the campaign are called {name!r}")
        return best[0]

    def _read(self) -> sqlite3.Connection:
        names = sqlite3.connect("")  # a file of its own, in memory while it is small
        names.execute("CREATE TABLE names (stem TEXT, path TEXT, sha256 TEXT)")
        with self._workspace.read() as session:
            rows = session.execute(
                select(Fetch.url, Fetch.image_sha256)
                .where(Fetch.image_sha256.in_(select(Item.image_sha256).where(Item.campaign_id == self._campaign_id)))
                .execution_options(yield_per=10_000)
            )
            names.executemany("INSERT INTO names VALUES (?, ?, ?)", _of(rows))
        names.execute("CREATE INDEX by_stem ON names (stem)")
        return names


def _of(rows: Iterable[Any]) -> Iterator[tuple[str, str, str | None]]:
    for url, sha256 in rows:
        parts = _parts(url)
        if parts:
            yield parts[-1], "/".join(parts), sha256


def _parts(name: str) -> list[str]:
    """Folders and the name without its ending, of a path, a URL, or a URL that names a file in its query."""
    try:
        url = urlsplit(name)
    except ValueError:
        return []
    if "=" in url.query:
        given = parse_qs(url.query).get("d")  # Label Studio's /data/local-files/?d=folder/1.jpg
        path = given[0] if given else url.path
    else:
        path = unquote(url.path) if url.scheme else name
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    if parts:
        stem, dot, _ = parts[-1].rpartition(".")
        parts[-1] = stem if dot and stem else parts[-1]
    return parts


def _stems(parts: list[str]) -> Iterator[str]:
    if parts:
        yield parts[-1]
        uploaded = _UPLOADED.fullmatch(parts[-1])
        if uploaded:
            yield uploaded[1]


def _alike(path: list[str], asked: list[str]) -> int:
    """How many parts at the end are the same."""
    number = 0
    for mine, theirs in zip(reversed(path), reversed(asked), strict=False):
        if mine != theirs:
            break
        number += 1
    return number
