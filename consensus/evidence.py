"""What one judgment said for an item's answer: how many times likelier it made it.

    factor_j = ( pi_j[k, a] / sum_(l<>k) p_l pi_j[l, a] / (1 - p_k) )^w          k the item's answer, w the weight

is the Bayes factor of the answer a by annotator j. The prior's odds times the factors of all judgments are the odds of
the answer before difficulty is taken into account. 1 says nothing, less than 1 speaks against the answer.
"""

from __future__ import annotations

import numpy as np

from consensus.candidates import Candidates
from consensus.fit import Result
from consensus.judgments import Floats, Ints, Judgments


def factors_of_item(result: Result, judgments: Judgments, item: int) -> tuple[Ints, Floats]:
    """Places of the item's judgments, int64 [n], and the factor of each, float64 [n]; 1 where there is no answer yet.

    With very many classes, or a method without confusions, an annotator's accuracy stands for the confusion.
    """
    rows = np.flatnonzero(judgments.item == item)
    answer = int(result.answer[item])
    if answer < 0 or judgments.n_classes < 2:
        return rows, np.ones(len(rows))
    who, given = judgments.annotator[rows], judgments.answer[rows]
    if isinstance(result.posterior, Candidates):
        right = np.clip(result.annotator.accuracy[who], 1e-6, 1.0 - 1e-6)
        wrong = (1.0 - right) / (judgments.n_classes - 1)
        # Another class than the answer was said: one of the others has it right, the rest are wrong like the answer.
        rest = (right + (judgments.n_classes - 2) * wrong) / (judgments.n_classes - 1)
        ratio = np.where(given == answer, right / wrong, wrong / rest)
        ratio[given >= judgments.n_classes] = 1.0
    else:
        chance = result.confusion[who, :, given]
        others = np.delete(np.arange(judgments.n_classes), answer)
        share = result.class_prior[others] / result.class_prior[others].sum()
        ratio = chance[:, answer] / (chance[:, others] @ share)
    weight = np.ones(len(rows)) if judgments.weight is None else judgments.weight[rows]
    return rows, np.asarray(ratio**weight)


def odds_ratio(before: float, after: float) -> float:
    """How many times likelier something has become: the odds after over the odds before, kept off 0 and infinity."""
    p, q = (min(max(x, 1e-12), 1.0 - 1e-12) for x in (before, after))
    return q / (1.0 - q) / (p / (1.0 - p))
