"""`crawl URL…`: the pictures on a site's pages, found by links and sitemaps, within a budget of pages and depth.

Which category a picture is proposed for is decided by the page that shows it: by a mapping from the start of the
page's path, by a pattern in the path, or one category for everything.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from yarl import URL

from collector.errors import FetchFailed
from collector.fetching import Want
from collector.found import Candidate, Categories, Context, Found, PageSeen
from collector.links import absolute
from collector.optout import declared, opted_out
from collector.pages import Page, read_page
from collector.sitemaps import SitemapPicture, read_sitemap
from label_store import UsageError

_PAGE_BYTES = 5 * 2**20
_SITEMAP_BYTES = 50 * 2**20
_MAX_SITEMAPS = 50
_PAGE = Want("text/html,application/xhtml+xml,*/*;q=0.1", _PAGE_BYTES, compressed=True, cut=True)
_SITEMAP = Want("application/xml,*/*;q=0.5", _SITEMAP_BYTES, compressed=True, mining=False)
"""Sitemaps are there for robots: they are read also where the pages they list are reserved."""
_PAGES_AT_ONCE = 8


class _IsPicture(FetchFailed):
    """A link led to a picture itself."""


@dataclass(frozen=True)
class Crawl:
    """Pages reached from `urls` on the same site (host, with or without www.)."""

    urls: tuple[str, ...]
    category_of: Mapping[str, str] = field(default_factory=dict)
    """Category by how a page's address begins, "/gallery/cars/" or "https://site/gallery/"; the longest wins."""
    category_from_path: str | None = None
    """A pattern searched in a page's path; its first group is the category's name."""
    max_depth: int = 3
    max_pages: int = 1000
    within_path: bool = False
    """Only pages under the folder of a start address."""
    skip: tuple[str, ...] = ()
    """Patterns searched in the addresses that links and sitemaps name; pages that match are not read."""
    sitemaps: bool = True

    name = "crawl"

    def named_categories(self) -> Collection[str]:
        """The categories of the mapping."""
        return set(self.category_of.values())

    def check(self, categories: Categories, category: str | None) -> None:
        """The addresses are http(s) and the pattern is one."""
        if not self.urls:
            raise UsageError("a crawl needs an address to start from", hint="cairn collect crawl https://…")
        for url in self.urls:
            if absolute("http://invalid/", url) is None or "://" not in url:
                raise UsageError(f"{url!r} is not an http(s) address", hint="begin it with https:// or http://")
        for pattern in self.skip:
            try:
                re.compile(pattern)
            except re.error as error:
                raise UsageError(f"--skip {pattern!r}: {error}") from error
        if self.category_from_path is not None:
            try:
                groups = re.compile(self.category_from_path).groups
            except re.error as error:
                raise UsageError(f"--category-from-path {self.category_from_path!r}: {error}") from error
            if groups < 1:
                raise UsageError(
                    f"--category-from-path {self.category_from_path!r} has no group",
                    hint="put the part that names the category in brackets, as in '/gallery/([^/]+)/'",
                )

    def total(self) -> int | None:
        """Nobody knows before the pages were read."""
        return None

    async def candidates(self, context: Context) -> AsyncIterator[Found]:
        """Pictures page by page, in the order in which the pages arrive."""
        walk = _Walk(self, context)
        async for found in walk.found():
            yield found


class _Walk:
    """One pass over a site: the frontier of pages, what was seen, and the budget."""

    def __init__(self, crawl: Crawl, context: Context) -> None:
        self._crawl = crawl
        self._context = context
        self._starts = [URL(absolute(url, url) or url) for url in crawl.urls]
        self._sites = {_site(url) for url in self._starts}
        self._frontier: deque[tuple[str, int]] = deque()
        self._queued: set[str] = set()
        self._begun = 0
        self._from_sitemaps: list[SitemapPicture] = []

    async def found(self) -> AsyncIterator[Found]:
        for start in self._starts:
            self._queue(str(start), 0)
        if self._crawl.sitemaps:
            async for problem in self._read_sitemaps():
                yield problem
        running: set[asyncio.Task[tuple[str, int, Page | FetchFailed]]] = set()
        read: set[str] = set()
        try:
            while self._frontier or running:
                while self._frontier and len(running) < _PAGES_AT_ONCE and self._begun < self._crawl.max_pages:
                    url, depth = self._frontier.popleft()
                    self._begun += 1
                    running.add(asyncio.create_task(self._read(url, depth)))
                if not running:
                    break
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    url, depth, page = task.result()
                    read.add(url)
                    for found in self._of_page(url, depth, page):
                        yield found
        finally:
            for task in running:
                task.cancel()
        for listed in self._from_sitemaps:
            # Pages that were read have said more about their pictures than a sitemap does.
            if listed.page not in read and (wanted := self._category(URL(listed.page)))[0]:
                yield Candidate(
                    listed.url,
                    category=wanted[1],
                    page_url=listed.page,
                    title=listed.title,
                    caption=listed.caption,
                    license=listed.license,
                )

    def _of_page(self, url: str, depth: int, page: "Page | FetchFailed") -> Iterator[Found]:
        wanted, category = self._category(URL(url))
        if isinstance(page, _IsPicture):
            yield Candidate(url, category=category)
            return
        if isinstance(page, FetchFailed):
            yield PageSeen(url, page.reason)
            return
        yield PageSeen(url, unknown_category=None if wanted else self._unknown_category(URL(url)))
        for link in page.links:
            self._queue(link.url, depth if link.pagination else depth + 1)
        if not wanted:
            return
        opt_outs = declared(page.directives)
        directive = opted_out(opt_outs, self._context.overrides)
        for picture in page.pictures:
            yield Candidate(
                url=picture.url,
                category=category,
                query=self._crawl.urls[0],
                page_url=url,
                title=picture.title or page.title,
                caption=picture.caption,
                license=picture.license,
                author=picture.author,
                opted_out=f"{directive} on {url}" if directive else None,
                opt_outs=opt_outs,
            )

    async def _read(self, url: str, depth: int) -> "tuple[str, int, Page | FetchFailed]":
        try:
            fetched = await self._context.fetcher.get(url, replace(_PAGE, look=_look))
        except FetchFailed as failure:
            return url, depth, failure
        if _site(URL(fetched.url)) not in self._sites:
            return url, depth, FetchFailed("http_4xx", f"redirects to another site, {fetched.url}")
        page = await asyncio.to_thread(read_page, fetched.body, fetched.url)
        directives = page.directives | fetched.directives
        if page.reservation is False:  # what the page itself says supersedes header and site
            directives -= {"tdmrep"}
        return url, depth, replace(page, directives=directives)

    async def _read_sitemaps(self) -> AsyncIterator[PageSeen]:
        todo: deque[tuple[str, bool]] = deque()
        for start in {str(url.origin()): url for url in self._starts}.values():
            try:
                rules = await self._context.fetcher.rules(str(start))
            except FetchFailed:
                continue
            if rules.closed is not None:
                continue  # the start page itself will say why
            named = [url for one in rules.sitemaps if (url := absolute(str(start), one))]
            todo.extend((url, True) for url in named)
            if not named:
                todo.append((str(start.origin() / "sitemap.xml"), False))
        seen: set[str] = set()
        while todo and len(seen) < _MAX_SITEMAPS:
            url, promised = todo.popleft()
            if url in seen or _site(URL(url)) not in self._sites:
                continue
            seen.add(url)
            try:
                fetched = await self._context.fetcher.get(url, _SITEMAP)
            except FetchFailed as failure:
                if promised:
                    yield PageSeen(url, failure.reason)
                continue
            sitemap = await asyncio.to_thread(read_sitemap, fetched.body, fetched.url)
            todo.extend((one, True) for one in sitemap.sitemaps)
            for page in sitemap.pages:
                if self._under_a_start(URL(page)):
                    self._queue(page, 1)
            self._from_sitemaps.extend(one for one in sitemap.pictures if self._may_visit(URL(one.page)))

    def _queue(self, url: str, depth: int) -> None:
        if url in self._queued or depth > self._crawl.max_depth or not self._may_visit(URL(url)):
            return
        self._queued.add(url)
        self._frontier.append((url, depth))

    def _may_visit(self, url: URL) -> bool:
        if _site(url) not in self._sites:
            return False
        if url not in self._starts and any(re.search(pattern, str(url)) for pattern in self._crawl.skip):
            return False
        return not self._crawl.within_path or self._under_a_start(url)

    def _under_a_start(self, url: URL) -> bool:
        """Whether a page lies under a start address (the whole site when that is its front page)."""
        return any(_site(url) == _site(start) and url.raw_path.startswith(_stem(start)) for start in self._starts)

    def _category(self, page: URL) -> tuple[bool, str | None]:
        """Whether pictures of a page are wanted, and for which category."""
        crawl, context = self._crawl, self._context
        if crawl.category_of:
            addresses = (page.path_qs, page.raw_path_qs, str(page))
            prefixes = [prefix for prefix in crawl.category_of if any(a.startswith(prefix) for a in addresses)]
            if prefixes:
                return True, context.categories.resolve(crawl.category_of[max(prefixes, key=len)])
        named = self._named_by_path(page)
        if named and (category := context.categories.resolve(named)) is not None:
            return True, category
        mapped = bool(crawl.category_of or crawl.category_from_path)
        return (not mapped or context.category is not None), context.category

    def _named_by_path(self, page: URL) -> str | None:
        pattern = self._crawl.category_from_path
        match = re.search(pattern, page.path_qs) if pattern else None
        return match[1] if match else None

    def _unknown_category(self, page: URL) -> str | None:
        named = self._named_by_path(page)
        return named if named and self._context.categories.resolve(named) is None else None


def _look(kind: str, first: bytes) -> None:
    """Leave what is no page as soon as its first bytes are there."""
    kind = kind.partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        raise _IsPicture("not_image", f"is {kind}, not a page")
    if kind and kind not in ("text/html", "application/xhtml+xml", "text/plain", "application/xml", "text/xml"):
        raise FetchFailed("not_image", f"is {kind[:60]}, not a page")
    if b"\0" in first[:512] and not first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FetchFailed("not_image", "is not text")


def _stem(start: URL) -> str:
    """How the paths under an address begin: /cars/index.html is /cars/, /cars.html and /cars are /cars."""
    folder, _, last = start.raw_path.rpartition("/")
    name = last.partition(".")[0]
    return f"{folder}/" + ("" if name == "index" else name)


def _site(url: URL) -> tuple[str, int | None]:
    return (url.raw_host or "").lower().removeprefix("www."), url.port
