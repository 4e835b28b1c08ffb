"""Seconds of one core, beside crowd-kit's Dawid-Skene at the same iterations, and memory where it matters."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import classification as peer

from benchmarks.consensus_figures.data import expected_accuracy
from consensus import Judgments, fit, flags, krippendorff_alpha
from consensus.live import Live
from consensus.many_classes import fit_many_classes


def crowd(
    n_judgments: int, n_classes: int, seed: int, per_item: int = 5, A: int = 1000
) -> tuple[Judgments, np.ndarray]:
    """(judgments in random order, truth) of annotators right three times of four."""
    rng = np.random.default_rng(seed)
    n_items = n_judgments // per_item
    item = np.repeat(np.arange(n_items), per_item)
    annotator = rng.integers(A, size=len(item))
    truth = rng.integers(n_classes, size=n_items)
    right = rng.random(len(item)) < rng.beta(6, 2, A)[annotator]
    answer = np.where(right, truth[item], rng.integers(n_classes, size=len(item)))
    order = rng.permutation(len(item))
    return Judgments(item[order], annotator[order], answer[order], n_items, A, n_classes, n_classes), truth


def seconds_of(what: Callable[[], Any]) -> tuple[float, float, Any]:
    """(CPU seconds, wall seconds, what it returned); of one core, so that other work on the machine does not count."""
    wall, cpu = time.perf_counter(), time.process_time()
    out = what()
    return time.process_time() - cpu, time.perf_counter() - wall, out


def beside_peer(n_judgments: int, n_classes: int, iterations: int, seed: int) -> dict[str, Any]:
    """The default to convergence, and plain Dawid-Skene of both for so many iterations, none stopped early."""
    judged, truth = crowd(n_judgments, n_classes, seed)
    found: dict[str, Any] = {"judgments": len(judged), "classes": n_classes, "iterations": iterations}
    found["default to convergence"], found["wall"], result = seconds_of(lambda: fit(judged))
    found["iterations to convergence"] = result.iterations
    found["cairn"], _, ours = seconds_of(
        lambda: fit(judged, "dawid-skene", max_iterations=iterations, tolerance=-1e300)
    )
    found["flags"], _, _ = seconds_of(lambda: flags(result, judged))
    found["alpha"], _, _ = seconds_of(lambda: krippendorff_alpha(judged))
    table = pd.DataFrame({"task": judged.item, "worker": judged.annotator, "label": judged.answer})
    found["crowd-kit"], _, theirs = seconds_of(lambda: peer.DawidSkene(n_iter=iterations, tol=-1.0).fit(table))
    found["ratio"] = found["crowd-kit"] / found["cairn"]
    found["accuracy"] = {
        "default": expected_accuracy(result, truth),
        "cairn": expected_accuracy(ours, truth),
        "crowd-kit": float((theirs.labels_.loc[np.arange(len(truth))].to_numpy() == truth).mean()),
    }
    return found


def large(n_judgments: int, seed: int) -> dict[str, Any]:
    """Ten classes, many judgments: seconds of the default to convergence."""
    judged, truth = crowd(n_judgments, 10, seed)
    cpu, wall, result = seconds_of(lambda: fit(judged))
    return {
        "judgments": n_judgments,
        "cpu seconds": cpu,
        "wall seconds": wall,
        "iterations": result.iterations,
        "accuracy": expected_accuracy(result, truth),
        "peak MiB": _peak(),
    }


def thousand_classes(n_judgments: int, seed: int) -> dict[str, Any]:
    """1,000 classes and annotators; memory is the process's peak, so run it alone."""
    judged, truth = crowd(n_judgments, 1000, seed)
    cpu, wall, found = seconds_of(lambda: fit_many_classes(judged, parents=np.arange(1000) // 5))
    return {
        "judgments": n_judgments,
        "cpu seconds": cpu,
        "wall seconds": wall,
        "iterations": len(found.log_objective),
        "accuracy": float((found.answer == truth).mean()),
        "peak MiB": _peak(),
    }


def live_update(n_judgments: int, seed: int) -> dict[str, Any]:
    """One judgment into a campaign of so many: CPU milliseconds to the new posterior, of 2,000; the wall median too."""
    judged, _ = crowd(n_judgments, 10, seed)
    live = Live(fit(judged), judged)
    rng = np.random.default_rng(seed)
    took, wall = [], []
    for _ in range(2000):
        item, annotator, answer = int(rng.integers(judged.n_items)), int(rng.integers(1000)), int(rng.integers(10))
        began, start = time.perf_counter(), time.thread_time_ns()
        live.add([item], [annotator], [answer])
        live.posterior(item)
        took.append((time.thread_time_ns() - start) / 1e6)
        wall.append(1000 * (time.perf_counter() - began))
    return {
        "judgments": n_judgments,
        "median ms": float(np.median(took)),
        "99 % ms": float(np.quantile(took, 0.99)),
        "wall median ms": float(np.median(wall)),
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
