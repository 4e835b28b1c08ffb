"""What each annotator takes each class for, with credible intervals.

How often annotator j was shown class k is expected, N_jk = sum over j's items of q_i(k). The fit's confusion pi_j[k]
is the mean of a Dirichlet worth N_jk + s judgments (s: what the prior weighs at least, `consensus.pooling`), whose
parts are Beta(pi (N + s), (1 - pi) (N + s)); the interval is that Beta's. Doubt about the items' own classes is in
N_jk and pi only, so intervals of crowds that are hardly better than chance are too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.beta import beta_quantiles
from consensus.fit import Result
from consensus.judgments import Floats, Judgments
from consensus.pooling import FEWEST

_TAILS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Confusion:
    """One annotator. shown: float64 [K], how many items of each class he is expected to have judged; rate, low, high:
    float64 [K, L], how often he gives each answer to a class (rows of rate sum to 1), and its 95 % interval."""

    shown: Floats
    rate: Floats
    low: Floats
    high: Floats


def confusion_of(result: Result, judgments: Judgments, annotator: int) -> Confusion:
    """Raises ConsensusError where there are too many classes for confusions."""
    posterior = result.dense()
    judged = judgments.present()
    mine = judged.annotator == annotator
    weight = np.ones(int(mine.sum())) if judged.weight is None else judged.weight[mine]
    shown = weight @ posterior[judged.item[mine]]
    rate = result.confusion[annotator]
    size = (shown + FEWEST)[:, None]
    # A rate of 0 or 1 (one class only) is certain, and no Beta.
    inner = np.clip(rate, 1e-9, 1.0 - 1e-9)
    low, high = beta_quantiles((inner * size).ravel(), ((1.0 - inner) * size).ravel(), _TAILS)
    return Confusion(shown, rate, np.minimum(low.reshape(rate.shape), rate), np.maximum(high.reshape(rate.shape), rate))
