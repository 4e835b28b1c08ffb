"""Krippendorff's alpha for nominal, ordinal and interval answers, with a bootstrap interval over items.

alpha = 1 - Do / De (Krippendorff 2011, "Computing Krippendorff's alpha-reliability", sections C to E): with
c_ik the number of answers k to item i, n_i = sum_k c_ik, over items with n_i >= 2, n_k = sum_i c_ik, n = sum_i n_i,

    Do = (1/n) sum_i sum_kl c_ik c_il d_kl / (n_i - 1),      De = sum_kl n_k n_l d_kl / (n (n - 1)),
    nominal d_kl = [k != l],  interval d_kl = (v_k - v_l)^2,  ordinal d_kl = (sum_{g=k..l} n_g - (n_k + n_l) / 2)^2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints, Judgments

Level = Literal["nominal", "ordinal", "interval"]
MOST_ORDINAL_CLASSES = 20
_MOST_PROFILES = 20_000
_MOST_DENSE = 20_000_000  # items times classes; 160 MB
_MOST_CLASSES = 100


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


def krippendorff_alpha(
    judgments: Judgments,
    resamples: int = 1000,
    seed: int = 0,
    *,
    level: Level = "nominal",
    values: Sequence[float] | None = None,
) -> Agreement:
    """Agreement on the classes; "unsure" counts as no answer, weights only as present or absent.

    Ordinal takes the classes in their order; interval takes `values`, one a class (else 0, 1, 2, ...).
    The interval takes items again at random, with replacement, `resamples` times (percentiles).
    Raises ConsensusError for another level, values that do not fit, or more than 20 ordered classes.
    """
    K = judgments.n_classes
    place = _places(K, level, values)
    if level == "nominal" and (K > _MOST_CLASSES or judgments.n_items * K > _MOST_DENSE):
        return _many_classes(judgments)
    kinds, times = kinds_of_items(judgments)
    n_items = int(times.sum())
    if not n_items:
        return Agreement(None, None, None, 0)
    rows = np.concatenate([kinds, _disagreement(kinds, level, place)], axis=1)
    alpha = _alpha((times @ rows)[None], K, level, place)
    if not np.isfinite(alpha[0]):
        return Agreement(None, None, None, n_items)
    resampled = _alpha(resampled_sums(rows, times, resamples, np.random.default_rng(seed)), K, level, place)
    low, high = percentiles(resampled, float(alpha[0]))
    return Agreement(float(alpha[0]), low, high, n_items)


def kinds_of_items(judgments: Judgments) -> tuple[Floats, Ints]:
    """float64 [kinds, K], answers of each class, and int64 [kinds], how many items have just these.

    Only items with two answers or more; "unsure" is no answer.
    """
    row, answer, times, n_items = _cells(judgments)
    counts = np.zeros((n_items, judgments.n_classes))
    counts[row, answer] = times
    kinds, how_many = np.unique(counts[counts.sum(axis=1) >= 2], axis=0, return_counts=True)
    return kinds, how_many.astype(np.int64)


def resampled_sums(rows: Floats, times: Ints, resamples: int, rng: np.random.Generator) -> Floats:
    """float64 [resamples, columns]: the sums of rows, each there `times` often, taken again with replacement."""
    n = int(times.sum())
    share = times / n
    if len(rows) <= _MOST_PROFILES:
        # Items with the same answers are the same row: draw how often each kind is taken.
        taken = rng.multinomial(n, share, size=resamples)
        return np.einsum("rp,pk->rk", taken.astype(np.float64), rows)
    # A sum of so many independent rows is normal with the rows' mean and covariance.
    mean = share @ rows
    covariance = np.einsum("i,ij,ik->jk", share, rows - mean, rows - mean, optimize=True)
    return rng.multivariate_normal(mean * n, covariance * n, size=resamples, method="eigh", check_valid="ignore")


def _cells(judgments: Judgments) -> tuple[Ints, Ints, Floats, int]:
    """Per distinct (item, class): row among the items with an answer, class, times; and how many items."""
    judged = judgments.present()
    K = judged.n_classes
    named = judged.answer < K
    cells, times = np.unique(judged.item[named] * K + judged.answer[named], return_counts=True)
    items, row = np.unique(cells // K, return_inverse=True)
    return row, cells % K, times.astype(np.float64), len(items)


def _many_classes(judgments: Judgments) -> Agreement:
    """Nominal alpha without items x classes in memory; the interval is the delta method's.

    alpha = 1 - (n - 1) D / E with D = sum_i D_i and E = n^2 - sum_k n_k^2; its variance is the sum of the
    squared influences of the items.
    """
    row, answer, times, n_items = _cells(judgments)
    size = np.bincount(row, weights=times, minlength=n_items)
    paired = size >= 2
    size, kept = np.where(paired, size, 0.0), paired[row]
    total = np.bincount(answer[kept], weights=times[kept], minlength=judgments.n_classes)
    own = np.bincount(row, weights=times * times * kept, minlength=n_items)
    unlike = (size * size - own) / np.maximum(size - 1.0, 1.0)
    shared = np.bincount(row, weights=times * total[answer] * kept, minlength=n_items)
    n, observed, items = float(size.sum()), float(unlike.sum()), int(paired.sum())
    expected = n * n - float((total * total).sum())
    if expected <= 1e-12 * max(n * n, 1.0):
        return Agreement(None, None, None, items)
    alpha = 1.0 - (n - 1.0) * observed / expected
    moved = 2.0 * (n * size - shared)
    influence = -(size * observed + (n - 1.0) * unlike - (n - 1.0) * observed * moved / expected) / expected
    influence = influence[paired] - influence[paired].mean()
    half = 1.959963984540054 * float((influence * influence).sum()) ** 0.5
    return Agreement(alpha, alpha - half, alpha + half, items)


def percentiles(resampled: Floats, estimate: float) -> tuple[float, float]:
    """The 95 % interval from resamples, those left out where the figure is not defined (NaN)."""
    resampled = resampled[np.isfinite(resampled)]
    if not len(resampled):
        return estimate, estimate
    low, high = np.quantile(resampled, (0.025, 0.975))
    return float(low), float(high)


def _places(K: int, level: str, values: Sequence[float] | None) -> Floats:
    if level not in get_args(Level):
        raise ConsensusError(
            f"there is no level of measurement {level!r}", f"there are {', '.join(get_args(Level))}", exit_code=2
        )
    if level == "ordinal" and K > MOST_ORDINAL_CLASSES:
        raise ConsensusError(f"{K} ordered classes are too many", "give them values, with the level interval")
    place = np.arange(K, dtype=np.float64) if values is None else np.asarray(values, dtype=np.float64)
    if place.shape != (K,) or not np.isfinite(place).all():
        raise ConsensusError(f"values must be {K} finite numbers, one a class", exit_code=2)
    return place - place.mean()  # sums of squares lose no digits to a far origin


def _disagreement(counts: Floats, level: str, place: Floats) -> Floats:
    """float64 [items, 1], or per pair of classes where what a pair weighs depends on everybody's answers."""
    size = counts.sum(axis=1, keepdims=True)
    if level == "nominal":
        unlike = size * size - (counts * counts).sum(axis=1, keepdims=True)
    elif level == "interval":
        unlike = 2.0 * (size * (counts @ (place * place))[:, None] - (counts @ place)[:, None] ** 2)
    else:
        first, second = np.triu_indices(counts.shape[1], 1)
        unlike = 2.0 * counts[:, first] * counts[:, second]
    return np.asarray(unlike / (size - 1.0))


def _alpha(sums: Floats, K: int, level: str, place: Floats) -> Floats:
    each, observed = sums[:, :K], sums[:, K:]
    n = each.sum(axis=1)
    if level == "nominal":
        expected = n * n - (each * each).sum(axis=1)
    elif level == "interval":
        expected = 2.0 * (n * (each @ (place * place)) - (each @ place) ** 2)
    else:
        first, second = np.triu_indices(K, 1)
        # Ranks: answers up to the middle of each class; their difference is the ordinal distance.
        middle = (np.cumsum(each, axis=1) - 0.5 * each) / n[:, None]
        distance = (middle[:, first] - middle[:, second]) ** 2
        observed = (observed * distance).sum(axis=1, keepdims=True)
        expected = 2.0 * (each[:, first] * each[:, second] * distance).sum(axis=1)
    out = np.full(len(sums), np.nan)
    # One answer everywhere leaves no expected disagreement but for rounding.
    scale = np.maximum(n * n * max(1.0, float(np.ptp(place)) ** 2 if level == "interval" else 1.0), 1.0)
    defined = expected > 1e-12 * scale
    return 1.0 - np.divide((n - 1.0) * observed[:, 0], expected, out=out, where=defined)
