"""Accuracy and log-loss beside every method of crowd-kit that runs, on the same judgments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import classification as peer

from benchmarks.consensus_figures.data import cifar10h, columns, log_loss
from benchmarks.consensus_figures.kinds import KINDS, draw
from consensus import Judgments, fit, fit_weighted_down

# Wawa and ZeroBasedSkill of crowd-kit 1.4 do not run with scikit-learn 1.7 and later.
PEERS: dict[str, Callable[[], Any]] = {
    "MajorityVote": peer.MajorityVote,
    "DawidSkene": lambda: peer.DawidSkene(n_iter=100),
    "OneCoinDawidSkene": lambda: peer.OneCoinDawidSkene(n_iter=100),
    "GLAD": peer.GLAD,
    "MACE": lambda: peer.MACE(random_state=0),
}
BUDGETS = (2, 3, 4, 5, 6, 8, 10)


def peer_posterior(name: str, judged: Judgments) -> np.ndarray:
    """float64 [I, K] of one of PEERS; items and answers that it leaves out have 0."""
    table = pd.DataFrame({"task": judged.item, "worker": judged.annotator, "label": judged.answer})
    fitted = PEERS[name]().fit(table)
    found = fitted.probas_.reindex(index=range(judged.n_items), columns=range(judged.n_classes))
    return np.asarray(found.fillna(0.0).to_numpy(), dtype=np.float64)


def _scores(posterior: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    best = posterior >= posterior.max(axis=1, keepdims=True) - 1e-9
    right = best[np.arange(len(truth)), truth] / best.sum(axis=1)
    return float(right.mean()), log_loss(posterior, truth)


def simulated_kinds(seeds: range, peers: tuple[str, ...], slow: dict[str, int]) -> list[dict[str, Any]]:
    """For each kind of crowd the mean accuracy of ours and each peer, and the paired gain over each.

    slow: peers that only see so many of the first seeds.
    """
    out = []
    for kind in KINDS:
        rows = _no_rows(peers, slow)
        sure = np.zeros(2)
        for place, seed in enumerate(seeds):
            judged, truth = draw(kind, seed)
            # As `python -m consensus` does by default.
            posterior = fit_weighted_down(judged).result.dense()
            _add(rows, posterior, judged, truth, place, slow)
            certain = posterior.max(axis=1) >= 0.99
            sure += certain.sum(), (certain & (posterior.argmax(axis=1) == truth)).sum()
        told = {"called 99 % sure": int(sure[0]), "of those right": float(sure[1] / sure[0]) if sure[0] else None}
        out.append({"kind": kind.name, "seeds": len(seeds)} | _against_peers(rows) | told)
        print(kind.name, out[-1], flush=True)
    return out


def cifar10h_budgets(
    data: Path, seeds: range, peers: tuple[str, ...], items: slice, slow: dict[str, int]
) -> list[dict[str, Any]]:
    """At each number of judgments an image: accuracy and log-loss, ours and theirs, and our reliability."""
    out = []
    for n in BUDGETS:
        rows = _no_rows(peers, slow)
        bins = np.zeros((3, len(RELIABILITY_EDGES) + 1))
        for place, seed in enumerate(seeds):
            answers, truth = cifar10h(data, n, seed)
            judged, truth = columns(answers[items]), truth[items]
            result = fit(judged)
            _add(rows, result.dense(), judged, truth, place, slow)
            # Of items called q sure, how many are right; bins of equal log-odds, for most are nearly certain.
            sure = 1.0 - result.risk
            where = np.digitize(sure, RELIABILITY_EDGES)
            for row, values in enumerate((np.ones(len(sure)), sure, result.answer == truth)):
                bins[row] += np.bincount(where, weights=values, minlength=bins.shape[1])
        filled = bins[0] > 0
        reliability = [[int(c), float(s / c), float(r / c)] for c, s, r in bins[:, filled].T]
        out.append({"judgments": n, "seeds": len(seeds)} | _against_peers(rows) | {"reliability": reliability})
        print(n, out[-1], flush=True)
    return out


RELIABILITY_EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)


Scores = dict[str, list[tuple[float, float]]]
"""Method -> (accuracy, log-loss) of each seed that it saw."""


def _no_rows(peers: tuple[str, ...], slow: dict[str, int]) -> Scores:
    return {name: [] for name in ("cairn", *peers, *slow)}


def _add(
    rows: Scores, posterior: np.ndarray, judged: Judgments, truth: np.ndarray, place: int, slow: dict[str, int]
) -> None:
    rows["cairn"].append(_scores(posterior, truth))
    for name, scores in rows.items():
        if name != "cairn" and place < slow.get(name, place + 1):
            scores.append(_scores(peer_posterior(name, judged), truth))


def _against_peers(rows: Scores) -> dict[str, Any]:
    """Means and spreads over the seeds, and ours less each peer's on the seeds that it saw: mean, standard error."""
    spread = {name: np.std(values, axis=0, ddof=1) for name, values in rows.items() if len(values) > 1}
    gains = {}
    for name, theirs in rows.items():
        if name != "cairn" and theirs:
            less = np.array(rows["cairn"][: len(theirs)]) - np.array(theirs)
            error = less.std(axis=0, ddof=1) / len(less) ** 0.5 if len(less) > 1 else np.full(2, np.nan)
            gains[name] = {
                "accuracy": [float(less[:, 0].mean()), float(error[0])],
                "log-loss": [float(less[:, 1].mean()), float(error[1])],
                "seeds": len(less),
            }
    return {
        "accuracy": {name: float(np.mean(v, axis=0)[0]) for name, v in rows.items() if v},
        "accuracy, s.d.": {name: float(s[0]) for name, s in spread.items()},
        "log-loss": {name: float(np.mean(v, axis=0)[1]) for name, v in rows.items() if v},
        "gains": gains,
        "best peer": min(gains, key=lambda name: gains[name]["accuracy"][0]),
        "best peer by log-loss": max(gains, key=lambda name: gains[name]["log-loss"][0]),
    }
