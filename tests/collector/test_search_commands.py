"""`cairn collect commons` and `openverse` on the command line: queries, options, words, exit codes."""

import json

import pytest
from sqlalchemy import select

from cairn.cli import run
from cairn.commands.collect_search import queries_of
from collector import Query
from label_store import CategorySpec, UsageError, Workspace, put_category
from label_store.models import Fetch
from tests.collector.apis import FakeCommons, FakeOpenverse, File, sends
from tests.collector.site import Site

FILES = [File(number, f"File:Car {number}.jpg", ("Category:Cars by number",)) for number in range(1, 4)]


@pytest.fixture
def place(store: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The workspace and what it may fetch, as the environment says it."""
    monkeypatch.setenv("CAIRN_WORKSPACE", str(store.folder))
    monkeypatch.setenv("CAIRN_ALLOW_HOSTS", json.dumps([site.netloc]))
    monkeypatch.setenv("CAIRN_HOST_DELAY", "0")
    monkeypatch.setenv("CAIRN_CONTACT", "curator@example.org")
    return site


def test_a_category_is_searched_for_by_its_name_unless_words_are_given(store: Workspace) -> None:
    with store.write() as session:
        put_category(session, CategorySpec("Tram car"))
    assert queries_of(store, ["tram-car", "dog"], []) == (
        Query("Tram car", "tram-car", "name"),
        Query("dog", "dog", "name"),
    )
    assert queries_of(store, ["Tram car"], ["streetcar", "streetcar"]) == (Query("streetcar", "tram-car"),)
    trees = queries_of(store, ["car"], ["automobile"], ["Cars by number", "Category:Vans"])
    assert [query.words for query in trees] == ["automobile", "Category:Cars by number", "Category:Vans"]


@pytest.mark.parametrize(
    ("categories", "words", "said"),
    [([], [], "which category"), (["car", "dog"], ["pet"], "car, dog"), (["cra"], [], "cra")],
)
def test_words_that_nobody_knows_what_they_are_for_are_refused(
    store: Workspace, categories: list[str], words: list[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        queries_of(store, categories, words)
    assert refused.value.hint


def test_commons_by_search_then_by_category(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    api = FakeCommons(place, FILES, {"Category:Cars": ["Category:Cars by number"]})
    command = ["collect", "commons", "-c", "car", "--api", api.api, "--processes", "0"]
    assert run([*command, "--limit", "2", "--size", "500"]) == 0
    assert "2 new images, 2 new candidates" in capsys.readouterr().out
    assert (api.asked[0]["gsrsearch"], api.asked[0]["iiurlwidth"]) == ("filetype:bitmap car", "500")
    assert run([*command, "--commons-category", "Cars", "--depth", "1", "--size", "original", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["source"], report["new_images"]) == ("commons", 3)


def test_openverse_with_filters_and_a_key(
    place: Site, store: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeOpenverse(place, 3, ("me", "hush"))
    monkeypatch.setenv("CAIRN_OPENVERSE_CLIENT_ID", "me")
    monkeypatch.setenv("CAIRN_OPENVERSE_CLIENT_SECRET", "hush")
    command = ["collect", "openverse", "-c", "car", "--query", "old car", "--api", api.api, "--processes", "0"]
    assert run([*command, "--license", "by-sa", "--license", "cc0", "--license-type", "commercial"]) == 0
    assert "3 new images" in capsys.readouterr().out
    assert api.headers[0]["Authorization"] == "Bearer token0"
    asked = {"q": "old car", "license": "by-sa,cc0", "license_type": "commercial", "mature": "false"}
    assert asked.items() <= api.asked[0].items()
    with store.read() as session:
        assert set(session.scalars(select(Fetch.license))) == {"CC-BY-SA-2.0"}


def test_a_query_that_failed_is_named_and_the_command_ends_done_in_part(
    place: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    api = FakeCommons(place, FILES)
    api.troubles.extend([api.answer, sends("<html>", "text/html")])
    command = ["collect", "commons", "-c", "car", "-c", "dog", "--api", api.api, "--processes", "0"]
    assert run(command) == 3
    captured = capsys.readouterr()
    assert "3 new images" in captured.out
    assert "'dog': Wikimedia Commons cannot be reached" in captured.err
    assert "1 queries failed" in captured.err


def test_an_api_that_is_not_there_is_one_sentence_and_exit_1(place: Site, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = f"http://{place.host}:9/"
    for command in (["commons", "--api", f"{nowhere}w/api.php"], ["openverse", "--api", f"{nowhere}v1/"]):
        assert run(["collect", *command, "-c", "car", "--processes", "0"]) == 1
        error = capsys.readouterr().err
        assert "cannot be reached from here" in error
        assert "hint: " in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["commons"],
        ["commons", "-c", "zebra"],
        ["commons", "-c", "car", "--size", "large"],
        ["commons", "-c", "car", "--size", "641"],
        ["commons", "-c", "car", "--ignore", "the law"],
        ["commons", "-c", "car", "-c", "dog", "--commons-category", "Cars"],
        ["openverse", "-c", "car", "--limit", "1000"],
        ["openverse", "-c", "car", "--license", "gpl"],
        ["openverse", "-c", "car", "--license-type", "gratis"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_sentence_and_exit_2(
    place: Site, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["collect", *arguments]) == 2
    error = capsys.readouterr().err
    assert "error: " in error
    assert "hint: " in error


def test_commons_without_a_contact_says_where_to_set_one(
    place: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAIRN_CONTACT", "")
    assert run(["collect", "commons", "-c", "car"]) == 2
    assert "cairn.toml" in capsys.readouterr().err
