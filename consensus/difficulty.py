"""How sure to be of an answer: items differ in difficulty, so people err together on the hard ones.

Dawid-Skene takes errors as independent, and is too sure wherever several people were misled by one picture. Here
item i of class k also has a level of difficulty t, and on a difficult item each judgment perceives another class
instead of k: class s with probability

    T_t[k, s] = (1 - h_t / 2) [s = k] + (h_t / 2) E[k, s],      h_t one of LEVELS,

with E what everybody mistakes k for. The annotator then answers as for an item of class s, so somebody who guesses
tells nothing at any level (compare Whitehill et al. 2009, GLAD, where difficulty scales the skill). The fitted
confusions pi and class shares p stay; learned is only W[k, t], how often items of class k are of level t, pooled over
classes (V, strength c items, anchored at ANCHOR with the weight of one class). Maximised by EM:

    G = sum_i log sum_kt p_k W[k, t] prod_j (T_t pi_j)[k, a_ij]^w_ij  -  c (sum_k KL(V || W[k]) + KL(V || anchor))

    E   q_i(k, t) ~ p_k W[k, t] prod_j (T_t pi_j)[k, a_ij]^w_ij
    M   W[k, t] = (sum_i q_i(k, t) + c V[t]) / (sum_it q_i(k, t) + c)
        V       ~ exp( (sum_k log W[k] + log anchor) / (K + 1) )

so G never falls. Which answer an item has stays Dawid-Skene's decision, made with all there is to know about people;
where the levels prefer another answer, the two are nearly equal and exchange their probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.judgments import Floats, Ints, Layout
from consensus.majority import clamp

LEVELS = (0.0, 0.3, 0.6, 0.9)
ANCHOR = (0.85, 0.05, 0.05, 0.05)
STRENGTH = 20.0  # items a class
ITERATIONS = 40
TOLERANCE = 1e-7  # of G per item
MOST_ITEMS = 20_000  # the shares of levels are learned from so many items, evenly taken


@dataclass(frozen=True, eq=False)
class Difficulty:
    """mixing: T, float64 [T, K, K]; log_share: log W, float64 [T, K]; objective: G after each iteration."""

    mixing: Floats
    log_share: Floats
    objective: tuple[float, ...] = ()


def mixings(pooled: Floats) -> Floats:
    """T, float64 [T, K, K], from the row that all share, float64 [K, L]."""
    K = len(pooled)
    mistaken = pooled[:, :K] * (1.0 - np.eye(K))
    total = mistaken.sum(axis=1, keepdims=True)
    mistaken = np.divide(mistaken, total, out=np.eye(K), where=total > 0)
    half = np.array(LEVELS)[:, None, None] / 2.0
    return (1.0 - half) * np.eye(K) + half * mistaken


def fit_difficulty(
    layout: Layout, gold: Ints, posterior: Floats, log_confusion: Floats, pooled: Floats, log_prior: Floats
) -> tuple[Floats, Difficulty]:
    """Posteriors [K, I] that know of difficulty, with the argmax of `posterior` [K, I], and what was learned.

    log_confusion: float64 [K, A, L]; pooled: float64 [K, L]; log_prior: float64 [K]; gold: int64 [I], -1 unknown.
    """
    K = layout.n_classes
    mixing = mixings(pooled)
    evidence = np.empty((len(LEVELS), K, layout.n_items))
    confusion = np.exp(log_confusion).reshape(K, -1)
    for t, perceived in enumerate(mixing):
        rows = np.log(perceived @ confusion)
        evidence[t, 0] = layout.by_item.sums(rows[0], layout.scratch)
        for k in range(1, K):
            evidence[t, k] = layout.by_item.sums(rows[k], layout.scratch)
    evidence += log_prior[:, None]
    evidence -= evidence.max(axis=(0, 1))
    np.exp(evidence, out=evidence)
    counted = np.zeros(layout.n_items, dtype=bool)
    counted[layout.by_item.key] = True
    items = np.flatnonzero(counted & (gold < 0))
    share, objective = _level_shares(evidence[:, :, items[:: max(1, -(-len(items) // MOST_ITEMS))]])
    evidence *= share[:, :, None]
    sure = evidence.sum(axis=0)
    sure /= sure.sum(axis=0)
    return clamp(keep_answer(sure, posterior), gold), Difficulty(mixing, np.log(share), objective)


def keep_answer(sure: Floats, posterior: Floats) -> Floats:
    """Let each column of `sure` [K, I] have its largest value where `posterior` [K, I] has: exchange the two."""
    answer, best = posterior.argmax(axis=0), sure.argmax(axis=0)
    other = np.flatnonzero(answer != best)
    sure[answer[other], other], sure[best[other], other] = sure[best[other], other], sure[answer[other], other]
    return sure


def _level_shares(likelihood: Floats) -> tuple[Floats, tuple[float, ...]]:
    """W as float64 [T, K] and G, from p_k times the likelihood of each level and class, float64 [T, K, n]."""
    T, K, n = likelihood.shape
    anchor = np.array(ANCHOR)
    pooled, share = anchor, np.repeat(anchor[:, None], K, axis=1)
    objective: list[float] = []
    flat = np.ascontiguousarray(likelihood.reshape(T * K, n))
    for _ in range(ITERATIONS if n else 0):
        total = share.ravel() @ flat
        away = (pooled * np.log(pooled / anchor)).sum() + (pooled[:, None] * np.log(pooled[:, None] / share)).sum()
        objective.append(float(np.log(total).sum() - STRENGTH * away))
        if len(objective) > 1 and objective[-1] - objective[-2] <= TOLERANCE * n:
            break
        count = share * (flat @ (1.0 / total)).reshape(T, K)
        share = (count + STRENGTH * pooled[:, None]) / (count.sum(axis=0) + STRENGTH)
        pooled = np.exp((np.log(share).sum(axis=1) + np.log(anchor)) / (K + 1))
        pooled = pooled / pooled.sum()
    return share, tuple(objective)
