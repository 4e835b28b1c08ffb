"""Accuracy and log-loss beside every method of crowd-kit that runs, on the same judgments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import classification as peer

from benchmarks.consensus_figures.data import cifar10h, columns, expected_accuracy, log_loss
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


def simulated_kinds(seeds: range, peers: tuple[str, ...]) -> list[dict[str, Any]]:
    """For each kind of crowd the mean accuracy of ours and each peer, and the paired gain over the best peer."""
    out = []
    for kind in KINDS:
        rows: dict[str, list[tuple[float, float]]] = {"cairn": [], **{name: [] for name in peers}}
        for seed in seeds:
            judged, truth = draw(kind, seed)
            # As `python -m consensus` does by default.
            rows["cairn"].append(_scores(fit_weighted_down(judged).result.dense(), truth))
            for name in peers:
                rows[name].append(_scores(peer_posterior(name, judged), truth))
        out.append({"kind": kind.name, "seeds": len(seeds)} | _against_best(rows, peers))
        print(kind.name, out[-1], flush=True)
    return out


def cifar10h_budgets(data: Path, seeds: range, peers: tuple[str, ...], items: slice) -> list[dict[str, Any]]:
    """At each number of judgments an image: accuracy and log-loss, ours and theirs, and our reliability."""
    out = []
    for n in BUDGETS:
        rows: dict[str, list[tuple[float, float]]] = {"cairn": [], **{name: [] for name in peers}}
        bins = np.zeros((3, 10))
        for seed in seeds:
            answers, truth = cifar10h(data, n, seed)
            judged, truth = columns(answers[items]), truth[items]
            result = fit(judged)
            rows["cairn"].append((expected_accuracy(result, truth), log_loss(result.posterior, truth)))
            # Of items called q sure, how many are right; bins of equal log-odds, for most are nearly certain.
            sure = 1.0 - result.risk
            where = np.digitize(sure, RELIABILITY_EDGES)
            for row, values in enumerate((np.ones(len(sure)), sure, result.answer == truth)):
                bins[row] += np.bincount(where, weights=values, minlength=10)
            for name in peers:
                rows[name].append(_scores(peer_posterior(name, judged), truth))
        filled = bins[0] > 0
        reliability = [[int(c), float(s / c), float(r / c)] for c, s, r in bins[:, filled].T]
        out.append({"judgments": n, "seeds": len(seeds)} | _against_best(rows, peers) | {"reliability": reliability})
        print(n, out[-1], flush=True)
    return out


RELIABILITY_EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)


def _against_best(rows: dict[str, list[tuple[float, float]]], peers: tuple[str, ...]) -> dict[str, Any]:
    means = {name: np.mean(values, axis=0) for name, values in rows.items()}
    best = max(peers, key=lambda name: means[name][0])
    surest = min(peers, key=lambda name: means[name][1])
    gain = np.array([ours[0] - theirs[0] for ours, theirs in zip(rows["cairn"], rows[best], strict=True)])
    return {
        "accuracy": {name: float(value[0]) for name, value in means.items()},
        "log-loss": {name: float(value[1]) for name, value in means.items()},
        "best peer": best,
        "gain": float(gain.mean()),
        "standard error": float(gain.std(ddof=1) / len(gain) ** 0.5) if len(gain) > 1 else None,
        "best peer by log-loss": surest,
    }
