"""Who does not want their pictures taken, and how they say so: each honoured, each turned off by name only."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from yarl import URL

from collector import CollectOptions, Crawl, collect
from collector.addresses import AllowList
from collector.errors import FetchFailed
from collector.fetching import Fetched, Fetcher, Want
from collector.loops import run_to_end
from collector.options import OVERRIDES
from collector.optout import OPT_OUTS, declared
from collector.pages import read_page
from collector.tdmrep import PATH, Reservations, read_tdmrep, reservation
from label_store import Workspace
from label_store.models import Fetch
from tests.collector.conftest import FAST, collect_urls
from tests.collector.site import Site, jpeg, redirect

PICTURE = Want("image/*", 200_000)


def reserve(site: Site, *rules: tuple[str, int]) -> None:
    rows = [{"location": location, "tdm-reservation": value} for location, value in rules]
    site.put(PATH, json.dumps(rows), "application/json")


def fetch_all(site: Site, *urls: str, overrides: set[str] | None = None) -> list[Fetched | FetchFailed]:
    async def go() -> list[Fetched | FetchFailed]:
        allow = AllowList.parse([site.netloc])
        async with Fetcher(
            user_agent="Cairn/test", allow=allow, delay=0, per_host=8, in_flight=8, timeout=5, overrides=overrides or ()
        ) as fetcher:

            async def one(url: str) -> Fetched | FetchFailed:
                try:
                    return await fetcher.get(url, PICTURE)
                except FetchFailed as failure:
                    return failure

            return await asyncio.gather(*(one(url) for url in urls))

    return run_to_end(go())


def picture(site: Site, path: str, **headers: str) -> str:
    return site.put(path, jpeg(len(path)), **headers)


def test_what_a_sites_file_reserves_is_not_asked_for(site: Site) -> None:
    reserve(site, ("/open/", 0), ("/", 1))
    free, kept = fetch_all(site, picture(site, "/open/a.jpg"), picture(site, "/b.jpg"))
    assert isinstance(free, Fetched)
    assert free.opt_outs == ()
    assert isinstance(kept, FetchFailed)
    assert (kept.reason, kept.opt_outs, kept.may_pass) == ("opted_out", ("tdmrep",), False)
    assert site.asked["/b.jpg"] == 0


@pytest.mark.parametrize("there", [True, False])
def test_the_file_is_asked_for_once_however_many_wait(site: Site, there: bool) -> None:
    if there:
        reserve(site, ("/x/", 1))
    urls = [picture(site, f"/{n}.jpg") for n in range(20)]
    assert all(isinstance(one, Fetched) for one in fetch_all(site, *urls))
    assert site.asked[PATH] == 1


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_a_file_that_cannot_be_had_reserves_nothing_and_is_not_asked_for_again(site: Site, status: int) -> None:
    site.put(PATH, "", "text/plain", status=status)
    assert isinstance(fetch_all(site, picture(site, "/a.jpg"))[0], Fetched)
    assert site.asked[PATH] == 1


def test_a_page_in_the_files_place_or_one_too_large_reserves_nothing(site: Site) -> None:
    url = picture(site, "/a.jpg")
    site.put(PATH, "<html>not found</html>")
    assert isinstance(fetch_all(site, url)[0], Fetched)
    site.put(PATH, json.dumps([{"location": "/", "tdm-reservation": 1}] * 20_000), "application/json")
    assert isinstance(fetch_all(site, url)[0], Fetched)


def test_a_file_that_redirects_is_read_where_it_leads_and_not_where_robots_closes_it(site: Site) -> None:
    url = picture(site, "/a.jpg")
    site.put("/tdm.json", '[{"location": "/", "tdm-reservation": 1}]', "application/json")
    site.on(PATH, redirect("/tdm.json"))
    assert isinstance(fetch_all(site, url)[0], FetchFailed)
    site.put("/robots.txt", "User-agent: *\nDisallow: /.well-known/", "text/plain")
    assert isinstance(fetch_all(site, url)[0], Fetched)
    assert site.asked[PATH] == 1


@pytest.mark.parametrize(
    ("file", "header", "kept_out"),
    [(0, "1", True), (0, "0", False), (0, "", False), (0, "yes", False), (1, "0", True), (1, "1", True)],
)
def test_a_header_reserves_one_picture(
    store: Workspace, site: Site, tmp_path: Path, file: int, header: str, kept_out: bool
) -> None:
    """Where the file reserves, nothing is asked for, so that no header can say otherwise."""
    reserve(site, ("/", file))
    url = picture(site, "/a.jpg", tdm_reservation=header)
    report = collect_urls(store, tmp_path, url)
    assert (report.refused, report.fetched) == (({"opted_out": 1}, 0) if kept_out else ({}, 1))


def test_a_page_reserves_the_pictures_on_it(store: Workspace, site: Site) -> None:
    for n in (1, 2):
        picture(site, f"/{n}.jpg")
    site.put("/", '<a href="/kept/">1</a><a href="/free/">2</a>', tdm_reservation="1")
    site.put("/kept/", '<meta name="TDM-Reservation" content="1"><img src="/1.jpg">')
    site.put("/free/", '<meta name="tdm-reservation" content="0"><img src="/2.jpg">', tdm_reservation="1")
    report = collect(store, Crawl((site.url("/"),), sitemaps=False), category="car", options=FAST)
    assert (report.refused, report.fetched, report.pages) == ({"opted_out": 1}, 1, 3)
    with store.read() as session:
        found = {fetch.url: fetch.detail for fetch in session.scalars(select(Fetch).where(Fetch.error == "opted_out"))}
    assert found == {site.url("/1.jpg"): f"tdmrep on {site.url('/kept/')}"}


def test_pages_that_a_file_reserves_are_not_read_and_sitemaps_are(store: Workspace, site: Site) -> None:
    reserve(site, ("/free/", 0), ("/", 1))
    picture(site, "/free/2.jpg")
    site.put("/free/", '<img src="2.jpg">')
    site.put("/sitemap.xml", f"<urlset><url><loc>{site.url('/free/')}</loc></url></urlset>", "application/xml")
    report = collect(store, Crawl((site.url("/"),)), category="car", options=FAST)
    assert (report.pages_left_out, report.pages, report.fetched) == ({"opted_out": 1}, 1, 1)


def test_each_opt_out_is_turned_off_by_its_own_name_only(store: Workspace, site: Site, tmp_path: Path) -> None:
    reserve(site, ("/", 1))
    url = picture(site, "/a.jpg", X_Robots_Tag="noai, noindex")

    def run(*names: str) -> dict[str, int]:
        options = CollectOptions(host_delay=0, processes=0, overrides=frozenset(names))
        with store.write() as session:
            session.query(Fetch).delete()
        return dict(collect_urls(store, tmp_path, url, options=options).refused)

    assert run("noai", "noindex") == run("tdmrep") == run("tdmrep", "noindex") == {"opted_out": 1}
    assert run("tdmrep", "noai", "noindex") == {}


def test_what_was_in_force_is_known_also_when_it_was_turned_off(site: Site) -> None:
    reserve(site, ("/file/", 1))
    urls = [
        picture(site, "/file/a.jpg", X_Robots_Tag="noimageai"),
        picture(site, "/header.jpg", tdm_reservation="1"),
        picture(site, "/none.jpg"),
        picture(site, "/file/freed.jpg", tdm_reservation="0"),
    ]
    found = fetch_all(site, *urls, overrides={"tdmrep"})
    assert [one.opt_outs for one in found] == [("noimageai", "tdmrep"), ("tdmrep",), (), ()]


def test_every_opt_out_can_be_turned_off_and_names_come_in_one_order() -> None:
    assert set(OPT_OUTS) < set(OVERRIDES)
    assert declared(["plus", "nofollow"], {"noai"}, (), ["noai"]) == ("noai", "plus")


def test_a_page_says_whether_it_is_reserved() -> None:
    def said(markup: str) -> tuple[bool | None, bool]:
        page = read_page(markup, "https://site.example/")
        return page.reservation, "tdmrep" in page.directives

    assert said('<meta name="tdm-reservation" content="1">') == (True, True)
    assert said('<meta name="tdm-reservation" content=" 0 ">') == (False, False)
    assert said('<meta name="tdm-reservation" content="true">') == (None, False)
    assert said('<meta name="tdm-policy" content="1">') == (None, False)


# ---- the file's patterns --------------------------------------------------------------------------------------


def reserved(rules: list[tuple[str, object]], path: str) -> bool:
    rows = [{"location": location, "tdm-reservation": value} for location, value in rules]
    return read_tdmrep(json.dumps(rows).encode()).reserve(URL(f"https://site.example{path}", encoded=True))


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/", "/any/thing.jpg?x=1", True),
        ("/directory-a/", "/directory-a/b/c.html", True),
        ("/directory-a/", "/directory-a", False),
        ("/directory-b/images/*.jpg", "/directory-b/images/deep/a.jpg", True),
        ("/directory-b/images/*.jpg", "/directory-b/images/a.png", False),
        ("/*.jpg$", "/a.jpg", True),
        ("/*.jpg$", "/a.jpg?size=2", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/Photos", "/photos", False),
        ("photos/", "/photos/a.jpg", True),
        ("*/photos/", "/x/photos/a.jpg", True),
        ("/é/", "/%c3%a9/a.jpg", True),
        ("/%7Eada/", "/~ada/a.jpg", True),
        ("/~ada/", "/%7eada/a.jpg", True),
        ("/a%2Fb", "/a/b", False),
        ("/a%2fb", "/a%2Fb", True),
        ("/*a*b*c", "/xaybzcz", True),
        ("/*a*b*c", "/xaybz", False),
        ("/**", "/x", True),
    ],
)
def test_a_pattern_matches_as_in_robots_txt(pattern: str, path: str, matches: bool) -> None:
    assert reserved([(pattern, 1)], path) == matches


def test_the_first_rule_that_matches_decides() -> None:
    rules: list[tuple[str, object]] = [("/a/b/", 0), ("/a/", 1), ("/a/c/", 0), ("/", 0)]
    assert [reserved(rules, path) for path in ("/a/b/x", "/a/x", "/a/c/x", "/x")] == [False, True, True, False]


@pytest.mark.parametrize("value", [2, -1, True, None, "true", "", 1.0, [1], {"1": 1}])
def test_a_value_that_is_neither_0_nor_1_is_unset(value: object) -> None:
    assert reservation(value) is None
    assert not reserved([("/", value)], "/a")


@pytest.mark.parametrize("body", [b"", b"[", b"null", b"[1, null, [], {}]", b"[" * 100_000, b"\xff\xfe{}", b'{"a": 1}'])
def test_a_file_that_is_none_reserves_nothing(body: bytes) -> None:
    assert read_tdmrep(body) == Reservations()


def test_one_rule_without_brackets_and_a_byte_order_mark_are_understood() -> None:
    found = read_tdmrep(b'\xef\xbb\xbf{"location": "/", "tdm-reservation": "1"}')
    assert found.reserve(URL("https://site.example/a"))


@given(st.binary(max_size=200), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_file_raises(data: bytes, value: object) -> None:
    read_tdmrep(data)
    document = [{"location": value, "tdm-reservation": 1}, value]
    read_tdmrep(json.dumps(document).encode("utf-8", "surrogatepass")).reserve(URL("https://site.example/a?b"))


@given(st.text("ab*", max_size=8), st.booleans(), st.text("ab", max_size=10))
def test_patterns_match_as_the_same_regular_expression_does(middle: str, ends: bool, path: str) -> None:
    pattern = "/" + middle + "$" * ends
    oracle = re.compile("/" + ".*".join(map(re.escape, middle.split("*"))) + ("$" if ends else ""))
    assert reserved([(pattern, 1)], "/" + path) == bool(oracle.match("/" + path))


def test_a_file_of_many_stars_is_matched_without_going_back() -> None:
    """A backtracking matcher would need longer than the universe has."""
    rules: list[tuple[str, object]] = [("/" + "*a" * 900 + "$", 1)] * 100
    assert not reserved(rules, "/" + "a" * 5000 + "b")
