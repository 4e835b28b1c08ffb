"""Figures against counting by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from train.metrics import (
    evaluate,
    expected_calibration_error,
    fit_temperature,
    mean_and_interval,
    softmax,
    wilson,
)


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
        if true and called:
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
