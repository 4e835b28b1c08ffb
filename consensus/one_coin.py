"""One-coin Dawid-Skene: each annotator is right with one probability, and wrong in every other way alike.

    P(a_ij = l | z_i = k) = r_j if l = k, else (1 - r_j) / (K - 1)

(Zhang et al. 2016, "Spectral methods meet EM", section 2.1). r_j has a Beta prior worth b judgments, the part u
(ANCHOR_RIGHT) of them right, so that nobody is certain; p has one item of each class added. Maximised by EM from
the majority vote:

    F = sum_i log sum_k p_k prod_j P(a_ij | k)^w_ij  +  b sum_j (u log r_j + (1 - u) log(1 - r_j))  +  sum_k log p_k
    E   q_i(k)  ~  p_k prod_j P(a_ij | k)^w_ij
    M   r_j     =  (sum_i w_ij q_i(a_ij) + b u) / (sum_i w_ij + b),      p_k ~ 1 + sum_i q_i(k)

"Unsure" says nothing here. Items with gold keep their class and are left out of p.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.judgments import Floats, Ints, Layout
from consensus.majority import clamp, vote_shares

ANCHOR_RIGHT = 0.7


@dataclass(frozen=True, eq=False)
class Votes:
    """The judgments that name a class, sorted by item: who, what, and weight; arrays [M]."""

    item: Ints
    annotator: Ints
    answer: Ints
    weight: Floats


def votes_of(layout: Layout) -> Votes:
    """The judgments that name a class, in the order of `layout.by_item`."""
    annotator, answer = np.divmod(layout.by_item.take, max(layout.n_answers, 1))
    weight = np.ones(len(answer)) if layout.by_item.weight is None else layout.by_item.weight
    named = answer < layout.n_classes
    return Votes(layout.by_item.keys()[named], annotator[named], answer[named], weight[named])


@dataclass(frozen=True, eq=False)
class Coins:
    """posterior [K, I]; right: r, float64 [A]; share: p, float64 [K]; objective after each iteration."""

    posterior: Floats
    right: Floats
    share: Floats
    objective: tuple[float, ...]
    converged: bool


def fit_one_coin(
    layout: Layout, gold: Ints, max_iterations: int = 200, tolerance: float = 1e-7, strength: float = 2.0
) -> Coins:
    """Run EM until F gains less than `tolerance` per judgment. gold: int64 [I], -1 where unknown."""
    K, A, n_items = layout.n_classes, layout.n_annotators, layout.n_items
    votes = votes_of(layout)
    given = np.bincount(votes.annotator, weights=votes.weight, minlength=A)
    flat = votes.item * K + votes.answer
    counted = np.zeros(n_items, dtype=bool)
    counted[layout.by_item.key] = True
    counted &= gold < 0
    known = np.flatnonzero(gold >= 0)
    posterior = np.ascontiguousarray(vote_shares(layout, gold).T)
    share = np.full(K, 1.0 / K)
    right = np.full(A, ANCHOR_RIGHT)
    objective: list[float] = []
    converged = K == 1
    for _ in range(0 if K == 1 else max_iterations):
        hits = np.bincount(votes.annotator, weights=votes.weight * posterior.ravel()[flat], minlength=A)
        right = np.clip((hits + strength * ANCHOR_RIGHT) / (given + strength), 1e-12, 1.0 - 1e-12)
        share = 1.0 + posterior[counted].sum(axis=0)
        share /= share.sum()
        wrong = np.log1p(-right) - np.log(K - 1.0)
        gain = votes.weight * (np.log(right) - wrong)[votes.annotator]
        evidence = np.bincount(flat, weights=gain, minlength=n_items * K).reshape(n_items, K) + np.log(share)
        likelihood = float((given * wrong).sum()) + float(
            (evidence[known, gold[known]] - np.log(share[gold[known]])).sum()
        )
        top = evidence.max(axis=1, keepdims=True)
        posterior = np.exp(evidence - top)
        total = posterior.sum(axis=1, keepdims=True)
        posterior /= total
        likelihood += float((top + np.log(total))[gold < 0].sum())
        posterior = np.ascontiguousarray(clamp(np.ascontiguousarray(posterior.T), gold).T)
        prior = strength * (ANCHOR_RIGHT * np.log(right) + (1.0 - ANCHOR_RIGHT) * np.log1p(-right)).sum()
        objective.append(likelihood + float(prior + np.log(share).sum()))
        if len(objective) > 1 and objective[-1] - objective[-2] <= tolerance * max(1.0, float(given.sum())):
            converged = True
            break
    return Coins(np.ascontiguousarray(posterior.T), right, share, tuple(objective), converged)
