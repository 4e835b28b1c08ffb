"""Live consensus: a campaign with a risk rule stops asking where it is sure, while people judge."""

import time
from uuid import uuid4

import pytest
from sqlalchemy import select

from annotate_app import create_campaign
from annotate_app.live import LiveConsensus
from label_store import settle
from label_store.models import Campaign, Consensus, Event, Item, Judgment, Person, now
from tests.annotate_app.material import add_categories, add_pictures


def make_campaign(workspace, n, stopping):
    add_categories(workspace)
    add_pictures(workspace, "boat", n)
    return create_campaign(workspace, "boats", "verify", ["boat"], stopping=stopping)


def judge_all(workspace, people, answer="yes"):
    with workspace.write() as session:
        items = list(session.scalars(select(Item)))
        for name in people:
            person = Person(name=name)
            session.add(person)
            session.flush()
            for item in items:
                session.add(
                    Judgment(
                        id=uuid4(), item_id=item.id, person_id=person.id, answer={"value": answer}, answered_at=now()
                    )
                )
                item.n += 1


def states(workspace):
    with workspace.read() as session:
        return set(session.scalars(select(Item.state)))


@pytest.fixture
def campaign(any_workspace):
    return make_campaign(any_workspace, 12, stopping={"rule": "risk", "max_risk": 0.05, "max_n": 9})


def test_items_that_are_sure_enough_are_settled_before_their_most_judgments(any_workspace, campaign):
    judge_all(any_workspace, ["a", "b", "c", "d"])
    live = LiveConsensus(any_workspace)
    live.judged({campaign.id})
    assert live.settle_now() == [campaign.slug]
    assert states(any_workspace) == {"settled"}
    assert live.settle_now() == []


def test_it_writes_no_event_each_time(any_workspace, campaign):
    judge_all(any_workspace, ["a"])
    live = LiveConsensus(any_workspace)
    live.judged({campaign.id})
    live.settle_now()
    with any_workspace.read() as session:
        assert "settle" not in set(session.scalars(select(Event.action)))


def test_a_campaign_with_a_fixed_rule_is_left_to_its_curator(any_workspace):
    made = make_campaign(any_workspace, 3, stopping={"rule": "fixed", "n": 2})
    judge_all(any_workspace, ["a", "b"])
    live = LiveConsensus(any_workspace)
    live.judged({made.id})
    assert live.settle_now() == []
    with any_workspace.read() as session:
        assert list(session.scalars(select(Consensus.item_id))) == []


def test_what_was_judged_before_a_restart_is_settled_after_it(any_workspace, campaign):
    judge_all(any_workspace, ["a", "b", "c", "d"])
    live = LiveConsensus(any_workspace)
    live.start()
    until = time.monotonic() + 20
    while states(any_workspace) != {"settled"} and time.monotonic() < until:
        time.sleep(0.05)
    live.stop()
    assert states(any_workspace) == {"settled"}


def test_a_paused_campaign_is_not_settled(any_workspace, campaign):
    judge_all(any_workspace, ["a", "b", "c", "d"])
    with any_workspace.write() as session:
        session.get_one(Campaign, campaign.id).state = "paused"
    live = LiveConsensus(any_workspace)
    live.judged({campaign.id})
    assert live.settle_now() == []


def test_it_keeps_the_method_that_the_curator_chose(any_workspace, campaign):
    judge_all(any_workspace, ["a", "b", "c", "d"])
    chosen = settle(any_workspace, campaign.slug, "majority")
    live = LiveConsensus(any_workspace)
    live.judged({campaign.id})
    live.settle_now()
    with any_workspace.read() as session:
        row = session.get_one(Campaign, campaign.id)
        assert (row.consensus_method, row.consensus_version) == (chosen.method, chosen.version)


def test_what_fails_is_tried_again_and_ends_nothing(workspace):
    made = make_campaign(workspace, 3, stopping={"rule": "risk", "max_risk": 0.05, "max_n": 9})
    judge_all(workspace, ["a", "b", "c", "d"])
    with workspace.write() as session:
        session.get_one(Campaign, made.id).stopping = {"rule": "risk", "max_risk": "none"}
    live = LiveConsensus(workspace)
    live.judged({made.id})
    assert live.settle_now() == []
    with workspace.write() as session:
        session.get_one(Campaign, made.id).stopping = {"rule": "risk", "max_risk": 0.05, "max_n": 9}
    assert live.settle_now() == [made.slug]
