"""Leases over real HTTP: exact under concurrency, on SQLite and PostgreSQL."""

import threading
from collections import Counter

import pytest
from sqlalchemy import func, select

from annotate_app import add_gold, create_campaign, set_state
from label_store import Workspace, take_down
from label_store.models import Campaign, Item, Judgment, Lease
from tests.annotate_app.material import add_people, add_pictures
from tests.annotate_app.server import client, serving
from tests.annotate_app.work import judge_all, judgment, lease, send


def campaign(workspace: Workspace, pictures: int, n: int = 1, **more: object) -> list[str]:
    hashes = add_pictures(workspace, "boat", pictures)
    create_campaign(workspace, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": n}, **more)
    return hashes


def test_two_people_racing_for_the_last_item_never_both_get_it(any_stocked):
    campaign(any_stocked, 1)
    names = [f"racer{k}" for k in range(8)]
    add_people(any_stocked, names)
    with serving(any_stocked) as app:
        clients = [app.client(name) for name in names]
        for _ in range(3):
            gate = threading.Barrier(len(names))
            won: list[int] = []

            def race(k: int, gate: threading.Barrier = gate, won: list[int] = won) -> None:
                gate.wait()
                if lease(clients[k], "boats")["items"]:
                    won.append(k)

            threads = [threading.Thread(target=race, args=(k,)) for k in range(len(names))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(won) == 1
            app.clock.forward(minutes=31)


def test_many_people_at_once_judge_every_item_exactly_as_often_as_asked(any_stocked):
    campaign(any_stocked, 24, n=3)
    names = [f"worker{k}" for k in range(6)]
    add_people(any_stocked, names)
    problems: list[BaseException] = []

    def work(url: str, name: str) -> None:
        try:
            mine = client(url, name)
            while True:
                leased = lease(mine, "boats", 5)
                if leased["outlook"] == "done":
                    return
                outcomes = send(mine, [judgment(item["id"]) for item in leased["items"]])
                assert all(outcome["status"] == "accepted" for outcome in outcomes), outcomes
        except BaseException as error:
            problems.append(error)

    with serving(any_stocked) as app:
        threads = [threading.Thread(target=work, args=(app.url, name)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not problems
    with any_stocked.read() as session:
        counted = session.execute(
            select(Judgment.item_id, func.count()).where(Judgment.active).group_by(Judgment.item_id)
        )
        assert Counter({row[0]: row[1] for row in counted}.values()) == {3: 24}
        assert set(session.scalars(select(Item.n))) == {3}
        assert session.scalar(select(func.count()).select_from(Lease)) == 0


def test_nobody_gets_an_item_twice_and_done_is_said_when_all_is_done(stocked, app):
    campaign(stocked, 5, n=3)
    ann = app.client("ann")
    assert judge_all(ann, "boats") == 5
    assert lease(ann, "boats")["outlook"] == "done"
    assert judge_all(app.client("bea"), "boats") == 5


def test_an_expired_lease_returns_to_the_queue_by_itself(stocked, app):
    campaign(stocked, 4)
    ann, bea = app.client("ann"), app.client("bea")
    assert len(lease(ann, "boats")["items"]) == 4
    assert lease(bea, "boats") | {"deadline": None} == {
        "lease": None, "deadline": None, "items": [], "outlook": "wait",
    }  # fmt: skip
    app.clock.forward(minutes=31)
    assert len(lease(bea, "boats")["items"]) == 4


def test_a_late_answer_is_taken_while_the_item_is_open_and_refused_when_others_did_it(stocked, app):
    campaign(stocked, 2)
    ann, bea = app.client("ann"), app.client("bea")
    first, second = (item["id"] for item in lease(ann, "boats")["items"])
    app.clock.forward(minutes=31)
    assert send(ann, [judgment(first)])[0]["status"] == "accepted"
    (left,) = lease(bea, "boats")["items"]
    assert left["id"] == second
    late = send(ann, [judgment(second)])[0]
    assert late["status"] == "refused"
    assert "others" in late["reason"]
    assert send(bea, [judgment(second)])[0]["status"] == "accepted"


def test_leased_items_can_be_asked_for_again_and_given_back(stocked, app):
    campaign(stocked, 6)
    ann, bea = app.client("ann"), app.client("bea")
    given = [item["id"] for item in lease(ann, "boats", 4)["items"]]
    held = ann.get("/api/v1/campaigns/boats/leases").json()["items"]
    assert sorted(item["id"] for item in held) == sorted(given)
    assert ann.post("/api/v1/campaigns/boats/leases/release", json={"items": given}).json() == {"released": 4}
    assert len(lease(bea, "boats")["items"]) == 6


def test_one_category_at_a_time_where_a_page_asks_for_it(stocked, app):
    add_pictures(stocked, "boat", 4)
    add_pictures(stocked, "cup", 4)
    create_campaign(stocked, "mixed", "verify", ["boat", "cup"])
    items = lease(app.client("ann"), "mixed", one_category=True)["items"]
    assert len(items) == 4
    assert len({item["category"] for item in items}) == 1
    assert {item["category"] for item in lease(app.client("bea"), "mixed", category="cup")["items"]} == {"cup"}


def test_gold_is_not_told_from_the_rest_and_counts_for_nobody(stocked, app):
    hashes = campaign(stocked, 20, n=1, gold_rate=0.5)
    add_gold(stocked, "boats", {sha256: {"value": "yes"} for sha256 in hashes[:8]})
    ann = app.client("ann")
    items = lease(ann, "boats", 20)["items"]
    gold = [item for item in items if item["sha256"] in hashes[:8]]
    assert gold
    assert len({frozenset(item) for item in items}) == 1
    assert all(item["suggestion"] is None for item in items)
    send(ann, [judgment(item["id"]) for item in gold])
    with stocked.read() as session:
        assert session.scalar(select(func.sum(Item.n))) == 0
    again = lease(app.client("bea"), "boats", 20)["items"]
    assert not {item["id"] for item in again} & {item["id"] for item in items} - {item["id"] for item in gold}


def test_a_person_is_given_no_more_than_the_limit(stocked, app):
    campaign(stocked, 10, n=3, per_person_limit=4)
    ann = app.client("ann")
    assert len(lease(ann, "boats", 3)["items"]) == 3
    assert len(lease(ann, "boats", 3)["items"]) == 1
    assert lease(ann, "boats", 3)["items"] == []


@pytest.mark.parametrize(("state", "outlook"), [("paused", "wait"), ("closed", "done")])
def test_a_campaign_that_is_not_open_gives_nothing(stocked, app, state, outlook):
    campaign(stocked, 3)
    with stocked.write() as session:
        set_state(session, session.scalars(select(Campaign)).one(), state)
    leased = lease(app.client("ann"), "boats")
    assert (leased["items"], leased["outlook"]) == ([], outlook)


def test_a_picture_that_was_taken_down_is_shown_to_nobody(stocked, app):
    hashes = campaign(stocked, 3)
    take_down(stocked, sha256=hashes[0], reason="asked by the author")
    ann = app.client("ann")
    assert {item["sha256"] for item in lease(ann, "boats")["items"]} == set(hashes[1:])
    assert ann.get(f"/images/{hashes[0]}").status_code == 404


@pytest.mark.parametrize("limit", ["per_person_limit", "per_category_limit"])
def test_late_answers_and_those_that_made_good_for_them_stay_within_a_person_s_limit(stocked, app, limit):
    campaign(stocked, 12, n=3, **{limit: 4})
    ann = app.client("ann")
    late = lease(ann, "boats", 4)["items"]
    app.clock.forward(minutes=31)
    again = lease(ann, "boats", 4)["items"]
    assert len(again) == 4
    outcomes = send(ann, [judgment(item["id"]) for item in late if item not in again])
    assert {outcome["status"] for outcome in outcomes} <= {"refused"}
    assert {outcome["status"] for outcome in send(ann, [judgment(item["id"]) for item in again])} == {"accepted"}
    with stocked.read() as session:
        assert session.scalar(select(func.count()).select_from(Judgment)) == 4
