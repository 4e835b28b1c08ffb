"""robots.txt by RFC 9309: asked once per site however many wait, read by Protego, kept for at most a day.

4xx: no rules. 5xx, 429, no answer in time: the whole site is closed for now (section 2.3.1).
At most 500 KiB are read.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from protego import Protego
from yarl import URL

from collector.errors import FetchFailed
from collector.optout import PRODUCT
from collector.per_site import PerSite

MAX_BYTES = 500 * 1024
_LEFT_ALONE = timedelta(days=1)
MAX_CRAWL_DELAY = 60.0
"""Seconds between two requests that a run keeps to; a site that asks for more is left alone for a day."""


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
    parsed = Protego.parse(body[:MAX_BYTES].decode("utf-8-sig", errors="replace").replace("\0", ""))
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
