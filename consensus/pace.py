"""Annotators who answer too fast to look, and annotators who get worse while they work.

Too fast: an annotator's pace is the median of log seconds. Honest paces are taken as normal; their centre m and
spread s come from the crowd's 65 % and 90 % quantiles, which a third of the crowd being too fast hardly moves:
s = (x90 - x65) / (z90 - z65), m = x65 - s z65. Somebody is found below m - t s, t the 1 % quantile of
Student's t with two thirds of the crowd less two as degrees of freedom (so few paces say little of the spread), and
only where he also takes less than 0.4 of the crowd's middle time: whoever is merely brisk is left alone.

Drifting: x_n is the posterior, from everybody else, of the n-th answer in time less its mean; were the items met in
an order that does not depend on how hard they are, all orders are equally likely, so that with t_n = n - mean

    z = sum_n t_n x_n / sqrt( sum_n t_n^2 sum_n x_n^2 / (N - 1) )        (Pitman 1937's permutation test)

is standard normal. Found: z below the 1 % quantile, and the last half less often right than the first by 0.1.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from consensus.fit import Result
from consensus.judgments import Floats, Ints, Judgments
from consensus.skill import right_by_others

FALSE_ALARM = 0.01
FEWEST_TIMES = 20
FEWEST_ANSWERS = 40
FEWEST_PACES = 5
TOO_FAST = 0.4
LEAST_FALL = 0.1


def too_fast(judgments: Judgments, seconds: Floats) -> list[int]:
    """Annotators found; seconds: float64 [M] in view per judgment, 0 or less or NaN where not measured."""
    paces = log_paces(judgments, seconds)
    known = np.isfinite(paces)
    n = int(known.sum())
    if n < FEWEST_PACES:
        return []
    z65, z90 = NormalDist().inv_cdf(0.65), NormalDist().inv_cdf(0.9)
    x50, x65, x90 = np.quantile(paces[known], (0.5, 0.65, 0.9))
    spread = (x90 - x65) / (z90 - z65)
    bound = min(
        x65 - spread * z65 - student_quantile(1.0 - FALSE_ALARM, 2 * n / 3 - 2) * spread, x50 + np.log(TOO_FAST)
    )
    return np.flatnonzero(known & (paces < bound)).tolist()


def student_quantile(p: float, freedom: float) -> float:
    """The quantile of Student's t (Cornish and Fisher's series, good to 1 % from 3 degrees at p = 0.99)."""
    z, v = NormalDist().inv_cdf(p), max(freedom, 3.0)
    return z + (
        (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def log_paces(judgments: Judgments, seconds: Floats) -> Floats:
    """float64 [A]: the median of log seconds; NaN below 20 measured times."""
    measured = np.isfinite(seconds) & (np.nan_to_num(seconds) > 0)
    if judgments.weight is not None:
        measured &= judgments.weight > 0
    who, log_seconds = judgments.annotator[measured], np.log(seconds[measured])
    order = np.lexsort((log_seconds, who))
    who, log_seconds = who[order], log_seconds[order]
    n = np.bincount(who, minlength=judgments.n_annotators)
    start = np.cumsum(n) - n
    out = np.full(judgments.n_annotators, np.nan)
    enough = np.flatnonzero(n >= FEWEST_TIMES)
    low, high = start[enough] + (n[enough] - 1) // 2, start[enough] + n[enough] // 2
    out[enough] = 0.5 * (log_seconds[low] + log_seconds[high])
    return out


def drifting(result: Result, judgments: Judgments, moment: Floats) -> list[int]:
    """Annotators who get worse; moment: float64 [M], when each judgment was given, in any unit, NaN where unknown."""
    rows, right = right_by_others(result, judgments)
    timed = np.isfinite(moment[rows])
    rows, right = rows[timed], right[timed]
    who = judgments.annotator[rows]
    order = np.lexsort((moment[rows], who))
    who, right = who[order], right[order]
    n = np.bincount(who, minlength=judgments.n_annotators)
    start = np.cumsum(n) - n
    found = []
    for j in np.flatnonzero(n >= FEWEST_ANSWERS):
        z, fall = trend(right[start[j] : start[j] + n[j]])
        if z < NormalDist().inv_cdf(FALSE_ALARM) and fall >= LEAST_FALL:
            found.append(int(j))
    return found


def trend(right: Floats) -> tuple[float, float]:
    """z of the permutation test, and how much less often the last half is right than the first."""
    N = len(right)
    x = right - right.mean()
    t = np.arange(N) - (N - 1) / 2.0
    scale = float(np.sqrt((t * t).sum() * (x * x).sum() / (N - 1)))
    fall = float(right[: N // 2].mean() - right[N - N // 2 :].mean())
    return (float(t @ x) / scale if scale > 1e-9 else 0.0), fall


def later_half(judgments: Judgments, moment: Floats, annotator: int) -> Ints:
    """Positions of the second half of somebody's judgments in time."""
    mine = np.flatnonzero(judgments.annotator == annotator)
    mine = mine[np.isfinite(moment[mine])]
    return mine[np.argsort(moment[mine], kind="stable")][len(mine) // 2 :]
