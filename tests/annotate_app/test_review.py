"""Review: disputed and random items with all their judgments; a decision is a judgment, and edits nothing."""

import re

import pytest
from sqlalchemy import select

from annotate_app import create_campaign
from label_store import settle
from label_store.models import Event, Item, Judgment
from tests.annotate_app.material import add_people, add_pictures
from tests.annotate_app.work import judgment, lease, send

PAGE = {"Accept": "text/html"}


@pytest.fixture
def disputed(stocked, app):
    """A campaign of four items, judged by two people who disagree about all; its item numbers."""
    add_people(stocked, ["rita"], "reviewer")
    add_people(stocked, ["vera"], "viewer")
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 2})
    for name, answer in (("ann", "yes"), ("bea", "no")):
        client = app.client(name)
        send(client, [judgment(item["id"], answer) for item in lease(client, "boats")["items"]])
    with stocked.write() as session:
        for item in session.scalars(select(Item)):
            item.state = "disputed"
        return sorted(session.scalars(select(Item.id)))


def test_the_queue_shows_each_disputed_item_with_all_judgments_until_all_are_decided(stocked, app, disputed):
    rita = app.client("rita")
    rita.follow_redirects = True
    for n in range(4):
        page = rita.get("/campaigns/boats/review", headers=PAGE)
        assert page.status_code == 200
        assert "ann" in page.text
        assert "bea" in page.text
        action = re.search(r'action="([^"]+/decide\?queue=disputed)"', page.text)[1]
        after = rita.post(action, data={"answer": "yes", "comment": f"seen {n}"}, headers=PAGE)
        assert after.status_code == 200
    assert "Nothing is left to review" in after.text
    with stocked.read() as session:
        decisions = session.scalars(select(Judgment).where(Judgment.role == "reviewer")).all()
        assert sorted(row.item_id for row in decisions) == disputed
        assert {row.answer["value"] for row in decisions} == {"yes"}
        people = session.scalars(select(Judgment).where(Judgment.role == "annotator", Judgment.active)).all()
        assert len(people) == 8
        assert set(session.scalars(select(Item.state))) == {"settled"}
        events = session.scalars(select(Event.person_id).where(Event.action == "item.decide")).all()
        assert len(events) == 4
        assert None not in events
    settle(stocked, "boats")
    with stocked.read() as session:
        assert set(session.scalars(select(Item.state))) == {"settled"}


def test_deciding_again_supersedes_ones_own_decision_and_it_can_be_taken_back(stocked, app, disputed):
    rita, here = app.client("rita"), f"/campaigns/boats/items/{disputed[0]}"
    for answer in ("yes", "no"):
        assert rita.post(f"{here}/decide", data={"answer": answer}).status_code == 303
    with stocked.read() as session:
        rows = session.scalars(select(Judgment).where(Judgment.role == "reviewer").order_by(Judgment.active)).all()
        assert [(row.active, row.answer["value"]) for row in rows] == [(False, "yes"), (True, "no")]
        assert rows[1].supersedes == rows[0].id
    assert rita.post(f"{here}/undecide").status_code == 303
    with stocked.read() as session:
        assert session.scalars(select(Judgment).where(Judgment.role == "reviewer", Judgment.active)).all() == []


def test_a_returned_item_is_shown_to_two_more_people_before_everything_else(stocked, app, disputed):
    add_pictures(stocked, "cup", 1)
    rita, item = app.client("rita"), disputed[2]
    assert rita.post(f"/campaigns/boats/items/{item}/return").status_code == 303
    settle(stocked, "boats")  # a consensus that runs meanwhile leaves it with people
    carl = app.client("carl")
    assert [one["id"] for one in lease(carl, "boats")["items"]] == [item]
    assert send(carl, [judgment(item)])[0]["status"] == "accepted"
    assert lease(app.client("ann"), "boats")["items"] == []
    assert [one["id"] for one in lease(app.client("cora"), "boats")["items"]] == [item]
    add_people(stocked, ["dora"])
    assert lease(app.client("dora"), "boats")["items"] == []


def test_random_items_come_from_all_that_were_judged(stocked, app, disputed):
    rita = app.client("rita")
    seen = set()
    for _ in range(40):
        seen.add(rita.get("/campaigns/boats/review?queue=random").headers["location"])
    assert len(seen) > 1


@pytest.mark.parametrize("name", ["ann", "vera"], ids=["annotator", "viewer"])
def test_only_reviewers_and_curators_decide(app, disputed, name):
    client, here = app.client(name), f"/campaigns/boats/items/{disputed[0]}"
    for deed in ("decide", "return", "undecide"):
        assert client.post(f"{here}/{deed}", data={"answer": "yes"}).status_code == 403
    assert client.get("/campaigns/boats/review").status_code == 403
    assert client.get(here).status_code == (200 if name == "vera" else 403)


def test_an_item_of_another_campaign_is_not_there(stocked, app, disputed):
    create_campaign(stocked, "others", "verify", ["boat"])
    rita, here = app.client("rita"), f"/campaigns/others/items/{disputed[0]}"
    assert rita.get(here).status_code == 404
    for deed in ("decide", "return", "undecide"):
        assert rita.post(f"{here}/{deed}", data={"answer": "yes"}).status_code == 404


@pytest.mark.parametrize(
    "answer",
    ["perhaps", "{", '{"value": 3}', "{" * 2000, "flag:nonsense"],
    ids=["word", "cut", "number", "deep", "flag"],
)
def test_an_answer_that_does_not_fit_is_refused(app, disputed, answer):
    rita = app.client("rita")
    answered = rita.post(f"/campaigns/boats/items/{disputed[0]}/decide", data={"answer": answer})
    assert answered.status_code == 422
