"""Judgments saved by stopping: CIFAR-10H (tuned on half of the items, reported on the other half) and bluebirds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.consensus_figures.data import bluebirds, cifar10h, columns, expected_accuracy
from consensus import Judgments, fit
from consensus.confidence_table import learn_table
from consensus.live import SOMEBODY, Live

BOUNDS = (
    0.3,
    0.2,
    0.15,
    0.1,
    0.07,
    0.05,
    0.03,
    0.02,
    0.015,
    0.01,
    0.005,
    0.003,
    0.002,
    0.0018,
    0.0016,
    0.0014,
    0.0012,
    0.001,
    0.0005,
)
MOST = 10


def stopped_cifar10h(data: Path, seeds: range) -> dict[str, Any]:
    """For each rule: judgments an item and error on the half that was not used to choose its bound."""
    rows: list[dict[str, float]] = []
    for seed in seeds:
        answers, truth = cifar10h(data, MOST, seed)
        # Halves drawn anew with each seed, so that the spread is of the choice of items too.
        order = np.random.default_rng((seed, 1)).permutation(len(truth))
        tune, held = order[: len(order) // 2], order[len(order) // 2 :]
        wanted = expected_accuracy(fit(columns(answers[tune]), "majority"), truth[tune])
        pilot = fit(columns(answers[tune]))
        table = learn_table(answers[tune], 10)
        found: dict[str, float] = {
            "fixed 10: error": 1 - expected_accuracy(fit(columns(answers[held]), "majority"), truth[held])
        }
        ours = [_by_risk(pilot, answers[tune], truth[tune], bound) for bound in BOUNDS]
        bound = next((b for b, (_, right) in zip(BOUNDS, ours, strict=True) if right >= wanted), BOUNDS[-1])
        found["risk: bound"] = bound
        found["risk: judgments"], right = _by_risk(pilot, answers[held], truth[held], bound)
        found["risk: error"] = 1 - right
        theirs = [_by_table(table, answers[tune], truth[tune], 1 - b) for b in BOUNDS]
        bound = next((b for b, (_, right) in zip(BOUNDS, theirs, strict=True) if right >= wanted), BOUNDS[-1])
        found["table of 2009: judgments"], right = _by_table(table, answers[held], truth[held], 1 - bound)
        found["table of 2009: error"] = 1 - right
        for n in (2, 3, 4, 5):
            fixed = fit(columns(answers[held][:, :n]), "majority")
            found[f"fixed {n}: error"] = 1 - expected_accuracy(fixed, truth[held])
        rows.append(found)
    frame = pd.DataFrame(rows)
    out: dict[str, Any] = {name: [float(frame[name].mean()), float(frame[name].std(ddof=1))] for name in frame}
    out["times fewer"] = MOST / out["risk: judgments"][0]
    out["seeds"] = len(frame)
    return out


def _by_risk(pilot: Any, answers: np.ndarray, truth: np.ndarray, bound: float) -> tuple[float, float]:
    """(judgments an item, accuracy): people whom the pilot does not know, until the risk is below the bound."""
    n_items = len(answers)
    live = Live(pilot, Judgments(*[np.zeros(0, np.int64)] * 3, n_items, 0, 10, 10))
    rows = live.rows(SOMEBODY).transpose(2, 0, 1)
    active = np.arange(n_items)
    for n in range(answers.shape[1]):
        live.evidence[active] += rows[answers[active, n]]
        live.n[active] += 1
        active = active[1 - live.posteriors(active).max(axis=1) > bound]
    right = live.posteriors(np.arange(n_items)).argmax(axis=1) == truth
    return float(live.n.mean()), float(right.mean())


def _by_table(table: Any, answers: np.ndarray, truth: np.ndarray, threshold: float) -> tuple[float, float]:
    n_items = len(answers)
    votes = np.zeros((n_items, 10), dtype=np.int64)
    active = np.arange(n_items)
    for column in answers.T:
        votes[active, column[active]] += 1
        active = active[table.of(votes[active])[1] < threshold]
    return float(votes.sum(axis=1).mean()), float((votes.argmax(axis=1) == truth).mean())


def sequential_bluebirds(data: Path, seeds: range) -> dict[str, Any]:
    """Curves of accuracy against judgments an item: fixed n, stopping by risk, and stopping with the best annotator.

    Every item starts with three judgments by people drawn at random; then, round by round, everything is fitted anew
    and each item above the bound gets one more, of a person drawn at random or of the one with the largest gain.
    """
    table, truth = bluebirds(data)
    n_items, A = table.shape
    curves: dict[str, dict[str, list[float]]] = {"fixed n": {}, "stopping": {}, "stopping, best annotator": {}}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        order = np.stack([rng.permutation(A) for _ in range(n_items)])
        for n in (3, 5, 7, 10, 14, 20, 28, 39):
            asked = np.zeros((n_items, A), dtype=bool)
            asked[np.arange(n_items)[:, None], order[:, :n]] = True
            _note(curves["fixed n"], f"{n}", n, _fit(table, asked), truth)
        for bound in (0.2, 0.1, 0.05, 0.02, 0.005):
            for best in (False, True):
                asked = np.zeros((n_items, A), dtype=bool)
                asked[np.arange(n_items)[:, None], order[:, :3]] = True
                for _ in range(25):
                    result = _fit(table, asked)
                    open_items = np.flatnonzero(result.risk > bound)
                    if not len(open_items):
                        break
                    gains = None
                    if best:
                        i, j = np.nonzero(asked)
                        live = Live(result, Judgments(i, j, table[i, j], n_items, A, 2, 2))
                        gains = np.stack([live.gains(open_items, a) for a in range(A)], axis=1)
                    for row, item in enumerate(open_items):
                        free = order[item][~asked[item, order[item]]]
                        if len(free):
                            asked[item, free[0] if gains is None else free[np.argmax(gains[row, free])]] = True
                name = "stopping, best annotator" if best else "stopping"
                _note(curves[name], f"{bound}", asked.sum() / n_items, _fit(table, asked), truth)
    return {
        name: [
            {"at": at, "judgments": float(np.mean(v[::2])), "accuracy": float(np.mean(v[1::2]))}
            | {"accuracy spread": float(np.std(v[1::2], ddof=1))}
            for at, v in curve.items()
        ]
        for name, curve in curves.items()
    } | {"seeds": len(seeds)}


def _fit(table: np.ndarray, asked: np.ndarray) -> Any:
    i, j = np.nonzero(asked)
    return fit(Judgments(i, j, table[i, j], *table.shape, 2, 2))


def _note(curve: dict[str, list[float]], at: str, judgments: float, result: Any, truth: np.ndarray) -> None:
    curve.setdefault(at, []).extend([float(judgments), float((result.answer == truth).mean())])
