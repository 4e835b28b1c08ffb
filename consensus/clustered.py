"""Shares over judgments that come in clusters, a person each, and the difference of two of them.

Judgments of one person are alike, so that a thousand of them say less than a thousand of a thousand people. The share
is a ratio of sums over people, its variance that of a ratio estimator over clusters (Cochran, Sampling Techniques, 3rd
ed., 1977, chapter 9A), never below what independent judgments would have; intervals are Student's with Satterthwaite's
degrees of freedom (Biometrics Bulletin 2, 1946).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from consensus.beta import beta_quantiles
from consensus.judgments import Floats


@dataclass(frozen=True)
class ClusteredShare:
    """A share from `clusters` people; `variance` None with fewer than two, of whom nothing can be told."""

    share: float
    variance: float | None
    clusters: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of 95 %, within [0, 1]."""
        if self.variance is None:
            return None
        half = student_t95(self.clusters - 1) * sqrt(self.variance)
        return max(0.0, self.share - half), min(1.0, self.share + half)


def clustered_share(right: Floats, n: Floats) -> ClusteredShare | None:
    """The share of float64 [P] sums `right` of values from 0 to 1 over `n` judgments a person; None of no judgments."""
    right, n = right[n > 0], n[n > 0]
    total, people = float(n.sum()), len(n)
    if not people:
        return None
    share = float(right.sum()) / total
    if people < 2:
        return ClusteredShare(share, None, people)
    between = people / (people - 1) * float(((right - share * n) ** 2).sum()) / total**2
    # As by Agresti and Caffo (2000): one more success and failure, so that all alike is not taken for certain.
    smoothed = (float(right.sum()) + 1) / (total + 2)
    return ClusteredShare(share, max(between, smoothed * (1 - smoothed) / (total + 2)), people)


def difference(first: ClusteredShare, second: ClusteredShare) -> tuple[float, float, float] | None:
    """first - second with its interval of 95 %, (difference, low, high); None where one is of fewer than two people."""
    if first.variance is None or second.variance is None:
        return None
    variance = first.variance + second.variance
    parts = first.variance**2 / (first.clusters - 1) + second.variance**2 / (second.clusters - 1)
    half = student_t95(variance**2 / parts) * sqrt(variance)
    found = first.share - second.share
    return found, max(-1.0, found - half), min(1.0, found + half)


def student_t95(degrees: float) -> float:
    """Student's t that 95 % of the distribution lies within, two-sided: t^2 / (d + t^2) is Beta(1/2, d/2)."""
    quantile = float(beta_quantiles(np.array([0.5]), np.array([degrees / 2]), (0.95,))[0, 0])
    return sqrt(degrees * quantile / (1 - quantile))
