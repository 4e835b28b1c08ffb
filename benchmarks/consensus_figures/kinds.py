"""Simulated crowds of different kinds; figures are of odd seeds, and README.md says which ones were looked at before.

Each kind draws items, annotators and answers from one seed. None is drawn from the model that we fit: skills have
heavy tails, items differ in difficulty, some people do not look, answer one thing always, or contradict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from consensus import Judgments


@dataclass(frozen=True)
class Kind:
    """How a crowd is drawn. skill: the mean of a Beta with `concentration`; hard: the share of items on which
    everybody's chance to be right is halfway to guessing; the other shares are of annotators."""

    name: str
    n_classes: int = 2
    n_items: int = 400
    n_annotators: int = 20
    per_item: int = 5
    skill: float = 0.75
    concentration: float = 8.0
    spam: float = 0.0
    constant: float = 0.0
    contrary: float = 0.0
    biased: float = 0.0
    hard: float = 0.0
    shares: tuple[float, ...] = ()


KINDS = (
    Kind("two classes, ordinary"),
    Kind("two classes, rare yes", shares=(0.85, 0.15), n_items=600, per_item=3, skill=0.8),
    Kind("two classes, biased people", biased=0.5, n_annotators=15),
    Kind("two classes, a third guesses", spam=0.35, n_annotators=30),
    Kind("two classes, a fifth contradicts", contrary=0.2, n_annotators=25, skill=0.85),
    Kind("two classes, small and dense", n_items=60, n_annotators=10, per_item=10, skill=0.68),
    Kind("three classes, many people few answers", n_classes=3, n_annotators=250, per_item=5, skill=0.7),
    Kind("three classes, hard items", n_classes=3, hard=0.3, skill=0.85),
    Kind("four classes, ordinary", n_classes=4, skill=0.65),
    Kind("four classes, guessers and constants", n_classes=4, spam=0.2, constant=0.2, n_annotators=40, skill=0.7),
    Kind("four classes, uneven shares", n_classes=4, shares=(0.7, 0.15, 0.1, 0.05), per_item=3, skill=0.75),
    Kind("four classes, hard items, ten answers", n_classes=4, hard=0.4, per_item=10, n_annotators=60, skill=0.75),
)


def draw(kind: Kind, seed: int) -> tuple[Judgments, np.ndarray]:
    """(judgments, truth int64 [I]) of one crowd."""
    rng = np.random.default_rng((seed, sum(map(ord, kind.name))))
    K, A, n_items = kind.n_classes, kind.n_annotators, kind.n_items
    truth = rng.choice(K, p=kind.shares or None, size=n_items)
    skills = rng.beta(kind.skill * kind.concentration, (1 - kind.skill) * kind.concentration, A)
    # What is taken for what: classes that resemble each other, alike for all, and a personal part.
    alike = rng.dirichlet(np.ones(K - 1) * 1.5, K) if K > 2 else np.ones((K, 1))
    confusion = np.zeros((A, K, K))
    for j in range(A):
        for k in range(K):
            own = rng.dirichlet(np.ones(K - 1) * 3 * alike[k] * (K - 1) + 0.05)
            right = np.clip(skills[j] + rng.normal(0, 0.05), 0.02, 0.99)
            confusion[j, k, k] = right
            confusion[j, k, np.arange(K) != k] = (1 - right) * own
    role = rng.permutation(A)
    start = 0
    for share, change in (
        (kind.spam, _guesses),
        (kind.constant, _one_answer),
        (kind.contrary, _contradicts),
        (kind.biased, _prefers_first),
    ):
        for j in role[start : start + round(share * A)]:
            confusion[j] = change(confusion[j], rng)
        start += round(share * A)
    item = np.repeat(np.arange(n_items), kind.per_item)
    # Some people answer much more than others, as in every real crowd.
    activity = rng.gamma(1.0, 1.0, A) + 0.05
    annotator = np.concatenate(
        [rng.choice(A, kind.per_item, replace=False, p=activity / activity.sum()) for _ in range(n_items)]
    )
    rows = confusion[annotator, truth[item]]
    hard = rng.random(n_items) < kind.hard
    rows = np.where(hard[item][:, None], 0.5 * rows + 0.5 / K, rows)
    answer = (rows.cumsum(axis=1) < rng.random(len(item))[:, None] * rows.sum(axis=1, keepdims=True)).sum(axis=1)
    return Judgments(item, annotator, np.minimum(answer, K - 1), n_items, A, K, K), truth


_Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _guesses(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(rng.dirichlet(np.ones(rows.shape[1]) * 5), rows.shape)


def _one_answer(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = np.full(rows.shape, 0.02 / rows.shape[1])
    out[:, rng.integers(rows.shape[1])] += 0.98
    return out


def _contradicts(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.roll(rows, 1, axis=1)


def _prefers_first(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = 0.6 * rows
    out[:, 0] += 0.4
    return out
