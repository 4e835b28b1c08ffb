"""Labels that are probably wrong, ranked by a model's out-of-fold probabilities.

Northcutt et al. 2021, "Confident learning" (doi:10.1613/jair.1.12125). With given labels y~ and probabilities p, the
threshold of a class is the mean confidence of the items that carry it (equation 2),

    t_k = mean of p_i(k) over y~_i = k,

and item i counts as an error of class y~_i that is really k when k has the largest p_i(k) among all k with
p_i(k) >= t_k, and k is not y~_i (the off-diagonal of the confident joint, equation 1). Two scores rank all items, the
suspicious first: self-confidence p_i(y~_i), and normalised margin (p_i(y~_i) - max_(k not y~_i) p_i(k) + 1) / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints

Score = Literal["self-confidence", "margin"]


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """score: float64 [I], 0 suspicious to 1; suggested: int64 [I], the class confident learning finds (the label itself
    where it finds no other); is_issue: bool [I]; order: int64 [I], items from the most suspicious; threshold: t,
    float64 [K], infinite for a class that no item carries; joint: int64 [K, K], items by label and confident class.
    """

    score: Floats
    suggested: Ints
    is_issue: NDArray[np.bool_]
    order: Ints
    threshold: Floats
    joint: Ints


def label_issues(labels: Ints, probabilities: Floats, score: Score = "self-confidence") -> LabelIssues:
    """From labels int64 [I] and out-of-fold probabilities float64 [I, K], rows that sum to 1.

    Raises ConsensusError where shapes differ, a label is no class, or a row is no distribution.
    """
    check_probabilities(probabilities)
    n, K = probabilities.shape
    if labels.shape != (n,):
        raise ConsensusError(f"there are {len(labels)} labels, but probabilities of {n} items")
    outside = np.flatnonzero((labels < 0) | (labels >= K))
    if len(outside):
        raise ConsensusError(f"item {outside[0]} has label {labels[outside[0]]}, outside 0 to {K - 1}")
    each = np.arange(n)
    own = probabilities[each, labels]
    count = np.bincount(labels, minlength=K)
    sums = np.bincount(labels, weights=own, minlength=K).astype(np.float64)
    threshold = np.divide(sums, count, out=np.full(K, np.inf), where=count > 0)
    # A class may just reach its own mean, to rounding.
    confident = np.where(probabilities >= threshold - 1e-12, probabilities, -1.0)
    suggested = np.where(confident.max(axis=1, initial=-1.0) >= 0, confident.argmax(axis=1) if n else labels, labels)
    joint = np.zeros((K, K), dtype=np.int64)
    counted = confident.max(axis=1, initial=-1.0) >= 0
    np.add.at(joint, (labels[counted], suggested[counted]), 1)
    others = probabilities.copy()
    others[each, labels] = -np.inf
    margin = (own - others.max(axis=1, initial=0.0) + 1.0) / 2.0
    scores = own if score == "self-confidence" else margin
    return LabelIssues(
        scores, suggested.astype(np.int64), suggested != labels, np.argsort(scores, kind="stable"), threshold, joint
    )


def check_probabilities(probabilities: Floats) -> None:
    """Raise ConsensusError unless float64 [I, K] holds distributions (to 1e-3, as float32 of a network has it)."""
    if probabilities.ndim != 2 or probabilities.shape[1] < 1:
        raise ConsensusError("probabilities must be a table of items by classes")
    bad = ~(np.isfinite(probabilities).all(axis=1) & (probabilities >= 0).all(axis=1))
    bad |= ~(np.abs(probabilities.sum(axis=1) - 1.0) <= 1e-3)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ConsensusError(f"the probabilities of item {row} do not sum to 1", "give a model's softmax, out of fold")
