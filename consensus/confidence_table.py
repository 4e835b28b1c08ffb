"""ImageNet's 2009 way to stop, as a baseline: a table of how far votes can be trusted, learned from a pilot.

Deng et al. 2009 (doi:10.1109/CVPR.2009.5206848, section 3.2): at least ten people judge each image of a pilot; for
every count of votes the table holds how often the answer that led then was also that of all votes together. Afterwards
an image is judged until its entry reaches a threshold. Annotators are all alike here, and the majority is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints


@dataclass(frozen=True, eq=False)
class ConfidenceTable:
    """confidence: float64 [N + 1, N + 1]; [top, n]: how often an answer with `top` of `n` votes is the final one.

    Entries that the pilot never saw are 0.
    """

    confidence: Floats

    def of(self, votes: Ints) -> tuple[Ints, Floats]:
        """(leading answer int64 [I], the first of equals; its confidence float64 [I]) of votes int64 [I, K]."""
        top, n = votes.max(axis=1), votes.sum(axis=1)
        known = n < len(self.confidence)
        confidence = np.zeros(len(votes))
        confidence[known] = self.confidence[top[known], n[known]]
        return votes.argmax(axis=1).astype(np.int64), confidence


def learn_table(answers: Ints, n_classes: int) -> ConfidenceTable:
    """From a pilot int64 [I, N]: the N answers of each item in the order in which they came."""
    n_items, N = answers.shape
    if n_items == 0 or N == 0:
        raise ConsensusError("a confidence table needs a pilot with judgments")
    final = _votes(answers, n_classes).argmax(axis=1)
    right, seen = np.zeros((N + 1, N + 1)), np.zeros((N + 1, N + 1))
    for n in range(1, N + 1):
        votes = _votes(answers[:, :n], n_classes)
        top = votes.max(axis=1)
        np.add.at(seen, (top, n), 1.0)
        np.add.at(right, (top, n), votes.argmax(axis=1) == final)
    return ConfidenceTable(np.divide(right, seen, out=np.zeros_like(right), where=seen > 0))


def _votes(answers: Ints, n_classes: int) -> Ints:
    votes = np.zeros((len(answers), n_classes), dtype=np.int64)
    for column in answers.T:
        np.add.at(votes, (np.arange(len(answers)), column), 1)
    return votes
