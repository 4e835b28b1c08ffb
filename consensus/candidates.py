"""Posteriors over very many classes: a short list of candidates an item; the rest of its mass lies on all others.

Nothing of size items x classes is ever held; a row of one item can be made when somebody wants to see it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consensus.judgments import Floats, Ints

TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Candidates:
    """Sorted by item, then class. item, label: int64 [C]; probability: float64 [C]; other: float64 [I], the mass of all
    classes that are no candidates of the item, which lies on them in proportion to share, float64 [K]. Each item's
    candidates and `other` sum to 1.
    """

    item: Ints
    label: Ints
    probability: Floats
    other: Floats
    share: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """(I, K), as of the array that this stands for."""
        return len(self.other), len(self.share)

    def __getitem__(self, item: int) -> Floats:
        """float64 [K]: the whole posterior of one item, sums to 1."""
        return self.rows(np.array([item]))[0]

    def rows(self, items: Ints) -> Floats:
        """float64 [N, K]: the whole posteriors of int64 [N] items, for as few of them at once as memory allows."""
        first = np.searchsorted(self.item, items)
        size = np.searchsorted(self.item, items, side="right") - first
        row = np.repeat(np.arange(len(items)), size)
        place = np.arange(len(row)) + np.repeat(first - (np.cumsum(size) - size), size)
        label = self.label[place]
        out = np.tile(self.share, (len(items), 1))
        out[row, label] = 0.0
        total = out.sum(axis=1)
        out *= np.divide(self.other[items], total, out=np.zeros(len(items)), where=total > 0)[:, None]
        out[row, label] = self.probability[place]
        return np.asarray(out)

    def at(self, items: Ints, labels: Ints) -> Floats:
        """float64 [N]: the probability of labels[n] for items[n]; 0 for a class that is no candidate."""
        K = len(self.share)
        keys, wanted = self.item * K + self.label, np.asarray(items) * K + labels
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        if not len(keys):
            return np.zeros(len(wanted))
        return np.where(keys[place] == wanted, self.probability[place], 0.0)

    def best(self) -> tuple[Floats, NDArray[np.bool_]]:
        """The largest probability of each item's candidates, float64 [I] (0 without any), and whether two share it."""
        top = np.zeros(len(self.other))
        np.maximum.at(top, self.item, self.probability)
        leads = self.item[self.probability >= top[self.item] - TIE]
        return top, np.bincount(leads, minlength=len(top)) > 1

    def answer(self) -> Ints:
        """int64 [I]: the likeliest candidate, the first of equals; -1 for an item without any."""
        top, _ = self.best()
        leads = np.flatnonzero(self.probability >= top[self.item] - TIE)
        answer = np.full(len(self.other), -1, dtype=np.int64)
        answer[self.item[leads][::-1]] = self.label[leads][::-1]  # the first of equals is written last
        return answer


Posteriors = Floats | Candidates
"""float64 [I, K], or the same as candidates where there are too many classes."""


def best_of(posterior: Posteriors) -> tuple[Floats, NDArray[np.bool_]]:
    """float64 [I]: the largest probability of each item, and bool [I], whether another is as large (within 1e-9)."""
    if isinstance(posterior, Candidates):
        return posterior.best()
    top = posterior.max(axis=1, initial=0.0)
    return top, (posterior >= top[:, None] - TIE).sum(axis=1) > 1


def probability_of(posterior: Posteriors, items: Ints, labels: Ints) -> Floats:
    """float64 [N]: the probability of labels[n] for items[n]."""
    if isinstance(posterior, Candidates):
        return posterior.at(items, labels)
    return np.asarray(posterior[items, labels])


def rows_of(posterior: Posteriors, items: Ints) -> Floats:
    """float64 [N, K]: the whole posteriors of int64 [N] items."""
    return posterior.rows(items) if isinstance(posterior, Candidates) else np.asarray(posterior[items])


def likeliest(posterior: Posteriors) -> Ints:
    """int64 [I]: the class with the largest probability, the first of equals; -1 where nothing is a candidate."""
    if isinstance(posterior, Candidates):
        return posterior.answer()
    return posterior.argmax(axis=1).astype(np.int64)
