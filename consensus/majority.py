"""Majority vote: an item's posterior is the share of its votes.

p_i(k) = sum of weights of the answers k to item i / sum over all classes. "Unsure" is no vote. An item
without votes gets equal shares. A share is not a calibrated probability; Dawid-Skene's posterior is.
"""

from __future__ import annotations

import numpy as np

from consensus.judgments import Floats, Ints, Layout


def vote_shares(layout: Layout, gold: Ints) -> Floats:
    """float64 [K, I], columns sum to 1; items with gold (>= 0) have 1 at their answer."""
    K = layout.n_classes
    answer = layout.by_item.take % max(layout.n_answers, 1)
    vote = layout.by_item.keys() * layout.n_answers + answer
    size = layout.n_items * layout.n_answers
    votes = np.bincount(vote, weights=layout.by_item.weight, minlength=size).astype(np.float64)
    shares = np.ascontiguousarray(votes.reshape(layout.n_items, layout.n_answers)[:, :K].T)
    total = shares.sum(axis=0)
    np.divide(shares, total, out=shares, where=total > 0)
    shares[:, total == 0] = 1.0 / K
    return clamp(shares, gold)


def clamp(posterior: Floats, gold: Ints) -> Floats:
    """Put 1 at the known class of each item that has gold; changes `posterior` [K, I] in place."""
    known = np.flatnonzero(gold >= 0)
    posterior[:, known] = 0.0
    posterior[gold[known], known] = 1.0
    return posterior
