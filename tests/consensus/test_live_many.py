"""A live campaign of very many classes: the posteriors of a fit, and gains as the definition says."""

import numpy as np
import pytest
from hypothesis import given, settings

from consensus import ConsensusError, fit
from consensus.live import SOMEBODY, Live, LiveMany, live_of
from consensus.simulate import Items, honest_crowd, simulate
from tests.consensus.crowds import judgments as crowds


@pytest.fixture(scope="module")
def crowd():
    made = simulate(honest_crowd(12, 0, accuracy=(0.5, 0.95)), Items(300, 200), per_item=3, seed=1)
    return made.judgments, fit(made.judgments, parents=np.arange(200) // 4)


@settings(max_examples=40, deadline=None)
@given(crowds(weights=True))
def test_one_after_the_other_and_all_at_once_are_the_fits(judged):
    if judged.n_classes < 2:
        return
    result = fit(judged, "many-classes", parents=np.arange(judged.n_classes) // 2)
    at_once, one_by_one = LiveMany(result, judged), LiveMany(result)
    one_by_one.add(judged.item, judged.annotator, judged.answer, judged.weight)
    assert (at_once.n == result.n).all()
    assert (one_by_one.n == result.n).all()
    for item in range(judged.n_items):
        for live in (at_once, one_by_one):
            assert live.posterior(item) == pytest.approx(result.posterior[item], abs=1e-9)


def test_the_gain_is_the_expected_fall_of_the_doubt(crowd):
    judged, result = crowd
    live, shared = LiveMany(result, judged), result.shared
    for item, annotator in ((0, 0), (7, 4), (20, SOMEBODY)):
        label, q, other = live.candidates(item)
        rate = shared.rate(annotator)

        def said(true, answer, rate=rate):
            return rate if true == answer else (1 - rate) * shared.mistaken(np.array([true]), np.array([answer]))[0]

        after = 0.0
        for answer in label:
            mine = [p * said(k, answer) for k, p in zip(label, q, strict=True)]
            total = sum(mine) + other * (1 - rate) * shared.usage[answer]
            after += sum(p * p for p in mine) / total
        # A class that nobody has named yet, whichever it is.
        mine = [p * (1 - sum(said(k, answer) for answer in label)) for k, p in zip(label, q, strict=True)]
        mine.append(other * rate)
        after += sum(p * p for p in mine) / sum(mine)
        expected = after - (q * q).sum()
        assert live.gains(np.array([item]), annotator)[0] == pytest.approx(max(expected, 0.0), abs=1e-12)


def test_doubtful_items_and_good_annotators_come_first(crowd):
    judged, result = crowd
    live = live_of(result, judged)
    best = live.best_items(np.arange(300), SOMEBODY, 30)
    assert result.risk[best].mean() > 2 * result.risk.mean()
    order = np.argsort(result.shared.right)
    worst_and_best = np.array([order[0], order[-1]])
    assert live.best_annotator(int(best[0]), worst_and_best) == order[-1]
    assert live.best_annotator(int(best[0]), worst_and_best, np.array([1.0, 1e6])) == order[0]


def test_split_items_need_more_judgments_than_agreed_ones(crowd):
    _, result = crowd
    live = LiveMany(result)
    live.add([0, 0, 1, 1], [SOMEBODY] * 4, [3, 90, 3, 3])
    split, agreed, nobody = live.needed(np.array([0, 1, 2]), 0.001)
    assert split > agreed >= 0
    assert nobody == np.inf
    assert live.needed(np.array([1]), 0.9)[0] == 0
    known = np.full((1, 200), 0.001 / 198)
    known[0, [3, 90]] = 0.99, 0.009
    assert 0 < live.needed(np.array([0]), 0.001, known)[0] < split  # with what a model says of it
    assert live.posterior(2) == pytest.approx(result.class_prior)


def test_each_fit_has_the_live_campaign_of_its_kind(crowd):
    judged, result = crowd
    few = simulate(honest_crowd(5, 0), Items(20, 3), per_item=3, seed=0).judgments
    assert isinstance(live_of(fit(few), few), Live)
    assert isinstance(live_of(result, judged), LiveMany)
    with pytest.raises(ConsensusError, match="confusions"):
        LiveMany(fit(few))
