"""Gold: answers are checked when it is made, and an answer is right by what its kind means by the same."""

import csv
import html
import re
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import event, select

from annotate_app import add_gold, create_campaign
from annotate_app.gold import same_answer, take_gold
from cairn.cli import run
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
    first, second, *_ = add_pictures(stocked, "boat", 30)
    create_campaign(stocked, "where", "boxes", ["boat"], gold_rate=0.99, stopping={"rule": "fixed", "n": 1})
    add_gold(stocked, "where", {first: {"boxes": [BOX]}, second: {"boxes": [BOX]}})
    drawn = {first: {"boxes": [BOX | {"x": 14, "w": 196}]}, second: {"boxes": [BOX | {"x": 110}]}}
    ann, cora = app.client("ann"), app.client("cora")
    given = {}
    while items := lease(ann, "where", 5)["items"]:
        given |= {item["sha256"]: item["id"] for item in items}
        send(ann, [judgment(item["id"]) | {"answer": drawn.get(item["sha256"], {"boxes": []})} for item in items])
    (row,) = cora.get("/api/v1/campaigns/where/progress").json()["annotators"]
    assert {first, second} <= set(given)
    assert (row["gold"], row["gold_misses"]) == (2, 1)
    page = cora.get("/campaigns/where/items?annotator=ann&missed=true", headers={"Accept": "text/html"}).text
    assert f'/items/{given[second]}"' in page
    assert f'/items/{given[first]}"' not in page


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


def lines(page):
    """What the page says of rows that were not taken: line and reason."""
    found = re.findall(r'<tr><td class="n">(\d+)</td><td>(.*?)</td></tr>', page, re.DOTALL)
    return [(int(line), html.unescape(reason)) for line, reason in found]


def test_what_is_no_csv_is_told_in_a_sentence_and_the_rows_before_it_are_taken(stocked, app):
    first, second = add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "boats", "verify", ["boat"])
    cora = app.client("cora")
    unclosed = f'image,answer\n{first},yes\n\n{second},"no\n' + f"{second},no\n" * 3_000
    told = cora.post("/campaigns/boats/gold", data={"table": unclosed})
    ((line, reason),) = lines(told.text)
    assert (told.status_code, line, "1 taken, 1 not" in told.text) == (400, 4, True)
    assert reason.startswith("value 'no")
    assert len(reason) < 400
    with stocked.read() as session:
        assert [item.image_sha256 for item in session.scalars(select(Item)) if item.gold] == [first]
    only_returns = f"image,answer\r{second},no\r"
    assert cora.post("/campaigns/boats/gold", data={"table": only_returns}).status_code == 303


def test_a_field_that_is_too_long_is_a_row_that_is_not_taken(stocked, monkeypatch, request):
    request.addfinalizer(partial(csv.field_size_limit, csv.field_size_limit()))
    (sha256,) = add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    monkeypatch.setattr("annotate_app.gold._MOST_CHARACTERS", 1_000)
    taken = take_gold(stocked.write, "boats", f"image,answer\nx,{'y' * 2_000}\n{sha256},no\n")
    ((line, reason),) = taken.refused
    assert (taken.accepted, line, "not CSV" in reason) == (1, 2, True)
    with pytest.raises(UsageError, match="not CSV"):
        take_gold(stocked.write, "boats", "i" * 2_000)


def test_rows_are_told_by_the_line_of_the_file_on_which_they_begin(stocked):
    (sha256,) = add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "where", "boxes", ["boat"])
    over_lines = '"{""boxes"":\n\n[]}"'
    taken = take_gold(stocked.write, "where", f"image,answer\n\n{sha256},{over_lines}\nx,{over_lines}\ny,{{}}\n")
    assert taken.accepted == 1
    assert [line for line, _ in taken.refused] == [6, 9]


def test_a_long_table_is_taken_some_rows_at_a_time_with_few_questions_each(any_stocked, monkeypatch):
    hashes = add_pictures(any_stocked, "boat", 12)
    create_campaign(any_stocked, "boats", "verify", ["boat"], images=hashes[:6])
    monkeypatch.setattr("annotate_app.gold._AT_ONCE", 5)
    asked, transactions = [], []

    @contextmanager
    def write():
        with any_stocked.write() as session:
            transactions.append(1)
            yield session

    event.listen(any_stocked.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    table = "image,answer\n" + "".join(f"{sha256},no\nx,no\n" for sha256 in hashes) + f"{hashes[11]},yes\n"
    taken = take_gold(write, "boats", table)
    assert (taken.accepted, len(taken.refused), len(transactions)) == (13, 12, 5)
    assert sum(sql.startswith("SELECT") for sql in asked) <= 5 * len(transactions)
    with any_stocked.read() as session:
        known = {item.image_sha256: item.gold for item in session.scalars(select(Item))}
        events = session.scalars(select(Event).where(Event.action == "campaign.gold")).all()
    assert known == {sha256: {"value": "no"} for sha256 in hashes[:11]} | {hashes[11]: {"value": "yes"}}
    assert sum(event.detail["items"] for event in events) == 13


def test_the_form_takes_so_many_rows_at_once(stocked, app, monkeypatch):
    hashes = add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "boats", "verify", ["boat"])
    monkeypatch.setattr("annotate_app.routes.gold.MOST_ROWS", 2)
    cora = app.client("cora")
    rows = [f"{sha256},no\n" for sha256 in hashes]
    told = cora.post("/campaigns/boats/gold", data={"table": "image,answer\n" + "".join(rows)})
    assert (told.status_code, "at most 2 are taken at once" in told.text) == (400, True)
    with stocked.read() as session:
        assert [item for item in session.scalars(select(Item)) if item.gold] == []
    assert cora.post("/campaigns/boats/gold", data={"table": "image,answer\n" + "".join(rows[:2])}).status_code == 303


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


def test_the_command_says_that_a_share_of_gold_needs_known_answers_and_what_it_could_not_read(
    stocked, tmp_path, capsys, monkeypatch
):
    add_pictures(stocked, "boat", 2)
    monkeypatch.setenv("CAIRN_WORKSPACE", str(stocked.folder))
    make = ["campaign", "create", "boats", "-c", "boat", "--gold-rate", "0.05", "--kind"]
    assert run([*make, "verify", "--guideline", "nope.md"]) == 2
    assert "the guideline nope.md cannot be read: No such file" in capsys.readouterr().err
    assert run([*make, "attributes"]) == 2
    assert "cairn taxonomy add 'Boat' --attribute" in capsys.readouterr().err.replace("\n", " ")
    assert run([*make, "verify"]) == 0
    assert "nothing is gold yet" in capsys.readouterr().out
    assert run(["campaign", "status", "boats"]) == 0
    assert "cairn campaign gold boats FILE.csv" in capsys.readouterr().out
