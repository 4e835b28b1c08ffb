"""The two real crowds whose annotators are all there: bluebirds, and CIFAR-10N with three people a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.consensus_figures.accuracy import PEERS, peer_posterior
from benchmarks.consensus_figures.data import bluebirds as read_bluebirds
from benchmarks.consensus_figures.data import columns, expected_accuracy
from consensus import Judgments, estimated_label_error, fit


def bluebirds(data: Path, draws: int, peers: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy with all 39, and the paired gain over the best peer with 5, 10 and 20 drawn."""
    table, truth = read_bluebirds(data)
    everybody = columns(table, 2)
    found: dict[str, Any] = {
        "all 39": {"cairn": expected_accuracy(fit(everybody), truth)}
        | {name: _accuracy(peer_posterior(name, everybody), truth) for name in PEERS}
    }
    rng = np.random.default_rng(0)
    for n in (5, 10, 20):
        rows: dict[str, list[float]] = {"cairn": [], **{name: [] for name in peers}}
        for _ in range(draws):
            judged = columns(table[:, rng.choice(table.shape[1], n, replace=False)], 2)
            rows["cairn"].append(expected_accuracy(fit(judged), truth))
            for name in peers:
                rows[name].append(_accuracy(peer_posterior(name, judged), truth))
        means = {name: float(np.mean(values)) for name, values in rows.items()}
        best = max(peers, key=lambda name: means[name])
        gain = np.array(rows["cairn"]) - np.array(rows[best])
        found[f"{n} drawn"] = means | {
            "draws": draws,
            "best peer": best,
            "paired gain": float(gain.mean()),
            "standard error": float(gain.std(ddof=1) / draws**0.5) if draws > 1 else None,
        }
    return found


def cifar10n(data: Path) -> dict[str, float | None]:
    """Errors on the 50,000 training images, three answers each; a column is an annotator."""
    labels = pd.read_parquet(data / "cifar10n_labels.parquet")
    truth = labels["clean"].to_numpy().astype(np.int64)
    judged: Judgments = columns(labels[["random1", "random2", "random3"]].to_numpy().astype(np.int64))
    result = fit(judged)
    return {
        "majority, ties by chance": 1 - expected_accuracy(fit(judged, "majority"), truth),
        "published aggregate": float((labels["aggre"].to_numpy() != truth).mean()),
        "cairn": 1 - expected_accuracy(result, truth),
        "cairn, its own estimate": estimated_label_error(result).estimate,
        "crowd-kit DawidSkene": 1 - _accuracy(peer_posterior("DawidSkene", judged), truth),
    }


def _accuracy(posterior: np.ndarray, truth: np.ndarray) -> float:
    best = posterior >= posterior.max(axis=1, keepdims=True) - 1e-9
    return float((best[np.arange(len(truth)), truth] / best.sum(axis=1)).mean())
