"""Levels of difficulty against loops straight from the equations, and what they are for: calibrated risk."""

import math

import numpy as np
from hypothesis import given, settings

from consensus import Judgments, fit
from consensus.difficulty import ANCHOR, ITERATIONS, LEVELS, STRENGTH, TOLERANCE
from consensus.pooling import FEWEST, MOST, learned_strengths
from tests.consensus import plain
from tests.consensus.crowds import with_gold


def plain_levels(judged, gold, result):
    """(posterior [I][K], G after each iteration) before Dawid-Skene's answers are kept."""
    K, n_items, T = judged.n_classes, judged.n_items, len(LEVELS)
    E = [[result.pooled[k, s] * (s != k) for s in range(K)] for k in range(K)]
    E = [plain.normal(row) for row in E]
    mix = [[[(1 - h / 2) * (s == k) + h / 2 * E[k][s] for s in range(K)] for k in range(K)] for h in LEVELS]
    chance = [[[math.log(p) for p in result.class_prior] for _ in range(T)] for _ in range(n_items)]
    for i, j, a, w in plain.rows_of(judged):
        for t in range(T):
            for k in range(K):
                chance[i][t][k] += w * math.log(sum(mix[t][k][s] * result.confusion[j, s, a] for s in range(K)))
    top = [max(max(row) for row in item) for item in chance]
    like = [[[math.exp(x - top[i]) for x in row] for row in chance[i]] for i in range(n_items)]
    seen = [i for i in range(n_items) if result.n[i] > 0 and i not in gold]
    V, W = list(ANCHOR), [list(ANCHOR) for _ in range(K)]
    G = []
    for _ in range(ITERATIONS if seen else 0):
        totals = {i: sum(W[k][t] * like[i][t][k] for t in range(T) for k in range(K)) for i in seen}
        away = sum(plain.kl(V, W[k]) for k in range(K)) + plain.kl(V, ANCHOR)
        G.append(sum(math.log(x) for x in totals.values()) - STRENGTH * away)
        if len(G) > 1 and G[-1] - G[-2] <= TOLERANCE * len(seen):
            break
        count = [[sum(W[k][t] * like[i][t][k] / totals[i] for i in seen) for t in range(T)] for k in range(K)]
        W = [plain.normal([count[k][t] + STRENGTH * V[t] for t in range(T)]) for k in range(K)]
        V = plain.geometric(W, list(ANCHOR), 1.0)
    posterior = [
        plain.normal([sum(W[k][t] * like[i][t][k] for t in range(T)) for k in range(K)]) for i in range(n_items)
    ]
    return posterior, G


@settings(max_examples=60, deadline=None)
@given(with_gold())
def test_levels_are_the_plain_ones_to_1e_9(case):
    judged, gold = case
    if judged.n_classes == 1:
        return
    without, result = fit(judged, gold=gold, difficulty=False), fit(judged, gold=gold)
    posterior, objective = plain_levels(judged, gold, result)
    np.testing.assert_allclose(result.difficulty.objective[:3], objective[:3], rtol=1e-9, atol=1e-9)
    assert (np.diff(result.difficulty.objective) >= -1e-9).all()
    ours = np.sort(result.posterior, axis=1)
    for i in set(range(judged.n_items)) - set(gold):
        np.testing.assert_allclose(ours[i], sorted(posterior[i]), rtol=0, atol=1e-7)
    top = without.posterior[np.arange(judged.n_items), without.posterior.argmax(axis=1)]
    clear = np.sort(without.posterior, axis=1)[:, -2] < top - 1e-9
    assert (result.answer[clear] == without.answer[clear]).all()


def test_where_people_err_together_the_risk_says_so():
    rng = np.random.default_rng(0)
    n, per = 2000, 8
    truth = rng.integers(3, size=n)
    hard = rng.random(n) < 0.2  # to three of ten people these look like one and the same other class
    looks_like = np.where(hard, (truth + 1 + rng.integers(2, size=n)) % 3, truth)
    seen = np.where(rng.random((n, per)) < 0.7, truth[:, None], looks_like[:, None])
    answer = np.where(rng.random((n, per)) < 0.92, seen, rng.integers(3, size=(n, per)))
    judged = Judgments(np.repeat(np.arange(n), per), np.tile(np.arange(per), n), answer.ravel(), n, per, 3, 3)
    wrong = (fit(judged).answer != truth).mean()
    told, naive = fit(judged).risk.mean(), fit(judged, difficulty=False).risk.mean()
    assert naive + (wrong - naive) / 3 < told < wrong


def test_equal_people_are_pulled_together_and_different_ones_are_not():
    n = np.full((2, 30), 100.0)
    equal = np.stack([0.9 * n, 0.1 * n], axis=2)
    assert learned_strengths(equal)[0] > 20
    skill = np.linspace(0.55, 0.99, 30)
    people = np.stack([skill * n, (1 - skill) * n], axis=2)
    crowd, own = learned_strengths(people)
    assert own > crowd
    cautious = np.stack([np.stack([skill, skill[::-1]]) * n, (1 - np.stack([skill, skill[::-1]])) * n], axis=2)
    assert learned_strengths(cautious)[1] < 0.01
    assert learned_strengths(people[:, :3])[1] < own  # three people show little of what is the crowd's habit
    nothing = learned_strengths(np.zeros((2, 3, 2)))
    assert nothing[0] == FEWEST
    assert nothing[0] < MOST


def test_a_crowd_of_two_kinds_keeps_each_to_an_own_mean():
    n = np.full((4, 40), 30.0)
    skill = np.where(np.arange(40) < 30, 0.9, 0.25)  # a quarter guesses among four classes
    crowd, own = learned_strengths(np.stack([skill * n, (1 - skill) * n], axis=2))
    assert crowd == FEWEST
    assert own > 2 * crowd
