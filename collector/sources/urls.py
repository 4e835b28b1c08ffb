"""`urls FILE`: pictures by a list of addresses with columns; img2dataset's inputs work unchanged."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from yarl import URL

from collector.errors import CollectError
from collector.found import BadRow, Candidate, Categories, Context, Found, refuse_unknown
from collector.licenses import spdx
from collector.tables import Row, column_names, count_rows, read_rows
from label_store import UsageError

_URL_NAMES = (
    "url",
    "image_url",
    "img_url",
    "contenturl",
    "content_url",
    "original_url",
    "originalurl",
    "src",
    "link",
)
_BATCH = 500


@dataclass(frozen=True)
class Columns:
    """Which column holds what; `url` None takes the first that is named like one."""

    url: str | None = None
    category: str | None = None
    caption: str | None = None
    license: str | None = None
    author: str | None = None
    title: str | None = None
    page: str | None = None
    query: str | None = None


@dataclass(frozen=True)
class UrlList:
    """A CSV, TSV, JSONL, TXT or Parquet file (also gzipped) with a picture's address in each row."""

    file: Path
    columns: Columns = field(default=Columns())

    name = "urls"

    def named_categories(self) -> Collection[str]:
        """None: the file's own categories are looked at by `check`."""
        return ()

    def check(self, categories: Categories, category: str | None) -> None:
        """The file can be read, has the columns, and its first rows name categories that exist."""
        if not self.file.is_file():
            raise UsageError(f"there is no file {self.file}", hint="give a CSV, TSV, JSONL, TXT or Parquet file")
        columns = self._columns()
        if columns.category is None:
            return
        first = [row for row in islice(read_rows(self.file, _wanted(columns)), 1000) if isinstance(row, Row)]
        words = {row.values[columns.category] for row in first if row.values.get(columns.category)}
        if words and not any(categories.resolve(word) for word in words):
            refuse_unknown(words, f"{self.file}, column {columns.category!r}")

    def total(self) -> int | None:
        """Rows of the file."""
        return count_rows(self.file)

    async def candidates(self, context: Context) -> AsyncIterator[Found]:
        """One candidate a row; rows without an address or with an unknown category are BadRows."""
        columns = self._columns()
        rows = read_rows(self.file, _wanted(columns))
        while batch := await asyncio.to_thread(lambda: list(islice(rows, _BATCH))):
            for row in batch:
                yield row if isinstance(row, BadRow) else self._candidate(row, columns, context)

    def _candidate(self, row: Row, columns: Columns, context: Context) -> Candidate | BadRow:
        where = f"{self.file}:{row.line}"

        def value(column: str | None) -> str | None:
            return (row.values.get(column) or "").strip() or None if column else None

        url = value(columns.url)
        if url is None:
            return BadRow(where, "has no address")
        if why := _not_a_url(url):
            return BadRow(where, f"{url[:200]!r} {why}")
        word = value(columns.category)
        category = context.categories.resolve(word) if word else context.category
        if word and category is None:
            return BadRow(where, f"there is no category {word[:100]!r}")
        license_words = value(columns.license)
        return Candidate(
            url=url,
            category=category,
            query=value(columns.query),
            page_url=value(columns.page),
            title=value(columns.title),
            caption=value(columns.caption),
            license=spdx(license_words) if license_words else None,
            author=value(columns.author),
        )

    def _columns(self) -> Columns:
        """The columns as they are named in the file; UsageError when one is missing."""
        there = column_names(self.file)
        by_lower = {name.strip().lower(): name for name in reversed(there)}
        chosen: dict[str, str | None] = {}
        for role, name in vars(self.columns).items():
            if name is not None and name not in there and name.lower() not in by_lower:
                raise UsageError(
                    f"{self.file} has no column {name!r}",
                    hint=f"its columns are {', '.join(there) or 'none'}",
                )
            chosen[role] = name if name in there or name is None else by_lower[name.lower()]
        if chosen["url"] is None:
            chosen["url"] = next((by_lower[name] for name in _URL_NAMES if name in by_lower), None)
        if chosen["url"] is None:
            if not there:
                raise CollectError(f"{self.file} is empty or has no readable first row", hint="check the file")
            raise UsageError(
                f"{self.file} has no column that is named like an address",
                hint=f"say which with --url-col; its columns are {', '.join(there)}",
            )
        return Columns(**chosen)


def _wanted(columns: Columns) -> list[str]:
    return [name for name in vars(columns).values() if name is not None]


def _not_a_url(text: str) -> str | None:
    try:
        url = URL(text)
        host = url.raw_host
    except ValueError as error:
        return f"is not a URL: {error}"
    if url.scheme not in ("http", "https"):
        return "is not an http(s) address"
    if not host or any(mark in host for mark in ' \t\r\n\\<>"'):
        return "names no host"
    return None
