"""The curator's page of one person: confusion, intervals, known items, runs of one answer, days."""

from collections import Counter
from itertools import groupby, permutations
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from annotate_app import add_gold, create_campaign
from annotate_app.one_annotator import confusion_of, longest_run, one_annotator
from label_store import settle
from label_store.models import Campaign, Item, Person
from tests.annotate_app.material import add_pictures
from tests.annotate_app.test_curating import shown
from tests.annotate_app.work import judge_all, judgment, lease, send

WORDS = st.lists(st.sampled_from("ab"), min_size=1, max_size=7)


def figures(workspace, slug, name):
    with workspace.read() as session:
        campaign = session.scalars(select(Campaign).where(Campaign.slug == slug)).one()
        return one_annotator(session, campaign, session.scalars(select(Person).where(Person.name == name)).one())


def test_a_person_is_compared_with_what_was_settled_and_with_gold(stocked, app):
    hashes = add_pictures(stocked, "boat", 8)
    create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 3}, gold_rate=0.9)
    add_gold(stocked, "boats", {sha256: {"value": "no"} for sha256 in hashes[:2]})
    for name in ("ann", "bea"):
        judge_all(app.client(name), "boats")
    odd = app.client("carl")
    with stocked.read() as session:
        gold = set(session.scalars(select(Item.id).where(Item.gold.is_not(None))))
    turn = 0
    while items := lease(odd, "boats")["items"]:
        for item in items:
            turn += item["id"] not in gold
            value = "no" if item["id"] in gold or turn <= 2 else "yes"
            send(odd, [judgment(item["id"], value, active_ms=1500)])
    settle(stocked, "boats")
    carl = figures(stocked, "boats", "carl")
    assert (carl.judgments, carl.gold.right, carl.gold.n) == (8, 2, 2)
    assert (carl.agreement.right, carl.agreement.n) == (4, 6)
    (question,) = carl.questions
    assert (question.settled, question.given, question.confusion) == (("yes",), ("yes", "no"), ((4, 2),))
    assert question.answers == (("yes", 4), ("no", 4))
    assert carl.median_seconds == 1.5
    assert sum(n for _, n in carl.by_day) == 8
    low, high = carl.agreement.interval
    assert 0.2 < low < 4 / 6 < high < 1
    cora = app.client("cora")
    page = shown(cora, "/campaigns/boats")
    assert '/campaigns/boats/annotator?name=carl"' in page
    assert "4 of 6" in shown(cora, "/campaigns/boats/annotator?name=carl")
    assert cora.get("/campaigns/boats/annotator?name=nobody").status_code == 404
    assert odd.get("/campaigns/boats/annotator?name=ann").status_code == 403


def test_attributes_have_a_table_each(stocked, app):
    add_pictures(stocked, "car", 2)
    create_campaign(stocked, "which", "verify", ["car"], stopping={"rule": "fixed", "n": 1})
    ann = app.client("ann")
    judge_all(ann, "which")
    settle(stocked, "which")
    create_campaign(stocked, "cars", "attributes", ["car"], stopping={"rule": "fixed", "n": 1})
    for item in lease(ann, "cars")["items"]:
        given_ = judgment(item["id"])
        send(ann, [given_ | {"answer": {"values": {"type": "suv", "colour": ["red", "black"]}}}])
    settle(stocked, "cars")
    by_name = {question.name: question for question in figures(stocked, "cars", "ann").questions}
    assert by_name["type"].answers == (("suv", 2),)
    assert by_name["colour"].answers == (("red, black", 2),)
    assert by_name["type"].confusion == ((2,),)
    assert "type: what was settled" in shown(app.client("cora"), "/campaigns/cars/annotator?name=ann")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=60), st.integers(2, 8))
def test_a_table_counts_every_pair_and_folds_the_rare_answers(pairs, most):
    rows, columns, table = confusion_of(pairs, most)
    assert sum(map(sum, table)) == len(pairs)
    assert len(set(rows) | set(columns)) <= most
    for row, counts in zip(rows, table, strict=True):
        for column, n in zip(columns, counts, strict=True):
            if "other" not in (row, column):
                assert n == Counter(pairs)[row, column]


@settings(max_examples=40)
@given(WORDS)
def test_the_chance_of_a_run_is_never_below_that_of_all_orders_counted(words):
    run = longest_run(words)
    orders = list(permutations(words))
    as_long = sum(any(k == run.answer and len(list(g)) >= run.length for k, g in groupby(order)) for order in orders)
    assert run.chance >= as_long / len(orders) or isclose(run.chance, as_long / len(orders))


@pytest.mark.parametrize(
    ("words", "suspicious"),
    [(["yes"] * 30 + ["no"] * 30, True), (["yes", "no"] * 30, False), (["yes"] * 60, False)],
    ids=["blocks", "by turns", "only one answer"],
)
def test_a_long_run_among_mixed_answers_is_told(words, suspicious):
    assert longest_run(words).suspicious is suspicious
    assert longest_run([]) is None
