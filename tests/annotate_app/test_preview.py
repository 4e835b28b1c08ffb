"""A curator sees the work as annotators do, also before it is opened; nothing is held, saved or kept."""

import pytest
from sqlalchemy import select

from annotate_app import add_gold, create_campaign
from label_store.models import Judgment, Lease
from tests.annotate_app.material import add_pictures
from tests.annotate_app.people import until

KINDS = ("verify", "classify", "boxes")


@pytest.mark.browser
@pytest.mark.parametrize("kind", KINDS)
def test_a_draft_is_tried_out_with_keys_and_nothing_of_it_is_saved(stocked, app, sit_down, kind):
    add_pictures(stocked, "boat", 5)
    create_campaign(stocked, "boats", kind, ["boat", "cup"], state="draft", stopping={"rule": "fixed", "n": 1})
    cora = sit_down(app, "cora")
    cora.page.goto("/campaigns/boats")
    cora.page.click("text=See as annotator")
    cora.page.wait_for_selector(".cell img, #stage img")
    cora.page.wait_for_load_state("networkidle")
    assert cora.page.text_content("#saved") == "preview: nothing is saved"
    first = cora.page.get_attribute("#stage, .cell", "data-item")
    cora.press({"verify": "Enter", "classify": "1", "boxes": "n"}[kind])
    until(cora.page, f"document.querySelector('#stage, .cell')?.dataset.item !== '{first}'")
    cora.press("z")
    until(cora.page, f"document.querySelector('#stage, .cell')?.dataset.item === '{first}'")
    cora.page.wait_for_timeout(300)
    with stocked.read() as session:
        assert session.scalars(select(Judgment)).all() == []
        assert session.scalars(select(Lease)).all() == []


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["verify", "classify"])
def test_a_preview_neither_shows_nor_changes_what_the_browser_keeps_of_real_work(stocked, app, sit_down, kind):
    add_pictures(stocked, "boat", 5)
    create_campaign(stocked, "boats", kind, ["boat", "cup"], stopping={"rule": "fixed", "n": 1})
    cora = sit_down(app, "cora")
    kept = "JSON.stringify(Object.entries(localStorage).filter(([key]) => /^cairn-(marks|recent)-/.test(key)))"
    cora.open("boats")
    marked = cora.page.get_attribute("#stage, .cell", "data-item")
    cora.press({"verify": "x", "classify": "2"}[kind])
    until(cora.page, f"{kept} !== '[]'")
    before = cora.page.evaluate(kept)
    cora.page.goto("/label/boats?preview=true")
    cora.page.wait_for_selector(".cell img, #stage img")
    cora.page.wait_for_load_state("networkidle")
    assert cora.page.locator(f".cell[data-item='{marked}'][data-mark=no]").count() == 0
    first = cora.page.get_attribute("#stage, .cell", "data-item")
    cora.press(*{"verify": ("ArrowRight", "x", "Enter"), "classify": ("1",)}[kind])
    until(cora.page, f"document.querySelector('#stage, .cell')?.dataset.item !== '{first}'")
    assert cora.page.evaluate(kept) == before


def test_a_preview_holds_no_gold_and_is_not_for_annotators(stocked, app):
    hashes = add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "boats", "verify", ["boat"], state="draft")
    add_gold(stocked, "boats", {hashes[0]: {"value": "yes"}})
    cora = app.client("cora")
    for _ in range(5):
        items = cora.get("/api/v1/campaigns/boats/preview?one_category=true").json()["items"]
        assert sorted(item["sha256"] for item in items) == sorted(hashes[1:])
        assert {item["category"] for item in items} == {"boat"}
    assert cora.get("/api/v1/campaigns/boats/preview?category=cup").status_code == 422
    ann = app.client("ann")
    assert ann.get("/api/v1/campaigns/boats/preview").status_code == 403
    assert ann.get("/label/boats?preview=true", headers={"Accept": "text/html"}).status_code == 403
