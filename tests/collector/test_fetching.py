"""The fetcher against a server that misbehaves: every case ends, with its reason, within its limits."""

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from time import monotonic
from typing import TypeVar

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from collector.addresses import AllowList
from collector.errors import FetchFailed
from collector.fetching import Fetched, Fetcher, Want
from collector.loops import run_to_end
from tests.collector.site import Site, drip, endless, gzip_bomb, jpeg, redirect, reset_halfway

T = TypeVar("T")
PICTURE = Want("image/*", 200_000)


def with_fetcher(site: Site, work: Callable[[Fetcher], Awaitable[T]], **given: object) -> T:
    """Run some work with a fetcher that may reach the site."""

    async def go() -> T:
        settings: dict[str, object] = {
            "user_agent": "Cairn/test", "allow": AllowList.parse([site.netloc]), "delay": 0.0, "per_host": 4,
            "in_flight": 16, "timeout": 5.0,
        }  # fmt: skip
        async with Fetcher(**(settings | given)) as fetcher:  # type: ignore[arg-type]
            return await work(fetcher)

    return run_to_end(go())


def get(site: Site, url: str, want: Want = PICTURE, **given: object) -> Fetched:
    return with_fetcher(site, lambda fetcher: fetcher.get(url, want), **given)


def failure(site: Site, url: str, want: Want = PICTURE, **given: object) -> FetchFailed:
    with pytest.raises(FetchFailed) as failed:
        get(site, url, want, **given)
    return failed.value


def test_a_redirect_is_followed_to_its_end(site: Site) -> None:
    site.put("/a.jpg", jpeg(1))
    fetched = get(site, site.on("/moved", redirect("/a.jpg", 301)))
    assert (fetched.url, fetched.body) == (site.url("/a.jpg"), jpeg(1))


def test_a_redirect_loop_ends(site: Site) -> None:
    found = failure(site, site.on("/loop", redirect("/loop")))
    assert (found.reason, found.may_pass) == ("http_4xx", False)
    assert site.asked["/loop"] == 6


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433:1/",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_a_private_address_or_scheme_is_refused(site: Site, target: str) -> None:
    assert failure(site, site.on("/away", redirect(target))).reason == "private_address"


def test_a_redirect_to_another_port_of_an_allowed_host_is_refused(site: Site) -> None:
    with Site() as other:
        other.put("/a.jpg", jpeg(1))
        assert failure(site, site.on("/away", redirect(other.url("/a.jpg")))).reason == "private_address"
        assert not other.asked


class Rebinding(AbstractResolver):
    """Answers a public address first, loopback ever after."""

    def __init__(self) -> None:
        self.answers = iter(["93.184.216.34"])

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        address = next(self.answers, "127.0.0.1")
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def test_a_name_that_is_bound_to_loopback_is_refused(site: Site) -> None:
    resolver = Rebinding()
    next(resolver.answers)
    found = failure(site, f"http://evil.example:{site.port}/a.jpg", resolver=resolver)
    assert (found.reason, found.may_pass) == ("private_address", False)
    assert not site.asked


def test_a_dripping_server_cannot_stretch_the_deadline(site: Site) -> None:
    found = failure(site, site.on("/drip.jpg", drip(jpeg(1))), timeout=0.5)
    assert (found.reason, found.may_pass) == ("timeout", True)
    assert site.asked["/drip.jpg"] == 1


def test_a_body_that_declares_too_much_is_not_read(site: Site) -> None:
    found = failure(site, site.put("/big.jpg", b"x" * 300_000))
    assert (found.reason, "declares" in found.detail) == ("too_large", True)


def test_a_body_without_an_end_is_cut_off(site: Site) -> None:
    assert failure(site, site.on("/endless.jpg", endless())).reason == "too_large"


def test_a_gzip_bomb_is_refused_after_decompression(site: Site) -> None:
    url = site.put("/bomb.jpg", gzip_bomb(), Content_Encoding="gzip")
    assert failure(site, url).reason == "too_large"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_an_encoding_that_was_not_asked_for_is_refused(site: Site, encoding: str) -> None:
    assert failure(site, site.put("/a.jpg", jpeg(1), Content_Encoding=encoding)).reason == "undecodable"


def test_a_gzipped_body_is_unpacked_and_half_of_one_is_not_taken(site: Site) -> None:
    packed = gzip.compress(jpeg(1))
    assert get(site, site.put("/a.jpg", packed, Content_Encoding="gzip")).body == jpeg(1)
    found = failure(site, site.put("/half.jpg", packed[:-20], Content_Encoding="gzip"))
    assert (found.reason, found.may_pass) == ("connect", True)


def test_a_connection_that_is_cut_is_tried_again(site: Site) -> None:
    found = failure(site, site.on("/cut.jpg", reset_halfway(jpeg(1))))
    assert (found.reason, found.may_pass) == ("connect", True)
    assert site.asked["/cut.jpg"] == 3


def test_too_many_requests_is_waited_for_and_tried_again(site: Site) -> None:
    answered: list[float] = []

    async def busy_once(_: web.Request) -> web.Response:
        answered.append(monotonic())
        if len(answered) == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return web.Response(body=jpeg(1), content_type="image/jpeg")

    assert get(site, site.on("/a.jpg", busy_once)).body == jpeg(1)
    assert answered[1] - answered[0] >= 0.95  # no earlier than it was asked to be


def test_a_host_that_asks_for_hours_is_left_until_then(site: Site) -> None:
    url = site.put("/a.jpg", b"", "text/plain", status=503, Retry_After="7200")
    site.put("/b.jpg", jpeg(2))

    async def two(fetcher: Fetcher) -> list[FetchFailed]:
        found = []
        for one in (url, site.url("/b.jpg")):
            with pytest.raises(FetchFailed) as failed:
                await fetcher.get(one, PICTURE)
            found.append(failed.value)
        return found

    first, second = with_fetcher(site, two)
    for found in (first, second):
        assert found.reason == "http_5xx"
        assert found.retry_at is not None
        assert 7000 < (found.retry_at - datetime.now(UTC)).total_seconds() < 7300
    assert site.asked["/b.jpg"] == 0


def test_a_host_that_never_answers_is_given_up_for_the_run(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and says nothing
        port = silent.getsockname()[1]

        async def many(fetcher: Fetcher) -> list[str]:
            found = []
            for n in range(8):
                with pytest.raises(FetchFailed) as failed:
                    await fetcher.get(
                        f"http://127.0.0.1:{port}/{n}.jpg", Want("image/*", 1000, robots=False, mining=False)
                    )
                found.append(failed.value.detail)
            return found

        details = with_fetcher(site, many, allow=AllowList.parse([f"127.0.0.1:{port}"]), timeout=0.2)
    assert sum("in a row" in detail for detail in details) == 5


def test_robots_is_asked_once_however_many_wait(site: Site) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response(text="User-agent: cairn\nDisallow: /no\nCrawl-delay: 0.01")

    site.on("/robots.txt", slow)
    urls = [site.put(f"/{n}.jpg", jpeg(n)) for n in range(10)]

    async def all_of(fetcher: Fetcher) -> list[Fetched]:
        return await asyncio.gather(*(fetcher.get(url, PICTURE) for url in urls))

    assert len(with_fetcher(site, all_of)) == 10
    assert site.asked["/robots.txt"] == 1
    assert failure(site, site.url("/no/a.jpg")).reason == "robots"


@pytest.mark.parametrize(
    ("status", "opens"), [(404, True), (403, True), (410, True), (500, False), (503, False), (429, False)]
)
def test_robots_errors_open_or_close_the_site(site: Site, status: int, opens: bool) -> None:
    site.put("/robots.txt", "", "text/plain", status=status)
    url = site.put("/a.jpg", jpeg(1))
    if opens:
        assert get(site, url).body == jpeg(1)
    else:
        found = failure(site, url)
        assert (found.reason, found.may_pass) == ("robots", True)
        assert site.asked["/a.jpg"] == 0


def test_robots_that_does_not_come_in_time_closes_the_site(site: Site) -> None:
    site.on("/robots.txt", drip(b"User-agent: *\nAllow: /\n" * 10))
    found = failure(site, site.put("/a.jpg", jpeg(1)), timeout=0.5)
    assert (found.reason, found.may_pass) == ("robots", True)


def test_robots_is_read_up_to_its_cap(site: Site) -> None:
    filler = "# nothing\n" * (50 * 1024)
    site.put("/robots.txt", "User-agent: *\nDisallow: /early\n" + filler + "Disallow: /late\n", "text/plain")
    assert failure(site, site.put("/early/a.jpg", jpeg(1))).reason == "robots"
    assert get(site, site.put("/late/a.jpg", jpeg(1))).body == jpeg(1)


@pytest.mark.parametrize("delay", ["61", "86400", "1e308"])
def test_a_crawl_delay_beyond_a_minute_closes_the_site_for_a_day(site: Site, delay: str) -> None:
    site.put("/robots.txt", f"User-agent: *\nCrawl-delay: {delay}", "text/plain")
    found = failure(site, site.put("/a.jpg", jpeg(1)))
    assert (found.reason, found.may_pass, site.asked["/a.jpg"]) == ("robots", True, 0)
    assert found.retry_at is not None
    assert 23 < (found.retry_at - datetime.now(UTC)).total_seconds() / 3600 < 25


@pytest.mark.parametrize("delay", ["nan", "inf", "-5", "soon", ""])
def test_a_crawl_delay_that_is_no_time_says_nothing(site: Site, delay: str) -> None:
    site.put("/robots.txt", f"User-agent: *\nCrawl-delay: {delay}", "text/plain")
    assert get(site, site.put("/a.jpg", jpeg(1))).body == jpeg(1)


def test_robots_can_be_turned_off_by_name(site: Site) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /", "text/plain")
    assert get(site, site.put("/a.jpg", jpeg(1)), overrides={"robots"}).body == jpeg(1)


def test_requests_to_one_host_keep_its_delay(site: Site) -> None:
    urls = [site.put(f"/{n}.jpg", jpeg(n)) for n in range(4)]

    async def all_of(fetcher: Fetcher) -> list[Fetched]:
        return await asyncio.gather(*(fetcher.get(url, PICTURE) for url in urls))

    with_fetcher(site, all_of, delay=0.2)
    times = sorted(at for at, _ in site.at)
    assert min(b - a for a, b in pairwise(times)) >= 0.15


def test_hosts_with_long_delays_hold_up_nobody(site: Site) -> None:
    with Site("127.0.0.2") as slow:
        slow.put("/robots.txt", "User-agent: *\nCrawl-delay: 60", "text/plain")
        slow_urls = [slow.put(f"/{n}.jpg", jpeg(n)) for n in range(10)]
        fast_urls = [site.put(f"/{n}.jpg", jpeg(n)) for n in range(20)]

        async def all_of(fetcher: Fetcher) -> list[Fetched]:
            waiting = [asyncio.create_task(fetcher.get(url, PICTURE)) for url in slow_urls]
            await asyncio.sleep(0.2)
            try:
                return await asyncio.gather(*(fetcher.get(url, PICTURE) for url in fast_urls))
            finally:
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)

        allow = AllowList.parse([site.netloc, slow.netloc])
        assert len(with_fetcher(site, all_of, in_flight=2, per_host=8, allow=allow)) == 20


def test_no_name_and_password_are_sent(site: Site) -> None:
    seen: list[str] = []

    async def look(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(body=jpeg(1))

    site.on("/a.jpg", look)
    get(site, f"http://user:secret@{site.netloc}/a.jpg")
    assert seen == [""]


def test_a_host_that_begins_every_answer_and_ends_none_is_given_up(site: Site) -> None:
    urls = [site.on(f"/{n}.jpg", drip(jpeg(n))) for n in range(5)]

    async def one_after_the_other(fetcher: Fetcher) -> list[str]:
        details = []
        for url in urls:
            with pytest.raises(FetchFailed) as failed:
                await fetcher.get(url, PICTURE)
            assert failed.value.reason == "timeout"
            details.append(failed.value.detail)
        return details

    details = with_fetcher(site, one_after_the_other, timeout=0.3)
    assert ["in a row" in detail for detail in details] == [False, False, False, True, True]
    assert sum(site.asked[f"/{n}.jpg"] for n in range(5)) == 3
