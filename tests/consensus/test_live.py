"""A live campaign: the same posteriors as a fit, and gains as the definition says."""

import numpy as np
import pytest
from hypothesis import given, settings

from consensus import ConsensusError, Judgments, StoppingRule, fit, states
from consensus.confidence_table import learn_table
from consensus.live import SOMEBODY, Live
from tests.consensus.crowds import campaign
from tests.consensus.crowds import judgments as crowds


@pytest.fixture(scope="module")
def crowd():
    judged, truth = campaign(np.random.default_rng(6), [0.95, 0.8, 0.65, 0.9, 0.5, 0.85], n_items=150, n_classes=3)
    return judged, truth, fit(judged, max_iterations=2000, tolerance=0.0)


@settings(max_examples=40, deadline=None)
@given(crowds(weights=True))
def test_one_after_the_other_is_all_at_once(judged):
    result = fit(judged, max_iterations=400, tolerance=0.0)
    live = Live(result, judged)
    seen = result.n > 0
    clear = np.sort(result.posterior, axis=1)
    clear = seen if judged.n_classes < 2 else seen & (clear[:, -1] - clear[:, -2] > 1e-3)
    np.testing.assert_allclose(live.posteriors(np.flatnonzero(clear)), result.posterior[clear], atol=1e-3)
    assert (live.n == result.n).all()


def test_a_live_posterior_is_the_fits(crowd):
    judged, _, result = crowd
    live = Live(result, judged)
    np.testing.assert_allclose(live.posteriors(np.arange(150)), result.posterior, atol=1e-6)


def test_the_gain_is_the_expected_fall_of_the_doubt(crowd):
    judged, _, result = crowd
    live = Live(result, judged)

    def doubt(evidence):
        q = np.exp(evidence - evidence.max())
        return 1 - ((q.sum(axis=0) / q.sum()) ** 2).sum()

    for item, annotator in ((0, 0), (7, 4), (20, SOMEBODY)):
        q = np.exp(live.evidence[item])
        q /= q.sum()
        expected = 0.0
        for answer in range(judged.n_answers):
            row = live.rows(annotator)[:, :, answer]
            expected += (q * np.exp(row)).sum() * doubt(live.evidence[item] + row)
        ours = live.gains(np.array([item]), annotator)[0]
        assert ours == pytest.approx(doubt(live.evidence[item]) - expected, abs=1e-12)
        assert ours >= 0


def test_doubtful_items_and_good_annotators_come_first(crowd):
    judged, _, result = crowd
    live = Live(result, judged)
    best = live.best_items(np.arange(150), 0, 15)
    assert result.risk[best].mean() > 3 * result.risk.mean()
    item = int(best[0])
    assert live.best_annotator(item, np.array([4, 2, 0])) == 0
    dear = np.array([1.0, 1.0, 1e6])
    assert live.best_annotator(item, np.array([4, 2, 0]), dear) != 0


def test_an_item_that_would_need_too_many_judgments_is_given_up():
    rule = StoppingRule.from_json({"rule": "risk", "max_risk": 0.01, "max_n": 20, "review_price": 5})
    posterior = np.array([[0.6, 0.4], [0.6, 0.4], [0.6, 0.4], [0.995, 0.005]])
    told = states(posterior, np.array([3, 3, 1, 3]), rule, needed=np.array([4.0, 9.0, 9.0, 0.0]))
    assert told.tolist() == ["open", "disputed", "open", "settled"]
    with pytest.raises(ConsensusError, match="review_price"):
        StoppingRule.from_json({"rule": "risk", "review_price": 0})


def test_split_items_need_more_judgments_than_agreed_ones(crowd):
    _, _, result = crowd
    live = Live(result)
    for answer in (0, 0, 1, 1):
        live.add([0], [SOMEBODY], [answer])
    for answer in (0, 0):
        live.add([1], [SOMEBODY], [answer])
    split, agreed = live.needed(np.array([0, 1]), 0.001)
    assert split > agreed >= 0
    assert live.needed(np.array([1]), 0.9)[0] == 0
    # What a model adds is counted: with it the split item needs fewer, and a sure one none.
    known = np.array([[0.99, 0.01], [0.9999, 0.0001]])
    with_model = live.needed(np.array([0, 1]), 0.001, known)
    assert 0 < with_model[0] < split
    assert with_model[1] == 0
    assert live.posterior(1).sum() == pytest.approx(1)


def test_one_class_and_no_judgments_are_defined():
    none = np.array([], dtype=np.int64)
    live = Live(fit(Judgments(none, none, none, 2, 1, 1, 2)))
    assert live.posterior(0).tolist() == [1.0]
    assert live.gains(np.array([0, 1]), SOMEBODY).tolist() == [0.0, 0.0]
    assert live.needed(np.array([0]), 0.01).tolist() == [0.0]


def test_the_confidence_table_counts_how_often_the_leader_stays():
    pilot = np.array([[0, 0, 0], [0, 1, 1], [1, 1, 0], [1, 0, 1]])
    table = learn_table(pilot, 2)
    assert table.confidence[1, 1] == 3 / 4
    assert table.confidence[2, 2] == 1.0
    assert table.confidence[2, 3] == 1.0
    leader, confidence = table.of(np.array([[1, 0], [0, 2], [5, 5]]))
    assert leader.tolist() == [0, 1, 0]
    assert confidence.tolist() == [0.75, 1.0, 0.0]
    with pytest.raises(ConsensusError, match="pilot"):
        learn_table(np.zeros((0, 3), dtype=np.int64), 2)
