"""Plans: what a search would bring and cost, from what is known before anything is fetched."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from cairn.cli import run
from collector.planning import (
    JudgmentTerms,
    SearchTerms,
    expanded_queries,
    judging_terms,
    make_plan,
    plan_search,
)
from collector.queries import Query
from collector.yields import Yield
from label_store import CategorySpec, UsageError, Workspace, put_categories, settle
from label_store.models import Fetch, Item
from tests.collector.apis import FakeCommons, File
from tests.collector.site import Site
from tests.collector.test_yields import Scene
from tests.label_store.lexicons import DOG, write_files, write_lmf

TERMS = SearchTerms("commons", page_size=50, delay=2.0)
QUERIES = (Query("whippet", "whippet", "name"), Query("whippet dog", "whippet", "parent"))


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Iterator[None]:
    """No lexicon but those that a test brings."""
    import wn

    monkeypatch.delenv("WNHOME", raising=False)
    monkeypatch.delenv("WNSEARCHDIR", raising=False)
    monkeypatch.setattr("label_store.lexicon_files.DEBIAN", tmp_path / "none")
    monkeypatch.setattr(wn.config, "_data_directory", tmp_path / "wn")
    monkeypatch.setattr(wn.config, "_dbpath", tmp_path / "wn" / "wn.db")
    return


def test_without_judgments_a_tenth_is_expected_to_be_right() -> None:
    plan = make_plan(QUERIES, TERMS, [], {}, limit=200)
    first = plan.queries[0]
    assert (first.candidates, first.right, first.requests) == (200, pytest.approx(20), 4)
    assert first.judgments == 600, "three a picture, as a new campaign takes"
    assert plan.seconds == 2.0 * 400, "400 pictures of one host, the interface meanwhile"
    assert [one.words for one in plan.asked()] == ["whippet", "whippet dog"]


def test_the_query_that_works_comes_first_and_gets_most_of_a_budget() -> None:
    yields = [
        Yield("whippet", "commons", "whippet", 100, 100, 2.0),
        Yield("whippet", "commons", "whippet dog", 100, 100, 70.0),
        Yield("whippet", "openverse", "whippet", 100, 100, 100.0),
    ]
    plan = make_plan(QUERIES, TERMS, yields, {}, limit=500, budget=100)
    dog, whippet = plan.queries
    assert dog.query.words == "whippet dog"
    assert dog.candidates + whippet.candidates == 100
    assert dog.candidates > 4 * whippet.candidates > 0
    assert dog.limit == 100 + dog.candidates, "what it brought is passed over and then goes on"
    assert dog.rate == pytest.approx(71 / 110)


def test_a_query_that_has_brought_all_it_may_is_not_asked_from_a_budget() -> None:
    yields = [Yield("whippet", "commons", "whippet", 200)]
    plan = make_plan(QUERIES, TERMS, yields, {}, limit=200, budget=50)
    assert [one.words for one in plan.asked()] == ["whippet dog"]
    assert plan.asked()[0].limit == 50
    assert [one.words for one in make_plan(QUERIES, TERMS, yields, {}, limit=200).asked()] == ["whippet", "whippet dog"]


def test_a_source_s_own_bound_holds() -> None:
    plan = make_plan(QUERIES, SearchTerms("openverse", 20, most=240, one_host=False), [], {}, limit=1000)
    assert [one.candidates for one in plan.queries] == [240, 240]
    assert plan.seconds_is_bound


def test_each_category_has_the_budget_of_its_own() -> None:
    queries = (*QUERIES, Query("pug", "pug", "name"))
    plan = make_plan(queries, TERMS, [], {"pug": JudgmentTerms(5, 0.5)}, limit=200, budget=60)
    pug = plan.queries[-1]
    assert (pug.candidates, pug.judgments, pug.money) == (60, 300, 30.0)
    assert sum(one.candidates for one in plan.queries[:2]) == 60


def test_campaigns_say_what_a_picture_costs(any_workspace: Workspace) -> None:
    scene = Scene(any_workspace)
    pictures = scene.brings("whippet", 2)
    scene.campaign(pictures, price_per_judgment=0.05)
    scene.campaign(pictures, rule={"rule": "risk", "max_risk": 0.1, "max_n": 9}, price_per_judgment=0.1)
    with any_workspace.read() as session:
        at_first = judging_terms(session, ["whippet", "greyhound"])
    assert at_first["whippet"].judgments == 2 + 9
    assert at_first["whippet"].money == pytest.approx(2 * 0.05 + 9 * 0.1)
    assert "greyhound" not in at_first


def test_a_campaign_that_stops_by_risk_costs_what_it_took_so_far(workspace: Workspace) -> None:
    scene = Scene(workspace)
    items = scene.campaign(scene.brings("q", 2), rule={"rule": "risk", "max_risk": 0.4, "max_n": 9})
    for item in items:
        scene.judge(item, "yes", "yes", "yes")
    settle(workspace, scene.slug)
    with workspace.write() as session:
        for item in session.scalars(select(Item)):
            item.n = 3
    with workspace.read() as session:
        assert judging_terms(session, ["whippet"])["whippet"].judgments == 3


def test_a_plan_reads_the_yields_of_its_source(any_workspace: Workspace) -> None:
    scene = Scene(any_workspace)
    items = scene.campaign(scene.brings("whippet dog", 4))
    for item in items:
        scene.judge(item, "yes", "yes")
    with any_workspace.read() as session:
        plan = plan_search(session, QUERIES, TERMS, limit=10)
    first = plan.queries[0]
    assert (first.query.words, first.brought, first.candidates, first.judged) == ("whippet dog", 4, 6, 4)
    assert first.rate == pytest.approx(5 / 14)


# Words from the taxonomy and from lexicons

DOG_SPECS = (
    CategorySpec("dog", wnid=f"n{DOG}"),
    CategorySpec("whippet", definition="small slender dog", parents=("dog",), translations={"es": ("lebrel",)}),
)


@pytest.fixture
def dogs(workspace: Workspace) -> Workspace:
    with workspace.write() as session:
        put_categories(session, DOG_SPECS)
    return workspace


def words(workspace: Workspace, *slugs: str, **options: object) -> list[str]:
    with workspace.read() as session:
        return [one.words for one in expanded_queries(session, slugs, **options)]  # type: ignore[arg-type]


def test_a_category_is_expanded_from_the_taxonomy(dogs: Workspace) -> None:
    assert words(dogs, "whippet") == ["whippet", "whippet dog", "lebrel"]
    assert words(dogs, "whippet", synonyms=False) == ["whippet"]
    assert words(dogs, "whippet", synonyms=False, languages=["es"]) == ["whippet", "lebrel"]


def test_a_language_without_a_word_is_told(dogs: Workspace) -> None:
    with pytest.raises(UsageError, match="there is no word for 'whippet' in 'de'") as told:
        words(dogs, "whippet", languages=["de"])
    assert "--translation de=WORD" in told.value.hint


def test_a_category_without_parents_gets_them_and_translations_from_a_lexicon(
    dogs: Workspace, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wn

    write_lmf(tmp_path / "omw.xml")
    wn.add(tmp_path / "omw.xml", progress_handler=None)
    assert words(dogs, "dog") == ["dog", "Hund", "perro", "can"]
    assert words(dogs, "dog", languages=["de"], synonyms=False) == ["dog", "Hund"]
    offsets = write_files(tmp_path / "dict")
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path / "dict"))
    with dogs.write() as session:
        put_categories(session, [CategorySpec("Whippet hound", wnid="n" + offsets["whippet"])])
    assert words(dogs, "whippet-hound") == ["Whippet hound", "Whippet hound dog"]


# The command


def test_the_yield_of_queries_is_shown(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAIRN_WORKSPACE", str(workspace.folder))
    scene = Scene(workspace)
    assert run(["collect", "yield"]) == 0
    assert "no query has brought pictures" in capsys.readouterr().out
    items = scene.campaign(scene.brings("whippet dog", 4))
    for item in items:
        scene.judge(item, "yes", "yes")
    assert run(["collect", "yield", "-c", "whippet"]) == 0
    said = capsys.readouterr().out
    assert "whippet dog" in said
    assert "1 queries, 4 pictures, 4 judged, 100% of them right" in said
    assert run(["collect", "yield", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["query"], row["right"], row["rate"], row["high"]) == ("whippet dog", 4, 1, 1)
    assert run(["collect", "yield", "-c", "wippet"]) == 2
    assert "'whippet'" in capsys.readouterr().err


@pytest.fixture
def place(store: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A workspace with a dog and a whippet, and what it may fetch, as the environment says it."""
    with store.write() as session:
        put_categories(session, DOG_SPECS)
    monkeypatch.setenv("CAIRN_WORKSPACE", str(store.folder))
    monkeypatch.setenv("CAIRN_ALLOW_HOSTS", json.dumps([site.netloc]))
    monkeypatch.setenv("CAIRN_HOST_DELAY", "0")
    monkeypatch.setenv("CAIRN_CONTACT", "curator@example.org")
    return site


FILES = [File(number, f"File:Whippet, lebrel {number}.jpg", ()) for number in range(1, 10)]


def test_a_plan_is_shown_and_nothing_is_fetched(
    place: Site, store: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    api = FakeCommons(place, FILES)
    command = ["collect", "commons", "-c", "whippet", "--api", api.api, "--expand", "--plan", "--delay", "2"]
    assert run(command) == 0
    said = capsys.readouterr().out
    assert "commons: 3 queries in 12 requests bring at most 600 pictures in 20 min, of which about 60 right" in said
    assert "1,800 judgments, costing 0.00. Nothing was fetched." in said
    assert "10 %, as ImageNet found" in said
    lines = [line.split() for line in said.splitlines()]
    assert lines[0][-4:] == ["rate", "requests", "judgments", "cost"], "a file gets the whole table, however wide"
    assert ["whippet", "whippet", "dog", "parent", "en", "0", "200", "20", "10%?", "4", "600", "0.00"] in lines
    assert run([*command, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [(row["words"], row["kind"], row["language"]) for row in plan["queries"]] == [
        ("whippet", "name", "en"),
        ("whippet dog", "parent", "en"),
        ("lebrel", "translation", "es"),
    ]
    assert (plan["candidates"], plan["right"], plan["seconds"]) == (600, pytest.approx(60), 1200)
    assert run(["collect", "openverse", "-c", "whippet", "--expand", "--plan", "--delay", "1", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["source"], plan["requests"], plan["judgments"]) == ("openverse", 30, 1800)
    assert api.asked == []
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Fetch)) == 0


def test_a_budget_is_divided_and_kept(place: Site, store: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    api = FakeCommons(place, FILES)
    command = ["collect", "commons", "-c", "whippet", "--api", api.api, "--processes", "0", "--size", "original"]
    assert run([*command, "--language", "es", "--budget", "6"]) == 0
    assert "3 new images, 3 new candidates" in capsys.readouterr().out
    assert [(asked["gsrsearch"], asked["gsrlimit"]) for asked in api.asked] == [
        ("filetype:bitmap whippet", "3"),
        ("filetype:bitmap lebrel", "3"),
    ]
    assert run(["collect", "yield", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["query"], row["candidates"]) for row in rows] == [("whippet", 3)], "both found the same three"
    assert run([*command, "--limit", "3", "--budget", "6", "--query", "whippet"]) == 2
    captured = capsys.readouterr().err
    assert "all 1 queries have brought the 3 pictures that --limit allows" in captured


def test_a_language_without_a_word_is_refused_before_anything_is_asked(
    place: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["collect", "commons", "-c", "whippet", "--language", "fi"]) == 2
    assert "there is no word for 'whippet' in 'fi'" in capsys.readouterr().err
    assert run(["collect", "commons", "-c", "whippet", "--query", "racing dog", "--expand", "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [row["words"] for row in plan["queries"]] == ["racing dog", "whippet", "whippet dog", "lebrel"]
