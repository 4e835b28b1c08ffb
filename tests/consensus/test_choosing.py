"""Which prior suits a crowd: held-out judgments against loops, and what is chosen for crowds of known kinds."""

import math

import numpy as np
import pytest

from consensus import Judgments, Prior, fit
from consensus.choosing import FEWEST, FOLDS, candidates, choose_prior, held_out, taken
from consensus.dawid_skene import DEFAULT_PRIOR
from consensus.judgments import gold_array
from consensus.simulate import Annotator, Items, honest_crowd, simulate, with_planted


def crowd(n_classes, seed, random=4):
    people = with_planted(honest_crowd(30, seed, accuracy=(0.5, 0.95)), "random", random, seed)
    return simulate(people, Items(600, n_classes, difficulty=1.0, decoy=0.5), per_item=4, seed=seed)


def no_gold(judged):
    return gold_array({}, judged.n_items, judged.n_classes)


def test_a_held_out_judgments_probability_is_that_of_a_fit_without_its_part():
    judged = crowd(3, 0).judgments
    fold = np.arange(len(judged)) % FOLDS
    prior = Prior(own_strength=5.0)
    found = held_out(judged, no_gold(judged), fold, prior)
    for part in range(FOLDS):
        seen = fit(taken(judged, np.flatnonzero(fold != part)), prior=prior, difficulty=False, tolerance=1e-5)
        for m in np.flatnonzero(fold == part)[:40]:
            i, j, a = judged.item[m], judged.annotator[m], judged.answer[m]
            chance = sum(seen.posterior[i, k] * seen.confusion[j, k, a] for k in range(3))
            assert found[m] == pytest.approx(math.log(chance), abs=1e-9)


def test_people_alike_over_ten_classes_are_taken_for_alike_and_their_answers_get_better():
    gains = []
    for seed in range(3):
        made = crowd(10, seed)
        prior = choose_prior(made.judgments, no_gold(made.judgments))
        assert prior != DEFAULT_PRIOR
        gains.append(
            (fit(made.judgments).answer == made.truth).mean()
            - (fit(made.judgments, prior=DEFAULT_PRIOR).answer == made.truth).mean()
        )
    assert np.mean(gains) > 0.004


def test_people_who_lean_to_one_class_each_keep_a_rate_at_each_class():
    people = [Annotator(accuracy=0.8, habit=j % 2, bias=0.9) for j in range(20)]
    made = simulate(people, Items(400, 3), per_item=5, seed=1)
    leaning = made.judgments
    # Half of what somebody sees he calls by his habit, which makes him good at one class and bad at another.
    rng = np.random.default_rng(0)
    answer = np.where(rng.random(len(leaning)) < 0.4, leaning.annotator % 2, leaning.answer)
    judged = Judgments(leaning.item, leaning.annotator, answer, 400, 20, 3, 4)
    assert choose_prior(judged, no_gold(judged)).own_strength != 50.0


def test_the_choice_does_not_depend_on_the_order_of_judgments():
    judged = crowd(4, 3).judgments
    mixed = taken(judged, np.random.default_rng(1).permutation(len(judged)))
    assert choose_prior(judged, no_gold(judged)) == choose_prior(mixed, no_gold(mixed))
    assert fit(judged).posterior.tobytes() == fit(mixed).posterior.tobytes()


def test_few_judgments_or_one_class_leave_the_default():
    few = taken(crowd(4, 0).judgments, np.arange(FEWEST - 1))
    assert choose_prior(few, no_gold(few)) == DEFAULT_PRIOR
    one = Judgments(np.zeros(200, int), np.arange(200), np.zeros(200, int), 1, 200, 1, 1)
    assert choose_prior(one, no_gold(one)) == DEFAULT_PRIOR
    assert candidates(2)[0] == candidates(9)[0] == DEFAULT_PRIOR
