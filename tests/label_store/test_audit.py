"""The audit of a campaign: what it asks reviewers, what their answers say, and the command around it."""

import csv
import json
import re
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import insert, select

from cairn.cli import run
from consensus.simulate import Items, honest_crowd, simulate
from label_store import UsageError, find_campaign, settle
from label_store.audit import audit_campaign, take_reviews
from label_store.models import Judgment
from tests.label_store.test_settle import AT, Made

WORDS = ("no", "yes", "unsure")


class Audited:
    """A verify campaign of simulated people, hard pictures and all, and reviewers who know the truth."""

    def __init__(self, workspace, n_items=400, seed=0):
        self.made = Made(workspace, "verify", {"rule": "fixed", "n": 3}, n_items=n_items, people=9)
        self.workspace = workspace
        crowd = honest_crowd(8, seed, accuracy=(0.75, 0.9))
        told = simulate(crowd, Items(n_items, 2, difficulty=1.5), per_item=3, seed=seed)
        judged = told.judgments
        rows = [
            {
                "id": uuid4(),
                "item_id": self.made.items[i],
                "person_id": self.made.people[j],
                "role": "annotator",
                "answer": {"value": WORDS[a]},
                "answered_at": AT,
                "received_at": AT,
                "active_ms": 0,
                "active": True,
            }
            for i, j, a in zip(judged.item.tolist(), judged.annotator.tolist(), judged.answer.tolist(), strict=True)
        ]
        with workspace.write() as session:
            session.execute(insert(Judgment), rows)
        self.truth = dict(zip(self.made.items, told.truth.tolist(), strict=True))

    def audit(self, width=0.1):
        with self.workspace.read() as session:
            return audit_campaign(session, find_campaign(session, "c"), width)

    def review(self, item, answer=None):
        self.made.judge(self.made.items.index(item), 8, answer or {"value": WORDS[self.truth[item]]}, role="reviewer")


def test_before_any_review_it_says_what_to_judge_and_what_the_number_assumes(any_workspace):
    audited = Audited(any_workspace)
    found = audited.audit()
    assert found.audited is None
    assert found.labels == 400
    assert found.wanted == len(found.to_judge) == len(set(found.to_judge))
    assert 20 < found.wanted < 400
    assert found == audited.audit()  # the same items however often it is asked


def test_the_reviews_mend_the_estimate_and_a_larger_audit_contains_the_smaller(any_workspace):
    audited = Audited(any_workspace)
    small = audited.audit(0.15).to_judge
    assert set(small) <= set(audited.audit(0.05).to_judge)
    for item in audited.audit(0.1).to_judge:
        audited.review(item)
    found = audited.audit(0.1)
    settle(any_workspace, "c")  # reviewers decide: the labels are mended, the audit's number is still of the people's
    assert found.audited == audited.audit(0.1).audited
    people = true_error(audited)
    assert found.audited.low <= people <= found.audited.high
    assert found.model.estimate < found.audited.estimate
    assert found.audited.high - found.audited.low == pytest.approx(0.1, abs=0.05)
    assert len(found.to_judge) < 60


def true_error(audited):
    """The share of labels that people alone get wrong, from the store's own consensus without reviewers."""
    with audited.workspace.write() as session:
        reviews = list(session.scalars(select(Judgment).where(Judgment.role == "reviewer")))
        for review in reviews:
            review.active, review.undone_at = False, AT
        session.flush()
    settle(audited.workspace, "c")
    rows = audited.made.rows()
    return float(np.mean([row.answer["value"] != WORDS[audited.truth[i]] for i, row in rows.items()]))


def test_items_that_reviewers_judged_for_another_reason_are_no_random_sample(workspace):
    audited = Audited(workspace)
    asked = audited.audit().to_judge
    for item in [item for item in audited.made.items if item not in asked][:50]:
        audited.review(item)
    assert audited.audit().audited is None


def test_flagged_and_unsure_ones_do_not_count_and_others_take_their_place(workspace):
    audited = Audited(workspace)
    asked = audited.audit().to_judge
    audited.review(asked[0], {"flag": "broken"})
    audited.review(asked[1], {"value": "unsure"})
    found = audited.audit()
    assert found.no_answer == 2
    assert not {asked[0], asked[1]} & set(found.to_judge)


def test_attributes_err_when_any_of_them_does(workspace):
    made = Made(workspace, "attributes", {"rule": "fixed", "n": 2}, n_items=30)
    for item in range(30):
        for person in range(2):
            made.judge(item, person, {"values": {"type": "suv", "colour": ["red"]}})
        made.judge(item, 2, {"values": {"type": "suv", "colour": ["red"] if item % 3 else ["black"]}}, role="reviewer")
    with workspace.read() as session:
        found = audit_campaign(session, find_campaign(session, "c"), 0.1)
    assert found.audited.estimate == pytest.approx(1 / 3, abs=1e-9)
    assert found.audited.judged == 30


def test_the_command_writes_the_items_takes_the_answers_and_tells_the_error(workspace, tmp_path, capsys):
    audited = Audited(workspace)
    at = ["--workspace", str(workspace.folder)]
    sheet = tmp_path / "audit.csv"
    assert run(["audit", "c", "--width", "0.1", "--out", str(sheet), *at]) == 0
    said = capsys.readouterr().out
    assert "independently" in said
    with sheet.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert all(len(row["sha256"]) == 64 for row in rows)
    with sheet.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["item", "reviewer", "answer"])
        writer.writerows([row["item"], "rosa", WORDS[audited.truth[int(row["item"])]]] for row in rows)
    assert run(["audit", "c", "--width", "0.1", "--judged", str(sheet), *at]) == 0
    said = capsys.readouterr().out
    assert f"from {len(rows)} labels that reviewers judged" in said
    assert run(["audit", "c", "--width", "0.1", "--judged", str(sheet), "--json", *at]) == 0  # twice is as once
    told = json.loads(capsys.readouterr().out)
    assert told["reviews"] == {"accepted": 0, "duplicate": len(rows), "unfilled": 0, "refused": []}
    assert told["audited"]["judged"] == len(rows)
    # `cairn consensus` says the measured figure before the believed one.
    assert run(["consensus", "c", *at]) == 0
    said = capsys.readouterr().out
    assert f"{told['audited']['estimate']:.2%}" in said
    assert said.index(f"from {len(rows)} that reviewers judged") < said.index("estimated error")
    sheet.write_text("item,reviewer,answer\n1,rosa,maybe\n99999,rosa,yes\n2,,yes\n,,\n3,,\n")
    assert run(["audit", "c", "--judged", str(sheet), *at]) == 3
    said = capsys.readouterr().out
    assert "line 3" in said
    assert "1 rows not filled in yet" in said


def test_what_cannot_be_audited_is_a_sentence(workspace, tmp_path):
    Made(workspace, "verify", {"rule": "fixed", "n": 3}, n_items=2)
    with workspace.read() as session, pytest.raises(UsageError, match="no settled labels"):
        audit_campaign(session, find_campaign(session, "c"))
    for text, match in (("a,b\n1,2\n", "no column"), ("\ud800", "cannot be read")):
        path = tmp_path / "bad.csv"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(UsageError, match=match):
            take_reviews(workspace, "c", path)
    assert run(["audit", "nothing", "--workspace", str(workspace.folder)]) == 2


def test_a_pilot_tells_how_many_judgments_and_how_much_money_a_target_needs(workspace, capsys):
    audited = Audited(workspace)
    at = ["--workspace", str(workspace.folder)]
    assert run(["campaign", "plan", "c", "--error", "0.1", "--items", "1000", "--price", "0.05", *at]) == 0
    said = capsys.readouterr().out
    assert "nobody has audited" in said
    assert re.search(r"^3 each +3\.000 +3,000 +150\.00 +\d+\.\d\d%", said, re.MULTILINE)
    assert run(["campaign", "plan", "c", "--error", "0.1", "--items", "1000", "--price", "0.05", "--json", *at]) == 0
    before = json.loads(capsys.readouterr().out)
    assert before["cheapest"]["error"] <= 0.1
    assert before["cheapest"]["cost"] == pytest.approx(before["cheapest"]["judgments_per_item"] * 50)
    for item in audited.audit().to_judge:
        audited.review(item)
    assert run(["campaign", "plan", "c", "--error", "0.1", "--json", *at]) == 0
    after = json.loads(capsys.readouterr().out)
    assert after["audited"]
    assert after["items"] == 400
    three = [next(r["error"] for r in told["rules"] if r["stopping"].get("n") == 3) for told in (before, after)]
    assert three[1] > three[0]  # people err alike on hard pictures, which only reviewers see
    assert run(["campaign", "plan", "c", "--error", "0.0000001", *at]) == 0
    assert run(["campaign", "plan", "c", "--error", "2", *at]) == 2
