"""Pages that everybody can use: axe-core finds nothing, two languages complete, thumbs, few bytes; a way in."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from annotate_app import add_gold, create_campaign
from annotate_app.languages import FOLDER, available, read_tables, words_of
from label_store import Workspace, find_category
from label_store.models import Event, Judgment
from tests.annotate_app.material import add_pictures
from tests.annotate_app.people import ALL_COMPLETE, answers, until
from tests.annotate_app.server import RunningApp
from tests.annotate_app.work import judgment, lease, send

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
APP = FOLDER.parent
KINDS = ("verify", "classify", "attributes", "boxes", "polygons")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture
def campaigns(stocked: Workspace) -> Workspace:
    """One campaign of each kind."""
    boats = add_pictures(stocked, "boat", 6)
    cars = add_pictures(stocked, "car", 4)
    with stocked.write() as session:
        find_category(session, "boat").examples = {"good": boats[:2], "bad": cars[:2]}
    create_campaign(stocked, "verify", "verify", ["boat"], images=boats)
    create_campaign(stocked, "classify", "classify", ["car", "boat", "cup"], images=boats)
    create_campaign(stocked, "attributes", "attributes", ["car"], images=cars)
    create_campaign(stocked, "boxes", "boxes", ["car", "boat"], images=cars)
    create_campaign(stocked, "polygons", "polygons", ["car", "boat"], images=cars)
    pass_all(stocked)
    return stocked


def pass_all(workspace: Workspace) -> None:
    """ann is no newcomer."""
    from annotate_app.qualifying import Grade, record
    from label_store.models import Campaign, Person

    with workspace.write() as session:
        ann = session.scalars(select(Person).where(Person.name == "ann")).one()
        for campaign in session.scalars(select(Campaign)):
            record(session, campaign, ann.id, Grade(0, 0))


def violations(page: Any) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate(f"axe.run(document, {{ runOnly: {json.dumps(STANDARDS)} }})")["violations"]
    return [f"{one['id']}: {one['help']} {[node['html'][:150] for node in one['nodes']]}" for one in found]


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_labelling_page(campaigns, app, sit_down, theme):
    ann = sit_down(app, color_scheme=theme)
    found = {"home": violations(ann.page)}
    for kind in KINDS:
        ann.open(kind)
        if kind == "verify":
            ann.press("x", "ArrowRight", "u")
        if kind in ("boxes", "polygons"):
            ann.press("b")
        found[kind] = violations(ann.page)
        ann.press("?")
        found[f"{kind} keys"] = violations(ann.page)
        ann.press("?")
    for sheet, key in (("guideline", "i"), ("flag", "f"), ("comment", "c")):
        ann.open("classify")
        ann.press(key)
        found[sheet] = violations(ann.page)
    ann.page.goto("/label/verify/start")
    found["start"] = violations(ann.page)
    ann.page.click("#begin")
    ann.page.click("#quiz-options button")
    ann.page.wait_for_selector("#quiz-next:not([hidden])")
    found["quiz"] = violations(ann.page)
    assert {name: found[name] for name in found if found[name]} == {}


# ---- Languages.


@pytest.mark.parametrize("language", available())
def test_a_language_has_every_word_with_the_same_places(language):
    english, own = read_tables("en"), read_tables(language)
    assert {table: set(words) for table, words in own.items()} == {
        table: set(words) for table, words in english.items()
    }
    for table, words in english.items():
        for key, text in words.items():
            places = set(re.findall(r"\{(\w+)\}", text))
            assert set(re.findall(r"\{(\w+)\}", own[table][key])) == places, f"{table}.{key}"


def test_every_word_that_a_page_or_script_asks_for_is_there():
    known = {f"{table}.{key}" for table, words in read_tables("en").items() for key in words}
    pages = "".join(path.read_text(encoding="utf-8") for path in (APP / "templates").iterdir())
    pages += "".join(path.read_text(encoding="utf-8") for path in (APP / "routes").glob("*.py"))
    asked = set(re.findall(r't\("([a-z_]+\.[\w-]+)"', pages))
    for path in (APP / "static" / "js").glob("*.js"):
        table = {"contribute": "giving", "copy": "giving", "moderate": "moderating"}.get(path.stem, "work")
        asked |= {f"{table}.{name}" for name in re.findall(r'\bt\("([\w-]+)"', path.read_text(encoding="utf-8"))}
    asked = {name for name in asked if not name.endswith("_")}  # the rest of those comes from data
    assert asked <= known


def test_the_browser_s_language_is_taken_and_a_choice_is_kept(campaigns, app):
    token = app.client("ann").headers["authorization"].split()[1]
    with httpx.Client(base_url=app.url, cookies={"cairn_session": token}, headers={"accept": "text/html"}) as ann:
        chinese = ann.get("/label/verify", headers={"accept-language": "fr;q=0.9, zh-CN;q=0.8, en;q=0.1"})
        assert '<html lang="zh">' in chinese.text
        assert "其余都有" in chinese.text
        assert '<html lang="en">' in ann.get("/label/verify", headers={"accept-language": "xx, *;q=what"}).text
        chosen = ann.post("/language", data={"language": "zh", "next": "/label/verify"}, headers={"origin": app.url})
        assert chosen.headers["location"] == "/label/verify"
        ann.cookies.set("cairn_language", chosen.cookies["cairn_language"])
        assert '<html lang="zh">' in ann.get("/label/verify", headers={"accept-language": "en"}).text
        assert ann.post("/language", data={"language": "../en"}, headers={"origin": app.url}).status_code == 422
        elsewhere = ann.post(
            "/language", data={"language": "en", "next": "//evil.example"}, headers={"origin": app.url}
        )
        assert elsewhere.headers["location"] == "/"


def test_a_third_language_is_one_file_and_english_fills_what_it_leaves_out(tmp_path, monkeypatch):
    import annotate_app.languages as languages

    for code in available():
        (tmp_path / f"{code}.toml").write_bytes((FOLDER / f"{code}.toml").read_bytes())
    (tmp_path / "de.toml").write_text('[site]\nlanguage_name = "Deutsch"\nwork = "Arbeit"\n', encoding="utf-8")
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    for cached in (languages.available, languages.read_tables, languages.words_of):
        cached.cache_clear()
    try:
        assert languages.available()["de"] == "Deutsch"
        assert languages.words_of("de")("site.work") == "Arbeit"
        assert languages.words_of("de")("label.undo") == words_of("en")("label.undo")
    finally:
        for cached in (languages.available, languages.read_tables, languages.words_of):
            cached.cache_clear()


@pytest.mark.browser
def test_everything_a_chinese_annotator_reads_is_chinese(campaigns, app, sit_down):
    with campaigns.write() as session:
        find_category(session, "boat").translations = {"de": ["Boot"], "zh-Hant": ["艇"], "zh-CN": ["船", "小船"]}
    ann = sit_down(app, locale="zh-CN", color_scheme="dark")
    for kind in KINDS:
        ann.open(kind)
        names = "[...document.querySelectorAll('[aria-label], [title]')].map((e) => e.ariaLabel ?? e.title).join(' ')"
        seen = f"{ann.page.evaluate('document.body.innerText')} {ann.page.evaluate(names)}".lower()
        # What the curator wrote stays as it was written: titles, names, definitions. So do names of keys.
        written = f"{kind} boat car cup type saloon estate suv van a vessel that floats on water road vehicle with four"
        written += " wheels for few people small open to drink from english enter pgup pgdn z s c f i x u n g h b"
        assert set(re.findall(r"[a-z]+", seen)) <= set(written.split()), kind
    ann.open("classify")
    listed = "[...document.querySelectorAll('#answers button span')].map((name) => name.textContent).join()"
    assert ann.page.evaluate(listed) == "Car,船,Cup"
    for typed in ("船", "小船", "boat"):  # what else it is called finds it too
        ann.press("/")
        ann.page.fill("#filter", typed)
        assert ann.page.evaluate(listed) == "船"
        ann.press("Escape")
    ann.press("2", "2", "z", "2", "1", "1", "1", "1")
    ann.wait_outlook("done")
    assert "全部完成" in ann.page.text_content("#message")
    ann.wait_saved()
    assert len(answers(campaigns)) == 6


# ---- Bytes, thumbs, letters.


@pytest.mark.browser
@pytest.mark.parametrize("kind", KINDS)
def test_a_labelling_page_without_its_pictures_weighs_at_most_100_kb(campaigns, app, sit_down, kind):
    ann = sit_down(app)
    page = ann.tab()
    came: list[Any] = []
    page.on("requestfinished", lambda request: came.append(request))
    page.goto(f"/label/{kind}")
    page.wait_for_load_state("networkidle")
    # A part that is put aside for a time without a network comes from the browser's own cache, with a size below zero.
    weights = [(one.url, max(0, one.sizes()["responseBodySize"])) for one in came if "/images/" not in one.url]
    assert 20_000 < sum(weight for _, weight in weights) <= 100_000, weights


@pytest.mark.browser
def test_a_thumb_swipes_through_pictures_and_every_target_is_44_pixels(campaigns, app, sit_down):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    ann = sit_down(app, **phone)
    for kind in KINDS:
        ann.open(kind)
        for button in ann.page.locator("main button:visible").all():
            assert button.bounding_box()["height"] >= 44, button.inner_html()
        assert ann.page.evaluate("document.documentElement.scrollWidth") <= 390
    ann.open("classify")
    first = ann.page.get_attribute("#stage", "data-item")
    ann.page.tap("#answers button")
    swipe(ann.page, "#stage", 80, 300)
    until(ann.page, f"document.getElementById('stage').dataset.item === '{first}'")
    swipe(ann.page, "#stage", 300, 80)
    until(ann.page, f"document.getElementById('stage').dataset.item !== '{first}'")
    ann.open("verify")
    until(ann.page, ALL_COMPLETE)
    swipe(ann.page, "#grid", 300, 80)
    ann.wait_outlook("done")
    ann.wait_saved()


def swipe(page: Any, where: str, start: int, end: int) -> None:
    y = page.locator(where).bounding_box()["y"] + 100
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": (start + end) / 2, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": end, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.browser
def test_single_letter_keys_can_be_turned_off_and_the_choice_is_kept(campaigns, app, sit_down):
    ann = sit_down(app)
    ann.open("classify")
    first = ann.page.get_attribute("#stage", "data-item")
    ann.press("?")
    ann.page.uncheck("#letters")
    ann.press("Escape", "1", "s")
    assert ann.page.get_attribute("#stage", "data-item") == first
    ann.open("classify")
    ann.press("1")
    ann.page.click("[data-value=boat]")
    ann.wait_saved()
    assert list(answers(campaigns).values()) == [[{"value": "boat"}]]


# ---- Newcomers.


@pytest.fixture
def lesson(stocked: Workspace) -> Workspace:
    """A verify campaign with a guideline, two good and two bad examples, and gold that is not among them."""
    boats, cars = add_pictures(stocked, "boat", 8), add_pictures(stocked, "car", 2)
    with stocked.write() as session:
        find_category(session, "boat").examples = {"good": boats[:2], "bad": cars}
    create_campaign(
        stocked, "boats", "verify", ["boat"], images=boats[2:], guideline="Masts are **fine**.", price_per_judgment=0.05
    )
    return stocked


@pytest.mark.browser
def test_a_newcomer_reads_tries_hears_what_was_right_and_starts(lesson, app, sit_down):
    ann = sit_down(app)
    ann.page.goto("/label/boats")
    assert ann.page.url == f"{app.url}/label/boats/start"
    assert ann.page.locator("strong", has_text="fine").is_visible()
    assert ann.page.evaluate("[document.activeElement.id, scrollY].join()") == "begin,0"
    for wrong_first in (True, False):
        ann.page.click("#begin")
        for _ in range(4):
            sha256 = ann.page.get_attribute("#quiz-image", "src").split("/")[2].split("?")[0]
            with lesson.read() as session:
                good = sha256 in find_category(session, "boat").examples["good"]
            ann.press(("1" if good else "2") if not wrong_first else ("2" if good else "1"))
            ann.page.wait_for_selector("#quiz-next:not([hidden])")
            assert ann.page.text_content("#quiz-verdict").startswith("✗" if wrong_first else "✓")
            ann.press("Enter")
        if wrong_first:
            until(ann.page, "document.getElementById('quiz-verdict').textContent.startsWith('0 of 4')")
            ann.page.click("#quiz-next")
            ann.page.wait_for_load_state("networkidle")
    until(ann.page, "document.getElementById('quiz-verdict').textContent.startsWith('4 of 4')")
    ann.page.click("#quiz-next")
    ann.page.wait_for_url(f"{app.url}/label/boats")
    with lesson.read() as session:
        (event,) = session.scalars(select(Event).where(Event.action == "qualification.pass"))
        assert event.detail["right"] == 4
        assert session.scalars(select(Judgment)).all() == []
    ann.open("boats")
    assert ann.page.text_content(".count").startswith("0 / 6")
    ann.press("Enter")
    ann.wait_outlook("done")
    ann.wait_saved()
    assert ann.page.text_content(".count").startswith("6 / 6")
    ann.press("i")  # the figures behind it are of this moment, not of when the page was loaded
    until(ann.page, "document.querySelector('[data-own=earned]').textContent === '0.30'")
    ann.page.goto("/")
    assert "0.30 earned" in ann.page.text_content(".done")


def test_what_is_asked_of_a_newcomer_is_not_all_the_gold_and_not_always_the_same_answer(stocked, app):
    hashes = add_pictures(stocked, "boat", 12)
    create_campaign(stocked, "boats", "verify", ["boat"], images=hashes)
    add_gold(stocked, "boats", {sha256: {"value": "yes" if k % 2 else "no"} for k, sha256 in enumerate(hashes[:9])})
    ann = app.client("ann")
    page = ann.get("/label/boats/start", headers={"accept": "text/html"}).text
    asked = sorted(set(re.findall(r"[0-9a-f]{64}", page)))
    assert len(asked) == 3
    again = ann.get("/label/boats/start", headers={"accept": "text/html"}).text
    assert sorted(set(re.findall(r"[0-9a-f]{64}", again))) == asked
    told = ann.post("/api/v1/campaigns/boats/qualification", json={"answers": {asked[0]: "yes"}}).json()
    assert not told["passed"]
    secret = next(sha256 for sha256 in hashes[:9] if sha256 not in asked)
    refused = ann.post("/api/v1/campaigns/boats/qualification", json={"answers": {secret: "yes"}})
    assert refused.status_code == 422


def test_gold_that_taught_a_newcomer_is_not_given_to_them_again_and_to_others_it_is(stocked, app):
    hashes = add_pictures(stocked, "boat", 12)
    create_campaign(
        stocked, "boats", "verify", ["boat"], images=hashes, gold_rate=0.99, stopping={"rule": "fixed", "n": 9}
    )
    gold = hashes[:9]
    add_gold(stocked, "boats", {sha256: {"value": "yes" if k % 2 else "no"} for k, sha256 in enumerate(gold)})
    ann = app.client("ann")
    page = ann.get("/label/boats/start", headers={"accept": "text/html"}).text
    (first, *others) = sorted(set(re.findall(r"[0-9a-f]{64}", page)))
    for told in ([first], [first], [first, *others]):
        ann.post("/api/v1/campaigns/boats/qualification", json={"answers": dict.fromkeys(told, "yes")})
    given: dict[str, set[str]] = {"ann": set(), "bea": set()}
    for name, seen in given.items():
        client = app.client(name)
        while items := lease(client, "boats", 3)["items"]:
            seen |= {item["sha256"] for item in items}
            send(client, [judgment(item["id"]) for item in items])
    assert given["ann"] & set(gold)
    assert not given["ann"] & {first, *others}
    assert given["bea"] & {first, *others}


def test_own_figures_are_count_pace_agreement_and_pay(lesson: Workspace, app: RunningApp):
    from label_store import settle

    ann, bea, carl = (app.client(name) for name in ("ann", "bea", "carl"))
    begun = ann.get("/api/v1/campaigns/boats/me").json()
    assert (begun["per_hour"], begun["total"]) == (None, 6)
    for person, words in ((ann, ["yes"] * 5 + ["no"]), (bea, ["yes"] * 6), (carl, ["yes"] * 6)):
        items = sorted(item["id"] for item in lease(person, "boats")["items"])
        send(person, [judgment(item, word, active_ms=1800) for item, word in zip(items, words, strict=True)])
    settle(lesson, "boats")
    mine = ann.get("/api/v1/campaigns/boats/me").json()
    assert mine["judged"] == 6
    assert mine["per_hour"] == pytest.approx(2000)
    assert mine["earned"] == pytest.approx(0.30)
    assert (mine["total"], carl.get("/api/v1/campaigns/boats/me").json()["total"]) == (6, 6)
    assert mine["compared"] > 0
    assert mine["agreement"] < 1 == bea.get("/api/v1/campaigns/boats/me").json()["agreement"]


def test_the_total_does_not_tell_by_an_answer_whether_its_item_was_gold(stocked: Workspace, app: RunningApp):
    hashes = add_pictures(stocked, "boat", 12)
    create_campaign(stocked, "boats", "verify", ["boat"], images=hashes, gold_rate=0.5)
    add_gold(stocked, "boats", {sha256: {"value": "yes"} for sha256 in hashes[:4]})
    pass_all(stocked)
    ann = app.client("ann")
    totals, seen = [ann.get("/api/v1/campaigns/boats/me").json()["total"]], set()
    while items := lease(ann, "boats", 3)["items"]:
        for item in items:
            seen.add(item["sha256"] in hashes[:4])
            send(ann, [judgment(item["id"])])
            totals.append(ann.get("/api/v1/campaigns/boats/me").json()["total"])
    assert seen == {True, False}
    assert set(totals) == {12}  # eight, and as much gold as there is at a half


@pytest.mark.browser
def test_a_page_with_examples_fits_the_window_so_that_enter_answers_for_nothing_unseen(stocked, app, sit_down):
    boats = add_pictures(stocked, "boat", 30)
    with stocked.write() as session:
        find_category(session, "boat").examples = {"good": boats[:2], "bad": boats[2:4]}
    create_campaign(stocked, "boats", "verify", ["boat"], images=boats)
    pass_all(stocked)
    ann = sit_down(app, viewport={"width": 1100, "height": 680})
    ann.open("boats")
    for _ in range(2):
        until(ann.page, ALL_COMPLETE)
        below = ann.page.locator("#next").bounding_box()["y"]
        boxes = [cell.bounding_box() for cell in ann.page.locator(".cell").all()]
        assert all(box["y"] + box["height"] <= below for box in boxes)
        ann.press("Enter")


# ---- Many categories.


@pytest.mark.browser
def test_any_of_a_thousand_categories_is_at_most_four_keys_away(stocked, app, sit_down):
    from label_store import CategorySpec, put_category

    with (APP.parent / "label_store" / "data" / "ilsvrc.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(dict.fromkeys(row["name"] for row in rows))[:1000]
    assert len(names) == 1000
    with stocked.write() as session:
        slugs = [put_category(session, CategorySpec(name=name)).slug for name in names]
    create_campaign(stocked, "many", "classify", slugs, images=add_pictures(stocked, "boat", 3))
    ann = sit_down(app)
    ann.open("many")
    codes = dict(
        ann.page.evaluate(
            """async () => {
                const { codesOf } = await import('/static/js/codes.js');
                const { campaign } = await import('/static/js/work.js');
                return [...codesOf(campaign.categories)];
            }"""
        )
    )
    assert set(codes) == set(slugs)
    assert len(set(codes.values())) == 1000
    assert max(len(code) for code in codes.values()) <= 3
    for slug in (slugs[0], slugs[499], slugs[999]):
        ann.keys = 0
        ann.press(*codes[slug], "Enter")
        assert ann.keys <= 4
    ann.wait_outlook("done")
    ann.wait_saved()
    assert {given[0]["value"] for given in answers(stocked).values()} == {slugs[0], slugs[499], slugs[999]}
