"""GLAD: skilled annotators and difficult items.

Whitehill et al. 2009, "Whose vote should count more": annotator j has a skill alpha_j, item i an ease exp(b_i),

    P(a_ij = z_i) = s(x_ij),   x_ij = alpha_j exp(b_i),   s the logistic function; every wrong answer alike,

with normal priors of mean 1 and deviation 1 on alpha and b, and equal shares of classes. Maximised:

    F = sum_i log sum_k (1/K) prod_j P(a_ij | k)^w_ij  -  sum_j (alpha_j - 1)^2 / 2  -  sum_i (b_i - 1)^2 / 2
    E   q_i(k)  ~  exp( sum_(j: a_ij = k) w_ij (x_ij + log(K - 1)) )
    M   Q = sum_ij w_ij (q_i(a_ij) log s(x_ij) + (1 - q_i(a_ij)) log s(-x_ij)) + priors: a few steps uphill, along the
        gradient divided by the curvature of each parameter alone, each halved until Q rises

so F never falls. It starts at alpha = b = 1, where the E-step is nearly the majority vote. "Unsure" says nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.judgments import Floats, Ints, Layout
from consensus.majority import clamp
from consensus.one_coin import Votes, votes_of

STEPS = 5
HALVINGS = 30
STEEPEST = 15.0  # of b: exp(b) stays finite


@dataclass(frozen=True, eq=False)
class Glad:
    """posterior [K, I]; skill: alpha, float64 [A]; ease: exp(b), float64 [I]; objective after each iteration."""

    posterior: Floats
    skill: Floats
    ease: Floats
    objective: tuple[float, ...]
    converged: bool


def fit_glad(layout: Layout, gold: Ints, max_iterations: int = 100, tolerance: float = 1e-7) -> Glad:
    """Run EM until F gains less than `tolerance` per judgment. gold: int64 [I], -1 where unknown."""
    K, n_items = layout.n_classes, layout.n_items
    votes = votes_of(layout)
    flat = votes.item * K + votes.answer
    alpha, b = np.ones(layout.n_annotators), np.ones(n_items)
    log_others = np.log(max(K - 1.0, 1.0))
    objective: list[float] = []
    converged = K == 1
    posterior = clamp(np.full((K, n_items), 1.0 / K), gold)
    enough = tolerance * max(1.0, float(votes.weight.sum()))
    for _ in range(0 if K == 1 else max_iterations):
        x = alpha[votes.annotator] * np.exp(b)[votes.item]
        gain = votes.weight * (x + log_others)
        evidence = np.bincount(flat, weights=gain, minlength=n_items * K).reshape(n_items, K).T
        likelihood = -float((votes.weight * (np.logaddexp(0.0, x) + log_others)).sum())
        top = evidence.max(axis=0)
        posterior = np.exp(evidence - top)
        total = posterior.sum(axis=0)
        posterior /= total
        known = np.flatnonzero(gold >= 0)
        score = top + np.log(total) - np.log(K)
        score[known] = evidence[gold[known], known]
        posterior = clamp(posterior, gold)
        objective.append(likelihood + float(score.sum()) + _prior(alpha, b))
        if len(objective) > 1 and objective[-1] - objective[-2] <= enough:
            converged = True
            break
        agreed = posterior[votes.answer, votes.item]
        for _ in range(STEPS):
            alpha, b = _uphill(votes, agreed, alpha, b)
    return Glad(posterior, alpha, np.exp(b), tuple(objective), converged)


def _prior(alpha: Floats, b: Floats) -> float:
    return -0.5 * float(((alpha - 1.0) ** 2).sum() + ((b - 1.0) ** 2).sum())


def _q(votes: Votes, agreed: Floats, alpha: Floats, b: Floats) -> float:
    x = alpha[votes.annotator] * np.exp(b)[votes.item]
    return float((votes.weight * (agreed * x - np.logaddexp(0.0, x))).sum()) + _prior(alpha, b)


def _uphill(votes: Votes, agreed: Floats, alpha: Floats, b: Floats) -> tuple[Floats, Floats]:
    ease = np.exp(b)[votes.item]
    x = alpha[votes.annotator] * ease
    right = 0.5 * (1.0 + np.tanh(0.5 * x))
    slope = votes.weight * (agreed - right)
    bend = votes.weight * right * (1.0 - right)
    A, n_items = len(alpha), len(b)
    step_alpha = np.bincount(votes.annotator, weights=slope * ease, minlength=A) - (alpha - 1.0)
    step_alpha /= np.bincount(votes.annotator, weights=bend * ease * ease, minlength=A) + 1.0
    step_b = np.bincount(votes.item, weights=slope * x, minlength=n_items) - (b - 1.0)
    step_b /= np.bincount(votes.item, weights=bend * x * x + np.abs(slope * x), minlength=n_items) + 1.0
    before, part = _q(votes, agreed, alpha, b), 1.0
    for _ in range(HALVINGS):
        new_alpha, new_b = alpha + part * step_alpha, np.clip(b + part * step_b, -STEEPEST, STEEPEST)
        if _q(votes, agreed, new_alpha, new_b) >= before:
            return new_alpha, new_b
        part *= 0.5
    return alpha, b
