"""How strongly an annotator's rates of error are pulled to everybody's, and to the annotator's own over all classes.

Moments of the rates, from expected counts of right answers c_jk among n_jk (annotator j, items of class k), with R_k
the crowd's rate, R that over all classes, and d_jk = c_jk - n_jk R_k, over m rows jk:

    between people    C = sum_j sum_(k<>l) d_jk d_jl / sum n_jk n_jl        (covariance of one person's rates)
    all               V = ( max(0, sum_jk d_jk^2 - chance) + chance sqrt(2 / m) ) / sum_jk n_jk (n_jk - 1),
                      chance = sum_jk n_jk R_k (1 - R_k)

Both lean to caution by one standard error: V has that of a crowd whose differences are all chance added, so that a few
judgments make nobody alike, and of C the part sqrt(2 / (A - 1)) is taken off for A people, so that a few people
prove no habit of the crowd's. A Beta with mean R and variance V has R (1 - R) / V - 1 judgments' worth of
certainty; the crowd's row gets 0.3 of that, but at least 3. Rates of one person differ from the person's own mean by
V - C only, and that mean's r (1 - r) is R (1 - R) - C on average, so the own row gets

    ( (R (1 - R) - C) / (V - C) - 1 ) C / V,    at most 15:

much where people differ and each is the same at all classes, also in a crowd of two kinds, some of whom guess or
contradict; nothing where hits and false alarms trade against each other, as with people of different caution, whose
rates at two classes must be learned apart.
"""

from __future__ import annotations

import numpy as np

from consensus.judgments import Floats

FEWEST, MOST = 3.0, 200.0
CROWD_PART, MOST_OWN = 0.3, 15.0
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
    between = max((away.sum(axis=0) ** 2 - (away**2).sum(axis=0)).sum() / max(pairs, NOTHING), 0.0)
    people = int((n.sum(axis=0) > 0).sum())
    between *= max(1.0 - np.sqrt(2.0 / max(people - 1, 1)), 0.0)
    chance = (n * (rate * (1.0 - rate))[:, None]).sum()
    total = max((away**2).sum() - chance, 0.0) + chance * np.sqrt(2.0 / max((n > 0).sum(), 1))
    total = max(total / max(np.maximum(n * (n - 1.0), 0.0).sum(), NOTHING), NOTHING)
    crowd = right.sum() / n.sum()
    spread = crowd * (1.0 - crowd)
    worth = min(max(spread / total - 1.0, FEWEST), MOST)
    own = (spread - between) / max(total - between, NOTHING) - 1.0
    return max(FEWEST, CROWD_PART * worth), max(NOTHING, min(own * min(between / total, 1.0), MOST_OWN))
