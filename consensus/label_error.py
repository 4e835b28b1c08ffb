"""A release's own number: how many of its labels are expected to be wrong, with a 95 % interval.

Label i is wrong with probability r_i, its risk, independently given the fit. The number of wrong labels is
then Poisson-binomial with mean sum r_i; its distribution is computed exactly from its characteristic
function, or by the normal one where its variance is above 100. The interval says how far the true share
may lie from the mean if the risks are right; it does not know whether they are: that needs an audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from consensus.candidates import probability_of
from consensus.fit import Result
from consensus.judgments import Floats, Ints

METHOD = "posterior-risk"
_NORMAL_ABOVE = 100.0
_SERIES_BELOW = 0.05
_SERIES_TERMS = 12


@dataclass(frozen=True)
class LabelError:
    """Shares between 0 and 1; `items` labels were counted; all None where there was none to count."""

    estimate: float | None
    low: float | None
    high: float | None
    items: int
    method: str = METHOD


def estimated_label_error(
    result: Result, chosen: Ints | NDArray[np.bool_] | None = None, answers: Ints | None = None
) -> LabelError:
    """The expected share of wrong labels among the chosen items.

    chosen: indices or bool [I] of the released items; by default all that were judged and are no gold.
    answers: int64 [I], the labels given, by default `result.answer`; each risk is 1 - its posterior.
    """
    given = result.answer if answers is None else np.asarray(answers)
    if chosen is None:
        chosen = (given >= 0) & (result.gold < 0)
    picked = np.arange(len(given))[chosen]
    risk = np.clip(1.0 - probability_of(result.posterior, picked, given[picked]), 0.0, 1.0)
    return label_error_of(risk)


def label_error_of(risk: Floats) -> LabelError:
    """The same from the risks themselves, float64 [N]."""
    n = len(risk)
    if n == 0:
        return LabelError(None, None, None, 0)
    low, high = poisson_binomial_interval(risk)
    return LabelError(float(risk.sum()) / n, low / n, high / n, n)


def poisson_binomial_interval(risk: Floats, coverage: float = 0.95) -> tuple[float, float]:
    """The central interval of the number of wrong labels: the smallest counts at both quantiles."""
    mean, variance = float(risk.sum()), float((risk * (1.0 - risk)).sum())
    tail = (1.0 - coverage) / 2.0
    if variance > _NORMAL_ABOVE:
        half = NormalDist().inv_cdf(1.0 - tail)
        return max(0.0, mean - half * variance**0.5), min(float(len(risk)), mean + half * variance**0.5)
    certain = int((risk >= 1.0).sum())
    cumulative = np.cumsum(_count_distribution(risk[risk < 1.0]))
    low = int(np.searchsorted(cumulative, tail))
    high = min(int(np.searchsorted(cumulative, 1.0 - tail)), len(cumulative) - 1)
    return float(certain + low), float(certain + high)


def _count_distribution(risk: Floats) -> Floats:
    """P(count = 0, 1, ...), long enough that what is cut off is below rounding."""
    mean, variance = float(risk.sum()), float((risk * (1.0 - risk)).sum())
    points = min(len(risk), int(mean + 12.0 * variance**0.5 + 40.0)) + 1
    turn = np.exp(2j * np.pi * np.arange(points) / points) - 1.0
    log_value = np.zeros(points, dtype=np.complex128)
    small = risk[risk < _SERIES_BELOW]
    power = np.ones_like(small)
    for term in range(1, _SERIES_TERMS + 1):  # log(1 + r turn) as its series, summed over all r at once
        power = power * small
        log_value -= (-turn) ** term / term * power.sum()
    for r in np.array_split(risk[risk >= _SERIES_BELOW], 64):
        log_value += np.log(1.0 + r[:, None] * turn).sum(axis=0)
    # numpy's FFT sums exp(-2 pi i f k / n): from the characteristic function back to the counts.
    return np.clip(np.fft.fft(np.exp(log_value)).real / points, 0.0, 1.0)
