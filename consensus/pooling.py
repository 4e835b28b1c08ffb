"""How strongly an annotator's rates of error are pulled to everybody's, and to the annotator's own over all classes.

Moments of the rates, from expected counts of right answers c_jk among n_jk (annotator j, items of class k), with R_k
the crowd's rate and d_jk = c_jk - n_jk R_k, over m rows jk:

    between classes   C = sum_j sum_(k<>l) d_jk d_jl / sum n_jk n_jl        (covariance of one person's rates)
    within a class    V = ( max(0, sum_jk d_jk^2 - chance) + chance sqrt(2 / m) ) / sum_jk n_jk (n_jk - 1),
                      chance = sum_jk n_jk R_k (1 - R_k)

V has its standard error added where all differences are chance, so that a few judgments make nobody alike.
A Beta with mean R and variance V has R (1 - R) / V - 1 judgments' worth of certainty, S. Of it the crowd's row gets
0.3 S, but at least 3, and the annotator's own row 0.7 S (C / V)^2: nothing where hits and false alarms trade against
each other, as with people of different caution, whose rates at two classes must be learned apart.
"""

from __future__ import annotations

import numpy as np

from consensus.judgments import Floats

FEWEST, MOST = 3.0, 200.0
CROWD_PART, OWN_PART, MOST_OWN = 0.3, 0.7, 15.0
NOTHING = 1e-9


def learned_strengths(kinds: Floats) -> tuple[float, float]:
    """(strength of the crowd's row, of the own row) in judgments.

    kinds: float64 [K, A, 2 + ...], expected counts: right answers, wrong ones, and those that are no class.
    """
    right, n = kinds[:, :, 0], kinds.sum(axis=2)
    if not n.any():
        return FEWEST, NOTHING
    rate = right.sum(axis=1) / np.maximum(n.sum(axis=1), NOTHING)
    away = right - n * rate[:, None]
    pairs = (n.sum(axis=0) ** 2 - (n**2).sum(axis=0)).sum()
    between = (away.sum(axis=0) ** 2 - (away**2).sum(axis=0)).sum() / max(pairs, NOTHING)
    chance = (n * (rate * (1.0 - rate))[:, None]).sum()
    within = max((away**2).sum() - chance, 0.0) + chance * np.sqrt(2.0 / max((n > 0).sum(), 1))
    within /= max(np.maximum(n * (n - 1.0), 0.0).sum(), NOTHING)
    alike = min(max(between / max(within, NOTHING), 0.0), 1.0)
    crowd = right.sum() / n.sum()
    worth = min(max(crowd * (1.0 - crowd) / max(within, NOTHING) - 1.0, FEWEST), MOST)
    return max(FEWEST, CROWD_PART * worth), max(NOTHING, min(OWN_PART * worth, MOST_OWN) * alike**2)
