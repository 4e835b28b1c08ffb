import numpy as np
import pytest
from hypothesis import given, settings

from consensus import Judgments, krippendorff_alpha
from consensus.agreement import _MOST_PROFILES
from tests.consensus import plain
from tests.consensus.crowds import campaign, judgments


@settings(max_examples=150, deadline=None)
@given(judgments(most=40))
def test_alpha_is_that_of_the_coincidence_matrix(judged):
    ours, theirs = krippendorff_alpha(judged, resamples=20), plain.krippendorff(judged)
    if theirs is None:
        assert ours.alpha is ours.low is ours.high is None
    else:
        assert ours.alpha == pytest.approx(theirs, abs=1e-9)
        assert np.isfinite([ours.low, ours.high]).all()


def test_krippendorffs_own_example_gives_0_743():
    # Krippendorff 2011, section C: four observers, twelve units, missing data.
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    given_ = np.array([(i, j, a - 1) for j, row in enumerate(rows) for i, a in enumerate(row) if a])
    judged = Judgments(given_[:, 0], given_[:, 1], given_[:, 2], 12, 4, 5, 5)
    found = krippendorff_alpha(judged)
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert found.items == 11


def test_the_interval_is_the_plain_bootstraps_and_always_the_same():
    judged, _ = campaign(np.random.default_rng(0), [0.8] * 6, n_items=150, per_item=3)
    found = krippendorff_alpha(judged, resamples=2000)
    assert found == krippendorff_alpha(judged, resamples=2000)
    rng = np.random.default_rng(1)
    answers = judged.answer.reshape(150, 3)
    alphas = []
    for _ in range(300):
        again = answers[rng.integers(150, size=150)]
        alphas.append(plain.krippendorff(Judgments(judged.item, judged.annotator, again.ravel(), 150, 6, 2, 3)))
    assert (found.low, found.high) == pytest.approx(np.quantile(alphas, (0.025, 0.975)), abs=0.025)


def test_so_many_kinds_of_items_that_they_are_not_counted_still_have_an_interval():
    rng = np.random.default_rng(2)
    N, n, K = _MOST_PROFILES + 10_000, 8, 20
    truth = rng.integers(K, size=N)
    answer = np.where(rng.random((N, n)) < 0.4, truth[:, None], rng.integers(K, size=(N, n)))
    judged = Judgments(np.repeat(np.arange(N), n), np.tile(np.arange(n), N), answer.ravel(), N, n, K, K)
    found = krippendorff_alpha(judged)
    assert found.low < found.alpha < found.high
    assert 0.0005 < found.high - found.low < 0.02


def test_agreement_is_undefined_where_nobody_could_disagree():
    same = Judgments(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros(4, dtype=np.int64), 2, 2, 2, 2)
    assert krippendorff_alpha(same).alpha is None
    alone = Judgments(np.arange(3), np.zeros(3, dtype=np.int64), np.arange(3) % 2, 3, 1, 2, 2)
    assert krippendorff_alpha(alone).items == 0
