"""robots.txt by RFC 9309: asked once per site however many wait, read by Protego, kept for at most a day.

4xx: no rules. 5xx, 429, no answer in time: the whole site is closed for now (section 2.3.1).
At most 500 KiB are read.
"""

import codecs
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from protego import Protego
from yarl import URL

from collector.errors import FetchFailed
from collector.optout import PRODUCT
from collector.per_site import PerSite

MAX_BYTES = 500 * 1024
_LEFT_ALONE = timedelta(days=1)
MAX_CRAWL_DELAY = 60.0
"""Seconds between two requests that a run keeps to; a site that asks for more is left alone for a day."""

_LINE = re.compile(
    r"\s*(?:user[- ]?agent|allow|disallow|dissallow|dissalow|disalow|diasllow|disallaw|sitemaps?|site-map"
    r"|crawl[- ]delay|request[- ]rate|visit[- ]time|host)(?=[\s:]|$)",
    re.IGNORECASE,
)
_NAME = re.compile(r"^(\s*user[- ]?agent\s*:?\s*[^\s:/;,()]+)[\s/;,()].*$", re.IGNORECASE)
_NO_LINE_ENDS = {ord(c): quote(c) for c in "\v\f\x1c\x1d\x1e\x85\u2028\u2029"}


@dataclass(frozen=True)
class Rules:
    """What one site's robots.txt says to us."""

    parsed: Protego | None = None
    closed: FetchFailed | None = None
    crawl_delay: float = 0.0
    sitemaps: tuple[str, ...] = ()

    def allows(self, url: URL) -> bool:
        """Whether we may fetch this URL (a site that is closed for now allows nothing)."""
        if self.closed is not None:
            return False
        return self.parsed is None or bool(self.parsed.can_fetch(str(url), PRODUCT))


def read_rules(body: bytes) -> Rules:
    """The rules of a robots.txt; anything at all can be read, nonsense says nothing."""
    parsed = Protego.parse(_as_the_rfc_reads_it(body[:MAX_BYTES]))
    sitemaps = tuple(str(sitemap) for sitemap in parsed.sitemaps)
    try:
        delay = float(parsed.crawl_delay(PRODUCT) or 0.0)
    except (ValueError, OverflowError):
        delay = 0.0
    if not delay > 0:  # also what is no number
        delay = 0.0
    if delay > MAX_CRAWL_DELAY:
        closed = FetchFailed(
            "robots",
            f"robots.txt asks for {delay:g} s between two requests, more than {MAX_CRAWL_DELAY:g}; left for now",
            may_pass=True,
            retry_at=datetime.now(UTC) + _LEFT_ALONE,
        )
        return Rules(parsed=parsed, closed=closed, sitemaps=sitemaps)
    return Rules(parsed=parsed, crawl_delay=delay, sitemaps=sitemaps)


def _as_the_rfc_reads_it(body: bytes) -> str:
    """A robots.txt that means to Protego what it means by RFC 9309.

    Lines end at CR and LF only (Protego also ends them at characters of Unicode); lines of other names are left out,
    for they end no group (2.2.4; to Protego they do); a robot's name ends where its version or a comment begins.
    """
    for byte in codecs.BOM_UTF8:  # also a part of the mark
        body = body.removeprefix(bytes((byte,)))
    text = body.decode("utf-8", errors="replace").replace("\0", "")
    lines = (line.translate(_NO_LINE_ENDS) for line in re.split(r"\r\n|\r|\n", text))
    return "\n".join(_NAME.sub(r"\1", line, count=1) for line in lines if _LINE.match(line))


class RobotsCache:
    """The rules of every site met in a run. `fetch` gets one robots.txt: (status, body), or raises FetchFailed."""

    def __init__(self, fetch: Callable[[URL], Awaitable[tuple[int, bytes]]]) -> None:
        self._fetch = fetch
        self._sites = PerSite(self._ask)

    async def rules(self, url: URL) -> Rules:
        """The rules of a URL's site; one request however many ask at once."""
        return await self._sites.of(url)

    async def close(self) -> None:
        """Stop asking."""
        await self._sites.close()

    async def _ask(self, url: URL) -> Rules:
        try:
            status, body = await self._fetch(url.origin() / "robots.txt")
        except FetchFailed as failure:
            if failure.reason in ("too_large", "undecodable", "http_4xx") and failure.http_status != 429:
                return Rules()
            if failure.reason in ("http_4xx", "http_5xx", "timeout"):
                return Rules(
                    closed=FetchFailed(
                        "robots",
                        f"robots.txt of {url.host}: {failure.detail}; the site is closed to us for now",
                        http_status=failure.http_status,
                        may_pass=True,
                    )
                )
            return Rules(closed=failure)  # dns, connect, tls, private_address: the whole host is so
        if 400 <= status < 500:
            return Rules()
        return read_rules(body)
