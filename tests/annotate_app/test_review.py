"""Review: disputed and random items with all their judgments; a decision is a judgment, and edits nothing."""

import html
import re

import pytest
from sqlalchemy import select

from annotate_app import create_campaign
from annotate_app.review_queue import LOOKS, ReviewQueue
from label_store import settle
from label_store.audit import audit_campaign, audit_key
from label_store.models import Campaign, Event, Item, Judgment, now
from tests.annotate_app.material import add_people, add_pictures
from tests.annotate_app.work import judge_all, judgment, lease, send

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


def at_random(client, answer="yes", times=1):
    """Review so many items of the random queue; their numbers, in the order in which they came."""
    seen, after = [], 0
    for _ in range(times):
        there = client.get(f"/campaigns/boats/review?queue=random&after={after}")
        if there.status_code != 303:
            break
        seen.append(int(re.search(r"/items/(\d+)", there.headers["location"])[1]))
        client.post(f"/campaigns/boats/items/{seen[-1]}/decide?queue=random", data={"answer": answer})
        after = seen[-1]
    return seen


def test_random_review_goes_through_all_that_was_judged_once_in_the_order_of_an_audit(stocked, app, disputed):
    rita = app.client("rita")
    seen = at_random(rita, times=9)
    assert seen == sorted(disputed, key=lambda item: audit_key("boats", item))


def test_what_was_reviewed_at_random_is_the_sample_of_the_audit(stocked, app):
    add_people(stocked, ["rita"], "reviewer")
    add_pictures(stocked, "boat", 40)
    create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 2})
    for name in ("ann", "bea"):
        judge_all(app.client(name), "boats")
    settle(stocked, "boats")
    rita = app.client("rita")
    at_random(rita, times=10)
    at_random(rita, answer="no", times=2)
    with stocked.read() as session:
        audit = audit_campaign(session, session.scalars(select(Campaign)).one())
    assert audit.audited is not None
    assert (audit.audited.judged, audit.audited.corrected) == (12, 2)
    assert not set(audit.to_judge) & {row.item_id for row in decisions(stocked)}


def test_what_a_reviewer_skips_comes_again_at_the_next_visit(stocked, app, disputed):
    rita = app.client("rita")
    (first, *_) = sorted(disputed, key=lambda item: audit_key("boats", item))
    there = rita.get("/campaigns/boats/review?queue=random").headers["location"]
    assert f"/items/{first}?" in there
    assert f"/items/{first}?" not in rita.get(f"/campaigns/boats/review?queue=random&after={first}").headers["location"]
    assert rita.get("/campaigns/boats/review?queue=random").headers["location"] == there


@pytest.mark.parametrize("queue", ["random", "disputed"])
def test_two_reviewers_at_once_are_sent_to_different_items(stocked, app, disputed, queue):
    add_people(stocked, ["rosa"], "reviewer")
    sent = [
        app.client(name).get(f"/campaigns/boats/review?queue={queue}").headers["location"] for name in ("rita", "rosa")
    ]
    assert sent[0] != sent[1]
    app.clock.forward(minutes=11)
    assert app.client("rosa").get(f"/campaigns/boats/review?queue={queue}").headers["location"] in sent


def test_no_two_reviewers_get_the_same_item_however_close_they_come(stocked, disputed):
    queue, at = ReviewQueue(), now()
    with stocked.read() as session:
        campaign = session.scalars(select(Campaign)).one()
        given = [queue.next(session, campaign, person, at) for person in (1, 2, 3, 4, 5)]
        assert given == [*sorted(disputed, key=lambda item: audit_key("boats", item)), None]
        assert queue.next(session, campaign, 1, at) == given[0]
    assert not queue.claim(given[0], 2, at)
    assert queue.claim(given[0], 2, at + LOOKS)


def test_what_is_with_people_again_is_not_asked_of_reviewers_meanwhile(stocked, app, disputed):
    rita = app.client("rita")
    (first, second, *_) = sorted(disputed, key=lambda item: audit_key("boats", item))
    rita.post(f"/campaigns/boats/items/{first}/return")
    assert at_random(rita) == [second]


def decisions(workspace):
    with workspace.read() as session:
        return session.scalars(select(Judgment).where(Judgment.role == "reviewer", Judgment.active)).all()


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


def test_boxes_are_drawn_by_number_and_a_reviewer_takes_one_person_s_answer(stocked, app):
    add_people(stocked, ["rita"], "reviewer")
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "where", "boxes", ["boat"], stopping={"rule": "fixed", "n": 2})
    box = {"category": "boat", "x": 10.0, "y": 20.0, "w": 100.0, "h": 50.0, "crowd": False}
    for name, x in (("ann", 10.0), ("bea", 150.0)):
        client = app.client(name)
        (item,) = lease(client, "where")["items"]
        send(client, [judgment(item["id"]) | {"answer": {"boxes": [box | {"x": x}]}}])
    rita = app.client("rita")
    page = rita.get(f"/campaigns/where/items/{item['id']}", headers=PAGE).text
    assert 'viewBox="0 0 320 240"' in page
    assert '<rect x="10.0" y="20.0" width="100.0" height="50.0"><title>1 ann: boat</title>' in page
    assert '<rect x="150.0"' in page
    taken = html.unescape(re.findall(r'name="answer" value="(\{[^"]*)"', page)[1])
    assert rita.post(f"/campaigns/where/items/{item['id']}/decide", data={"answer": taken}).status_code == 303
    (decision,) = decisions(stocked)
    assert decision.answer == {"boxes": [box | {"x": 150.0}]}
