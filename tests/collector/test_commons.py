"""Wikimedia Commons: by search and by category, with the origin of every picture and the manners that it asks for."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select

from collector import Candidate as Proposed
from collector import CollectError, CollectReport, Commons, Query, collect
from collector.sources.apis import _ODD_SHAPE
from collector.sources.commons import _candidate
from label_store import UsageError, Workspace
from label_store.models import Candidate, Category, Fetch
from tests.collector.apis import FakeCommons, File, Trouble, found_by, hangs, maxlag, says, sends
from tests.collector.conftest import FAST, open_store
from tests.collector.site import Site, jpeg

TRAMS = [File(number, f"File:Tram {number}.jpg", ("Category:Trams",)) for number in range(1, 6)]
NAMES = ("title", "url", "thumburl", "mime", "thumbmime", "sha1", "extmetadata", "value", "Artist", "LicenseUrl")
TOLD = {
    "LicenseShortName": "CC BY-SA 4.0",
    "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
    "Artist": '<style>.fn{color:red}</style><a href="//x">Ann <b>Lee</b></a>',
    "ImageDescription": '<div class="description en">A tram &amp; its\n driver</div>',
    "ObjectName": "Line 22",
}


def run(store: Workspace, api: FakeCommons, *words: str, **given: object) -> CollectReport:
    """Collect for the category car."""
    queries = tuple(Query(one, "car") for one in words)
    settings = {"limit": 50, "contact": "curator@example.org", "size": None} | given
    return collect(store, Commons(queries, api=api.api, **settings), options=FAST)  # type: ignore[arg-type]


def fetched(store: Workspace) -> list[str]:
    """The file names of what was fetched, in order."""
    with store.read() as session:
        return [Path(url).stem for url in session.scalars(select(Fetch.url).order_by(Fetch.id))]


def test_a_picture_comes_with_licence_author_description_and_page(store: Workspace, site: Site) -> None:
    run(store, FakeCommons(site, [File(1, "File:Old tram.jpg", told=TOLD)]), "tram")
    with store.read() as session:
        fetch = session.scalars(select(Fetch)).one()
        assert (fetch.source, fetch.license, fetch.author) == ("commons", "CC-BY-SA-4.0", "Ann Lee")
        assert (fetch.title, fetch.caption) == ("Line 22", "A tram & its driver")
        assert fetch.page_url == "https://commons.example/wiki/File:Old_tram.jpg"
        candidate, slug = session.execute(select(Candidate, Category.slug).join(Category)).one()
        assert (candidate.query, slug) == ("tram", "car")


@pytest.mark.parametrize(
    ("told", "licence"),
    [
        (
            {"LicenseShortName": "CC0", "LicenseUrl": "http://creativecommons.org/publicdomain/zero/1.0/deed.en"},
            "CC0-1.0",
        ),
        ({"LicenseShortName": "CC BY 2.0"}, "CC-BY-2.0"),
        ({"License": "cc-by-sa-3.0", "LicenseShortName": "siehe unten"}, "CC-BY-SA-3.0"),
        ({"License": "pd", "LicenseShortName": "Public domain", "UsageTerms": "Public domain"}, "Public domain"),
        ({"LicenseUrl": "https://artlibre.org/licence/lal", "LicenseShortName": "FAL"}, "FAL"),
        ({}, None),
    ],
)
def test_a_licence_is_spdx_where_it_can_be_known(
    store: Workspace, site: Site, told: dict[str, str], licence: str | None
) -> None:
    run(store, FakeCommons(site, [File(1, "File:Tram.jpg", told=told)]), "tram")
    with store.read() as session:
        fetch = session.scalars(select(Fetch)).one()
        assert fetch.license == licence
        assert fetch.title == "Tram"


def test_a_search_is_continued_to_its_end_in_the_order_of_its_ranks(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, list(reversed(TRAMS)))
    api.most_a_page = 2
    assert run(store, api, "tram", limit=3).new_images == 3
    assert set(fetched(store)) == {"5", "4", "3"}
    assert run(store, api, "tram").new_images == 2
    assert [asked.get("gsroffset") for asked in api.asked] == [None, "2", None, "2", "4"]


def test_no_page_is_asked_for_beyond_the_limit(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, TRAMS)
    api.most_a_page = 2
    assert run(store, api, "tram", limit=4).new_images == 4
    assert len(api.asked) == 2
    assert api.asked[0]["gsrlimit"] == "4"


def test_a_query_may_say_how_many_are_wanted_of_it(site: Site) -> None:
    api = FakeCommons(site, TRAMS)
    source = Commons((Query("tram", "car", limit=2), Query("File", "car", limit=0), Query("a", "car")), 4, api=api.api)
    found, _ = found_by(source, site)
    assert [one.query for one in found if isinstance(one, Proposed)] == ["tram"] * 2 + ["a"] * 4
    assert source.total() == 6
    assert len(api.asked) == 2


def test_a_batch_whose_infos_come_in_parts_is_put_together(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, TRAMS)
    api.most_a_page, api.infos_an_answer = 4, 2
    assert run(store, api, "tram").new_images == 5
    assert [asked.get("iicontinue") for asked in api.asked] == [None, "2", None]


def test_sound_drawings_and_missing_files_are_no_pictures(store: Workspace, site: Site) -> None:
    odd = [
        File(7, "File:Tram bell.ogg", ("Category:Trams",), "audio/ogg"),
        File(8, "File:Tram map.svg", ("Category:Trams",), "image/svg+xml"),
        File(9, "File:Tram plans.pdf", ("Category:Trams",), "application/pdf"),
    ]
    api = FakeCommons(site, [*odd, *TRAMS])
    assert run(store, api, "Category:Trams").new_images == 5


def test_the_same_bytes_under_two_titles_count_once(store: Workspace, site: Site) -> None:
    twice = [File(1, "File:Tram a.jpg"), File(2, "File:Tram b.jpg", bytes_of=1)]
    assert run(store, FakeCommons(site, twice), "tram").fetched == 1


# Categories

TREE = {
    "Category:Trams": ["Category:Trams in Prague", "Category:Trams in Lyon"],
    "Category:Trams in Prague": ["Category:Tatra trams", "Category:Trams"],
    "Category:Trams in Lyon": ["Category:Tatra trams"],
    "Category:Tatra trams": ["Category:Trams in Prague", "Category:Museum trams"],
}
BY_CATEGORY = [
    File(1, "File:A.jpg", ("Category:Trams",)),
    File(2, "File:B.jpg", ("Category:Trams in Prague", "Category:Trams in Lyon")),
    File(3, "File:C.jpg", ("Category:Tatra trams",)),
    File(4, "File:D.jpg", ("Category:Museum trams",)),
    File(5, "File:E.jpg", ("Category:Boats",)),
]


@pytest.mark.parametrize(
    ("depth", "wanted"), [(0, {"1"}), (1, {"1", "2"}), (2, {"1", "2", "3"}), (9, {"1", "2", "3", "4"})]
)
def test_subcategories_are_read_to_the_depth_and_each_only_once(
    store: Workspace, site: Site, depth: int, wanted: set[str]
) -> None:
    api = FakeCommons(site, BY_CATEGORY, TREE)
    report = run(store, api, "Category:trams", depth=depth)
    assert set(fetched(store)) == wanted
    assert report.fetched == len(wanted)
    read = [asked["gcmtitle"] for asked in api.asked if "gcmtitle" in asked]
    assert len(read) == len(set(read))


def test_subcategories_are_continued_too(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, BY_CATEGORY, TREE)
    api.most_a_page = 1
    assert run(store, api, "Category:Trams", depth=9).fetched == 4


def test_no_more_categories_are_read_than_allowed_and_that_is_said(
    store: Workspace, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    api = FakeCommons(site, BY_CATEGORY, TREE)
    run(store, api, "Category:Trams", depth=9, max_categories=3)
    assert len([asked for asked in api.asked if "gcmtitle" in asked]) == 3
    assert "Category:Trams: only the first 3 categories are read" in caplog.text


def test_a_category_without_pictures_is_told_and_the_other_queries_go_on(store: Workspace, site: Site) -> None:
    report = run(store, FakeCommons(site, TRAMS), "Category:Trmas", "tram")
    assert (report.new_images, report.bad_rows) == (5, 1)
    assert "no pictures in Category:Trmas" in report.bad_row_examples[0]


def test_a_search_that_finds_nothing_is_no_error(store: Workspace, site: Site) -> None:
    report = run(store, FakeCommons(site, TRAMS), "zeppelin")
    assert (report.fetched, report.bad_rows) == (0, 0)


# Sizes


def test_a_rendition_of_the_width_is_fetched_and_of_smaller_ones_the_original(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, [File(1, "File:Tram.jpg"), File(2, "File:Small tram.jpg", width=400)])
    run(store, api, "tram", size=500)
    assert api.asked[0]["iiurlwidth"] == "500"
    assert set(fetched(store)) == {"500001", "2"}


def test_originals_are_fetched_on_demand(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, [File(1, "File:Tram.jpg")])
    run(store, api, "tram", size=None)
    assert "iiurlwidth" not in api.asked[0]
    assert fetched(store) == ["1"]


def test_the_sha1_that_commons_has_of_an_original_goes_with_it_and_with_no_rendition(site: Site) -> None:
    api = FakeCommons(site, [File(1, "File:Tram.jpg")])
    for size, digest in ((None, hashlib.sha1(jpeg(1), usedforsecurity=False).hexdigest()), (500, None)):
        found, _ = found_by(Commons((Query("tram", "car"),), size=size, api=api.api), site)
        assert [one.digest for one in found if isinstance(one, Proposed)] == [digest]


# Manners and troubles


def test_requests_come_one_at_a_time_packed_and_with_a_contact(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, TRAMS)
    api.most_a_page = 1
    assert run(store, api, "tram").new_images == 5
    assert api.most_at_once == 1
    assert {headers["Accept-Encoding"] for headers in api.headers} == {"gzip, deflate"}
    assert all("curator@example.org" in headers["User-Agent"] for headers in api.headers)


def test_robots_txt_holds_for_the_pictures_and_not_for_the_api(store: Workspace, site: Site) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /w/\nDisallow: /pictures/2.jpg", "text/plain")
    report = run(store, FakeCommons(site, TRAMS), "tram")
    assert (report.new_images, report.refused) == (4, {"robots": 1})


@pytest.mark.parametrize(
    "trouble",
    [
        maxlag(1),
        says({"error": {"code": "ratelimited", "info": "You have exceeded your rate limit."}}, Retry_After="0"),
        says({"error": "too many requests"}, 429, Retry_After="1"),
        sends("<h1>Service unavailable</h1>", "text/html", 503),
    ],
    ids=["maxlag", "ratelimited", "429", "503"],
)
def test_a_busy_api_is_asked_again_after_the_wait_that_it_asks_for(
    store: Workspace, site: Site, trouble: Trouble
) -> None:
    api = FakeCommons(site, TRAMS)
    api.troubles.append(trouble)
    report = run(store, api, "tram")
    assert (report.new_images, report.bad_rows) == (5, 0)
    assert len(api.asked) == 2


@pytest.mark.parametrize(
    "trouble",
    [maxlag(120), says({}, 429, Retry_After="120"), says({}, 503, Retry_After="120")],
    ids=["maxlag", "429", "503"],
)
def test_an_api_that_asks_for_a_long_wait_is_left_alone_in_one_sentence(
    store: Workspace, site: Site, trouble: Trouble
) -> None:
    api = FakeCommons(site, TRAMS)
    api.troubles.append(trouble)
    with pytest.raises(CollectError, match="Wikimedia Commons is busy"):
        run(store, api, "tram", "trolley")
    assert len(api.asked) == 1


def test_a_database_that_never_catches_up_is_not_asked_for_ever(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, TRAMS)
    api.troubles.extend(maxlag(0) for _ in range(20))
    with pytest.raises(CollectError, match="seconds lagged"):
        run(store, api, "tram")
    assert len(api.asked) == 5


@pytest.mark.parametrize(
    "trouble",
    [
        sends('{"query": {"pages": [', "application/json"),
        sends("<html>sign in to this network</html>", "text/html"),
        sends("[]", "application/json"),
        sends("[" * 100_000, "application/json"),
        sends("not found", "text/plain", 404),
        hangs,
    ],
    ids=["cut off", "page", "list", "deep", "404", "hangs"],
)
def test_what_is_not_the_api_is_one_sentence(tmp_path: Path, site: Site, trouble: Trouble) -> None:
    api = FakeCommons(site, TRAMS)
    api.troubles.extend([trouble] * 3)
    for store in open_store(tmp_path, site, fetch_timeout=1.0):
        with pytest.raises(CollectError, match="Wikimedia Commons cannot be reached from here") as failed:
            run(store, api, "tram")
        assert failed.value.hint


def test_no_server_at_all_is_one_sentence(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, [])
    api.api = f"http://{site.host}:9/w/api.php"
    with pytest.raises(CollectError, match="cannot be reached"):
        run(store, api, "tram")


def test_an_api_that_fails_later_leaves_what_it_said_before(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, TRAMS)
    api.troubles.extend([api.answer, sends("<html>", "text/html")])
    report = run(store, api, "tram", "trolley", "streetcar")
    assert (report.new_images, report.bad_rows) == (5, 2)
    assert "'trolley', 'streetcar'" in report.bad_row_examples[0]


@pytest.mark.parametrize(
    "trouble",
    [
        says({"error": {"code": "gsrsearch-error", "info": "An error has occurred while searching: too complex"}}),
        says({"query": {"pages": {"1": {"title": "File:Shape of version 1.jpg"}}}}),
        says({"query": {"pages": [{"title": "File:A.jpg", "imageinfo": {"url": "x"}}]}, "batchcomplete": True}),
        says({"continue": ["nothing"]}),
    ],
    ids=["error", "old shape", "odd info", "odd continue"],
)
def test_a_query_that_fails_ends_no_other(store: Workspace, site: Site, trouble: Trouble) -> None:
    api = FakeCommons(site, TRAMS)
    api.troubles.append(trouble)
    report = run(store, api, "one:two", "tram")
    assert (report.new_images, report.bad_rows) == (5, 1)
    assert "'one:two'" in report.bad_row_examples[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("image/jpeg"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner),
    max_leaves=20,
)


@given(JSON, JSON)
@example({"title": 5}, {"mime": "image/jpeg", "url": "http://h/a.jpg", "descriptionurl": 7, "sha1": {}})
@example({}, {"mime": "image/jpeg", "url": "http://h/a.jpg", "extmetadata": {"Artist": {"value": "<p \ud800 &#0; <<"}}})
def test_whatever_an_answer_holds_is_a_candidate_of_texts_or_an_odd_shape(page: Any, info: Any) -> None:
    try:
        found = _candidate(page, info, Query("tram", "car"))
    except _ODD_SHAPE:
        return
    if found is not None:
        found.storable()
        assert found.title is None or len(found.title) <= 1000


def test_a_continuation_that_goes_in_a_circle_ends(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, TRAMS)
    api.troubles.extend([says({"continue": {"gsroffset": 50, "continue": "gsroffset||"}})] * 20)
    assert run(store, api, "tram").bad_rows == 1
    assert len(api.asked) == 2


def test_warnings_are_said_and_stop_nothing(store: Workspace, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    api = FakeCommons(site, TRAMS)
    api.warning = "Unrecognized parameter: colour."
    assert run(store, api, "tram").new_images == 5
    assert "Unrecognized parameter: colour." in caplog.text


def test_the_address_of_the_api_is_checked_like_any_other(tmp_path: Path, site: Site) -> None:
    for store in open_store(tmp_path, site, allow_hosts=[]):
        with pytest.raises(CollectError, match="cannot be reached"):
            run(store, FakeCommons(site, TRAMS), "tram")
    assert not site.asked


@pytest.mark.parametrize(
    ("queries", "given", "said"),
    [
        ((Query("tram", "car"),), {"contact": " "}, "address of whoever runs it"),
        ((Query("tram", "car"),), {"size": 640}, "640 pixels"),
        ((Query("tram", "car"),), {"limit": 0}, "--limit 0"),
        ((Query("tram", "zebra"),), {}, "zebra"),
        ((Query(" ", "car"),), {}, "no words"),
        ((), {}, "nothing to search"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is(
    store: Workspace, site: Site, queries: tuple[Query, ...], given: dict[str, object], said: str
) -> None:
    api = FakeCommons(site, TRAMS)
    source = Commons(queries, **({"api": api.api, "contact": "me@example.org"} | given))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=said):
        collect(store, source, options=FAST)
    assert not api.asked


def test_a_second_run_asks_the_api_and_fetches_nothing_twice(store: Workspace, site: Site) -> None:
    api = FakeCommons(site, TRAMS)
    run(store, api, "tram")
    again = run(store, api, "tram")
    assert (again.nothing_left, again.already) == (True, 5)
    assert {n for path, n in site.asked.items() if path.startswith("/pictures/")} == {1}
