"""Gold: answers are checked when it is made, and an answer is right by what its kind means by the same."""

import html

import pytest
from sqlalchemy import select

from annotate_app import add_gold, create_campaign
from annotate_app.gold import same_answer
from label_store import AnswerError, UsageError
from label_store.models import Event, Item
from tests.annotate_app.material import add_pictures
from tests.annotate_app.work import judgment, lease, send

BOX = {"category": "boat", "x": 10, "y": 20, "w": 200, "h": 90}


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("boxes", {"boxes": [BOX | {"w": 320}]}),
        ("polygons", {"shapes": [{"category": "boat", "rings": [[[0, 0], [10, 0], [10, 241]]]}]}),
    ],
    ids=["box", "outline"],
)
def test_gold_that_reaches_outside_its_picture_is_refused_and_nothing_is_made(stocked, kind, answer):
    (sha256,) = add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "where", kind, ["boat"])
    with pytest.raises(AnswerError, match="outside its picture"):
        add_gold(stocked, "where", {sha256: answer})
    with stocked.read() as session:
        assert session.scalars(select(Item.gold)).all() == [None]


def test_gold_of_a_picture_that_is_not_there_is_refused(stocked):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    with pytest.raises(UsageError, match="no image"):
        add_gold(stocked, "boats", {"0" * 64: {"value": "yes"}})


def test_a_box_near_the_known_one_is_no_miss_and_the_figures_and_their_items_say_so(stocked, app):
    first, second, _ = add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "where", "boxes", ["boat"], gold_rate=0.99, stopping={"rule": "fixed", "n": 1})
    add_gold(stocked, "where", {first: {"boxes": [BOX]}, second: {"boxes": [BOX]}})
    drawn = {first: {"boxes": [BOX | {"x": 14, "w": 196}]}, second: {"boxes": [BOX | {"x": 110}]}}
    ann, cora = app.client("ann"), app.client("cora")
    given = {}
    while items := lease(ann, "where")["items"]:
        given |= {item["sha256"]: item["id"] for item in items}
        send(ann, [judgment(item["id"]) | {"answer": drawn.get(item["sha256"], {"boxes": []})} for item in items])
    (row,) = cora.get("/api/v1/campaigns/where/progress").json()["annotators"]
    seen = {sha256 for sha256 in (first, second) if sha256 in given}
    assert (row["gold"], row["gold_misses"]) == (len(seen), int(second in seen))
    page = cora.get("/campaigns/where/items?annotator=ann&missed=true", headers={"Accept": "text/html"}).text
    assert (f'/items/{given.get(second)}"' in page) == (second in seen)
    assert f'/items/{given.get(first)}"' not in page


@pytest.mark.parametrize(
    ("answer", "known", "right"),
    [
        ({"value": "yes", "comment": "sure"}, {"value": "yes"}, True),
        ({"value": "unsure"}, {"value": "yes"}, False),
        ({"flag": "broken"}, {"boxes": [BOX]}, False),
        ({"boxes": []}, {"boxes": [BOX]}, False),
        ({"boxes": [BOX | {"h": 80}]}, {"boxes": [BOX]}, True),
        ({"boxes": [BOX | {"category": "car"}]}, {"boxes": [BOX]}, False),
        ({"boxes": []}, {"boxes": []}, True),
        ({"values": {"type": "suv"}}, {"values": {"type": "suv"}}, True),
    ],
    ids=["comment", "unsure", "flag", "nothing-drawn", "near", "category", "no-object", "attributes"],
)
def test_an_answer_is_right_by_what_its_kind_means_by_the_same(answer, known, right):
    assert same_answer(answer, known) == right


def test_a_table_of_known_answers_is_taken_row_by_row_and_what_is_wrong_is_told(stocked, app):
    first, second, third = add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "both", "verify", ["boat", "cup"], images=[first, second])
    table = (
        f"image,answer,category\n{first},yes,boat\n{second},perhaps,boat\n{third},no,cup\n{first},yes,\nx,yes,boat\n"
    )
    cora = app.client("cora")
    told = cora.post("/campaigns/both/gold", data={"table": table})
    assert told.status_code == 400
    assert "2 taken, 3 not" in told.text
    for reason in ("is not one of yes, no, unsure", "asks about several categories", "there is no image x"):
        assert reason in html.unescape(told.text)
    with stocked.read() as session:
        known = {
            (item.image_sha256, item.category.slug): item.gold for item in session.scalars(select(Item)) if item.gold
        }
        (event,) = session.scalars(select(Event).where(Event.action == "campaign.gold"))
    assert known == {(first, "boat"): {"value": "yes"}, (third, "cup"): {"value": "no"}}
    assert event.person_id is not None
    assert (
        cora.post("/campaigns/both/gold", data={"table": f"image,answer,category\n{second},no,boat"}).status_code == 303
    )
    assert "no column image" in cora.post("/campaigns/both/gold", data={"table": "picture,answer\n"}).text
    assert app.client("ann").post("/campaigns/both/gold", data={"table": table}).status_code == 403


def test_gold_is_given_on_the_page_that_makes_a_campaign_or_made_of_an_item(stocked, app):
    first, second = add_pictures(stocked, "boat", 2)
    cora = app.client("cora")
    form = {"slug": "boats", "kind": "classify", "categories": ["boat", "cup"], "n": "2", "gold_percent": "10"}
    assert cora.post("/campaigns/new", data=form | {"gold": f"image,answer\n{first},boat\n"}).status_code == 303
    page = cora.get("/campaigns/boats/items?state=gold", headers={"Accept": "text/html"}).text
    assert first in page
    assert second not in page
    with stocked.read() as session:
        item = session.scalars(select(Item.id).where(Item.image_sha256 == second)).one()
    assert cora.post(f"/campaigns/boats/items/{item}/gold", data={"answer": "cup"}).status_code == 303
    assert cora.post(f"/campaigns/boats/items/{item + 99}/gold", data={"answer": "cup"}).status_code == 404
    with stocked.read() as session:
        assert session.get_one(Item, item).gold == {"value": "cup"}
