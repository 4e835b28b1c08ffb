"""Ratings in order: each annotator has a leaning and a spread, and a near miss is likelier than a far one.

Item i has a true rating z_i ~ p among K in order; annotator j rates it l with probability

    pi_j[k, l]  ~  exp( -(l - k - b_j)^2 / (2 s_j^2) ),   over l = 0 .. K - 1,

two numbers a person instead of K (K - 1) (compare Raykar et al. 2010, JMLR 11, section 5, and the rating-scale models
of Andrich 1978, doi:10.1007/BF02293814). EM, with the penalties b^2 / (2 LEANING^2) and (log s - log m)^2 /
(2 SPREAD^2), m the crowd's middle spread of the iteration before; b and s are taken from a grid, on which the M-step
is exact. The answer is the posterior's median, which keeps the expected distance |answer - truth|, the risk, smallest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.judgments import Floats, Ints, Judgments, gold_array

LEANING = 0.5
SPREAD = 0.5
LEANINGS = np.linspace(-1.5, 1.5, 25)
SPREADS = np.geomspace(0.2, 4.0, 25)
CLASS_ITEMS = 1.0
_MOST = 200


@dataclass(frozen=True, eq=False)
class Ratings:
    """posterior float64 [I, K]; answer int64 [I], the median, -1 where nobody rated and no gold is; mean float64 [I];
    risk float64 [I], the expected distance from the answer, in ratings; leaning, spread float64 [A]."""

    posterior: Floats
    answer: Ints
    mean: Floats
    risk: Floats
    leaning: Floats
    spread: Floats
    objective: tuple[float, ...]


def fit_ratings(
    judgments: Judgments, gold: dict[int, int] | None = None, max_iterations: int = _MOST, tolerance: float = 1e-7
) -> Ratings:
    """Fit ratings 0 .. n_classes - 1; answers beyond them ("unsure") say nothing here. Starts from the mean rating."""
    judged = judgments.present()
    K, A, N = judged.n_classes, judged.n_annotators, judged.n_items
    known = gold_array(gold, N, K)
    named = judged.answer < K
    item, who, answer = judged.item[named], judged.annotator[named], judged.answer[named]
    weight = np.ones(len(item)) if judged.weight is None else judged.weight[named]
    order = np.lexsort((weight, answer, who, item))  # sums do not depend on the order given
    item, who, answer, weight = item[order], who[order], answer[order], weight[order]
    table = log_rows(K)
    posterior = _start(item, answer, weight, N, K)
    counted = np.bincount(item, minlength=N) > 0
    b, s = np.full(A, len(LEANINGS) // 2), np.full(A, int(np.abs(SPREADS - 0.7).argmin()))
    middle = int(s[0]) if A else 0
    objective: list[float] = []
    for _ in range(max_iterations):
        posterior = _clamped(posterior, known)
        mass = CLASS_ITEMS + posterior[counted & (known < 0)].sum(axis=0)
        log_prior = np.log(mass / mass.sum())
        # M: expected counts [A, K, K], then the best place on the grid for each annotator.
        counts = np.empty((A, K, K))
        for k in range(K):
            cell = np.bincount(who * K + answer, weights=weight * posterior[item, k], minlength=A * K)
            counts[:, k, :] = cell.reshape(A, K)
        fits = np.einsum("akl,bskl->abs", counts, table) - 0.5 * (LEANINGS / LEANING)[None, :, None] ** 2
        fits -= 0.5 * ((np.log(SPREADS) - np.log(SPREADS[middle])) / SPREAD)[None, None, :] ** 2
        best = fits.reshape(A, -1).argmax(axis=1)
        b, s = np.divmod(best, len(SPREADS))
        if A:
            middle = int(np.abs(np.log(SPREADS) - np.log(SPREADS[s]).mean()).argmin())
        evidence = np.empty((N, K))
        for k in range(K):
            evidence[:, k] = np.bincount(item, weights=weight * table[b[who], s[who], k, answer], minlength=N)
        sure = np.flatnonzero(known >= 0)
        value = float(evidence[sure, known[sure]].sum()) + CLASS_ITEMS * float(log_prior.sum())
        evidence += log_prior
        top = evidence.max(axis=1, keepdims=True)
        posterior = np.exp(evidence - top)
        total = posterior.sum(axis=1, keepdims=True)
        posterior /= total
        value += float((top + np.log(total))[counted & (known < 0)].sum())
        value -= 0.5 * float(((LEANINGS[b] / LEANING) ** 2).sum())
        value -= 0.5 * float((((np.log(SPREADS[s]) - np.log(SPREADS[middle])) / SPREAD) ** 2).sum())
        objective.append(value)
        if len(objective) > 1 and objective[-1] - objective[-2] <= tolerance * max(1.0, float(weight.sum())):
            break
    posterior = _clamped(posterior, known)
    place = np.arange(K)
    median = np.minimum((np.cumsum(posterior, axis=1) < 0.5 - 1e-12).sum(axis=1), K - 1)
    risk = (posterior * np.abs(place - median[:, None])).sum(axis=1)
    median[~counted & (known < 0)] = -1
    return Ratings(posterior, median, posterior @ place, risk, LEANINGS[b], SPREADS[s], tuple(objective))


def log_rows(K: int) -> Floats:
    """float64 [25, 25, K, K]: log pi for each leaning, spread, true rating and rating given."""
    away = np.arange(K)[None, None, None, :] - np.arange(K)[None, None, :, None] - LEANINGS[:, None, None, None]
    logs = -0.5 * (away / SPREADS[None, :, None, None]) ** 2
    return np.asarray(
        logs - np.log(np.exp(logs - logs.max(-1, keepdims=True)).sum(-1, keepdims=True)) - logs.max(-1, keepdims=True)
    )


def _start(item: Ints, answer: Ints, weight: Floats, N: int, K: int) -> Floats:
    total = np.bincount(item, weights=weight, minlength=N)
    mean = np.bincount(item, weights=weight * answer, minlength=N) / np.maximum(total, 1e-12)
    out = np.exp(-0.5 * (np.arange(K)[None, :] - mean[:, None]) ** 2)
    out[total == 0] = 1.0
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def _clamped(posterior: Floats, known: Ints) -> Floats:
    sure = np.flatnonzero(known >= 0)
    posterior[sure] = 0.0
    posterior[sure, known[sure]] = 1.0
    return posterior
