"""Pages of curators that everybody can use: axe-core finds nothing on any of them, in both themes and two widths."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from annotate_app import add_gold, create_campaign
from label_store import settle
from label_store.models import Item
from tests.annotate_app.material import add_people, add_pictures
from tests.annotate_app.work import judgment, lease, send

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
BOX = {"category": "boat", "x": 40.0, "y": 60.0, "w": 160.0, "h": 90.0, "crowd": False}


@pytest.fixture
def pages(stocked: Any, app: Any) -> list[str]:
    """Every page that a curator opens, of campaigns where people have judged and disagreed."""
    add_people(stocked, ["olga"], "owner")
    boats = add_pictures(stocked, "boat", 8)
    rule = {"rule": "fixed", "n": 2}
    create_campaign(stocked, "boats", "verify", ["boat"], stopping=rule, gold_rate=0.4, guideline="Masts are **fine**.")
    add_gold(stocked, "boats", {boats[0]: {"value": "no"}, boats[1]: {"value": "yes"}})
    create_campaign(stocked, "what", "classify", ["boat", "cup"], images=boats[:2], stopping=rule)
    create_campaign(stocked, "where", "boxes", ["boat"], images=boats[:1], stopping=rule)
    said = {
        "boats": ({"value": "yes"}, {"value": "no"}),
        "what": ({"value": "boat"},) * 2,
        "where": ({"boxes": [BOX]},) * 2,
    }
    for slug, answers in said.items():
        for name, answer in zip(("ann", "bea"), answers, strict=True):
            client = app.client(name)
            send(client, [judgment(item["id"]) | {"answer": answer} for item in lease(client, slug)["items"]])
        settle(stocked, slug)
    with stocked.read() as session:
        first, drawn = (
            session.scalars(select(Item.id).where(Item.campaign_id == campaign, Item.gold.is_(None))).first()
            for campaign in (1, 3)
        )
    return [
        "/campaigns",
        "/campaigns/new",
        "/campaigns/boats",
        "/campaigns/what",
        "/campaigns/boats/items?state=ordinary",
        f"/campaigns/boats/items/{first}?queue=disputed",
        f"/campaigns/where/items/{drawn}",
        "/campaigns/boats/annotator?name=ann",
        "/campaigns/boats/gold",
        "/people",
        "/account",
    ]


@pytest.mark.browser
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)], ids=["light-desk", "dark-phone"])
def test_axe_finds_nothing_on_any_page_of_a_curator(pages, app, sit_down, theme, width):
    olga = sit_down(app, "olga", color_scheme=theme, viewport={"width": width, "height": 900})
    found = {}
    for path in pages:
        olga.page.goto(path)
        olga.page.wait_for_load_state("networkidle")
        olga.page.evaluate(AXE)
        run = f"axe.run(document, {{runOnly: {STANDARDS}}})"
        violations = olga.page.evaluate(f"{run}.then((result) => result.violations)")
        for one in violations:
            found[path, one["id"]] = [node["html"][:200] for node in one["nodes"]]
        wide = olga.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        if wide:
            found[path, "scrolls sideways"] = []
    assert found == {}
