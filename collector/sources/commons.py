"""`commons`: pictures of Wikimedia Commons, by search or by category with its subcategories.

The MediaWiki Action API: https://www.mediawiki.org/wiki/API:Query, API:Imageinfo, API:Categorymembers, API:Search.
Manners by https://www.mediawiki.org/wiki/API:Etiquette: one request at a time, `maxlag`, many results a request,
a User-Agent that names a contact; widths from https://www.mediawiki.org/wiki/Common_thumbnail_sizes.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from collector.answers import MAX_WAIT
from collector.digests import digest_kind
from collector.found import Candidate, Categories, Context, Found
from collector.licenses import spdx
from collector.queries import Query
from collector.sources.apis import Answer, ApiFailed, ask, check_queries, each_query, log, text_of, wanted_of
from label_store import UsageError

API = "https://commons.wikimedia.org/w/api.php"
NAME = "Wikimedia Commons"
WIDTHS = (120, 250, 330, 500, 960, 1280, 1920, 3840)
"""Pixels of the renditions that Wikimedia keeps; others are made anew for each asker, and refused to many."""
CATEGORY = "Category:"
"""How the words of a query begin that is a category of Commons; all others are searched for."""
_MIMES = frozenset({
    "image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/bmp", "image/x-bmp", "image/avif",
})  # fmt: skip
_MAXLAG = 5
_TRIES = 5


@dataclass(frozen=True)
class Commons:
    """What Commons finds for each query: bitmaps by search, or the files of a category ("Category:Trams")."""

    queries: tuple[Query, ...]
    limit: int = 200
    """Pictures of each query that says no number of its own."""
    contact: str = ""
    """The workspace's `contact`, which the User-Agent names; Commons asks every program for one."""
    size: int | None = 1280
    """Width of the rendition in pixels, one of WIDTHS; smaller originals come as they are. None: always originals."""
    depth: int = 1
    """Levels of subcategories below a category."""
    api: str = API
    max_categories: int = 500
    """Categories read for one query: Commons' tree is deep, and wide of the mark further down."""

    name = "commons"
    page_size = 50
    """Results of one request."""

    def named_categories(self) -> Collection[str]:
        """What the queries are for."""
        return {query.category for query in self.queries}

    def check(self, categories: Categories, category: str | None) -> None:
        """There is something to ask for, a width that Commons has, and somebody to write to."""
        check_queries(self.queries, self.limit)
        if self.size is not None and self.size not in WIDTHS:
            raise UsageError(
                f"{NAME} keeps no renditions {self.size} pixels wide",
                hint=f"say --size original, or one of {', '.join(map(str, WIDTHS))}",
            )
        if not self.contact.strip():
            raise UsageError(
                f"{NAME} asks every program for the address of whoever runs it",
                hint='set contact = "you@example.org" in cairn.toml, or CAIRN_CONTACT',
            )

    def total(self) -> int | None:
        """The most that can come; Commons does not count what a generator will bring."""
        return sum(wanted_of(query, self.limit) for query in self.queries)

    async def candidates(self, context: Context) -> AsyncIterator[Found]:
        """Pictures query by query, a page of the API at a time."""
        asking = _Asking(self, context)
        async for found in each_query(NAME, self.queries, asking.search):
            yield found


class _Asking:
    """The requests of one run."""

    def __init__(self, source: Commons, context: Context) -> None:
        self._source, self._context = source, context

    async def search(self, query: Query) -> AsyncIterator[Candidate]:
        """The different pictures wanted of one query, in the order in which Commons ranks or lists them."""
        wanted = wanted_of(query, self._source.limit)
        if wanted < 1:
            return
        asked = replace(query, category=self._context.categories.resolve(query.category) or query.category)
        pages = self._in_category(query) if query.words.startswith(CATEGORY) else self._by_search(query)
        seen: set[str] = set()
        async for page in pages:
            info = (page.get("imageinfo") or [{}])[0]
            key = str(info.get("sha1") or page.get("title"))
            candidate = _candidate(page, info, asked)
            if candidate is None or key in seen:
                continue
            seen.add(key)
            yield candidate
            if len(seen) >= wanted:
                return
        if not seen and query.words.startswith(CATEGORY):
            raise ApiFailed(f"{NAME} has no pictures in {query.words}", for_all=False)

    async def _by_search(self, query: Query) -> AsyncIterator[Mapping[str, Any]]:
        found = {"generator": "search", "gsrsearch": f"filetype:bitmap {query.words}", "gsrnamespace": "6"}
        size = min(self._source.page_size, wanted_of(query, self._source.limit))
        async for page in self._files({**found, "gsrlimit": str(size)}):
            yield page

    async def _in_category(self, query: Query) -> AsyncIterator[Mapping[str, Any]]:
        """Files of a category, then of those below it level by level; each category once, for the tree has circles."""
        root = _title(query.words)
        queue, known = deque([(root, 0)]), {root}
        while queue:
            title, depth = queue.popleft()
            members = {
                "generator": "categorymembers",
                "gcmtitle": title,
                "gcmtype": "file",
                "gcmlimit": str(self._source.page_size),
            }
            async for page in self._files(members):
                yield page
            if depth >= self._source.depth:
                continue
            async for below in self._subcategories(title):
                if below in known:
                    continue
                if len(known) >= self._source.max_categories:
                    log.warning("%s: only the first %d categories are read", query.words, len(known))
                    break
                known.add(below)
                queue.append((below, depth + 1))

    async def _subcategories(self, title: str) -> AsyncIterator[str]:
        wanted = {"list": "categorymembers", "cmtitle": title, "cmtype": "subcat", "cmlimit": "500"}
        async for data in self._all(wanted):
            for member in data.get("query", {}).get("categorymembers", []):
                yield str(member["title"])

    async def _files(self, generator: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        """File pages with their imageinfo, gathered until the API says that a batch is complete."""
        width = {"iiurlwidth": str(self._source.size)} if self._source.size is not None else {}
        wanted = {
            **generator,
            **width,
            "prop": "imageinfo",
            "iiprop": "url|size|mime|sha1|extmetadata",
            "iiextmetadatafilter": "License|LicenseShortName|LicenseUrl|UsageTerms|Artist|ImageDescription|ObjectName",
            "iiextmetadatalanguage": "en",
        }
        batch: dict[object, dict[str, Any]] = {}
        async for data in self._all(wanted):
            for page in data.get("query", {}).get("pages", []):
                batch.setdefault(page.get("pageid", page.get("title")), {}).update(page)
            if data.get("batchcomplete"):
                for page in _ranked(batch.values()):
                    yield page
                batch = {}
        for page in _ranked(batch.values()):
            yield page

    async def _all(self, wanted: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        """A query's answers, with the `continue` of each sent back for the next."""
        more: dict[str, str] = {}
        while True:
            data = await self._ask({**wanted, **more})
            yield data
            following = {key: str(value) for key, value in data.get("continue", {}).items()}
            if not following:
                return
            if following == more:
                raise ApiFailed(f"{NAME} goes on in a circle at {following}", for_all=False)
            more = following

    async def _ask(self, wanted: Mapping[str, str]) -> Mapping[str, Any]:
        """One request, after waits for as long as a lagging database or a full rate limit asks for."""
        parameters = {"action": "query", "format": "json", "formatversion": "2", "maxlag": str(_MAXLAG), **wanted}
        for left in reversed(range(_TRIES)):
            answer = await ask(self._context.fetcher, NAME, self._source.api, parameters)
            error = answer.data.get("error")
            if error is None:
                _warn(answer.data.get("warnings", {}))
                return answer.data
            code, info = str(error.get("code")), _plain(str(error.get("info", "")))
            if code not in ("maxlag", "ratelimited"):
                raise ApiFailed(f"{NAME} answered {code}: {info}", for_all=code in ("readapidenied", "blocked"))
            wait = _retry_after(answer)
            if not left or wait > MAX_WAIT:
                raise ApiFailed(f"{NAME} is busy: {info}", hint="run the same command again later")
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")


def _candidate(page: Mapping[str, Any], info: Mapping[str, Any], query: Query) -> Candidate | None:
    """The picture of one file page; None for what is none (sound, film, drawings) or is gone."""
    original, url = info.get("url"), info.get("thumburl") or info.get("url")
    kind = info.get("mime") if url == original else info.get("thumbmime") or info.get("mime")
    if not isinstance(url, str) or info.get("mime") not in _MIMES or kind not in _MIMES:
        return None
    told = {name: _plain(str(entry.get("value", ""))) for name, entry in (info.get("extmetadata") or {}).items()}
    sha1 = info.get("sha1")
    return Candidate(
        url=url,
        category=query.category,
        query=query.words,
        page_url=text_of(info.get("descriptionurl")),
        title=text_of(told.get("ObjectName")) or text_of(re.sub(r"^File:|\.\w+$", "", str(page.get("title", "")))),
        caption=text_of(told.get("ImageDescription")),
        license=_license(told),
        author=text_of(told.get("Artist")),
        digest=sha1 if url == original and isinstance(sha1, str) and digest_kind(sha1) else None,
    )


def _license(told: Mapping[str, str]) -> str | None:
    """SPDX where the address or the short name says it, else the words: "Public domain" has no identifier."""
    given = [words for key in ("LicenseUrl", "LicenseShortName", "License", "UsageTerms") if (words := told.get(key))]
    for words in given:
        if (known := spdx(words)) != words:
            return known
    return next((words for words in (told.get("LicenseShortName"), *given) if words), None)


def _ranked(pages: Collection[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of a search; a category's files, which have no index, as they came."""
    return sorted(pages, key=lambda page: page.get("index", 0))


def _title(words: str) -> str:
    """A category's title as MediaWiki writes it: no underscores, the first letter a capital."""
    name = " ".join(words.removeprefix(CATEGORY).replace("_", " ").split())
    return f"{CATEGORY}{name[:1].upper()}{name[1:]}"


def _retry_after(answer: Answer) -> float:
    """Seconds; without a number the five that the manual of maxlag asks for."""
    value = answer.headers.get("Retry-After", "").strip()
    return float(value) if value.isascii() and value.isdigit() else 5.0


def _warn(warnings: Mapping[str, Any]) -> None:
    for module, words in _each_warning(warnings):
        log.warning("%s warns of %s: %s", NAME, module, words)


def _each_warning(warnings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for module, said in warnings.items():
        yield module, _plain(str(said.get("warnings", said) if isinstance(said, Mapping) else said))


def _plain(html: str) -> str:
    """The words of a piece of HTML, on one line."""
    if "<" not in html and "&" not in html:
        return " ".join(html.split())
    tree = LexborHTMLParser(html)
    tree.strip_tags(["style", "script"], recursive=True)
    return " ".join((tree.text(separator=" ") if tree.root else "").split())
