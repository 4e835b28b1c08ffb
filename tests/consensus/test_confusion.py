import numpy as np
import pytest
from scipy import special

from consensus import ConsensusError, Judgments, fit
from consensus.confusion import confusion_of
from consensus.pooling import FEWEST
from consensus.simulate import Annotator, Items, simulate

CROWD = [Annotator(accuracy=a) for a in (0.95, 0.9, 0.9, 0.85, 0.85, 0.8, 0.8, 0.75)]


@pytest.fixture(scope="module")
def crowd():
    made = simulate(CROWD, Items(800, n_classes=3), per_item=5, seed=3)
    return made, fit(made.judgments)


def test_the_interval_is_the_betas_of_the_expected_counts(crowd):
    made, result = crowd
    found = confusion_of(result, made.judgments, 2)
    mine = made.judgments.annotator == 2
    shown = [sum(result.posterior[i, k] for i in made.judgments.item[mine]) for k in range(3)]
    np.testing.assert_allclose(found.shown, shown)
    for k in range(3):
        for answer in range(3):
            a = found.rate[k, answer] * (shown[k] + FEWEST)
            b = (1 - found.rate[k, answer]) * (shown[k] + FEWEST)
            assert found.low[k, answer] == pytest.approx(special.betaincinv(a, b, 0.025), abs=3e-3)
            assert found.high[k, answer] == pytest.approx(special.betaincinv(a, b, 0.975), abs=3e-3)


def test_intervals_hold_the_rates_that_people_really_have(crowd):
    held = []
    for seed in range(6):
        made = simulate(CROWD, Items(800, n_classes=3), per_item=5, seed=seed)
        result = fit(made.judgments)
        for j, one in enumerate(CROWD):
            found = confusion_of(result, made.judgments, j)
            held += [found.low[k, k] <= one.accuracy <= found.high[k, k] for k in range(3)]
    assert np.mean(held) > 0.88


def test_somebody_without_judgments_has_the_crowds_row_and_hardly_any_certainty(crowd):
    made, _ = crowd
    judged = made.judgments
    more = Judgments(
        judged.item, judged.annotator, judged.answer, judged.n_items, judged.n_annotators + 1, 3, judged.n_answers
    )
    found = confusion_of(fit(more), more, judged.n_annotators)
    assert found.shown.tolist() == [0, 0, 0]
    assert (found.high[np.arange(3), np.arange(3)] - found.low[np.arange(3), np.arange(3)] > 0.4).all()


def test_one_class_and_too_many_classes():
    one = Judgments(np.array([0]), np.array([0]), np.array([0]), 1, 1, 1, 1)
    found = confusion_of(fit(one), one, 0)
    assert found.rate.tolist() == [[1.0]]
    assert np.isfinite([found.low, found.high]).all()
    many = Judgments(np.arange(300), np.zeros(300, dtype=int), np.arange(300), 300, 1, 300, 300)
    with pytest.raises(ConsensusError, match="too many"):
        confusion_of(fit(many), many, 0)
