"""Judgments over real HTTP: once, never lost, refused with a reason."""

import json
import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from annotate_app import create_campaign, set_state
from label_store import Workspace
from label_store.models import Campaign, Item, Judgment, Person, now
from tests.annotate_app.material import add_pictures
from tests.annotate_app.server import AppProcess, client, serving
from tests.annotate_app.work import judgment, lease, send


def active(workspace: Workspace) -> int:
    with workspace.read() as session:
        return session.scalar(select(func.count()).where(Judgment.active)) or 0


def ns(workspace: Workspace) -> list[int]:
    with workspace.read() as session:
        return sorted(session.scalars(select(Item.n)))


@pytest.fixture
def boats(stocked: Workspace) -> Workspace:
    add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 2})
    return stocked


def test_sending_twice_is_the_same_as_once(any_stocked):
    add_pictures(any_stocked, "boat", 4)
    create_campaign(any_stocked, "boats", "verify", ["boat"])
    with serving(any_stocked) as app:
        ann = app.client("ann")
        batch = [judgment(item["id"]) for item in lease(ann, "boats")["items"]]
        assert [outcome["status"] for outcome in send(ann, batch)] == ["accepted"] * 4
        assert [outcome["status"] for outcome in send(ann, batch)] == ["duplicate"] * 4
        assert [outcome["id"] for outcome in send(ann, batch)] == [entry["id"] for entry in batch]
    assert active(any_stocked) == 4
    assert ns(any_stocked) == [1, 1, 1, 1]


def test_killed_between_commit_and_answer_then_sent_again_is_once(boats):
    app = AppProcess(boats.folder, die_after_commit=True)
    ann = client(app.url, "ann")
    batch = [judgment(item["id"]) for item in lease(ann, "boats")["items"]]
    with pytest.raises(Exception, match=r"disconnected|reset|closed|refused"):
        send(ann, batch)
    assert app.wait_until_dead() == -9
    assert active(boats) == 4
    with serving(boats, port=app.port):
        assert [outcome["status"] for outcome in send(ann, batch)] == ["duplicate"] * 4
    assert active(boats) == 4
    assert ns(boats) == [1, 1, 1, 1]


def test_undo_restores_the_item_to_the_queue(any_stocked):
    add_pictures(any_stocked, "boat", 1)
    create_campaign(any_stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 1})
    with serving(any_stocked) as app:
        ann, bea = app.client("ann"), app.client("bea")
        (item,) = lease(ann, "boats")["items"]
        given = judgment(item["id"])
        send(ann, [given])
        assert lease(bea, "boats")["outlook"] == "done"
        for _ in range(2):  # undoing twice is the same as once
            assert ann.post(f"/api/v1/judgments/{given['id']}/undo").json()["status"] == "undone"
        assert ns(any_stocked) == [0]
        assert [again["id"] for again in lease(bea, "boats")["items"]] == [item["id"]]
    with any_stocked.read() as session:
        row = session.get_one(Judgment, uuid.UUID(given["id"]))
        assert not row.active
        assert row.undone_at is not None


def test_undo_can_hold_the_item_to_answer_it_anew(boats):
    with serving(boats) as app:
        ann = app.client("ann")
        item = lease(ann, "boats", 1)["items"][0]
        first = judgment(item["id"])
        send(ann, [first])
        ann.post(f"/api/v1/judgments/{first['id']}/undo?hold=true")
        assert [held["id"] for held in ann.get("/api/v1/campaigns/boats/leases").json()["items"]] == [item["id"]]
        assert send(ann, [judgment(item["id"], "no")])[0]["status"] == "accepted"
    assert active(boats) == 1


def test_a_correction_supersedes_and_counts_once(boats):
    with serving(boats) as app:
        ann = app.client("ann")
        item = lease(ann, "boats", 1)["items"][0]
        first = judgment(item["id"], "yes")
        second = judgment(item["id"], "no", supersedes=first["id"])
        assert [outcome["status"] for outcome in send(ann, [first, second])] == ["accepted", "accepted"]
        third = send(ann, [judgment(item["id"], "yes", supersedes=first["id"])])[0]
        assert third["status"] == "refused"
    assert active(boats) == 1
    assert ns(boats) == [0, 0, 0, 1]


def test_nobody_undoes_what_somebody_else_said(boats):
    with serving(boats) as app:
        ann = app.client("ann")
        given = judgment(lease(ann, "boats", 1)["items"][0]["id"])
        send(ann, [given])
        assert app.client("bea").post(f"/api/v1/judgments/{given['id']}/undo").status_code == 404
    assert active(boats) == 1


def test_one_bad_entry_is_refused_by_itself(boats):
    with serving(boats) as app:
        ann = app.client("ann")
        items = [item["id"] for item in lease(ann, "boats")["items"]]
        batch = [
            judgment(items[0], "maybe"),
            {"id": "no uuid", "item": items[1]},
            "not even an object",
            judgment(items[1], answered_at="2026-01-01T00:00:00"),
            judgment(987654),
            judgment(items[2], answer={"value": "yes", "comment": "\ud800 half a character"}),
            judgment(items[3]),
        ]
        outcomes = ann.post(
            "/api/v1/judgments", content=json.dumps(batch), headers={"Content-Type": "application/json"}
        ).json()
    assert [outcome["status"] for outcome in outcomes] == ["refused"] * 6 + ["accepted"]
    assert all(outcome["reason"] for outcome in outcomes[:6])
    assert active(boats) == 1


def test_an_item_that_was_never_given_or_is_judged_already_is_refused(boats):
    with serving(boats) as app:
        ann, bea = app.client("ann"), app.client("bea")
        item = lease(ann, "boats", 1)["items"][0]["id"]
        assert "not given" in send(bea, [judgment(item)])[0]["reason"]
        send(ann, [judgment(item)])
        assert "already" in send(ann, [judgment(item, "no")])[0]["reason"]


def test_a_flag_is_kept_and_counts_for_no_n(boats):
    with serving(boats) as app:
        ann = app.client("ann")
        item = lease(ann, "boats", 1)["items"][0]["id"]
        flag = judgment(item) | {"answer": {"flag": "broken", "comment": "half of it is grey"}}
        assert send(ann, [flag])[0]["status"] == "accepted"
    assert ns(boats) == [0, 0, 0, 0]


def test_a_paused_campaign_still_takes_answers_and_a_closed_one_does_not(boats):
    with serving(boats) as app:
        ann = app.client("ann")
        items = lease(ann, "boats")["items"]
        for state, status in (("paused", "accepted"), ("closed", "refused")):
            with boats.write() as session:
                set_state(session, session.scalars(select(Campaign)).one(), state)
            assert send(ann, [judgment(items.pop()["id"])])[0]["status"] == status


def test_undo_in_a_closed_campaign_is_refused_and_the_answer_stays(any_stocked):
    add_pictures(any_stocked, "boat", 2)
    create_campaign(any_stocked, "boats", "verify", ["boat"])
    with serving(any_stocked) as app:
        ann = app.client("ann")
        kept, undone = (judgment(item["id"]) for item in lease(ann, "boats")["items"])
        send(ann, [kept, undone])
        assert ann.post(f"/api/v1/judgments/{undone['id']}/undo").status_code == 200
        with any_stocked.write() as session:
            set_state(session, session.scalars(select(Campaign)).one(), "closed")
        answer = ann.post(f"/api/v1/judgments/{kept['id']}/undo?hold=true")
        assert answer.status_code == 409
        assert "closed" in answer.json()["detail"]
        # what was undone before is undone still: a client that asks again hears so
        assert ann.post(f"/api/v1/judgments/{undone['id']}/undo").status_code == 200
    assert active(any_stocked) == 1
    assert sum(ns(any_stocked)) == 1


def test_a_clock_that_cannot_be_right_harms_neither_the_batch_nor_the_answer(any_stocked):
    add_pictures(any_stocked, "boat", 6)
    create_campaign(any_stocked, "boats", "verify", ["boat"])
    ahead = (now() + timedelta(hours=5)).isoformat()
    told = [
        {"answered_at": "0001-01-01T00:00:00+10:00", "shown_at": "0001-01-01T00:00:00+10:00"},
        {"answered_at": "9999-12-31T23:59:59-10:00", "shown_at": "9999-12-31T23:59:59-10:00"},
        {"answered_at": "1970-01-01T00:00:07Z", "active_ms": 2**31 - 1},
        {"answered_at": (now() + timedelta(days=3)).isoformat()},
        {"answered_at": ahead, "shown_at": ahead},
        {"active_ms": -1},
    ]
    with serving(any_stocked) as app:
        ann = app.client("ann")
        items = lease(ann, "boats")["items"]
        batch = [judgment(item["id"], **more) for item, more in zip(items, told, strict=True)]
        outcomes = send(ann, batch)
    assert [outcome["status"] for outcome in outcomes] == ["accepted"] * 5 + ["refused"]
    assert "active_ms" in outcomes[5]["reason"]
    with any_stocked.read() as session:
        rows = [session.get_one(Judgment, uuid.UUID(entry["id"])) for entry in batch[:5]]
    for row in rows[:4]:
        assert row.answered_at == row.received_at
        assert row.shown_at is None
    assert rows[4].answered_at == rows[4].shown_at == datetime.fromisoformat(ahead)
    assert rows[2].active_ms == 24 * 3600 * 1000


def test_an_answer_nested_beyond_measure_is_refused_by_itself(boats):
    with serving(boats) as app:
        ann = app.client("ann")
        one, other = lease(ann, "boats", 2)["items"]
        deep = json.dumps([judgment(one["id"], answer={"value": "HERE"}), judgment(other["id"])])
        deep = deep.replace('"HERE"', "[" * 600 + "]" * 600)
        outcomes = ann.post("/api/v1/judgments", content=deep, headers={"Content-Type": "application/json"}).json()
    assert [outcome["status"] for outcome in outcomes] == ["refused", "accepted"]


def test_what_a_page_of_somebody_else_sends_is_not_taken_under_my_name(boats):
    with serving(boats) as app:
        ann, bea = app.client("ann"), app.client("bea")
        with boats.read() as session:
            me = {person.name: str(person.id) for person in session.scalars(select(Person))}
        item = lease(ann, "boats", 1)["items"][0]
        mine = judgment(item["id"])
        send(ann, [mine])
        lease(bea, "boats")
        stray = {"X-Cairn-Person": me["bea"]}
        for path, body in (
            ("/api/v1/judgments", [judgment(item["id"], "no")]),
            (f"/api/v1/judgments/{mine['id']}/undo", None),
            ("/api/v1/campaigns/boats/leases", {"n": 5}),
        ):
            answer = ann.post(path, json=body, headers=stray)
            assert answer.status_code == 409
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["signed_in"] == "ann"
        own = ann.post(f"/api/v1/judgments/{mine['id']}/undo", headers={"X-Cairn-Person": me["ann"]})
        assert own.status_code == 200
    assert active(boats) == 0


def test_attributes_are_checked_against_the_schema_of_the_category(stocked):
    hashes = add_pictures(stocked, "car", 1)
    create_campaign(stocked, "cars", "attributes", ["car"], images=hashes)
    with serving(stocked) as app:
        ann = app.client("ann")
        item = lease(ann, "cars")["items"][0]["id"]
        wrong = judgment(item) | {"answer": {"values": {"type": "tank", "colour": []}}}
        right = judgment(item) | {"answer": {"values": {"type": "suv", "colour": ["blue", "red"]}}}
        assert "tank" in send(ann, [wrong])[0]["reason"]
        assert send(ann, [right])[0]["status"] == "accepted"
    with stocked.read() as session:
        stored = session.scalars(select(Judgment)).one().answer
    assert stored == {"values": {"type": "suv", "colour": ["red", "blue"]}}
