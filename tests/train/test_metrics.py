"""Figures against counting by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from train.intervals import bootstrap, classifier_intervals, mean_and_interval, paired_difference, wilson
from train.metrics import brier_score, evaluate, expected_calibration_error, fit_temperature, softmax
from train.people import against_people


@given(n=st.integers(1, 40), classes=st.integers(2, 9), seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_every_figure_equals_counting_by_hand(n, classes, seed):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(n, classes)).astype(np.float32)
    labels = random.integers(0, classes, n)
    found = evaluate(logits, labels)
    ranked = [sorted(range(classes), key=lambda k: -logits[i, k]) for i in range(n)]
    assert found.samples == n
    assert found.top1 == pytest.approx(np.mean([ranked[i][0] == labels[i] for i in range(n)]))
    assert found.top5 == pytest.approx(np.mean([labels[i] in ranked[i][:5] for i in range(n)]))
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
    assert found.loss == pytest.approx(float(expected), rel=1e-5)
    assert sum(map(sum, found.confusion)) == n
    for k in range(classes):
        true = [i for i in range(n) if labels[i] == k]
        called = [i for i in range(n) if ranked[i][0] == k]
        both = len(set(true) & set(called))
        assert found.recall[k] == (pytest.approx(both / len(true)) if true else None)
        assert found.precision[k] == (pytest.approx(both / len(called)) if called else None)
        if true or called:
            assert found.f1[k] == pytest.approx(2 * both / (len(true) + len(called)))
        else:
            assert found.f1[k] is None
    assert found.top1_low <= found.top1 <= found.top1_high


def test_ties_count_against_the_sample():
    found = evaluate(np.zeros((4, 3), np.float32), np.array([0, 1, 2, 0]))
    assert found.top1 == 0


def test_calibration_error_by_hand():
    probability = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    labels = np.array([0, 1, 0, 0])
    # Two samples at 0.9 of which one is right, two at 0.6 of which one is right.
    assert expected_calibration_error(probability, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)


def test_temperature_undoes_overconfidence():
    random = np.random.default_rng(0)
    honest = random.normal(0, 1.5, (20_000, 4))
    cumulative = softmax(honest).cumsum(axis=1)
    labels = (random.random((20_000, 1)) > cumulative).sum(axis=1).clip(max=3)
    shown = (honest * 2.5).astype(np.float32)
    temperature = fit_temperature(shown, labels)
    assert temperature == pytest.approx(2.5, rel=0.03)
    before = expected_calibration_error(softmax(shown), labels)
    after = expected_calibration_error(softmax(shown / np.float32(temperature)), labels)
    assert after < 0.02 < before


def test_wilson_interval_of_known_values():
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(0, 5)[0] == pytest.approx(0, abs=1e-12)
    assert wilson(5, 5)[1] == pytest.approx(1)


def test_interval_over_seeds_is_students():
    found = mean_and_interval([0.94, 0.95, 0.96])
    assert found["mean"] == pytest.approx(0.95)
    assert found["std"] == pytest.approx(0.01)
    assert found["high"] - found["mean"] == pytest.approx(4.303 * 0.01 / 3**0.5)
    assert mean_and_interval([0.9]) == {"mean": 0.9}


def test_a_share_of_nothing_or_all_lies_in_its_own_interval():
    for count in range(1, 200):
        for right in (0, count):
            low, high = wilson(right, count)
            assert low <= right / count <= high


def test_brier_score_by_hand():
    probability = np.array([[0.8, 0.2], [0.5, 0.5]])
    assert brier_score(probability, np.array([0, 1])) == pytest.approx((0.04 + 0.04 + 0.25 + 0.25) / 2)


def test_bootstrap_of_a_mean_is_about_its_standard_error():
    values = np.random.default_rng(0).normal(3, 2, 400)
    low, high = bootstrap({"mean": lambda w: float(w @ values / w.sum())}, 400)["mean"]
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.2 * half)


def test_intervals_hold_the_figures_that_they_are_of():
    random = np.random.default_rng(1)
    logits = random.normal(size=(300, 4)).astype(np.float32)
    labels = np.where(random.random(300) < 0.7, logits.argmax(axis=1), random.integers(0, 4, 300))
    figures, intervals = evaluate(logits, labels), classifier_intervals(softmax(logits), labels, draws=200)
    for name in ("top1", "top5", "loss", "brier", "macro_f1"):
        low, high = intervals[name]
        assert low <= getattr(figures, name) <= high, name
    assert intervals["top1"] == pytest.approx([figures.top1_low, figures.top1_high], abs=0.02)


def test_a_paired_difference_is_surer_than_two_separate_intervals():
    random = np.random.default_rng(2)
    first = (random.random(500) < 0.8).astype(float)
    second = first.copy()
    second[np.flatnonzero(first == 0)[:30]] = 1
    gap, low, high = paired_difference(first, second)
    assert gap == pytest.approx(0.06)
    assert 0 < low < gap < high < 0.1


def test_beside_people_by_hand():
    human = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]], np.float32)
    logits = np.log(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])).astype(np.float32)
    found = against_people(logits, np.array([0, 0, 0]), human)
    assert found["disputed"]["samples"] == 1
    assert found["disputed"]["top1"] == 0
    assert found["agreed"]["top1"] == 1
    by_hand = [-np.log(0.9), -0.5 * np.log(0.2) - 0.5 * np.log(0.8), -0.9 * np.log(0.6) - 0.1 * np.log(0.4)]
    assert found["soft_cross_entropy"] == pytest.approx(np.mean(by_hand), rel=1e-5)
    assert found["human_entropy"] < found["soft_cross_entropy"]
