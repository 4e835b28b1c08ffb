"""Dawid-Skene for a thousand classes and more: one rate an annotator, shared confusions, nothing of size K x K.

    P(a_ij = l | z_i = k) = r_j if l = k, else (1 - r_j) e(l | k)

r_j is pulled to a rate R of everybody's (as in `consensus.dawid_skene`), and what k is mistaken for is counted over all
annotators, only where it occurs, and pulled to s(. | k), which gives the siblings of k in the taxonomy SIBLINGS of the
mass and spreads the rest evenly. An item's class is one of the answers it got, or any other class, which together are
one more candidate: there an answer l has chance (1 - r_j) u(l), with u the share of l among all answers.
Maximised by EM:

    F = sum_i log( sum_(k named) p_k prod_j P(a_ij | k)^w + (1 - sum_named p) prod_j ((1 - r_j) u(a_ij))^w )
        + sum_k log p_k  -  s (sum_j KL(R || r_j) + c KL(R || anchor))  -  t sum_k KL(s(. | k) || e(. | k))
    E   q_i over its candidates;    M   r_j, R as there,   e(l | k) ~ N_kl + t s(l | k),   N expected counts of errors,
        p_k ~ 1 + sum_i (q_i(k), or for an unnamed k its share p_k of the other class's q)

so F never falls. "Unsure" says nothing here. Items with gold have their class as the only candidate, and are left out
of p.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consensus.candidates import Candidates
from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints, Judgments, gold_array, layout
from consensus.one_coin import votes_of
from consensus.shared_errors import ERROR_STRENGTH, SharedErrors, expected_errors

ANCHOR_RIGHT, ANCHOR_WEIGHT, STRENGTH = 0.7, 5.0, 3.0


@dataclass(frozen=True, eq=False)
class SparsePosteriors:
    """Posteriors as lists of candidates, sorted by item, then class.

    item, label: int64 [C]; posterior: float64 [C]; other: float64 [I], the mass of all classes that nobody named; with
    it the candidates of an item sum to 1. answer: int64 [I], the likeliest candidate, the first of equals (-1: no
    judgment and no gold). tied: bool [I]. risk: float64 [I]. n: int64 [I]. shared: r and e; class_prior: float64 [K];
    log_objective after each iteration.
    """

    item: Ints
    label: Ints
    posterior: Floats
    other: Floats
    answer: Ints
    tied: NDArray[np.bool_]
    risk: Floats
    n: Ints
    shared: SharedErrors
    class_prior: Floats
    log_objective: tuple[float, ...]
    converged: bool


def fit_many_classes(
    judgments: Judgments,
    gold: Mapping[int, int] | None = None,
    parents: Ints | None = None,
    *,
    max_iterations: int = 100,
    tolerance: float = 1e-7,
) -> SparsePosteriors:
    """Run EM until F gains less than `tolerance` per judgment; memory grows with judgments and classes, not K x K.

    parents: int64 [K], the number of each class's parent in the taxonomy (-1: none); those of one parent are siblings.
    Raises ConsensusError for gold out of range, fewer than two classes, or parents of another length.
    """
    K, A, n_items = judgments.n_classes, judgments.n_annotators, judgments.n_items
    if K < 2:
        raise ConsensusError("many classes are at least two", "use consensus.fit")
    if parents is not None and len(parents) != K:
        raise ConsensusError(f"parents names {len(parents)} classes, but there are {K}", "give one number a class")
    known = gold_array(gold, n_items, K)
    sorted_runs = layout(judgments)
    n = np.bincount(sorted_runs.by_item.keys(), minlength=n_items).astype(np.int64)
    votes = votes_of(sorted_runs)
    is_gold = np.flatnonzero(known >= 0)
    # The candidates: what was named, and gold alone where there is gold; the class K stands for all others.
    named = np.unique(
        np.concatenate([(votes.item * K + votes.answer)[known[votes.item] < 0], is_gold * K + known[is_gold]])
    )
    item, label = np.divmod(named, K)
    size = np.bincount(item, minlength=n_items)
    start = np.cumsum(size) - size
    # Each judgment beside each candidate of its item.
    beside = size[votes.item]
    judgment = np.repeat(np.arange(len(votes.item)), beside)
    candidate = np.arange(len(judgment)) - np.repeat(np.cumsum(beside) - beside, beside) + start[votes.item][judgment]
    same = label[candidate] == votes.answer[judgment]
    who, weight = votes.annotator[judgment], votes.weight[judgment]
    wrong = ~same
    error_keys, error = np.unique(label[candidate[wrong]] * K + votes.answer[judgment[wrong]], return_inverse=True)
    error_class, mistaken_for = np.divmod(error_keys, K)
    chance, of_class = np.zeros(len(error_keys)), np.full(K, ERROR_STRENGTH)
    start_chance = expected_errors(error_class, mistaken_for, K, parents)
    usage = _sums(votes.answer, votes.weight, K) + 1.0
    usage /= usage.sum()
    given = _sums(votes.annotator, votes.weight, A)
    judged = given > 0
    free = (known < 0) & (n > 0)
    open_item = (known[item] < 0).astype(np.float64)

    votes_for = _sums(candidate[same], weight[same], len(item))
    total = _sums(item, votes_for, n_items)[item]
    posterior = np.where(open_item > 0, votes_for / np.maximum(total, 1e-300), 1.0)
    other, share, mean = np.zeros(n_items), np.full(K, 1.0 / K), ANCHOR_RIGHT
    away = 1.0 - _sums(item, share[label], n_items)
    right = np.full(A, mean)
    objective: list[float] = []
    converged = False
    for _ in range(max_iterations):
        q = posterior[candidate]
        hits = _sums(who[same], (weight * q)[same], A)
        for _ in range(2):
            right = (hits + STRENGTH * mean) / (given + STRENGTH)
            mean = _shared_rate(right[judged])
        right = (hits + STRENGTH * mean) / (given + STRENGTH)
        counts = _sums(error, (weight * q)[wrong], len(error_keys))
        of_class = _sums(error_class, counts, K) + ERROR_STRENGTH
        chance = (counts + ERROR_STRENGTH * start_chance) / of_class[error_class]
        # Classes that nobody named for an item take their part of its other mass, in proportion to their share.
        spread = np.where(free, other / np.maximum(away, 1e-300), 0.0)
        share = (
            1.0 + _sums(label, posterior * open_item, K) + share * (float(spread.sum()) - _sums(label, spread[item], K))
        )
        share /= share.sum()
        away = np.maximum(1.0 - _sums(item, share[label], n_items), 0.0)

        log_right, log_wrong = np.log(right), np.log1p(-right)
        step = np.where(same, log_right[who], log_wrong[who])
        step[wrong] += np.log(chance)[error]
        evidence = _sums(candidate, weight * step, len(item))
        evidence += np.log(share)[label] * open_item
        denied = votes.weight * (log_wrong[votes.annotator] + np.log(usage)[votes.answer])
        outside = _sums(votes.item, denied, n_items)
        outside += np.log(np.maximum(away, 1e-300))
        outside[~free] = -np.inf
        top = np.where(free, outside, -np.inf)
        np.maximum.at(top, item, evidence)
        top[np.isinf(top)] = 0.0
        posterior, other = np.exp(evidence - top[item]), np.exp(outside - top)
        mass = _sums(item, posterior, n_items) + other
        posterior /= mass[item]
        other = np.divide(other, mass, out=np.zeros(n_items), where=mass > 0)
        score = float((top + np.log(np.where(mass > 0, mass, 1.0))).sum())
        objective.append(score + _penalties(share, mean, right[judged], chance, start_chance, of_class, error_class))
        if len(objective) > 1 and objective[-1] - objective[-2] <= tolerance * max(1.0, float(given.sum())):
            converged = True
            break
    found = Candidates(item, label, posterior, other, share)
    best, tied = found.best()
    return SparsePosteriors(
        item,
        label,
        posterior,
        other,
        found.answer(),
        tied,
        np.clip(1.0 - best, 0.0, 1.0),
        n,
        SharedErrors(right, mean, usage, error_keys, chance, of_class, parents),
        share,
        tuple(objective),
        converged,
    )


def _sums(index: Ints, weights: Floats, n: int) -> Floats:
    # Without judgments numpy would count in integers.
    return np.bincount(index, weights=weights, minlength=n).astype(np.float64)


def _shared_rate(right: Floats) -> float:
    logs = [
        (np.log(rate).sum() + ANCHOR_WEIGHT * np.log(anchor)) / (len(right) + ANCHOR_WEIGHT)
        for rate, anchor in ((right, ANCHOR_RIGHT), (1.0 - right, 1.0 - ANCHOR_RIGHT))
    ]
    return float(1.0 / (1.0 + np.exp(logs[1] - logs[0])))


def _penalties(
    share: Floats, mean: float, right: Floats, chance: Floats, start_chance: Floats, of_class: Floats, error_class: Ints
) -> float:
    """The part of F that is not likelihood, up to a constant."""

    def away(rate: Floats | float) -> Floats:
        return np.asarray(mean * np.log(mean / rate) + (1 - mean) * np.log((1 - mean) / (1 - np.asarray(rate))))

    pulled = float(away(right).sum() + ANCHOR_WEIGHT * away(ANCHOR_RIGHT))
    seen = _sums(error_class, start_chance, len(of_class))
    errors = float((start_chance * np.log(chance)).sum() - ((1.0 - seen) * np.log(of_class)).sum())
    return float(np.log(share).sum()) - STRENGTH * pulled + ERROR_STRENGTH * errors
