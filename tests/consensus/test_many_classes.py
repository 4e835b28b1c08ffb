"""Many classes: the sparse fit against loops over all classes, and what the taxonomy is good for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import (
    ConsensusError,
    Judgments,
    StoppingRule,
    estimated_label_error,
    fit,
    fit_weighted_down,
    flags,
    states,
)
from consensus import many_classes as many
from consensus.candidates import Candidates
from consensus.live import Live
from consensus.simulate import Items, honest_crowd, simulate, with_planted
from tests.consensus.crowds import with_gold
from tests.consensus.plain_many import many_classes


@settings(max_examples=50, deadline=None)
@given(with_gold(), st.lists(st.integers(-1, 1), min_size=4, max_size=4), st.integers(1, 6))
def test_the_sparse_fit_is_the_plain_one_to_1e_9(case, parents, iterations):
    judged, gold = case
    if judged.n_classes < 2:
        return
    families = np.array(parents[: judged.n_classes])
    found = many.fit_many_classes(judged, gold, families, max_iterations=iterations, tolerance=-1e300)
    q, other, objectives = many_classes(judged, gold, families.tolist(), iterations)
    assert sum(map(len, q)) == len(found.item)
    for i, k, p in zip(found.item, found.label, found.posterior, strict=True):
        assert p == pytest.approx(q[i][k], abs=1e-9)
    assert found.other == pytest.approx(other, abs=1e-9)
    # Objectives are alike up to a constant.
    assert np.diff(found.log_objective) == pytest.approx(np.diff(objectives), rel=1e-9, abs=1e-8)


@settings(max_examples=50, deadline=None)
@given(with_gold(), st.lists(st.integers(-1, 1), min_size=4, max_size=4))
def test_the_objective_never_falls_and_nothing_is_nan(case, parents):
    judged, gold = case
    if judged.n_classes < 2:
        return
    families = np.array(parents[: judged.n_classes])
    found = many.fit_many_classes(judged, gold, families, max_iterations=3000, tolerance=0.0)
    steps = np.diff(found.log_objective)
    assert (steps >= -1e-9 * np.maximum(1, np.abs(found.log_objective[:-1]))).all()
    for i in range(judged.n_items):
        if i not in gold and found.n[i] and (found.item == i).any():
            mine = found.posterior[found.item == i].sum() + found.other[i]
            assert mine == pytest.approx(1, abs=1e-9)


def crowd(rng, K=200, n=2000, A=40, per=4, family=5):
    truth = rng.integers(K, size=n)
    item, who = np.repeat(np.arange(n), per), rng.integers(A, size=n * per)
    right = rng.random(n * per) < rng.beta(6, 3, A)[who]
    sibling = truth[item] // family * family + (truth[item] + rng.integers(1, family, n * per)) % family
    # Six of ten errors are siblings.
    wrong = np.where(rng.random(n * per) < 0.6, sibling, rng.integers(K, size=n * per))
    answer = np.where(right, truth[item], wrong)
    return Judgments(item, who, answer, n, A, K, K), truth, np.arange(K) // family


def test_it_is_better_than_the_majority_and_knows_how_sure_it_is():
    judged, truth, parents = crowd(np.random.default_rng(0))
    found = many.fit_many_classes(judged, parents=parents)
    votes = np.zeros((2000, 200))
    np.add.at(votes, (judged.item, judged.answer), 1.0)
    lead = votes == votes.max(axis=1, keepdims=True)
    majority = (lead[np.arange(2000), truth] / lead.sum(axis=1)).mean()
    right = (found.answer == truth).mean()
    assert right > majority + 0.02
    # With ten items a class their confusions are taken as better known than they are.
    assert (1 - right) / 3 < found.risk.mean() < 1.5 * (1 - right)
    assert found.converged


def test_siblings_share_error_mass():
    # One vote for each of two siblings and one for a stranger: the siblings explain each other's votes.
    rng = np.random.default_rng(1)
    judged, _, parents = crowd(rng, n=400)
    item = np.append(judged.item, [400] * 3)
    who, answer = np.append(judged.annotator, [0, 1, 2]), np.append(judged.answer, [10, 11, 150])
    wider = Judgments(item, who, answer, 401, 40, 200, 200)

    def mass(found, label):
        return float(found.posterior[(found.item == 400) & (found.label == label)][0])

    told = many.fit_many_classes(wider, parents=parents)
    alone = many.fit_many_classes(wider)
    assert mass(told, 10) + mass(told, 11) > mass(alone, 10) + mass(alone, 11)


def test_what_cannot_be_used_is_refused_and_nothing_is_nan():
    none = np.array([], dtype=np.int64)
    empty = many.fit_many_classes(Judgments(none, none, none, 2, 1, 1000, 1000), {1: 7})
    assert empty.answer.tolist() == [-1, 7]
    assert np.isfinite(empty.class_prior).all()
    with pytest.raises(ConsensusError, match="at least two"):
        many.fit_many_classes(Judgments(none, none, none, 2, 1, 1, 1))
    with pytest.raises(ConsensusError, match="parents names 3"):
        many.fit_many_classes(Judgments(none, none, none, 2, 1, 4, 4), parents=np.zeros(3, dtype=np.int64))


class TestTheDefaultWithVeryManyClasses:
    """From 101 classes on nothing of size classes x classes or items x classes is made; the rest works as always."""

    def crowd(self, n_classes=300, seed=0):
        people = honest_crowd(30, seed, accuracy=(0.7, 0.95))
        people = with_planted(with_planted(people, "random", 2, seed), "constant", 1, seed)
        return simulate(people, Items(1500, n_classes), per_item=4, seed=seed)

    def test_it_is_taken_by_itself_and_told(self):
        made = self.crowd()
        result = fit(made.judgments)
        assert result.method == "many-classes"
        assert isinstance(result.posterior, Candidates)
        assert (result.answer == made.truth).mean() > (
            fit(made.judgments, "one-coin").answer == made.truth
        ).mean() - 0.01
        assert fit(self.crowd(100).judgments).method == "map-dawid-skene"

    def test_a_row_is_a_distribution_and_agrees_with_answer_and_risk(self):
        result = fit(self.crowd().judgments)
        for i in range(0, 1500, 50):
            row = result.posterior[i]
            assert row.sum() == pytest.approx(1)
            assert row.argmax() == result.answer[i]
            assert 1 - row.max() == pytest.approx(result.risk[i])
            assert result.posterior.at(np.array([i]), result.answer[[i]])[0] == row.max()

    def test_flags_quality_stopping_and_label_error_take_it(self):
        made = self.crowd()
        result = fit(made.judgments)
        raised = flags(result, made.judgments)
        assert [bool(f & {"random", "constant"}) for f in raised] == [False] * 28 + [True] * 2
        assert result.annotator.accuracy[:28].min() > 0.6 > 0.2 > result.annotator.accuracy[28:].max()
        assert set(states(result.posterior, result.n, StoppingRule("risk", max_risk=0.05, max_n=4))) == {
            "settled",
            "disputed",
        }
        error = estimated_label_error(result)
        assert 0 <= error.low < error.estimate < error.high < 0.2

    def test_an_item_nobody_judged_has_the_shares_of_all_classes(self):
        result = fit(Judgments(np.array([0]), np.array([0]), np.array([7]), 2, 1, 200, 201))
        assert result.answer.tolist() == [7, -1]
        assert result.posterior[1] == pytest.approx(result.class_prior)
        assert list(states(result.posterior, result.n, StoppingRule("fixed", n=1))) == ["settled", "open"]

    def test_what_needs_confusions_says_so(self):
        made = self.crowd()
        with pytest.raises(ConsensusError, match="300 classes are too many"):
            Live(fit(made.judgments))

    def test_parents_reach_the_fit_by_every_door(self):
        made = self.crowd(120)
        parents = np.arange(120) // 4
        told, alone = (fit(made.judgments, parents=each) for each in (parents, None))
        assert not np.array_equal(told.posterior.probability, alone.posterior.probability)
        weighed = fit_weighted_down(made.judgments, parents=parents)
        assert np.array_equal(weighed.result.shared.parents, parents)

    def test_gold_decides(self):
        made = self.crowd()
        result = fit(made.judgments, gold={0: 5})
        assert (result.answer[0], result.risk[0]) == (5, 0.0)
        assert flags(result, made.judgments)
