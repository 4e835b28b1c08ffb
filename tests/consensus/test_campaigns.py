"""What a campaign's consensus adds to that of one question: objects, attributes together, bad annotators, same bits."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import update

from consensus import Judgments, fit, fit_weighted_down
from consensus.simulate import Items, honest_crowd, simulate, with_planted
from label_store import settle
from label_store.audit import audit_campaign, take_reviews
from label_store.fitting import fit_questions
from label_store.models import Image
from label_store.questions import CampaignData, CampaignItem, Vote, questions
from label_store.settle import find_campaign
from tests.label_store.test_settle import Made


def box(x, y, w=20.0, h=20.0, category="car"):
    return {"category": category, "x": float(x), "y": float(y), "w": float(w), "h": float(h), "crowd": False}


class TestObjects:
    def test_drawn_boxes_become_one_object_each_with_its_probability(self, any_workspace):
        made = Made(any_workspace, "boxes", {"rule": "fixed", "n": 3}, n_items=12)
        for item in range(12):
            for person in range(3):
                made.judge(item, person, {"boxes": [box(10 + person, 10), box(60, 40 + person)]})
        found = settle(any_workspace, "c")
        assert found.method == "objects/2"
        assert found.states == {"open": 0, "settled": 12, "disputed": 0}
        row = made.rows()[made.items[0]]
        first, second = sorted(row.answer["boxes"], key=lambda one: one["x"])
        assert (first["x"], first["y"], first["category"]) == (11.0, 10.0, "car")
        assert (second["x"], second["y"]) == (60.0, 41.0)
        assert min(first["p"], second["p"]) > 0.95
        assert [one["drawn_by"] for one in row.posterior["objects"]] == [3, 3]
        assert row.risk < 0.1

    def test_only_a_reviewer_is_certain_of_an_object_however_many_people_agree(self, workspace):
        made = Made(workspace, "boxes", {"rule": "fixed", "n": 3}, n_items=12, people=8)
        for item in range(12):
            for person in range(8):
                made.judge(item, person, {"boxes": [box(10, 10)]})
        made.judge(0, 0, {"boxes": [box(10, 10)]}, role="reviewer")
        settle(workspace, "c")
        told = [made.rows()[item].answer["boxes"][0]["p"] for item in made.items[:2]]
        assert told == [1.0, 0.9999]

    def test_an_object_that_one_of_three_saw_is_in_the_posterior_and_not_in_the_answer(self, workspace):
        made = Made(workspace, "boxes", {"rule": "fixed", "n": 3}, n_items=12)
        for item in range(12):
            for person in range(3):
                extra = [box(200, 200)] if item == 0 and person == 2 else []
                made.judge(item, person, {"boxes": [box(10, 10), *extra]})
        settle(workspace, "c")
        row = made.rows()[made.items[0]]
        assert len(row.answer["boxes"]) == 1
        assert len(row.posterior["objects"]) == 2
        assert row.posterior["objects"][1]["p"] < 0.5
        assert row.risk > made.rows()[made.items[1]].risk

    def test_a_reviewers_drawing_decides_and_a_flag_disputes(self, workspace):
        made = Made(workspace, "boxes", {"rule": "fixed", "n": 2}, n_items=2)
        for item in range(2):
            for person in range(2):
                made.judge(item, person, {"boxes": [box(10, 10)]})
        made.judge(0, 2, {"boxes": []}, role="reviewer")
        made.judge(1, 2, {"flag": "private"}, role="reviewer")
        settle(workspace, "c")
        decided, flagged = (made.rows()[i] for i in made.items)
        assert (decided.state, decided.answer, decided.risk) == ("settled", {"boxes": []}, 0.0)
        assert flagged.state == "disputed"

    def test_polygons_keep_a_drawn_outline(self, workspace):
        made = Made(workspace, "polygons", {"rule": "fixed", "n": 3}, n_items=6)
        ring = [[0.0, 0.0], [40.0, 0.0], [40.0, 40.0], [0.0, 40.0]]
        for item in range(6):
            for person in range(3):
                shape = {"category": "car", "rings": [[[x + person, y] for x, y in ring]]}
                made.judge(item, person, {"shapes": [shape]})
        settle(workspace, "c")
        (shape,) = made.rows()[made.items[0]].answer["shapes"]
        assert shape["rings"] == [[[x + 1.0, y] for x, y in ring]]

    def test_nobody_judged_means_open_and_who_misses_objects_is_less_accurate(self, workspace):
        made = Made(workspace, "boxes", {"rule": "risk", "max_risk": 0.05, "max_n": 9}, n_items=21)
        for item in range(20):
            for person in range(3):
                seen = [box(10, 10), box(60, 60)][: 1 if person == 2 else 2]
                made.judge(item, person, {"boxes": seen})
        found = settle(workspace, "c")
        assert made.rows()[made.items[20]].state == "open"
        assert made.rows()[made.items[20]].answer is None
        good, other, misses = found.annotators
        assert misses.accuracy < 0.6 < 0.95 < min(good.accuracy, other.accuracy)
        assert misses.low < misses.accuracy < misses.high

    def test_reviewers_who_contradict_each_other_decide_nothing(self, workspace):
        made = Made(workspace, "boxes", {"rule": "fixed", "n": 1}, n_items=2, people=4)
        for item in range(2):
            made.judge(item, 0, {"boxes": [box(10, 10)]})
            made.judge(item, 1, {"boxes": [box(10, 11)]}, role="reviewer")
        made.judge(0, 2, {"boxes": [box(11, 10)]}, role="reviewer")
        made.judge(1, 2, {"boxes": []}, role="reviewer")
        settle(workspace, "c")
        assert [made.state(0), made.state(1)] == ["settled", "disputed"]

    def test_an_audit_finds_the_lists_that_are_wrong(self, workspace, tmp_path):
        made = Made(workspace, "boxes", {"rule": "fixed", "n": 3}, n_items=120, people=4)
        for item in range(120):
            for person in range(3):
                made.judge(item, person, {"boxes": [box(10 + person, 10)]})

        def audit():
            with workspace.read() as session:
                return audit_campaign(session, find_campaign(session, "c"), 0.1)

        asked = audit().to_judge
        assert 20 < len(asked) < 120
        # Reviewers find a second object on every fifth picture; the rest they draw a little elsewhere.
        sheet = tmp_path / "audit.csv"
        rows = [["item", "reviewer", "answer"]]
        for n, item_id in enumerate(asked):
            drawn = [box(12, 11), *([box(80, 80)] if n % 5 == 0 else [])]
            rows.append([item_id, "rosa", json.dumps({"boxes": drawn})])
        with sheet.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        with workspace.write() as session:
            session.execute(update(Image).values(width=200, height=200))
        assert take_reviews(workspace, "c", sheet).accepted == len(asked)
        found = audit().audited
        assert found.judged == len(asked)
        assert found.corrected == -(-len(asked) // 5)
        assert found.low < 0.2 < found.high
        assert found.model < 0.05


def attributes_campaign(seed, n_items=400, n_people=8, each=3, follows=0.95):
    """(data, type [I], tone [I]): of two attributes the second follows the first, and people see it badly."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(2, size=n_items)
    tone = np.where(rng.random(n_items) < follows, kind, 1 - kind)
    words = (("suv", "van"), ("light", "dark"))
    votes = []
    for i in range(n_items):
        for person in rng.choice(n_people, each, replace=False).tolist():
            seen = [t if rng.random() < p else 1 - t for t, p in ((kind[i], 0.92), (tone[i], 0.65))]
            values = {"type": words[0][seen[0]], "tone": words[1][seen[1]]}
            votes.append(Vote(i, person, "annotator", {"values": values}))
    schemas = [{"name": n, "choices": list(c), "multiple": False} for n, c in zip(("type", "tone"), words, strict=True)]
    items = tuple(CampaignItem(i, 1, None) for i in range(n_items))
    return CampaignData("attributes", items, tuple(votes), ("car",), {1: schemas}), kind, tone


class TestAttributesOfACampaign:
    def test_one_that_is_hard_to_see_learns_of_one_that_is_easy(self):
        data, _, tone = attributes_campaign(0)
        asked = list(questions(data))
        alone, together = fit(asked[1].judgments), fit_questions(asked)[1].result
        assert (together.answer == tone).mean() > (alone.answer == tone).mean() + 0.05
        assert together.posterior.sum(axis=1) == pytest.approx(1)
        assert together.risk == pytest.approx(1 - together.posterior.max(axis=1))

    def test_two_that_have_nothing_to_do_with_each_other_stay_as_they_were(self):
        data, _, _ = attributes_campaign(1, follows=0.5)
        asked = list(questions(data))
        for question, one in zip(asked, fit_questions(asked), strict=True):
            alone = fit_weighted_down(question.judgments, question.gold).result
            assert np.array_equal(one.result.posterior, alone.posterior)

    def test_another_method_is_what_its_paper_says(self):
        asked = list(questions(attributes_campaign(0)[0]))
        for question, one in zip(asked, fit_questions(asked, "majority"), strict=True):
            assert np.array_equal(one.result.posterior, fit(question.judgments, "majority").posterior)


class TestBadAnnotatorsWeighLess:
    def crowd(self, kind, n, seed=0):
        people = with_planted(honest_crowd(20, seed, accuracy=(0.65, 0.85)), kind, n, seed)
        return simulate(people, Items(400, 5), per_item=6, seed=seed)

    def test_copies_count_less_and_the_answers_get_better(self):
        gains = []
        for seed in range(4):
            made = self.crowd("copying", 6, seed)
            found = fit_weighted_down(made.judgments, moment=made.moment)
            copied = {one.annotator for one in found.found if one.flag == "copying"}
            assert copied <= set(range(14, 20))
            assert (found.judgments.weight < 1).sum() > 100
            before = (fit(made.judgments).answer == made.truth).mean()
            gains.append((found.result.answer == made.truth).mean() - before)
        assert np.mean(gains) > 0

    def test_an_honest_crowd_keeps_the_first_fit_to_the_bit(self):
        made = simulate(honest_crowd(20, 1, accuracy=(0.8, 0.9)), Items(400, 5), per_item=6, seed=1)
        found = fit_weighted_down(made.judgments)
        assert found.found == ()
        assert np.array_equal(found.result.posterior, fit(made.judgments).posterior)


@pytest.mark.parametrize("kind", ["random", "copying"])
def test_a_campaign_computed_again_in_another_order_has_the_same_bits(kind):
    made = TestBadAnnotatorsWeighLess().crowd(kind, 4)
    judged, rng = made.judgments, np.random.default_rng(5)
    first = fit_weighted_down(judged, seconds=made.seconds, moment=made.moment).result
    for _ in range(2):
        order = rng.permutation(len(judged))
        mixed = Judgments(judged.item[order], judged.annotator[order], judged.answer[order], *_sizes(judged))
        again = fit_weighted_down(mixed, seconds=made.seconds[order], moment=made.moment[order]).result
        for name in ("posterior", "risk", "confusion"):
            assert getattr(first, name).tobytes() == getattr(again, name).tobytes()


def test_attributes_computed_again_have_the_same_bits():
    data, _, _ = attributes_campaign(2)
    mixed = replace(data, votes=tuple(data.votes[m] for m in np.random.default_rng(0).permutation(len(data.votes))))
    for one, again in zip(*(fit_questions(list(questions(d))) for d in (data, mixed)), strict=True):
        assert one.result.posterior.tobytes() == again.result.posterior.tobytes()


def _sizes(judged):
    return judged.n_items, judged.n_annotators, judged.n_classes, judged.n_answers
