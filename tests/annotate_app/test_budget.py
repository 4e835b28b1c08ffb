"""A budget stops a campaign: to the judgment, however many people work at once, on SQLite and PostgreSQL."""

import threading

import pytest
from sqlalchemy import func, select, update

from annotate_app import create_campaign
from annotate_app.budget import pays_for
from label_store import Workspace, tallies
from label_store.models import Campaign, Judgment, Tally
from tests.annotate_app.material import add_people, add_pictures
from tests.annotate_app.server import client, serving
from tests.annotate_app.work import judge_all, judgment, lease, send


def campaign(workspace: Workspace, pictures: int, pays: int, **more: object) -> None:
    add_pictures(workspace, "boat", pictures)
    create_campaign(workspace, "boats", "verify", ["boat"], price_per_judgment=0.1, budget=0.1 * pays, **more)


def given(workspace: Workspace) -> int:
    with workspace.read() as session:
        number = session.scalar(select(func.count()).where(Judgment.active)) or 0
        assert number == session.scalar(select(func.sum(Tally.judgments)))
        return number


def test_many_people_at_once_give_exactly_as_many_judgments_as_the_budget_pays_for(any_stocked):
    campaign(any_stocked, 40, 25, stopping={"rule": "fixed", "n": 3})
    names = [f"worker{k}" for k in range(6)]
    add_people(any_stocked, names)
    problems: list[BaseException] = []

    def work(url: str, name: str) -> None:
        try:
            mine = client(url, name)
            while True:
                leased = lease(mine, "boats", 4)
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
    assert given(any_stocked) == 25


def test_what_others_hold_is_promised_and_comes_back_when_their_time_is_over(stocked, app):
    campaign(stocked, 10, 4)
    ann, bea = app.client("ann"), app.client("bea")
    assert len(lease(ann, "boats")["items"]) == 4
    assert (lease(bea, "boats")["items"], lease(bea, "boats")["outlook"]) == ([], "wait")
    app.clock.forward(minutes=31)
    assert len(lease(bea, "boats")["items"]) == 4


def test_a_late_answer_is_refused_when_the_money_was_promised_to_others(stocked, app):
    campaign(stocked, 10, 4)
    ann, bea = app.client("ann"), app.client("bea")
    mine = [item["id"] for item in lease(ann, "boats")["items"]]
    app.clock.forward(minutes=31)
    lease(bea, "boats", 3)
    outcomes = send(ann, [judgment(item) for item in mine])
    assert sorted(outcome["status"] for outcome in outcomes) == ["accepted", "refused", "refused", "refused"]
    assert "cost" in next(outcome["reason"] for outcome in outcomes if outcome["reason"])


def test_an_undone_judgment_may_be_given_by_somebody_else_and_a_raised_budget_goes_on(stocked, app):
    campaign(stocked, 10, 2)
    ann, bea = app.client("ann"), app.client("bea")
    entry = judgment(lease(ann, "boats", 1)["items"][0]["id"])
    send(ann, [entry])
    assert judge_all(ann, "boats") == 1
    assert lease(bea, "boats")["outlook"] == "done"
    ann.post(f"/api/v1/judgments/{entry['id']}/undo")
    assert judge_all(bea, "boats") == 1
    assert "The budget is spent" in app.client("cora").get("/campaigns/boats", headers={"Accept": "text/html"}).text
    with stocked.write() as session:
        session.execute(update(Campaign).values(budget=0.5))
    assert judge_all(bea, "boats") == 3
    assert given(stocked) == 5


def test_a_correction_costs_nothing(stocked, app):
    campaign(stocked, 3, 1)
    ann = app.client("ann")
    entry = judgment(lease(ann, "boats", 1)["items"][0]["id"])
    again = judgment(entry["item"], "no", supersedes=entry["id"])
    assert [outcome["status"] for outcome in send(ann, [entry, again])] == ["accepted", "accepted"]
    assert given(stocked) == 1
    with stocked.read() as session:
        assert tallies.of_campaign(session, 1) == 1


@pytest.mark.parametrize(
    ("budget", "price", "judgments"),
    [
        (0.3, 0.1, 3),
        (1.0, 0.1, 10),
        (0.35, 0.1, 3),
        (1e8, 0.1, 10**9),
        (0.0, 0.1, 0),
        (None, 0.1, None),
        (5.0, 0.0, None),
        (5.0, 5e-324, None),
    ],
    ids=["tenths", "one", "rest", "many", "nothing", "no-budget", "free", "beyond-numbers"],
)
def test_a_budget_pays_for_whole_judgments(budget, price, judgments):
    assert pays_for(budget, price) == judgments
