"""The real judgments that the figures are of, from the folder in CAIRN_DATA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from consensus import Judgments, Result


def bluebirds(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """(answers int64 [108, 39], truth int64 [108]); everybody judged everything."""
    table = pd.read_csv(data / "bluebirds_labels.csv").pivot(index="task", columns="worker", values="label")
    truth = pd.read_csv(data / "bluebirds_truth.csv").set_index("task").truth.loc[table.index]
    return table.to_numpy().astype(np.int64), truth.to_numpy().astype(np.int64)


def cifar10h(data: Path, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(answers int64 [10000, n], truth int64 [10000]): n people of each image, drawn without replacement."""
    table = pd.read_parquet(data / "cifar10h_counts.parquet")
    counts = table.filter(regex="^n").to_numpy()
    rng = np.random.default_rng(seed)
    each = [rng.permutation(np.repeat(np.arange(10), row))[:n] for row in counts]
    return np.array(each, dtype=np.int64), table["true_label"].to_numpy().astype(np.int64)


def columns(answers: np.ndarray, n_classes: int = 10) -> Judgments:
    """int64 [I, n] as judgments, a column an annotator: who the people were is not known."""
    n_items, n = answers.shape
    item, who = np.repeat(np.arange(n_items), n), np.tile(np.arange(n), n_items)
    return Judgments(item, who, answers.ravel(), n_items, n, n_classes, n_classes)


def expected_accuracy(result: Result, truth: np.ndarray) -> float:
    """The share of right answers when ties are broken by chance."""
    best = result.posterior >= result.posterior.max(axis=1, keepdims=True) - 1e-9
    return float((best[np.arange(len(truth)), truth] / best.sum(axis=1)).mean())


def log_loss(posterior: np.ndarray, truth: np.ndarray) -> float:
    """Mean of -log of the truth's probability, which counts as at least 1e-6 (a majority's can be 0)."""
    return float(-np.log(np.clip(posterior[np.arange(len(truth)), truth], 1e-6, 1.0)).mean())
