"""Assignment: which object of one annotator is which of another, so that the sum of overlaps is largest.

The Hungarian method with potentials (Kuhn 1955, doi:10.1002/nav.3800020109; this form Jonker & Volgenant 1987,
doi:10.1007/BF02278710): O(n^2 m) for n <= m.
"""

from __future__ import annotations

import numpy as np

from consensus.judgments import Floats


def best_assignment(gain: Floats) -> list[tuple[int, int]]:
    """Pairs (row, column) of the matching with the largest sum of gain, float64 [n, m] >= 0; only gains above 0."""
    n, m = gain.shape
    if n == 0 or m == 0:
        return []
    if n > m:
        return sorted((row, column) for column, row in best_assignment(gain.T))
    cost = gain.max() - gain
    up, down = np.zeros(n + 1), np.zeros(m + 1)
    owner = np.zeros(m + 1, dtype=np.int64)  # 1-based row of each column; column 0 is the row being placed
    for row in range(1, n + 1):
        owner[0] = row
        column = 0
        slack, came, done = np.full(m + 1, np.inf), np.zeros(m + 1, dtype=np.int64), np.zeros(m + 1, dtype=bool)
        while True:
            done[column] = True
            at = owner[column]
            reduced = cost[at - 1] - up[at] - down[1:]
            better = ~done[1:] & (reduced < slack[1:])
            slack[1:][better], came[1:][better] = reduced[better], column
            left = np.where(done, np.inf, slack)
            left[0] = np.inf
            following = int(left.argmin())
            step = left[following]
            up[owner[done]] += step
            down[done] -= step
            slack[~done] -= step
            column = following
            if owner[column] == 0:
                break
        while column:
            owner[column] = owner[came[column]]
            column = int(came[column])
    pairs = [(int(owner[c]) - 1, c - 1) for c in range(1, m + 1) if owner[c]]
    return sorted((r, c) for r, c in pairs if gain[r, c] > 0)
