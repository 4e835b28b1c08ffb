"""Cohen's kappa of two annotators and Fleiss' kappa of many, with bootstrap intervals over items.

Cohen (1960, doi:10.1177/001316446002000104; weighted 1968, doi:10.1037/h0026256), with p_kl the share of
items that the first calls k and the second l, w_kl the weight of such a disagreement:

    kappa = 1 - sum_kl w_kl p_kl / sum_kl w_kl p_k. p_.l,     w_kl = [k != l], |k - l| or (k - l)^2.

Fleiss (1971, doi:10.1037/h0031619), with c_ik of n_i answers to item i being k, p_k = sum_i c_ik / sum_i n_i,

    P = mean_i sum_k c_ik (c_ik - 1) / (n_i (n_i - 1)),   kappa = (P - sum_k p_k^2) / (1 - sum_k p_k^2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from consensus.agreement import kinds_of_items, percentiles, resampled_sums
from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints, Judgments

Weights = Literal["nominal", "linear", "quadratic"]


@dataclass(frozen=True)
class Kappa:
    """kappa: 1 complete agreement, 0 chance; low, high: its 95 % interval; items: how many were compared.

    All three numbers are None where kappa is not defined: nothing to compare, or one answer everywhere.
    """

    kappa: float | None
    low: float | None
    high: float | None
    items: int


def fleiss_kappa(judgments: Judgments, resamples: int = 1000, seed: int = 0) -> Kappa:
    """Agreement of many annotators; items may have different numbers of answers, those with one are left out."""
    kinds, times = kinds_of_items(judgments)
    if not len(kinds):
        return Kappa(None, None, None, 0)
    size = kinds.sum(axis=1)
    agreeing = (kinds * (kinds - 1.0)).sum(axis=1) / (size * (size - 1.0))
    return _with_interval(np.column_stack([kinds, agreeing]), times, _fleiss, resamples, seed)


def cohen_kappa(
    judgments: Judgments, first: int, second: int, weights: Weights = "nominal", resamples: int = 1000, seed: int = 0
) -> Kappa:
    """Agreement of two annotators on the items that both gave a class; linear and quadratic are for ratings.

    Where somebody judged an item twice the judgment that comes last counts.
    """
    if weights not in get_args(Weights):
        raise ConsensusError(f"there are no weights {weights!r}", f"there are {', '.join(get_args(Weights))}", 2)
    if not (0 <= first < judgments.n_annotators and 0 <= second < judgments.n_annotators) or first == second:
        raise ConsensusError("Cohen's kappa compares two different annotators", exit_code=2)
    pairs = paired_answers(judgments, first, second)
    if not len(pairs):
        return Kappa(None, None, None, 0)
    # Only classes that occur: two annotators name few of a thousand.
    kinds, times = np.unique(pairs, axis=0, return_counts=True)
    classes, cell = np.unique(kinds, return_inverse=True)
    K = len(classes)
    cell = cell.reshape(kinds.shape)
    rows = np.zeros((len(kinds), 2 * K + 1))
    rows[np.arange(len(kinds)), cell[:, 0]] = 1.0
    rows[np.arange(len(kinds)), K + cell[:, 1]] = 1.0
    away = np.abs(classes[:, None] - classes[None, :]).astype(np.float64)
    weight = np.minimum(away, 1.0) if weights == "nominal" else away if weights == "linear" else away * away
    rows[:, -1] = weight[cell[:, 0], cell[:, 1]]

    def kappa(sums: Floats, n: int) -> Floats:
        expected = np.einsum("rk,kl,rl->r", sums[:, :K], weight, sums[:, K : 2 * K]) / n
        out = np.full(len(sums), np.nan)
        return 1.0 - np.divide(sums[:, -1], expected, out=out, where=expected > 1e-12)

    return _with_interval(rows, times, kappa, resamples, seed)


def paired_answers(judgments: Judgments, first: int, second: int) -> Ints:
    """int64 [items, 2]: the classes that both annotators gave to the items that both judged."""
    judged = judgments.present()
    given = np.full((judged.n_items, 2), -1, dtype=np.int64)
    for column, who in enumerate((first, second)):
        mine = (judged.annotator == who) & (judged.answer < judged.n_classes)
        given[judged.item[mine], column] = judged.answer[mine]
    return given[(given >= 0).all(axis=1)]


def _fleiss(sums: Floats, n: int) -> Floats:
    share = sums[:, :-1] / sums[:, :-1].sum(axis=1, keepdims=True)
    by_chance = (share * share).sum(axis=1)
    out = np.full(len(sums), np.nan)
    return np.divide(sums[:, -1] / n - by_chance, 1.0 - by_chance, out=out, where=by_chance < 1.0 - 1e-12)


def _with_interval(
    rows: Floats, times: Ints, kappa: Callable[[Floats, int], Floats], resamples: int, seed: int
) -> Kappa:
    n = int(times.sum())
    found = float(kappa((times @ rows)[None], n)[0])
    if not np.isfinite(found):
        return Kappa(None, None, None, n)
    again = kappa(resampled_sums(rows, times, resamples, np.random.default_rng(seed)), n)
    return Kappa(found, *percentiles(again, found), n)
