import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import estimated_label_error, fit, label_error_of
from consensus.label_error import _count_distribution, poisson_binomial_interval
from tests.consensus import plain
from tests.consensus.crowds import campaign

risks = st.lists(st.floats(0, 1) | st.floats(0, 0.06), min_size=1, max_size=40)


@settings(max_examples=200, deadline=None)
@given(risks)
def test_the_number_of_wrong_labels_has_the_plain_distribution(values):
    ours = _count_distribution(np.array([v for v in values if v < 1.0]))
    theirs = np.array(plain.count_distribution([v for v in values if v < 1.0]))
    np.testing.assert_allclose(ours, theirs[: len(ours)], atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(risks)
def test_the_interval_holds_95_percent_of_the_counts(values):
    low, high = poisson_binomial_interval(np.array(values))
    below = np.cumsum(plain.count_distribution(values))
    inside = below[int(high)] - (below[int(low) - 1] if low else 0.0)
    assert inside >= 0.95 - 1e-9
    assert 0 <= low <= high <= len(values)


def test_many_labels_use_the_normal_one_and_agree_with_the_exact_one_at_the_border():
    risk = np.full(2000, 0.0527)  # variance just below 100
    exact = poisson_binomial_interval(risk)
    normal = poisson_binomial_interval(np.full(2010, 0.0531))
    assert exact == pytest.approx(normal, abs=3)


def test_risks_of_a_well_specified_crowd_cover_the_true_error():
    inside = 0
    for seed in range(20):
        judged, truth = campaign(np.random.default_rng(seed), np.linspace(0.7, 0.9, 10), n_items=1000)
        result = fit(judged)
        found = estimated_label_error(result)
        inside += found.low <= (result.answer != truth).mean() <= found.high
    assert inside >= 15


def test_only_the_chosen_labels_count_and_gold_never_does_by_itself():
    judged, _ = campaign(np.random.default_rng(0), [0.8] * 8, n_items=100)
    result = fit(judged, gold={0: 1, 1: 0})
    assert estimated_label_error(result).items == 98
    settled = result.risk < 0.05
    chosen = estimated_label_error(result, settled)
    assert chosen.items == settled.sum()
    assert chosen.estimate == pytest.approx(result.risk[settled].mean())
    assert estimated_label_error(result, np.flatnonzero(settled)) == chosen
    other = estimated_label_error(result, settled, answers=1 - result.answer)
    assert other.estimate == pytest.approx(1 - chosen.estimate)


def test_no_labels_have_no_error():
    found = label_error_of(np.array([]))
    assert (found.estimate, found.low, found.high, found.items) == (None, None, None, 0)
