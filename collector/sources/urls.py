"""`urls FILE...`: pictures by lists of addresses with columns; img2dataset's inputs work unchanged."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

from collector.digests import digest_kind
from collector.errors import CollectError
from collector.found import BadRow, Candidate, Categories, Context, Found, refuse_unknown
from collector.licenses import spdx
from collector.tables import Row, column_names, count_rows, read_rows
from collector.tables_remote import ListFile, local_lists
from collector.web_url import web_url
from label_store import CairnError, UsageError

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
_USUAL_NAMES = {
    "caption": ("caption", "text", "alt", "alt_text"),
    "license": ("license", "licence"),
    "author": ("author", "creator"),
    "title": ("title",),
    "page": ("page_url", "landing_page", "foreign_landing_url"),
}
"""What a column is taken for where the curator names none."""
_BATCH = 500
_PLAIN_URL = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
    r"(?::[1-9][0-9]{0,3})?/[!-~]*",
    re.ASCII,
)
"""Addresses that need no parser to be known as such: nearly all of a list."""


@dataclass(frozen=True)
class Columns:
    """Which column holds what.

    None takes a column of a usual name, where there is one; for `category` only where the curator names no category
    for all.
    """

    url: str | None = None
    category: str | None = None
    caption: str | None = None
    license: str | None = None
    author: str | None = None
    title: str | None = None
    page: str | None = None
    query: str | None = None
    hash: str | None = None
    """MD5, SHA-1, SHA-256 or SHA-512 of the picture's bytes, in hex; other bytes are refused."""

    def named(self) -> list[str]:
        """The columns to read."""
        return [name for name in vars(self).values() if name is not None]


@dataclass(frozen=True)
class UrlList:
    """Lists with a picture's address in each row: a file or folder, or several that were brought here."""

    lists: Path | Sequence[ListFile]
    columns: Columns = field(default=Columns())

    name = "urls"

    def named_categories(self) -> Collection[str]:
        """None: the lists' own categories are looked at by `check`."""
        return ()

    def check(self, categories: Categories, category: str | None) -> None:
        """A list can be read and has the columns, and its first rows name categories that exist."""
        failures = []
        for one in self._files():
            try:
                self._check(one, categories, category)
            except CairnError as error:
                failures.append(error)
        if failures and len(failures) == len(self._files()):
            raise failures[0]

    def total(self) -> int | None:
        """Rows of all lists."""
        total = 0
        for one in self._files():
            try:
                rows = count_rows(one.path)
            except CairnError:
                continue
            if rows is None:
                return None
            total += rows
        return total

    async def candidates(self, context: Context) -> AsyncIterator[Found]:
        """One candidate a row; what cannot be used is a BadRow, also a whole list among several."""
        for one in self._files():
            rows = self._rows(one, context)
            while batch := await asyncio.to_thread(lambda rows=rows: list(islice(rows, _BATCH))):  # type: ignore[misc]  # mypy types no default of a lambda
                for found in batch:
                    yield found

    def _rows(self, file: ListFile, context: Context) -> Iterator[Found]:
        try:
            columns = self._columns(file, context.category)
            made = candidate_maker(str(file), columns, context.categories, context.category)
            for row in read_rows(file.path, columns.named(), str(file)):
                yield row if isinstance(row, BadRow) else made(row)
        except CairnError as error:
            if len(self._files()) == 1:
                raise
            yield BadRow(str(file), str(error))

    def _files(self) -> Sequence[ListFile]:
        return local_lists(self.lists) if isinstance(self.lists, Path) else self.lists

    def _check(self, file: ListFile, categories: Categories, category: str | None) -> None:
        columns = self._columns(file, category)
        if columns.category is None:
            return
        first = [row for row in islice(read_rows(file.path, columns.named(), str(file)), 1000) if isinstance(row, Row)]
        words = {row.values[columns.category] for row in first if row.values.get(columns.category)}
        if words and not any(categories.resolve(word) for word in words):
            refuse_unknown(words, f"{file}, column {columns.category!r}")

    def _columns(self, file: ListFile, category: str | None) -> Columns:
        """The columns as they are named in the file; UsageError when one is missing."""
        there = column_names(file.path, str(file))
        by_lower = {name.strip().lower(): name for name in reversed(there)}
        chosen: dict[str, str | None] = {}
        for role, name in vars(self.columns).items():
            if name is not None and name not in there and name.lower() not in by_lower:
                raise UsageError(
                    f"{file} has no column {name!r}",
                    hint=f"its columns are {', '.join(there) or 'none'}",
                )
            chosen[role] = name if name in there or name is None else by_lower[name.lower()]
        for role, names in _USUAL_NAMES.items():
            if chosen[role] is None:
                chosen[role] = next((by_lower[name] for name in names if name in by_lower), None)
        if chosen["category"] is None and category is None:
            chosen["category"] = by_lower.get("category")
        if chosen["url"] is None:
            chosen["url"] = next((by_lower[name] for name in _URL_NAMES if name in by_lower), None)
        if chosen["url"] is None:
            if not there:
                raise CollectError(f"{file} is empty or has no readable first row", hint="check the file")
            raise UsageError(
                f"{file} has no column that is named like an address",
                hint=f"say which with --url-col; its columns are {', '.join(there)}",
            )
        return Columns(**chosen)


def candidate_maker(
    name: str, columns: Columns, categories: Categories, category: str | None
) -> Callable[[Row], Candidate | BadRow]:
    """What makes a row of the list `name` a candidate, or says why it is none."""
    resolve = lru_cache(4096)(categories.resolve)  # a list repeats its few categories and licences
    license_of = lru_cache(4096)(spdx)

    def made(row: Row) -> Candidate | BadRow:
        values = row.values

        def value(column: str | None) -> str | None:
            return (values.get(column) or "").strip() or None if column else None

        def bad(why: str) -> BadRow:
            return BadRow(f"{name}:{row.line}", why)

        url = value(columns.url)
        if url is None:
            return bad("has no address")
        if why := not_a_url(url):
            return bad(f"{url[:200]!r} {why}")
        word = value(columns.category)
        proposed = resolve(word) if word else category
        if word and proposed is None:
            return bad(f"there is no category {word[:100]!r}")
        digest = value(columns.hash)
        if digest is not None and digest_kind(digest) is None:
            return bad(f"{digest[:140]!r} is no MD5, SHA-1, SHA-256 or SHA-512 in hex")
        license_words = value(columns.license)
        return Candidate(
            url=url,
            category=proposed,
            query=value(columns.query),
            page_url=value(columns.page),
            title=value(columns.title),
            caption=value(columns.caption),
            license=license_of(license_words) if license_words else None,
            author=value(columns.author),
            digest=digest.lower() if digest else None,
        )

    return made


def not_a_url(text: str) -> str | None:
    """Why a text is not an http(s) address, in words; None where it is one."""
    if _PLAIN_URL.fullmatch(text):
        return None
    try:
        url = web_url(text)
        host = url.raw_host
    except ValueError as error:
        return f"is not a URL: {error}"
    if url.scheme not in ("http", "https"):
        return "is not an http(s) address"
    if not host or any(mark in host for mark in ' \t\r\n\\<>"'):
        return "names no host"
    return None
