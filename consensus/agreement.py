"""Krippendorff's alpha for nominal answers, with a bootstrap interval over items.

alpha = 1 - Do / De (Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C): with c_il
the number of answers l to item i, n_i = sum_l c_il, over items with n_i >= 2 and n = sum_i n_i,

    Do = 1 - (1/n) sum_i sum_l c_il (c_il - 1) / (n_i - 1),   De = 1 - sum_l n_l (n_l - 1) / (n (n - 1)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.judgments import Floats, Judgments

_MOST_PROFILES = 20_000


@dataclass(frozen=True)
class Agreement:
    """alpha: 1 complete agreement, 0 chance, below 0 worse than chance; low, high: its 95 % interval.

    All three are None where alpha is not defined: no item with two answers, or one answer everywhere.
    items: how many items had two answers or more.
    """

    alpha: float | None
    low: float | None
    high: float | None
    items: int


def krippendorff_alpha(judgments: Judgments, resamples: int = 1000, seed: int = 0) -> Agreement:
    """Agreement on the classes; "unsure" counts as no answer, weights only as present or absent.

    The interval takes items again at random, with replacement, `resamples` times (percentiles).
    """
    judged = judgments.present()
    K = judged.n_classes
    named = judged.answer < K
    cells, times = np.unique(judged.item[named] * K + judged.answer[named], return_counts=True)
    item, answer = np.divmod(cells, K)
    per_item = np.bincount(item, weights=times, minlength=judged.n_items)
    paired = per_item[item] >= 2
    item, answer, times = item[paired], answer[paired], times[paired]
    if not len(item):
        return Agreement(None, None, None, 0)
    _, item = np.unique(item, return_inverse=True)
    n_items = int(item[-1]) + 1
    # One row an item: its answers of each class, and its agreeing pairs per answer.
    rows = np.zeros((n_items, K + 1))
    rows[item, answer] = times
    size = rows.sum(axis=1)
    rows[:, K] = (rows[:, :K] * (rows[:, :K] - 1.0)).sum(axis=1) / (size - 1.0)
    alpha = _alpha(rows.sum(axis=0)[None])
    if not np.isfinite(alpha[0]):
        return Agreement(None, None, None, n_items)
    resampled = _alpha(_resampled_sums(rows, resamples, np.random.default_rng(seed)))
    resampled = resampled[np.isfinite(resampled)]
    if not len(resampled):
        return Agreement(float(alpha[0]), float(alpha[0]), float(alpha[0]), n_items)
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Agreement(float(alpha[0]), float(low), float(high), n_items)


def _alpha(sums: Floats) -> Floats:
    each, agreeing = sums[:, :-1], sums[:, -1]
    n = each.sum(axis=1)
    observed = 1.0 - agreeing / n
    expected = 1.0 - (each * (each - 1.0)).sum(axis=1) / (n * (n - 1.0))
    out = np.full(len(sums), np.nan)
    # De counts unlike pairs; one answer everywhere leaves none but for rounding.
    return np.divide(expected - observed, expected, out=out, where=expected > 1e-12)


def _resampled_sums(rows: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """float64 [resamples, K + 1]: the sums of as many rows taken again with replacement."""
    profiles, count = np.unique(rows, axis=0, return_counts=True)
    if len(profiles) <= _MOST_PROFILES:
        # Items with the same answers are the same row: draw how often each kind is taken.
        taken = rng.multinomial(len(rows), count / len(rows), size=resamples)
        return np.einsum("rp,pk->rk", taken.astype(np.float64), profiles)
    # A sum of so many independent rows is normal with the rows' mean and covariance.
    mean = rows.mean(axis=0)
    covariance = np.einsum("ij,ik->jk", rows - mean, rows - mean) / len(rows)
    return rng.multivariate_normal(
        mean * len(rows), covariance * len(rows), size=resamples, method="eigh", check_valid="ignore"
    )
