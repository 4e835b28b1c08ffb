"""Groups that mislead are said, and ordinary crowds are left in peace."""

import numpy as np
import pytest

from consensus import Judgments, fit, krippendorff_alpha
from consensus.cautions import cautions
from tests.consensus.crowds import campaign


def told(judged, gold=None, names=None):
    result = fit(judged, gold=gold)
    return cautions(result, judged, krippendorff_alpha(judged), names)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("K", [2, 4], ids=["two classes", "four classes"])
def test_an_ordinary_crowd_raises_nothing(seed, K):
    judged, truth = campaign(np.random.default_rng(seed), np.linspace(0.6, 0.95, 12), n_items=400, n_classes=K, yes=0.4)
    assert told(judged, {i: int(truth[i]) for i in range(40)}) == []


def test_a_crowd_that_guesses_is_said_to_guess():
    rng = np.random.default_rng(0)
    judged, _ = campaign(rng, [0.5] * 10, n_items=300)
    assert any("no more than chance" in sentence for sentence in told(judged))


def test_gold_shows_a_class_on_which_nearly_everybody_is_wrong():
    rng = np.random.default_rng(1)
    judged, truth = campaign(rng, [0.9] * 12, n_items=400, n_classes=3, yes=0.34)
    answer = judged.answer.copy()
    fooled = (truth[judged.item] == 2) & (rng.random(len(judged)) < 0.8)
    answer[fooled] = 1
    misled = Judgments(judged.item, judged.annotator, answer, 400, 12, 3, 4)
    sentences = told(misled, {i: int(truth[i]) for i in range(90)}, ["cat", "dog", "wolf", "unsure"])
    assert any("'wolf'" in sentence and "'dog'" in sentence and "misled" in sentence for sentence in sentences)
    assert not any("'cat'" in sentence for sentence in sentences)


def test_a_consensus_that_overrules_most_votes_is_said():
    # Three good people and nine who mostly contradict: gold says who is right, the votes say otherwise.
    rng = np.random.default_rng(2)
    judged, truth = campaign(rng, [0.95] * 3 + [0.2] * 9, n_items=300, per_item=6)
    sentences = told(judged, {i: int(truth[i]) for i in range(60)})
    assert any("overrules" in sentence for sentence in sentences)


def test_little_data_says_nothing():
    one = Judgments(np.array([0]), np.array([0]), np.array([1]), 1, 1, 2, 2)
    (sentence,) = told(one)
    assert "no item was judged by two" in sentence
    none = np.array([], dtype=np.int64)
    assert told(Judgments(none, none, none, 0, 0, 2, 2)) == []


def test_two_sides_that_contradict_each_other_are_said_and_gold_ends_it():
    judged, truth = campaign(np.random.default_rng(3), [0.9] * 8 + [0.1] * 5, n_items=400, per_item=5)
    assert any("against the others" in sentence for sentence in told(judged))
    # Enough known items tell which side is right.
    assert not any("against the others" in s for s in told(judged, {i: int(truth[i]) for i in range(40)}))


def test_a_dozen_items_are_too_few_to_say_that_nobody_agrees():
    judged, _ = campaign(np.random.default_rng(4), [0.8] * 6, n_items=12, per_item=3)
    assert told(judged) == []
