import numpy as np
import pandas as pd
import pytest

from consensus import ConsensusError, Judgments, fit
from consensus.planning import plan_judgments, unanimous
from consensus.simulate import Items, honest_crowd, simulate
from tests.consensus.crowds import campaign
from tests.data import shared_data


def fixed(plan):
    return {p.rule.n: p.error for p in plan.rules if p.rule.rule == "fixed"}


def test_a_pilot_of_independent_people_foretells_the_error_of_other_numbers_of_judgments():
    crowd = honest_crowd(20, 0, accuracy=(0.7, 0.95))
    pilot = simulate(crowd, Items(1500, 4), per_item=3, seed=1).judgments
    plan = plan_judgments(fit(pilot), pilot)
    assert plan.difficulty <= 0.5
    for n in (1, 3, 5):
        made = simulate(crowd, Items(6000, 4), per_item=n, seed=2)
        assert fixed(plan)[n] == pytest.approx((fit(made.judgments).answer != made.truth).mean(), abs=0.012)


def test_a_pilot_of_very_many_classes_is_planned_like_any_other():
    crowd = honest_crowd(20, 0, accuracy=(0.6, 0.9))
    parents = np.arange(150) // 5
    pilot = simulate(crowd, Items(1500, 150), per_item=3, seed=1).judgments
    plan = plan_judgments(fit(pilot, parents=parents), pilot)
    assert plan.difficulty <= 0.5
    for n in (1, 2, 5):
        made = simulate(crowd, Items(3000, 150), per_item=n, seed=2)
        real = (fit(made.judgments, parents=parents).answer != made.truth).mean()
        assert fixed(plan)[n] == pytest.approx(real, abs=0.04)  # rates of few items a class look too good


def test_errors_are_drawn_as_often_as_they_are_expected():
    pilot = simulate(honest_crowd(20, 0, accuracy=(0.3, 0.6)), Items(800, 120, decoy=1.0), per_item=3, seed=1)
    shared = fit(pilot.judgments, parents=np.arange(120) // 3).shared
    of = int(np.bincount(shared.key // 120).argmax())
    drawn = shared.drawn(np.full(40_000, of), np.random.default_rng(0))
    others = np.delete(np.arange(120), of)
    expected = shared.mistaken(np.full(119, of), others)
    assert expected.sum() == pytest.approx(1)
    seen = np.bincount(drawn, minlength=120)[others] / 40_000
    assert np.abs(seen - expected).max() < 4 * (expected.max() / 40_000) ** 0.5
    assert (drawn != of).all()


def test_with_an_audit_of_three_each_cifar10hs_other_budgets_are_foretold():
    table = pd.read_parquet(shared_data() / "cifar10h_counts.parquet")
    truth, rng = table["true_label"].to_numpy(), np.random.default_rng(0)
    people = np.stack(
        [rng.permutation(np.repeat(np.arange(10), row))[:10] for row in table.filter(regex="^n").to_numpy()]
    )

    def judged(n, N):
        return Judgments(np.repeat(np.arange(N), n), np.tile(np.arange(n), N), people[:N, :n].ravel(), N, n, 10, 10)

    pilot = judged(3, 2000)
    result = fit(pilot)
    plan = plan_judgments(result, pilot, audited=float((result.answer != truth[:2000]).mean()))
    for n in (5, 7, 10):
        real = float((fit(judged(n, 10_000)).answer != truth).mean())
        assert fixed(plan)[n] == pytest.approx(real, rel=0.35)
    by_risk = next(p for p in plan.rules if p.rule.rule == "risk" and p.rule.max_risk == 0.01)
    assert by_risk.judgments < 4
    assert by_risk.error < fixed(plan)[3]


def test_the_cheapest_rule_keeps_to_the_target_and_none_may():
    judged, _ = campaign(np.random.default_rng(0), [0.85] * 8, n_items=3000)
    plan = plan_judgments(fit(judged), judged)
    best = plan.cheapest(0.02)
    assert best.error <= 0.02
    assert all(p.judgments >= best.judgments for p in plan.rules if p.error <= 0.02)
    assert plan.cheapest(0.0) is None or plan.cheapest(0.0).error == 0.0
    assert plan_judgments(fit(judged), judged) == plan
    doubled = plan_judgments(fit(judged), judged, audited=0.3)
    assert doubled.scale > 1.5


def test_a_pilot_without_items_judged_twice_is_a_sentence():
    alone = Judgments(np.arange(50), np.zeros(50, dtype=int), np.zeros(50, dtype=int), 50, 1, 2, 2)
    with pytest.raises(ConsensusError, match="pilot"):
        plan_judgments(fit(alone), alone)


def test_one_class_or_the_same_answer_everywhere_is_planned_without_a_nan():
    for K in (1, 2):
        same = Judgments(
            np.repeat(np.arange(50), 4), np.tile(np.arange(4), 50), np.zeros(200, dtype=int), 50, 4, K, K + 1
        )
        plan = plan_judgments(fit(same), same)
        assert all(0 <= p.error <= 1 and p.judgments >= 1 for p in plan.rules)
        assert unanimous(same, np.ones(50, dtype=bool)) == 1.0
