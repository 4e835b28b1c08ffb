"""Settling a campaign: from judgments in the store to consensus rows, for each kind that has choices."""

import time
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier, Event, Thread
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import insert, select, update
from typer.testing import CliRunner

from cairn.cli import app
from dataset_builder.judging import campaign_facts
from dataset_builder.store import read_campaigns
from label_store import CategorySpec, UsageError, find_campaign, put_category, settle, settle_writing
from label_store.models import Campaign, CampaignCategory, Category, Consensus, Image, Item, Judgment, Person
from label_store.questions import questions, read_campaign
from label_store.taxonomy import AttributeSpec

_uuids = count(1)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def sha(n: int) -> str:
    return f"{n:064x}"


class Made:
    """A campaign built row by row, as the app would have left it."""

    def __init__(self, workspace, kind, stopping, categories=("car",), n_items=1, people=3):
        self.workspace = workspace
        with workspace.write() as session:
            rows = []
            for name in categories:
                rows.append(
                    put_category(
                        session,
                        CategorySpec(
                            name=name,
                            attributes=(
                                AttributeSpec("type", ("suv", "van", "sedan")),
                                AttributeSpec("colour", ("red", "black"), multiple=True),
                            ),
                        ),
                    )
                )
            campaign = Campaign(slug="c", kind=kind, stopping=stopping)
            session.add(campaign)
            session.add_all(Person(name=f"p{n}") for n in range(people))
            session.add_all(
                Image(sha256=sha(n), bytes=1, format="JPEG", mode="RGB", width=9, height=9) for n in range(n_items)
            )
            session.flush()
            for position, row in enumerate(rows):
                session.add(CampaignCategory(campaign_id=campaign.id, category_id=row.id, position=position))
            category = rows[0].id if kind in ("verify", "attributes") else None
            session.add_all(
                Item(campaign_id=campaign.id, image_sha256=sha(n), category_id=category) for n in range(n_items)
            )
            session.flush()
            self.items = list(session.scalars(select(Item.id).order_by(Item.id)))
            self.people = list(session.scalars(select(Person.id).order_by(Person.id)))

    def judge(self, item, person, answer, role="annotator"):
        with self.workspace.write() as session:
            session.add(
                Judgment(
                    id=UUID(int=next(_uuids)),
                    item_id=self.items[item],
                    person_id=self.people[person],
                    answer=answer,
                    role=role,
                    answered_at=AT,
                )
            )

    def rows(self):
        with self.workspace.read() as session:
            return {row.item_id: row for row in session.scalars(select(Consensus))}

    def state(self, item=0):
        with self.workspace.read() as session:
            return session.get_one(Item, self.items[item]).state


def test_three_that_agree_settle_an_item(any_workspace):
    made = Made(any_workspace, "verify", {"rule": "fixed", "n": 3})
    for person in range(3):
        made.judge(0, person, {"value": "yes"})
    result = settle(any_workspace, "c")
    (row,) = made.rows().values()
    assert (row.state, row.answer, row.n) == ("settled", {"value": "yes"}, 3)
    assert row.posterior["yes"] + row.posterior["no"] == pytest.approx(1)
    assert made.state() == "settled"
    assert result.states == {"open": 0, "settled": 1, "disputed": 0}


def test_an_item_with_too_few_judgments_stays_open(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 3})
    made.judge(0, 0, {"value": "yes"})
    settle(workspace, "c")
    assert made.state() == "open"


def test_nobody_asked_means_open_without_an_answer(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 1})
    settle(workspace, "c")
    (row,) = made.rows().values()
    assert (row.state, row.answer, row.n) == ("open", None, 0)


def test_flags_and_undone_judgments_are_no_answers(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 2})
    made.judge(0, 0, {"value": "yes"})
    made.judge(0, 1, {"flag": "broken"})
    with workspace.write() as session:
        session.add(
            Judgment(
                id=UUID(int=next(_uuids)),
                item_id=made.items[0],
                person_id=made.people[2],
                answer={"value": "no"},
                answered_at=AT,
                active=False,
                undone_at=AT,
            )
        )
    settle(workspace, "c")
    assert made.rows()[made.items[0]].n == 1


def test_gold_informs_annotators_but_is_not_settled_itself(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 2}, n_items=30)
    with workspace.write() as session:
        for item_id in made.items[:20]:
            session.get_one(Item, item_id).gold = {"value": "no"}
    for item in range(30):
        made.judge(item, 0, {"value": "no"})  # right on gold
        made.judge(item, 1, {"value": "yes"})  # wrong on all gold
    result = settle(workspace, "c")
    good, bad = result.annotators
    assert (good.gold_right, good.gold_n, bad.gold_right) == (20, 20, 0)
    assert good.accuracy > 0.8 > 0.4 > bad.accuracy
    rows = made.rows()
    assert set(rows) == set(made.items[20:])
    assert all(row.answer == {"value": "no"} for row in rows.values())


def test_a_reviewer_decides(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 2})
    made.judge(0, 0, {"value": "yes"})
    made.judge(0, 1, {"value": "no"})
    settle(workspace, "c")
    assert made.state() == "disputed"
    made.judge(0, 2, {"value": "no"}, role="reviewer")
    settle(workspace, "c")
    row = made.rows()[made.items[0]]
    assert (row.state, row.answer, row.n) == ("settled", {"value": "no"}, 2)


def test_reviewers_who_contradict_each_other_decide_nothing_and_a_third_one_does(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 1}, people=4)
    made.judge(0, 0, {"value": "yes"})
    made.judge(0, 1, {"value": "no"}, role="reviewer")
    made.judge(0, 2, {"value": "yes"}, role="reviewer")
    settle(workspace, "c")
    assert made.state() == "disputed"
    made.judge(0, 3, {"value": "no"}, role="reviewer")
    settle(workspace, "c")
    row = made.rows()[made.items[0]]
    assert (row.state, row.answer, row.risk) == ("settled", {"value": "no"}, 0.0)


def test_an_item_that_would_cost_more_judgments_than_a_reviewer_goes_to_reviewers(workspace):
    rule = {"rule": "risk", "max_risk": 0.001, "max_n": 9}
    made = Made(workspace, "verify", rule | {"review_price": 2}, n_items=60, people=6)
    rng = np.random.default_rng(0)
    for item in range(1, 60):
        for person in range(4):
            right = "yes" if item % 2 else "no"
            made.judge(item, person, {"value": right if rng.random() < 0.85 else "no" if item % 2 else "yes"})
    for person, said in enumerate(("yes", "no", "yes", "no")):
        made.judge(0, person, {"value": said})
    settle(workspace, "c")
    assert made.state(0) == "disputed"  # open until nine judgments otherwise
    with workspace.write() as session:
        session.execute(update(Campaign).values(stopping=rule))
    settle(workspace, "c")
    assert made.state(0) == "open"


def test_siblings_of_the_taxonomy_share_what_people_mistake(workspace):
    made = Made(workspace, "classify", {"rule": "fixed", "n": 3}, tuple(f"k{n:03}" for n in range(110)), n_items=3)
    with workspace.write() as session:
        put_category(session, CategorySpec(name="dog"))
        put_category(session, CategorySpec(name="thing"))
        for n in range(110):
            above = ("thing", "dog") if n < 5 else ("thing",)
            put_category(session, CategorySpec(name=f"k{n:03}", parents=above))
        (question,) = questions(read_campaign(session, find_campaign(session, "c")))
    # Of several parents the one that most of the campaign's categories have; "none" has none.
    assert len(set(question.parents[:110].tolist())) == 1
    assert question.parents[110] == -1
    for person, said in enumerate(("k000", "k001", "k050")):
        made.judge(0, person, {"value": said})
    settle(workspace, "c")
    assert sum(made.rows()[made.items[0]].posterior.values()) == pytest.approx(1)


def test_a_crowd_that_guesses_is_said_to_guess(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 3}, n_items=80)
    rng = np.random.default_rng(1)
    for item in range(80):
        for person in range(3):
            made.judge(item, person, {"value": ("yes", "no")[rng.integers(2)]})
    told = settle(workspace, "c")
    assert any("no more than chance" in sentence for sentence in told.cautions)
    shown = CliRunner().invoke(app, ["consensus", "c", "-w", str(workspace.folder)])
    assert "caution: the annotators agree no more than chance would" in " ".join(shown.output.split())
    with workspace.read() as session:
        campaign = find_campaign(session, "c")
        assert campaign.cautions == list(told.cautions)  # for the campaign's page
        assert campaign_facts(session, read_campaigns(session, ["c"])[0]).cautions == told.cautions  # for a card


def test_classify_settles_on_one_of_the_categories(workspace):
    made = Made(workspace, "classify", {"rule": "fixed", "n": 3}, categories=("car", "bus", "cat"), n_items=4)
    for item, answer in enumerate(["car", "bus", "cat", "none"]):
        for person in range(3):
            made.judge(item, person, {"value": answer})
    settle(workspace, "c")
    assert [made.rows()[item].answer["value"] for item in made.items] == ["car", "bus", "cat", "none"]


def test_a_posterior_over_many_categories_names_ten_and_the_rest(workspace):
    names = tuple(f"k{n:02}" for n in range(30))
    made = Made(workspace, "classify", {"rule": "fixed", "n": 1}, categories=names)
    made.judge(0, 0, {"value": "k07"})
    settle(workspace, "c")
    posterior = made.rows()[made.items[0]].posterior
    assert len(posterior) == 11
    assert "other" in posterior
    assert sum(posterior.values()) == pytest.approx(1)


def test_attributes_settle_one_by_one_and_several_choices_at_once(workspace):
    made = Made(workspace, "attributes", {"rule": "fixed", "n": 3}, n_items=6)
    for item in range(6):
        for person in range(3):
            kind = ("suv", "van", "sedan")[item % 3]
            colours = [["red"], ["black"], ["red", "black"]][item % 3]
            made.judge(item, person, {"values": {"type": kind, "colour": colours}})
    settle(workspace, "c")
    rows = made.rows()
    answers = [rows[item].answer["values"] for item in made.items[:3]]
    assert [answer["type"] for answer in answers] == ["suv", "van", "sedan"]
    assert [answer["colour"] for answer in answers] == [["red"], ["black"], ["red", "black"]]
    assert set(rows[made.items[0]].posterior) == {"type", "colour"}


def test_another_method_is_a_new_version_and_the_old_one_stays(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 1})
    made.judge(0, 0, {"value": "yes"})
    assert settle(workspace, "c").version == 1
    assert settle(workspace, "c").version == 1
    assert settle(workspace, "c", method="majority").version == 2
    with workspace.read() as session:
        assert sorted(session.scalars(select(Consensus.version))) == [1, 2]


def test_the_same_judgments_give_the_same_numbers_to_the_last_bit_on_both_databases(any_workspace):
    random = np.random.default_rng(0)
    made = Made(any_workspace, "verify", {"rule": "risk", "max_risk": 0.05, "max_n": 5}, n_items=40, people=5)
    for item in range(40):
        for person in range(5):
            made.judge(item, person, {"value": random.choice(["yes", "no", "unsure"], p=[0.6, 0.35, 0.05])})
    first = settle(any_workspace, "c")
    second = settle(any_workspace, "c")
    assert first == second


def test_an_unknown_campaign_names_those_there_are(workspace):
    Made(workspace, "verify", {"rule": "fixed", "n": 1})
    with pytest.raises(UsageError, match="no campaign 'x'") as wrong:
        settle(workspace, "x")
    assert "c" in wrong.value.hint


def test_categories_of_the_campaign_keep_their_order(workspace):
    Made(workspace, "classify", {"rule": "fixed", "n": 1}, categories=("zebra", "ant"))
    with workspace.read() as session:
        campaign = session.scalar(select(Campaign))
        assert [category.slug for category in campaign.categories] == ["zebra", "ant"]
        assert isinstance(campaign.categories[0], Category)


def test_settling_at_once_is_settling_one_after_the_other(any_workspace):
    made = Made(any_workspace, "verify", {"rule": "fixed", "n": 1}, n_items=30)
    for item in range(30):
        made.judge(item, 0, {"value": "yes"})
    failures, together = [], Barrier(4)

    def settle_often():
        try:
            together.wait()
            for _ in range(5):
                settle(any_workspace, "c", told=False)
        except Exception as error:
            failures.append(error)

    threads = [Thread(target=settle_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {row.version for row in made.rows().values()} == {1}


def test_a_method_used_before_keeps_its_version(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 1})
    made.judge(0, 0, {"value": "yes"})
    used = [settle(workspace, "c", method).version for method in ("majority", "map-dawid-skene", "majority", None)]
    assert used == [1, 2, 1, 1]


@pytest.mark.parametrize(
    ("rule", "state"),
    [({"rule": "fixed", "n": 3}, "disputed"), ({"rule": "risk", "max_risk": 0.5, "max_n": 9}, "open")],
    ids=["fixed", "risk"],
)
def test_what_nobody_could_answer_has_no_answer_and_is_not_settled(workspace, rule, state):
    made = Made(workspace, "verify", rule, n_items=9)
    for item in range(9):
        for person in range(3):
            made.judge(item, person, {"value": "unsure" if item == 0 else "yes"})
    settle(workspace, "c")
    row = made.rows()[made.items[0]]
    assert (row.state, row.answer, row.n) == (state, None, 3)
    assert made.state(1) == "settled"


def test_an_attribute_that_everybody_was_unsure_of_is_given_no_value_that_nobody_named(workspace):
    made = Made(workspace, "attributes", {"rule": "fixed", "n": 3}, n_items=6)
    for item in range(6):
        for person in range(3):
            kind = "unsure" if item == 0 else "van"
            made.judge(item, person, {"values": {"type": kind, "colour": ["red"]}})
    settle(workspace, "c")
    rows = made.rows()
    assert [rows[item].answer["values"]["type"] for item in made.items[:2]] == ["unsure", "van"]
    assert [rows[item].state for item in made.items[:2]] == ["disputed", "settled"]


def test_a_reviewer_who_is_unsure_or_flags_settles_nothing(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 3}, n_items=3)
    made.judge(0, 0, {"value": "unsure"}, role="reviewer")
    made.judge(1, 0, {"flag": "broken"}, role="reviewer")
    for person in range(3):
        made.judge(2, person, {"value": "yes"})
    made.judge(2, 0, {"flag": "private"}, role="reviewer")
    settle(workspace, "c")
    assert [made.state(item) for item in range(3)] == ["open", "disputed", "disputed"]


def test_a_reviewer_decides_attributes_only_where_every_question_is_answered(workspace):
    made = Made(workspace, "attributes", {"rule": "fixed", "n": 3}, n_items=2)
    made.judge(0, 0, {"values": {"type": "suv", "colour": "unsure"}}, role="reviewer")
    made.judge(1, 0, {"values": {"type": "suv", "colour": ["red"]}}, role="reviewer")
    settle(workspace, "c")
    assert [made.state(item) for item in range(2)] == ["open", "settled"]


def test_answers_of_another_shape_are_no_answers(workspace):
    made = Made(workspace, "attributes", {"rule": "fixed", "n": 1})
    made.judge(0, 0, {"values": {"type": ["suv"], "colour": "red and black"}})
    made.judge(0, 1, {"values": ["suv"]})
    settle(workspace, "c")
    assert (made.rows()[made.items[0]].n, made.state()) == (0, "open")


def test_times_of_the_app_tell_who_is_too_fast_and_who_copied(workspace):
    made = Made(
        workspace, "classify", {"rule": "fixed", "n": 3}, categories=("car", "bus", "tram"), n_items=60, people=8
    )
    rng = np.random.default_rng(0)
    words = ("car", "bus", "tram")
    rows, told = [], {}
    for person in range(8):
        for item in range(60):
            answer = item % 3 if rng.random() < 0.75 else int(rng.integers(3))
            answer = told[2, item] if person == 7 else answer  # the last copies the third
            told[person, item] = answer
            begun = AT + timedelta(hours=person, seconds=5 * item)
            rows.append(
                {
                    "id": UUID(int=next(_uuids)),
                    "item_id": made.items[item],
                    "person_id": made.people[person],
                    "role": "annotator",
                    "answer": {"value": words[answer]},
                    "answered_at": begun,
                    "received_at": begun,
                    "active_ms": int((300 if person == 5 else 4000) * rng.lognormal(0, 0.3)),
                    "active": True,
                }
            )
    with workspace.write() as session:
        session.execute(insert(Judgment), rows)
    flags = {who.name: who.flags for who in settle(workspace, "c").annotators}
    assert flags["p5"] == ("fast",)
    assert flags["p7"] == ("copying",)
    assert flags["p2"] == ()


def test_people_go_on_judging_while_a_large_campaign_is_settled(any_workspace, monkeypatch):
    made = Made(any_workspace, "verify", {"rule": "fixed", "n": 1}, n_items=400)
    with any_workspace.write() as session:
        session.execute(
            insert(Judgment),
            [
                {"id": UUID(int=10**6 + k), "item_id": item, "person_id": made.people[0], "answer": {"value": "yes"},
                 "answered_at": AT}
                for k, item in enumerate(made.items)
            ],
        )  # fmt: skip
    monkeypatch.setattr("label_store.settle_writing.ITEMS_AT_ONCE", 10)
    between, failures = [], []
    done = Event()

    def judge_on():
        try:
            for item in range(400):
                if done.is_set():
                    return
                made.judge(item, 1, {"value": "no"})
                between.append(item)
        except Exception as error:
            failures.append(error)

    # Somebody judges between any two of the forty transactions that settling is written in.
    slept = time.sleep
    monkeypatch.setattr("label_store.settle_writing.time.sleep", lambda seconds: slept(max(seconds, 0.02)))
    judge = Thread(target=judge_on)
    judge.start()
    settle(any_workspace, "c")
    done.set()
    judge.join()
    assert failures == []
    assert len(between) > 10
    settle(any_workspace, "c")
    assert sum(row.n == 2 for row in made.rows().values()) == len(between)


def test_an_item_that_was_judged_since_it_was_read_waits_for_the_next_time(workspace, monkeypatch):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 1}, n_items=2)
    made.judge(0, 0, {"value": "yes"})
    made.judge(1, 0, {"value": "yes"})
    real = settle_writing._write

    def decided_meanwhile(session, *args):
        if session.get(Judgment, UUID(int=10**9)) is not None:
            return real(session, *args)
        session.add(
            Judgment(id=UUID(int=10**9), item_id=made.items[1], person_id=made.people[1], answer={"flag": "broken"},
                     role="reviewer", answered_at=AT)
        )  # fmt: skip
        session.get_one(Item, made.items[1]).state = "disputed"
        session.flush()
        return real(session, *args)

    with monkeypatch.context() as once:
        once.setattr(settle_writing, "_write", decided_meanwhile)
        settle(workspace, "c", "majority", told=False)
    assert (made.state(0), made.state(1)) == ("settled", "disputed")
    settle(workspace, "c", "majority")
    assert (made.state(0), made.state(1)) == ("settled", "disputed")


def test_settling_again_writes_only_what_has_changed(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 1}, n_items=3)
    for item in range(3):
        made.judge(item, 0, {"value": "yes"})
    settle(workspace, "c", "majority")
    before = {item: row.at for item, row in made.rows().items()}
    made.judge(0, 1, {"value": "yes"})
    settle(workspace, "c", "majority")
    after = {item: row.at for item, row in made.rows().items()}
    assert [item for item in after if after[item] != before[item]] == [made.items[0]]
