"""The curator's pages over real HTTP: a campaign made by its form, the pictures behind the figures, figures kept."""

import re
import time

import pytest
from sqlalchemy import select

from annotate_app import add_gold, create_campaign
from annotate_app.kept_figures import as_json, from_json
from annotate_app.progress import campaign_progress
from label_store.models import Campaign, CampaignFigures, Event, Item, now
from tests.annotate_app.material import add_people, add_pictures
from tests.annotate_app.work import judge_all, judgment, lease, send

PAGE = {"Accept": "text/html"}


def shown(client, path):
    answer = client.get(path, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


def item_numbers(text):
    return {int(number) for number in re.findall(r'/items/(\d+)"', text)}


def test_a_curator_makes_a_campaign_on_one_page(stocked, app):
    add_pictures(stocked, "boat", 3)
    cora = app.client("cora")
    assert 'value="boat"' in shown(cora, "/campaigns/new")
    form = {
        "slug": "boats-2026", "title": "Boats", "kind": "verify", "categories": ["boat"], "rule": "risk",
        "max_risk_percent": "2.5", "max_n": "7", "gold_percent": "10", "hidden_percent": "50", "per_person_limit": "40",
        "per_category_limit": "30", "price": "0.02", "budget": "12", "item_order": "near_last", "open_to_all": "no",
        "guideline": "# Rules\n\n![a boat](/images/" + "0" * 64 + ")\n\n<script>alert(1)</script>",
    }  # fmt: skip
    answer = cora.post("/campaigns/new", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/campaigns/boats-2026")
    with stocked.read() as session:
        made = session.scalars(select(Campaign)).one()
        who = session.scalars(select(Event).where(Event.action == "campaign.create")).one()
    assert made.stopping == {"rule": "risk", "max_risk": 0.025, "max_n": 7}
    assert (made.gold_rate, made.suggestions_hidden, made.per_person_limit, made.per_category_limit) == (
        0.1,
        0.5,
        40,
        30,
    )
    assert (made.price_per_judgment, made.budget, made.item_order, made.open_to_all) == (0.02, 12, "near_last", False)
    assert who.person_id is not None
    page = shown(cora, "/campaigns/boats-2026")
    assert "10 % of what people are given should be gold, and there is none" in page
    assert "<script>alert" not in page
    assert f'<img src="/images/{"0" * 64}" alt="a boat"' in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"slug": "Two Words"}, "cannot be the name"),
        ({"categories": []}, "at least one category"),
        ({"n": "0"}, "from 1 on"),
        ({"budget": "much"}, "is a number"),
        ({"gold_percent": "100"}, "gold rate"),
        ({"kind": "nonsense"}, "no campaign of kind"),
    ],
    ids=["name", "categories", "n", "budget", "gold", "kind"],
)
def test_what_cannot_be_is_said_above_the_form_which_keeps_what_was_typed(stocked, app, changes, sentence):
    add_pictures(stocked, "boat", 1)
    form = {"slug": "boats", "kind": "verify", "categories": ["boat"], "n": "3", "title": "A title typed with care"}
    answer = app.client("cora").post("/campaigns/new", data=form | changes)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert "A title typed with care" in answer.text
    with stocked.read() as session:
        assert session.scalars(select(Campaign)).all() == []


def test_imagenet_v2_pages_hold_three_known_right_and_three_known_wrong(stocked, app):
    hashes = add_pictures(stocked, "boat", 60)
    cora = app.client("cora")
    form = {"slug": "v2", "kind": "verify", "categories": ["boat"], "preset": "imagenet-v2", "open_to_all": "yes"}
    cora.post("/campaigns/new", data=form)
    known = {sha256: {"value": "yes" if k < 4 else "no"} for k, sha256 in enumerate(hashes[:8])}
    add_gold(stocked, "v2", known)
    items = lease(app.client("ann"), "v2", 20)["items"]
    assert len(items) == 48
    assert sorted(known[i["sha256"]]["value"] for i in items if i["sha256"] in known) == ["no"] * 3 + ["yes"] * 3
    with stocked.read() as session:
        assert session.scalars(select(Campaign.stopping)).one() == {"rule": "fixed", "n": 10}


def test_new_pictures_are_added_once_while_people_work(stocked, app):
    add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "boats", "verify", ["boat"])
    judge_all(app.client("ann"), "boats")
    add_pictures(stocked, "boat", 5)
    cora = app.client("cora")
    for _ in range(2):
        assert cora.post("/campaigns/boats/items").status_code == 303
    with stocked.read() as session:
        assert sorted(session.scalars(select(Item.n))) == [0, 0, 0, 1, 1]
    cora.post("/campaigns/boats/state", data={"state": "closed"})
    assert cora.post("/campaigns/boats/items").status_code == 400


def test_every_figure_opens_the_items_behind_it(stocked, app):
    hashes = add_pictures(stocked, "boat", 6)
    create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 1}, gold_rate=0.9)
    add_gold(stocked, "boats", {sha256: {"value": "no"} for sha256 in hashes[:2]})
    ann = app.client("ann")
    judge_all(ann, "boats")
    with stocked.write() as session:
        session.scalars(select(Item).where(Item.gold.is_(None)).order_by(Item.id)).first().state = "disputed"
        ordinary = set(session.scalars(select(Item.id).where(Item.gold.is_(None))))
        gold = set(session.scalars(select(Item.id).where(Item.gold.is_not(None))))
    cora = app.client("cora")
    page = shown(cora, "/campaigns/boats")
    for link in re.findall(r'href="(/campaigns/boats/items[^"]*)"', page):
        shown(cora, link.replace("&amp;", "&"))
    assert item_numbers(shown(cora, "/campaigns/boats/items")) == ordinary | gold
    assert item_numbers(shown(cora, "/campaigns/boats/items?state=gold")) == gold
    assert len(item_numbers(shown(cora, "/campaigns/boats/items?state=disputed"))) == 1
    missed = item_numbers(shown(cora, "/campaigns/boats/items?annotator=ann&missed=true"))
    assert missed
    assert missed <= gold
    assert item_numbers(shown(cora, "/campaigns/boats/items?annotator=bea")) == set()
    assert item_numbers(shown(cora, "/campaigns/boats/items?category=cup")) == set()


def test_figures_that_take_long_to_count_are_kept_and_come_back_the_same(stocked, app, monkeypatch):
    add_pictures(stocked, "boat", 4)
    made = create_campaign(stocked, "boats", "verify", ["boat"])
    judge_all(app.client("ann"), "boats")
    with stocked.read() as session:
        progress = campaign_progress(session, session.get_one(Campaign, made.id), now())
    assert from_json(as_json(progress)) == progress
    monkeypatch.setattr("annotate_app.kept_figures.QUICK", -1.0)
    cora = app.client("cora")
    assert "Figures of" not in shown(cora, "/campaigns/boats")
    with stocked.write() as session:
        kept = session.get_one(CampaignFigures, made.id)
        assert kept.figures["judgments"] == 4
        kept.seconds = 1000.0  # so that they are not counted again for hours
    judge_all(app.client("bea"), "boats")
    app.clock.forward(minutes=1)
    assert "Figures of" in shown(cora, "/campaigns/boats")
    with stocked.read() as session:
        assert session.get_one(CampaignFigures, made.id).figures["judgments"] == 4


def test_the_first_page_of_a_large_campaign_does_not_wait_for_its_figures(stocked, app, monkeypatch):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"])
    monkeypatch.setattr("annotate_app.kept_figures.LARGE", 2)
    monkeypatch.setattr("annotate_app.kept_figures.QUICK", -1.0)
    cora = app.client("cora")
    assert "being counted" in shown(cora, "/campaigns/boats")
    for _ in range(200):
        if "being counted" not in shown(cora, "/campaigns/boats"):
            break
        time.sleep(0.05)
    assert "4 items" in shown(cora, "/campaigns/boats")
    assert "being counted" not in shown(cora, "/campaigns")


def test_the_first_answer_of_a_large_campaign_s_progress_says_when_to_come_again(stocked, app, monkeypatch):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"])
    monkeypatch.setattr("annotate_app.kept_figures.LARGE", 2)
    monkeypatch.setattr("annotate_app.kept_figures.QUICK", -1.0)
    cora = app.client("cora")
    first = cora.get("/api/v1/campaigns/boats/progress")
    assert (first.status_code, first.headers["retry-after"]) == (503, "2")
    for _ in range(200):
        if (answer := cora.get("/api/v1/campaigns/boats/progress")).status_code == 200:
            break
        time.sleep(0.05)
    with stocked.write() as session:
        kept = session.scalars(select(CampaignFigures)).one()
        kept.seconds = 1000.0
    judge_all(app.client("ann"), "boats")
    again = cora.get("/api/v1/campaigns/boats/progress").json()
    assert again == answer.json()
    assert (again["judgments"], again["items"]) == (0, 4)
    assert again["counted_at"] == kept.at.isoformat().replace("+00:00", "Z")


def test_a_large_campaign_that_is_counted_quickly_shows_its_figures_all_the_same(stocked, app, monkeypatch):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"])
    monkeypatch.setattr("annotate_app.kept_figures.LARGE", 2)
    monkeypatch.setattr("annotate_app.kept_figures.QUICK", 100.0)
    cora = app.client("cora")
    for _ in range(100):
        if (answer := cora.get("/api/v1/campaigns/boats/progress")).status_code == 200:
            break
        time.sleep(0.05)
    assert (answer.status_code, answer.json()["items"]) == (200, 4)
    judge_all(app.client("ann"), "boats")
    app.clock.forward(minutes=10)
    for _ in range(100):
        if (judgments := cora.get("/api/v1/campaigns/boats/progress").json()["judgments"]) == 4:
            break
        time.sleep(0.05)
    assert judgments == 4


def test_what_is_counted_quickly_now_is_not_shown_from_older_figures_for_ever(stocked, app, monkeypatch):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"])
    cora = app.client("cora")
    monkeypatch.setattr("annotate_app.kept_figures.QUICK", -1.0)
    shown(cora, "/campaigns/boats")
    monkeypatch.setattr("annotate_app.kept_figures.QUICK", 100.0)
    judge_all(app.client("ann"), "boats")
    app.clock.forward(minutes=10)
    for _ in range(200):
        if cora.get("/api/v1/campaigns/boats/progress").json()["judgments"] == 4:
            break
        time.sleep(0.05)
    assert "Figures of" not in shown(cora, "/campaigns/boats")
    with stocked.read() as session:
        assert session.scalars(select(CampaignFigures)).all() == []


def test_suggestions_are_hidden_from_a_share_of_people_and_always_the_same_ones(stocked, app):
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"], suggestions_hidden=0.5, stopping={"rule": "fixed", "n": 30})
    with stocked.write() as session:
        for item in session.scalars(select(Item)):
            item.suggestion = {"value": "yes"}
    names = [f"person{k}" for k in range(12)]
    add_people(stocked, names)
    seen = set()
    for name in names:
        client = app.client(name)
        first = [item["suggestion"] for item in lease(client, "boats", 2)["items"]]
        rest = [item["suggestion"] for item in lease(client, "boats", 2)["items"]]
        assert len({str(suggestion) for suggestion in first + rest}) == 1
        seen.add(str(first[0]))
    assert seen == {"None", "{'value': 'yes'}"}


def test_a_person_is_given_no_more_of_one_category_than_its_limit(stocked, app):
    add_pictures(stocked, "boat", 6)
    add_pictures(stocked, "cup", 6)
    create_campaign(stocked, "both", "verify", ["boat", "cup"], per_category_limit=4)
    ann = app.client("ann")
    given = []
    while items := lease(ann, "both", 3)["items"]:
        given += [item["category"] for item in items]
        send(ann, [judgment(item["id"]) for item in items])
    assert sorted(given) == ["boat"] * 4 + ["cup"] * 4
