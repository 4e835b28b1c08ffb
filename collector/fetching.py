"""Getting one URL: robots, pace, redirects hop by hop, a deadline for all of it, a cap on the body, retries.

Pages, sitemaps, robots.txt and pictures all go through `Fetcher.get`.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDictProxy
from yarl import URL

from collector.addresses import AllowList
from collector.answers import failure_of, redirect, refuse_status
from collector.body import read_body
from collector.connections import Gate, open_session
from collector.errors import FetchFailed
from collector.held import Holding
from collector.hosts import Host, Hosts
from collector.optout import PRODUCT, declared, header_directives
from collector.per_site import PerSite
from collector.robots import MAX_BYTES as ROBOTS_BYTES
from collector.robots import RobotsCache, Rules
from collector.tdmrep import MAX_BYTES as TDMREP_BYTES
from collector.tdmrep import NAME, PATH, Reservations, read_tdmrep, reservation
from collector.web_url import web_url

MAX_REDIRECTS = 5
_TRIES = 3


@dataclass(frozen=True)
class Want:
    """What is asked for: the `Accept` header, the cap, and which of the site's wishes are asked for and obeyed."""

    accept: str
    max_bytes: int
    compressed: bool = False
    cut: bool = False
    robots: bool = True
    mining: bool = True
    """Whether it is taken for a dataset, so that a reservation of data mining (tdmrep) keeps it out."""
    look: Callable[[str, bytes], None] | None = None
    """Sees the content type and the first bytes before the rest is read; may raise FetchFailed."""
    holding: Holding | None = None
    """Where the bytes are counted as they arrive; a wait for room takes nothing from the deadline."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent besides the usual ones. They may hold a key, so they follow no redirect and are never shown."""
    form: Mapping[str, str] | None = field(default=None, repr=False)
    """Posted as a form, in place of a GET; it too follows no redirect."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """If-None-Match and If-Modified-Since: a response 304 comes back as one, without a body."""
    errors: Collection[int] = ()
    """Statuses from 400 whose body is wanted: they come back as responses, not as failures."""


@dataclass(frozen=True)
class Fetched:
    """One whole response."""

    url: str
    """Where the redirects ended."""
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    reserved: bool = False
    """Whether the site's tdmrep.json reserves it."""

    @property
    def directives(self) -> frozenset[str]:
        """What `X-Robots-Tag` says to us; with `tdmrep` where mining is reserved by the header, else by the site."""
        found = header_directives(self.headers.getall("X-Robots-Tag", []))
        said = reservation(self.headers.get(NAME))
        return found | {"tdmrep"} if (self.reserved if said is None else said) else found

    @property
    def opt_outs(self) -> tuple[str, ...]:
        """What keeps this out, by name, also what the curator turned off."""
        return declared(self.directives)


class Fetcher:
    """Fetches for one run; use as `async with`."""

    def __init__(
        self,
        *,
        user_agent: str,
        allow: AllowList,
        delay: float,
        per_host: int,
        in_flight: int,
        timeout: float,
        overrides: Collection[str] = (),
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.hosts = Hosts(delay, per_host, in_flight)
        self.robots = RobotsCache(self._get_robots)
        self._gate = Gate(allow)
        self._user_agent = user_agent
        self._timeout = timeout
        self._reservations = PerSite(self._get_reservations)
        self._obey_robots = "robots" not in overrides
        self._obey_tdmrep = "tdmrep" not in overrides
        self._resolver = resolver

    async def __aenter__(self) -> "Fetcher":
        self._session = open_session(self._gate, self._user_agent, self._resolver)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.robots.close()
        await self._reservations.close()
        await self._session.close()

    async def get(self, url: str, want: Want) -> Fetched:
        """One URL, tried again with backoff while that may help; raises FetchFailed."""
        for tried in range(1, _TRIES + 1):
            try:
                return await self._get_once(_parsed(url), want)
            except FetchFailed as failure:
                # A timeout has already cost a whole deadline; the next run tries again.
                if want.holding is not None:
                    want.holding.give_back()
                retry = failure.may_pass and failure.retry_at is None and failure.reason in ("connect", "http_5xx")
                retry = retry or (failure.http_status in (408, 425, 429) and failure.retry_at is None)
                if not retry or tried == _TRIES or failure.reason == "robots":
                    raise
            await asyncio.sleep(random.uniform(0.5, 1.0) * 0.25 * 4 ** (tried - 1))
        raise AssertionError("unreachable")

    async def rules(self, url: str) -> Rules:
        """What robots.txt of the URL's site says; raises FetchFailed when the URL may not be asked at all."""
        parsed = _parsed(url)
        self._gate.check_url(parsed)
        return await self.robots.rules(parsed)

    async def _get_once(self, url: URL, want: Want) -> Fetched:
        left = self._timeout
        for _hop in range(MAX_REDIRECTS + 1):
            self._gate.check_url(url)
            host = self.hosts.of(url)
            if want.robots and self._obey_robots:
                await self._ask_robots(url, host)
            reserved = want.mining and await self._ask_reserved(url)
            async with host.turn():
                began = monotonic()
                answer = await self._request(url, host, want, left)
                left -= monotonic() - began
            if isinstance(answer, Fetched):
                return replace(answer, reserved=True) if reserved else answer
            if want.headers or want.form is not None:
                raise FetchFailed("http_4xx", f"redirects to {answer}, where what was sent with it must not go")
            url = answer
        raise FetchFailed("http_4xx", f"redirected more than {MAX_REDIRECTS} times, at last to {url}")

    async def _ask_robots(self, url: URL, host: Host) -> None:
        rules = await self.robots.rules(url)
        if rules.closed is not None:
            closed = rules.closed
            raise FetchFailed(
                closed.reason,
                closed.detail,
                http_status=closed.http_status,
                may_pass=closed.may_pass,
                retry_at=closed.retry_at,
            )
        if not rules.allows(url):
            raise FetchFailed("robots", f"robots.txt of {url.host} closes {url.raw_path} to {PRODUCT}")
        if rules.crawl_delay:
            host.slow_down(rules.crawl_delay)

    async def _ask_reserved(self, url: URL) -> bool:
        """Whether the site's tdmrep.json reserves a URL and the curator turned that off; FetchFailed where not off."""
        if not (await self._reservations.of(url)).reserve(url):
            return False
        if self._obey_tdmrep:
            words = f"tdmrep.json of {url.host} reserves {url.raw_path} from data mining"
            raise FetchFailed("opted_out", words, opt_outs=("tdmrep",))
        return True

    async def _request(self, url: URL, host: Host, want: Want, left: float) -> "Fetched | URL":
        """One request of one hop: a response, or where it redirects to."""
        headers = {
            "Accept": want.accept,
            "Accept-Encoding": "gzip, deflate" if want.compressed else "identity",
            **want.conditions,
            **want.headers,
        }
        method = "GET" if want.form is None else "POST"
        try:
            async with (
                asyncio.timeout(max(left, 0.001)) as deadline,
                self._session.request(method, url, headers=headers, data=want.form, allow_redirects=False) as response,
            ):
                if response.status >= 300:
                    host.answered()
                if response.status in (301, 302, 303, 307, 308):
                    return redirect(url, response)
                if response.status == 304 and want.conditions:
                    return Fetched(str(url), 304, response.headers, b"")
                if response.status not in want.errors:
                    refuse_status(response, host)
                kind = response.headers.get("Content-Type", "")
                look = want.look
                body = await read_body(
                    response,
                    want.max_bytes,
                    cut=want.cut,
                    look=(lambda first: look(kind, first)) if look else None,
                    hold=_hold_outside(want.holding, deadline) if want.holding else None,
                )
                host.answered()  # not before: a host that drips begins every answer and ends none
                return Fetched(str(url), response.status, response.headers, body)
        except (TimeoutError, aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as error:
            failure = failure_of(error, url, self._timeout)
            if failure.reason in ("dns", "connect", "tls", "timeout"):
                host.was_silent(failure)
            raise failure from error

    async def _get_robots(self, url: URL) -> tuple[int, bytes]:
        want = Want("text/plain,*/*;q=0.5", ROBOTS_BYTES, compressed=True, cut=True, robots=False, mining=False)
        fetched = await self.get(str(url), want)
        return fetched.status, fetched.body

    async def _get_reservations(self, url: URL) -> Reservations:
        """One try: whatever keeps the file from being had, the site does not use the protocol (section 6.1)."""
        want = Want("application/json", TDMREP_BYTES, compressed=True, mining=False, look=_look_for_json)
        try:
            return read_tdmrep((await self._get_once(url.origin().with_path(PATH), want)).body)
        except FetchFailed:
            return Reservations()


def _look_for_json(_kind: str, first: bytes) -> None:
    """Leave the page that many sites serve in place of a file they lack."""
    if first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"[", b"{"):
        raise FetchFailed("not_image", "is no JSON")


def _hold_outside(holding: Holding, deadline: asyncio.Timeout) -> Callable[[int], Awaitable[None]]:
    """Count bytes, with the deadline standing still while others hold too many."""

    async def hold(size: int) -> None:
        if holding.fits(size):
            await holding.add(size)
            return
        loop = asyncio.get_running_loop()
        when, began = deadline.when(), loop.time()
        deadline.reschedule(None)
        await holding.add(size)
        deadline.reschedule(when + loop.time() - began if when is not None else None)

    return hold


def _parsed(url: str) -> URL:
    """A URL as it will be asked for, by the parser that the connection uses; no user name is ever sent."""
    try:
        parsed = web_url(url.strip())
        if parsed.raw_user is not None or parsed.raw_password is not None:
            parsed = parsed.with_user(None)
        return parsed.with_fragment(None) if parsed.raw_fragment else parsed
    except (ValueError, TypeError) as error:
        raise FetchFailed("http_4xx", f"{url[:200]!r} is not a URL: {error}") from error
