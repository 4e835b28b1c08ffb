"""What many-classes learned about people, for very many classes: a rate each, and errors that all share.

    P(a_ij = l | z_i = k) = r_j if l = k, else (1 - r_j) e(l | k),    e(l | k) = (N_kl + t s(l | k)) / (N_k + t)

N: expected counts of errors, kept only where they occurred; s: what k is taken for beforehand, SIBLINGS of it for the
siblings of k in the taxonomy and the rest evenly; t: ERROR_STRENGTH judgments a class. For a class that nobody named,
an answer l has chance (1 - r_j) u(l), u the share of l among all answers (`consensus.many_classes`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.judgments import Floats, Ints

ERROR_STRENGTH = 100.0  # judgments a class
SIBLINGS = 0.8


@dataclass(frozen=True, eq=False)
class SharedErrors:
    """right: r, float64 [A]; ordinary: the rate of somebody unknown; usage: u, float64 [K].

    key: int64 [P] rising, `class * K + answer` of each pair that occurred; chance: its e, float64 [P]; of_class:
    N_k + t, float64 [K]; parents: int64 [K] or None.
    """

    right: Floats
    ordinary: float
    usage: Floats
    key: Ints
    chance: Floats
    of_class: Floats
    parents: Ints | None

    def rate(self, annotator: int) -> float:
        """r of an annotator, -1 for one whom the fit has not seen."""
        return self.ordinary if annotator < 0 else float(self.right[annotator])

    def mistaken(self, of: Ints, for_: Ints) -> Floats:
        """e(for_ | of), float64 [N], of two different classes each, int64 [N]."""
        K = len(self.usage)
        wanted = of * K + for_
        out = ERROR_STRENGTH * expected_errors(of, for_, K, self.parents) / self.of_class[of]
        if len(self.key):
            place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
            out = np.where(self.key[place] == wanted, self.chance[place], out)
        return np.asarray(out)

    def drawn(self, of: Ints, rng: np.random.Generator) -> Ints:
        """int64 [N]: for each class, int64 [N], another one that it is taken for, drawn by e."""
        K = len(self.usage)
        out = _drawn_beforehand(of, K, self.parents, rng)
        if not len(self.key):
            return out
        # e is a mixture: what was counted for the class, or s, in proportion to the counts and t.
        of_key, answer = np.divmod(self.key, K)
        before = ERROR_STRENGTH * expected_errors(of_key, answer, K, self.parents)
        counts = np.maximum(self.chance * self.of_class[of_key] - before, 0.0)
        total = np.bincount(of_key, weights=counts, minlength=K)
        counted = rng.random(len(of)) * (total + ERROR_STRENGTH)[of] < total[of]
        below = np.concatenate([[0.0], np.cumsum(counts)])
        start = below[np.searchsorted(of_key, of)]
        place = np.searchsorted(below, start + rng.random(len(of)) * total[of], side="right") - 1
        place = np.clip(place, 0, len(answer) - 1)
        counted &= of_key[place] == of
        return np.where(counted, answer[place], out)


def _drawn_beforehand(of: Ints, n_classes: int, parents: Ints | None, rng: np.random.Generator) -> Ints:
    """int64 [N]: another class each, drawn by s."""
    even = (of + rng.integers(1, n_classes, size=len(of))) % n_classes
    if parents is None:
        return even
    _, family = np.unique(parents, return_inverse=True)
    family = np.where(np.asarray(parents) < 0, -1, family)
    order = np.argsort(family, kind="stable")
    first, last = np.searchsorted(family[order], family), np.searchsorted(family[order], family, side="right")
    place = np.empty(n_classes, dtype=np.int64)
    place[order] = np.arange(n_classes)
    size = (last - first)[of]
    step = 1 + (rng.random(len(of)) * np.maximum(size - 1, 1)).astype(np.int64)
    sibling = order[first[of] + (place[of] - first[of] + step) % np.maximum(size, 1)]
    has = (family[of] >= 0) & (size > 1) & (rng.random(len(of)) < SIBLINGS)
    return np.where(has, sibling, even)


def expected_errors(of: Ints, mistaken_for: Ints, n_classes: int, parents: Ints | None) -> Floats:
    """s(mistaken_for | of), float64 [P], for pairs of different classes."""
    even = np.full(len(of), 1.0 / (n_classes - 1))
    if parents is None:
        return even
    _, family = np.unique(parents, return_inverse=True)
    siblings = np.bincount(family)[family] - 1
    siblings[np.asarray(parents) < 0] = 0
    related = (family[of] == family[mistaken_for]) & (siblings[of] > 0)
    out = np.where(siblings[of] > 0, (1.0 - SIBLINGS) * even, even)
    out[related] += SIBLINGS / siblings[of][related]
    return out
