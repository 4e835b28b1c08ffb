"""One-coin Dawid-Skene and GLAD: loops straight from the equations, and crowd-kit where it does the same."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import METHODS, Judgments, fit
from consensus.glad import HALVINGS, STEEPEST, STEPS, fit_glad
from consensus.judgments import gold_array, layout
from consensus.one_coin import ANCHOR_RIGHT, fit_one_coin
from tests.consensus import plain
from tests.consensus.crowds import campaign, with_gold


def named(judged):
    return [row for row in plain.rows_of(judged) if row[3] > 0 and row[2] < judged.n_classes]


def plain_one_coin(judged, gold, iterations, b=2.0):
    K, u = judged.n_classes, ANCHOR_RIGHT
    rows, seen = named(judged), {row[0] for row in plain.rows_of(judged) if row[3] > 0}
    q = plain.majority(judged, gold)
    objective = []
    for _ in range(iterations):
        right = []
        for j in range(judged.n_annotators):
            mine = [row for row in rows if row[1] == j]
            hits, n = sum(w * q[i][a] for i, _, a, w in mine), sum(row[3] for row in mine)
            right.append((hits + b * u) / (n + b))
        p = plain.normal([1 + sum(q[i][k] for i in seen if i not in gold) for k in range(K)])
        F = b * sum(u * math.log(r) + (1 - u) * math.log(1 - r) for r in right) + sum(map(math.log, p))
        for i in range(judged.n_items):
            chance = list(p)
            for _, j, a, w in (row for row in rows if row[0] == i):
                chance = [c * (right[j] if a == k else (1 - right[j]) / (K - 1)) ** w for k, c in enumerate(chance)]
            F += math.log(chance[gold[i]] / p[gold[i]] if i in gold else sum(chance))
            q[i] = [float(k == gold[i]) for k in range(K)] if i in gold else plain.normal(chance)
        objective.append(F)
    return q, objective


@settings(max_examples=40, deadline=None)
@given(with_gold(), st.integers(1, 5))
def test_one_coin_is_the_plain_one_to_1e_9(case, iterations):
    judged, gold = case
    if judged.n_classes == 1:
        return
    ours = fit_one_coin(
        layout(judged), gold_array(gold, judged.n_items, judged.n_classes), iterations, tolerance=-1e300
    )
    posterior, objective = plain_one_coin(judged, gold, iterations)
    np.testing.assert_allclose(ours.posterior.T, posterior, atol=1e-9)
    np.testing.assert_allclose(ours.objective, objective, rtol=1e-9, atol=1e-9)


def plain_glad_objective(judged, gold, alpha, ease):
    """(posterior [I][K], F) of given skills and eases."""
    K = judged.n_classes
    posterior, F = [], -sum((a - 1) ** 2 for a in alpha) / 2 - sum((math.log(e) - 1) ** 2 for e in ease) / 2
    for i in range(judged.n_items):
        chance = [1 / K] * K
        for _, j, a, w in (row for row in named(judged) if row[0] == i):
            right = 1 / (1 + math.exp(-alpha[j] * ease[i]))
            chance = [c * (right if a == k else (1 - right) / (K - 1)) ** w for k, c in enumerate(chance)]
        F += math.log(chance[gold[i]] * K if i in gold else sum(chance))
        posterior.append([float(k == gold[i]) for k in range(K)] if i in gold else plain.normal(chance))
    return posterior, F


@settings(max_examples=40, deadline=None)
@given(with_gold(), st.integers(1, 12))
def test_glad_has_the_posterior_and_objective_of_its_skills_and_never_falls(case, iterations):
    judged, gold = case
    if judged.n_classes == 1:
        return
    known = gold_array(gold, judged.n_items, judged.n_classes)
    before = fit_glad(layout(judged), known, iterations, tolerance=-1e300)
    after = fit_glad(layout(judged), known, iterations + 1, tolerance=-1e300)
    assert after.objective[:-1] == before.objective
    posterior, F = plain_glad_objective(judged, gold, before.skill, before.ease)
    # The skills were made after the last E-step: they are what the next iteration's objective is of.
    np.testing.assert_allclose(after.objective[-1], F, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(after.posterior.T, posterior, atol=1e-9)
    assert (np.diff(after.objective) >= -1e-9 * np.maximum(1, np.abs(after.objective[:-1]))).all()


def plain_glad(judged, gold, iterations):
    """(alpha, b) after so many E- and M-steps, one number at a time."""
    A, n_items = judged.n_annotators, judged.n_items
    alpha, b = [1.0] * A, [1.0] * n_items

    def right(j, i):
        return 1 / (1 + math.exp(-alpha[j] * math.exp(b[i])))

    def q_of(agreed, alpha, b):
        out = -sum((a - 1) ** 2 for a in alpha) / 2 - sum((x - 1) ** 2 for x in b) / 2
        for (i, j, _, w), q in zip(named(judged), agreed, strict=True):
            x = alpha[j] * math.exp(b[i])
            out += w * (q * x - max(x, 0.0) - math.log1p(math.exp(-abs(x))))
        return out

    for _ in range(iterations):
        posterior, _ = plain_glad_objective(judged, gold, alpha, [math.exp(x) for x in b])
        agreed = [posterior[i][a] for i, _, a, _ in named(judged)]
        for _ in range(STEPS):
            slope_a, bend_a = [-(a - 1) for a in alpha], [1.0] * A
            slope_b, bend_b = [-(x - 1) for x in b], [1.0] * n_items
            for (i, j, _, w), q in zip(named(judged), agreed, strict=True):
                ease, x, s = math.exp(b[i]), alpha[j] * math.exp(b[i]), right(j, i)
                slope_a[j] += w * (q - s) * ease
                bend_a[j] += w * s * (1 - s) * ease**2
                slope_b[i] += w * (q - s) * x
                bend_b[i] += w * s * (1 - s) * x**2 + abs(w * (q - s) * x)
            before, part = q_of(agreed, alpha, b), 1.0
            for _ in range(HALVINGS):
                new_alpha = [a + part * s / c for a, s, c in zip(alpha, slope_a, bend_a, strict=True)]
                new_b = [
                    min(max(x + part * s / c, -STEEPEST), STEEPEST) for x, s, c in zip(b, slope_b, bend_b, strict=True)
                ]
                if q_of(agreed, new_alpha, new_b) >= before - 1e-13 * abs(before):
                    alpha, b = new_alpha, new_b
                    break
                part /= 2
    return alpha, b


@settings(max_examples=40, deadline=None)
@given(with_gold(), st.integers(1, 4))
def test_glads_steps_are_the_plain_ones_to_1e_9(case, iterations):
    judged, gold = case
    if judged.n_classes == 1:
        return
    known = gold_array(gold, judged.n_items, judged.n_classes)
    ours = fit_glad(layout(judged), known, iterations, tolerance=-1e300)
    alpha, b = plain_glad(judged, gold, iterations)
    np.testing.assert_allclose(ours.skill, alpha, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.log(ours.ease), b, rtol=1e-9, atol=1e-9)


def table(judged):
    return pd.DataFrame({"task": judged.item, "worker": judged.annotator, "label": judged.answer})


@pytest.fixture(scope="module")
def crowd():
    judged, truth = campaign(np.random.default_rng(4), [0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.85], n_items=200, per_item=4)
    return Judgments(judged.item, judged.annotator, judged.answer, 200, 7, 2, 2), truth


def test_glad_ends_no_lower_than_crowd_kits(crowd):
    from crowdkit.aggregation import classification

    judged, _ = crowd
    peer = classification.GLAD(n_iter=60, tol=1e-9, m_step_tol=1e-6).fit(table(judged))
    alpha, ease = peer.alphas_.sort_index().to_numpy(), np.exp(peer.betas_.sort_index().to_numpy())
    _, theirs = plain_glad_objective(judged, {}, alpha, ease)
    ours = fit_glad(layout(judged), gold_array(None, 200, 2), 2000, tolerance=1e-10)
    assert ours.objective[-1] >= theirs - 1e-3
    same = (fit(judged, "glad").answer == peer.labels_.sort_index().to_numpy()).mean()
    assert same >= 0.99


def test_one_coin_finds_what_crowd_kits_finds(crowd):
    from crowdkit.aggregation import classification

    judged, _ = crowd
    peer = classification.OneCoinDawidSkene(n_iter=200, tol=1e-9).fit(table(judged))
    weak = fit_one_coin(layout(judged), gold_array(None, 200, 2), strength=1e-9)
    theirs = peer.probas_.loc[np.arange(200), [0, 1]].to_numpy()
    # Ours adds an item to each class, theirs stops earlier: nearly the same, not to the last digit.
    assert np.abs(weak.posterior.T - theirs).mean() < 0.01
    assert (weak.posterior.argmax(axis=0) == theirs.argmax(axis=1)).mean() >= 0.98


@settings(max_examples=40, deadline=None)
@given(with_gold(most=40), st.sampled_from(METHODS))
def test_no_method_makes_nan_or_lets_its_objective_fall(case, method):
    judged, gold = case
    result = fit(judged, method, gold)
    posterior = np.array([result.posterior[i] for i in range(judged.n_items)])
    assert np.isfinite(posterior).all()
    assert np.isfinite(result.annotator.accuracy).all()
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, atol=1e-9)
    assert (np.diff(result.log_objective) >= -1e-7 * np.maximum(1, np.abs(result.log_objective[:-1]))).all()
    for item, answer in gold.items():
        assert posterior[item, answer] == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_better_than_one_person(crowd, method):
    judged, truth = crowd
    assert (fit(judged, method).answer == truth).mean() > 0.8
