import numpy as np
from scipy import special

from consensus import fit
from consensus.beta import beta_quantiles
from tests.consensus.crowds import campaign


def test_beta_quantiles_are_scipys():
    rng = np.random.default_rng(0)
    a, b = np.exp(rng.uniform(-2, 9, 400)), np.exp(rng.uniform(-2, 9, 400))
    ours = beta_quantiles(a, b, (0.025, 0.5, 0.975))
    for row, q in zip(ours, (0.025, 0.5, 0.975), strict=True):
        away = np.abs(row - special.betaincinv(a, b, q))
        assert away[(a >= 1) & (b >= 1)].max() < 2e-4
        assert away.max() < 3e-3


def test_the_interval_of_an_annotators_accuracy_covers_it():
    covered = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        skills = rng.uniform(0.6, 0.97, 15)
        judged, truth = campaign(rng, skills, n_items=500, per_item=5)
        quality = fit(judged).annotator
        # The share of right answers actually given is what the interval is about.
        done = np.bincount(judged.annotator, weights=judged.answer == truth[judged.item], minlength=15)
        share = done / np.bincount(judged.annotator, minlength=15)
        covered += list((quality.low <= share) & (share <= quality.high))
        covered += list((quality.low <= skills) & (skills <= quality.high))
    assert np.mean(covered) > 0.93


def test_unsure_counts_as_a_judgment_but_neither_right_nor_wrong():
    judged, _ = campaign(np.random.default_rng(1), [0.9] * 6, n_items=300, unsure=0.5)
    quality = fit(judged).annotator
    assert (quality.n == np.bincount(judged.annotator)).all()
    assert (quality.accuracy > 0.8).all()
