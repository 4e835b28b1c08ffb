"""Recall at a pair precision: of all pairs in an album, which are copies, and where to cut so that few others pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.dedup_figures.album import Album
from benchmarks.dedup_figures.changes import HARD, MILD

PRECISION = 0.999


@dataclass(frozen=True)
class Scored:
    """What a method says: of each copy, the score with its original (-inf: not found); of wrong pairs, all scores."""

    copies: NDArray[np.float64]
    wrong: NDArray[np.float64]


def scored(album: Album, pairs: NDArray[np.int64], scores: NDArray[np.float64]) -> Scored:
    """From pairs int64 [M, 2] of indices; pairs of two copies of one shot count neither way."""
    original = np.array([change == "" for change in album.change])
    same = album.source[pairs[:, 0]] == album.source[pairs[:, 1]]
    true = same & (original[pairs[:, 0]] != original[pairs[:, 1]])
    copy = np.where(original[pairs[true, 0]], pairs[true, 1], pairs[true, 0])
    best = np.full(len(original), -np.inf)
    np.maximum.at(best, copy, scores[true])
    return Scored(best[~original], scores[~same])


def threshold_for(found: Scored, precision: float = PRECISION) -> float:
    """The least score at which, of all pairs that reach it, so many are copies; equal scores stand or fall together."""
    steps = np.unique(found.copies[np.isfinite(found.copies)])
    right, wrong = np.sort(found.copies), np.sort(found.wrong)
    taken = len(right) - np.searchsorted(right, steps)
    mistaken = len(wrong) - np.searchsorted(wrong, steps)
    good = taken >= precision * (taken + mistaken)
    return float(steps[good][0]) if good.any() else float("inf")


def figures(album: Album, found: Scored, threshold: float) -> dict[str, Any]:
    """Recall of mild and hard changes and of each, and how many wrong pairs are taken, at a threshold."""
    changes = np.array([change for change in album.change if change])
    got = found.copies >= threshold
    by_change = {name: round(float(got[changes == name].mean()), 4) for name in MILD | HARD}
    wrong = int((found.wrong >= threshold).sum())
    return {
        "threshold": threshold,
        "mild": round(float(got[np.isin(changes, list(MILD))].mean()), 4),
        "hard": round(float(got[np.isin(changes, list(HARD))].mean()), 4),
        "wrong_pairs": wrong,
        "precision": round(float(got.sum() / max(1, got.sum() + wrong)), 5),
        "by_change": by_change,
    }
