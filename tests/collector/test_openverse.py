"""Openverse: filters, pages up to its documented limits and no further, keys that nobody else sees."""

import logging
from pathlib import Path

import pytest
from sqlalchemy import select
from yarl import URL

from collector import Candidate, CollectError, CollectReport, Openverse, Query, collect
from label_store import UsageError, Workspace, load_settings
from label_store.models import Candidate as Proposal
from label_store.models import Fetch
from tests.collector.apis import FakeOpenverse, Trouble, found_by, hangs, says, sends
from tests.collector.conftest import FAST, open_store
from tests.collector.site import Site, redirect

KEY = ("an-identifier", "a-very-secret-word")


def run(store: Workspace, api: FakeOpenverse, *words: str, **given: object) -> CollectReport:
    """Collect for the category car."""
    queries = tuple(Query(one, "car") for one in words or ("tram",))
    return collect(store, Openverse(queries, api=api.api, **given), options=FAST)  # type: ignore[arg-type]


def with_key(store: Workspace, api: FakeOpenverse, *words: str, **given: object) -> CollectReport:
    return run(store, api, *words, client_id=KEY[0], client_secret=KEY[1], **given)


def test_a_picture_comes_with_its_page_licence_creator_title_and_tags(store: Workspace, site: Site) -> None:
    run(store, FakeOpenverse(site, 1))
    with store.read() as session:
        fetch = session.scalars(select(Fetch)).one()
        assert (fetch.source, fetch.page_url) == ("openverse", "https://photos.example/0")
        assert (fetch.license, fetch.author, fetch.title) == ("CC-BY-SA-2.0", "Ann Lee", "Tram 0")
        assert fetch.caption == "tram, prague"
        assert session.scalars(select(Proposal)).one().query == "tram"


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ({"license": "pdm", "license_version": "1.0", "license_url": None}, "CC-PDM-1.0"),
        ({"license": "cc0", "license_version": "1.0", "license_url": None}, "CC0-1.0"),
        ({"license": "by-nc-nd", "license_version": "4.0", "license_url": None}, "CC-BY-NC-ND-4.0"),
        ({"license": "sampling+", "license_version": "1.0", "license_url": None}, "CC sampling+ 1.0"),
        ({"license": None, "license_version": None, "license_url": None}, None),
    ],
)
def test_a_licence_without_an_address_is_known_by_code_and_version(
    store: Workspace, site: Site, said: dict[str, str | None], licence: str | None
) -> None:
    api = FakeOpenverse(site, 1)
    api.licences = said
    run(store, api)
    with store.read() as session:
        assert session.scalars(select(Fetch.license)).one() == licence


def test_anybody_gets_pages_of_twenty_up_to_the_limit_and_no_more(site: Site) -> None:
    api = FakeOpenverse(site, 1000)
    found, _ = found_by(Openverse((Query("tram", "car"),), limit=30, api=api.api), site)
    assert len(found) == 30
    assert [(asked["page"], asked["page_size"]) for asked in api.asked] == [("1", "20"), ("2", "20")]


def test_a_query_may_say_how_many_are_wanted_of_it(site: Site) -> None:
    api = FakeOpenverse(site, 1000)
    source = Openverse((Query("tram", "car", limit=3), Query("bus", "car", limit=0), Query("van", "car")), api=api.api)
    found, _ = found_by(source, site)
    assert len(found) == source.total() == 203
    assert {asked["q"] for asked in api.asked} == {"tram", "van"}


def test_a_search_that_ends_early_is_not_asked_on(store: Workspace, site: Site) -> None:
    api = FakeOpenverse(site, 25)
    assert run(store, api).new_images == 25
    assert len(api.asked) == 2


def test_a_search_that_finds_nothing_is_no_error(store: Workspace, site: Site) -> None:
    api = FakeOpenverse(site, 0)
    report = run(store, api)
    assert (report.fetched, report.bad_rows, len(api.asked)) == (0, 0, 1)


@pytest.mark.parametrize(("key", "pages"), [(False, 12), (True, 5)])
def test_all_that_the_terms_allow_of_one_query_can_be_had(site: Site, key: bool, pages: int) -> None:
    api = FakeOpenverse(site, 1000, KEY)
    given = {"client_id": KEY[0], "client_secret": KEY[1]} if key else {}
    found, _ = found_by(Openverse((Query("tram", "car"),), limit=240, api=api.api, **given), site)  # type: ignore[arg-type]
    assert [type(one) for one in found] == [Candidate] * 240
    assert len(api.asked) == pages


def test_more_than_the_terms_allow_is_refused_in_one_sentence(store: Workspace, site: Site) -> None:
    api = FakeOpenverse(site, 1000)
    with pytest.raises(UsageError, match="at most 240 results of one query") as refused:
        run(store, api, limit=241)
    assert "more queries" in refused.value.hint
    assert not api.asked


def test_filters_are_sent_and_what_is_not_for_everybody_is_left_out_unless_asked_for(
    store: Workspace, site: Site
) -> None:
    api = FakeOpenverse(site, 1)
    run(store, api, licenses=("BY", "cc0"), license_types=("commercial", "modification"))
    assert (api.asked[0]["license"], api.asked[0]["license_type"]) == ("by,cc0", "commercial,modification")
    assert api.asked[0]["mature"] == "false"
    run(store, api, mature=True)
    assert api.asked[1]["mature"] == "true"
    assert "license" not in api.asked[1]


# Keys


def test_a_key_is_exchanged_for_a_token_once_and_neither_is_ever_shown(
    store: Workspace, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api = FakeOpenverse(site, 60, KEY)
    source = Openverse((Query("tram", "car"),), client_id=KEY[0], client_secret=KEY[1], api=api.api)
    assert collect(store, source, options=FAST).new_images == 60
    assert site.asked["/v1/auth_tokens/token/"] == 1
    assert {headers["Authorization"] for headers in api.headers} == {"Bearer token0"}
    assert KEY[1] not in repr(source) + caplog.text
    assert "token0" not in caplog.text
    assert not [path for path in site.asked if KEY[1] in path]
    secret = "openverse_client_secret"
    assert KEY[1] not in repr(load_settings(None, **{secret: KEY[1]}))


def test_a_token_that_ends_in_the_middle_is_made_anew(store: Workspace, site: Site) -> None:
    api = FakeOpenverse(site, 90, KEY)

    async def forget(request):  # type: ignore[no-untyped-def]
        api.tokens[:] = ["ended"]
        return await api.answer(request)

    api.troubles.extend([api.answer, forget])
    assert with_key(store, api).new_images == 90
    assert site.asked["/v1/auth_tokens/token/"] == 2


def test_a_key_that_is_not_known_is_one_sentence_without_the_key(store: Workspace, site: Site) -> None:
    api = FakeOpenverse(site, 1, ("an-identifier", "another secret"))
    with pytest.raises(CollectError, match="does not know this key") as refused:
        with_key(store, api)
    assert "openverse_client_secret" in refused.value.hint
    assert KEY[1] not in str(refused.value) + refused.value.hint
    assert not api.asked


def test_a_key_follows_no_redirect(store: Workspace, site: Site) -> None:
    with Site() as other:
        api = FakeOpenverse(site, 1, KEY)
        site.on("/v1/auth_tokens/token/", redirect(other.url("/steal"), 307))
        with pytest.raises(CollectError, match="must not go"):
            with_key(store, api)
        api = FakeOpenverse(site, 1, KEY)
        site.on("/v1/images/", redirect(other.url("/steal")))
        with pytest.raises(CollectError, match="must not go"):
            with_key(store, api)
        assert not other.asked


def test_a_request_that_is_refused_is_one_sentence_with_its_reason(store: Workspace, site: Site) -> None:
    api = FakeOpenverse(site, 1)
    api.troubles.append(says({"detail": "page_size may not exceed 10 for anonymous requests"}, 401))
    with pytest.raises(CollectError, match="page_size may not exceed 10"):
        run(store, api)


# Pace and troubles


@pytest.mark.parametrize(("rate", "delay"), [("20/min", 3.0), ("4/s", 0.25), ("200/day", 0.0), ("many/min", 0.0)])
def test_the_rate_that_answers_name_becomes_the_pace(site: Site, rate: str, delay: float) -> None:
    api = FakeOpenverse(site, 5)
    api.rate = rate

    found, fetcher = found_by(Openverse((Query("tram", "car"),), api=api.api), site)
    assert len(found) == 5
    assert fetcher.hosts.of(URL(api.api)).delay == delay


def test_requests_come_one_at_a_time(site: Site) -> None:
    api = FakeOpenverse(site, 60)
    found_by(Openverse((Query("tram", "car"), Query("streetcar", "car")), api=api.api), site)
    assert (len(api.asked), api.most_at_once) == (6, 1)


def test_a_throttled_request_is_tried_again_when_it_may(store: Workspace, site: Site) -> None:
    api = FakeOpenverse(site, 5)
    api.troubles.append(
        says({"detail": "Request was throttled. Expected available in 1 second."}, 429, Retry_After="1")
    )
    report = run(store, api)
    assert (report.new_images, report.bad_rows, len(api.asked)) == (5, 0, 2)


def test_when_the_day_is_used_up_the_rest_is_told_and_what_came_is_fetched(tmp_path: Path, site: Site) -> None:
    api = FakeOpenverse(site, 40)
    detail = {"detail": "Request was throttled. Expected available in 43200 seconds."}
    api.troubles.extend([api.answer, says(detail, 429, Retry_After="43200")])
    with Site() as api.pictures:
        for store in open_store(tmp_path, site, allow_hosts=[site.netloc, api.pictures.netloc]):
            report = run(store, api, "tram", "streetcar")
    assert (report.new_images, report.bad_rows, len(api.asked)) == (20, 2, 2)
    assert "'tram', 'streetcar': Openverse is busy" in report.bad_row_examples[0]


def test_a_query_that_is_refused_ends_no_other(store: Workspace, site: Site) -> None:
    api = FakeOpenverse(site, 5)
    api.troubles.append(says({"error": "InputError", "detail": "Invalid input given for fields. 'q'"}, 400))
    report = run(store, api, "(", "tram")
    assert (report.new_images, report.bad_rows) == (5, 1)
    assert "Invalid input" in report.bad_row_examples[0]


@pytest.mark.parametrize(
    "trouble",
    [
        sends('{"result_count": 4, "resu', "application/json"),
        sends("<html>sign in to this network</html>", "text/html"),
        sends("<html>blocked</html>", "text/html", 403),
        hangs,
    ],
    ids=["cut off", "page", "403", "hangs"],
)
def test_what_is_not_the_api_is_one_sentence(tmp_path: Path, site: Site, trouble: Trouble) -> None:
    api = FakeOpenverse(site, 5)
    api.troubles.append(trouble)
    for store in open_store(tmp_path, site, fetch_timeout=1.0):
        with pytest.raises(CollectError, match="Openverse cannot be reached from here"):
            run(store, api)


@pytest.mark.parametrize(
    "results",
    [
        [{"id": "x", "url": None}, {"url": 7}],
        [{"url": "https://photos.example/a.jpg", "tags": "tram"}],
        [{"url": "http://192.168.0.1/a.jpg", "title": 5, "creator": ["a"], "foreign_landing_url": {}, "license": 7}],
        ["tram"],
        None,
    ],
    ids=["no address", "odd tags", "odd texts", "words", "nothing"],
)
def test_results_of_another_shape_stop_nothing(store: Workspace, site: Site, results: object) -> None:
    api = FakeOpenverse(site, 5)
    api.troubles.append(says({"result_count": 1, "page_count": 1, "page_size": 20, "page": 1, "results": results}))
    assert run(store, api, "odd", "tram").new_images == 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"licenses": ("mit",)}, "--license 'mit'"),
        ({"license_types": ("free",)}, "--license-type 'free'"),
        ({"client_id": "x"}, "openverse_client_secret is empty"),
        ({"client_secret": "x"}, "openverse_client_id is empty"),
        ({"queries": (Query("w" * 201, "car"),)}, "200"),
        ({"queries": (Query("tram", "zebra"),)}, "zebra"),
        ({"queries": ()}, "nothing to search"),
        ({"limit": 0}, "--limit 0"),
        ({"queries": (Query("tram", "car", limit=241),)}, "at most 240"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is(
    store: Workspace, site: Site, given: dict[str, object], said: str
) -> None:
    api = FakeOpenverse(site, 1)
    source = Openverse(**({"queries": (Query("tram", "car"),), "api": api.api} | given))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=said):
        collect(store, source, options=FAST)
    assert not site.asked
