"""Accuracy and speed of `consensus` beside crowd-kit, on the same judgments in one process.

    python benchmarks/consensus.py [--draws 200] [--judgments 1000000] [--out FILE.json]

Prints the machine, each figure of both and their ratio, and writes JSON. Priors are the package's defaults,
fixed beforehand. Needs the test extra; without the real data (CAIRN_DATA) only the speed is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

# One core for both: numpy's threads would only help the peer's and our matrix products unequally.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# This file has the package's name: its own folder must not be searched first.
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402  after the threads are limited
import pandas as pd  # noqa: E402  after the threads are limited
from crowdkit.aggregation import classification as peer  # noqa: E402  after the threads are limited

from consensus import Judgments, Result, estimated_label_error, fit, flags, krippendorff_alpha  # noqa: E402  after the threads are limited

warnings.filterwarnings("ignore")
# Wawa and ZeroBasedSkill of crowd-kit 1.4 do not run with scikit-learn 1.7 and later.
PEERS: dict[str, Callable[[], Any]] = {
    "MajorityVote": peer.MajorityVote,
    "DawidSkene": lambda: peer.DawidSkene(n_iter=100),
    "OneCoinDawidSkene": lambda: peer.OneCoinDawidSkene(n_iter=100),
    "GLAD": peer.GLAD,
    "MACE": lambda: peer.MACE(random_state=0),
}

# Those fast enough to be fitted hundreds of times; on all 39 annotators the others are far behind.
DRAWN_PEERS = ("MajorityVote", "DawidSkene")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200, help="draws of bluebirds annotators; 0: none")
    parser.add_argument("--judgments", type=int, default=1_000_000, help="judgments in the speed test")
    parser.add_argument("--iterations", type=int, default=10, help="iterations of both in the speed test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="where to write the JSON (default: standard output)")
    given = parser.parse_args()
    data = Path(os.environ.get("CAIRN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    found: dict[str, Any] = {"machine": machine(), "seed": given.seed}
    print(found["machine"], flush=True)
    if (data / "README.md").is_file():
        found["bluebirds"] = bluebirds(data, given.draws, given.seed)
        found["cifar10n"] = cifar10n(data)
    else:
        print(f"the real data sets are not at {data}: only the speed is measured (set CAIRN_DATA)")
    found["speed"] = [speed(given.judgments, K, given.iterations, given.seed) for K in (2, 10)]
    text = json.dumps(found, indent=1)
    if given.out:
        given.out.write_text(text + "\n")
    else:
        print(text)


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"


def accuracy(result: Result, truth: np.ndarray) -> float:
    """Expected share of right answers when ties are broken by chance."""
    best = result.posterior >= result.posterior.max(axis=1, keepdims=True) - 1e-9
    return float((best[np.arange(len(truth)), truth] / best.sum(axis=1)).mean())


def bluebirds(data: Path, draws: int, seed: int) -> dict[str, Any]:
    table = pd.read_csv(data / "bluebirds_labels.csv")
    truth = pd.read_csv(data / "bluebirds_truth.csv").set_index("task").truth
    item, tasks = pd.factorize(table.task, sort=True)
    annotator, workers = pd.factorize(table.worker, sort=True)
    true = truth.loc[tasks].to_numpy()
    answer = table.label.to_numpy()

    def ours(kept: np.ndarray, method: str) -> float:
        judged = Judgments(item[kept], annotator[kept], answer[kept], len(tasks), len(workers), 2, 2)
        return accuracy(fit(judged, method), true)

    def theirs(kept: np.ndarray, name: str) -> float:
        labels = PEERS[name]().fit_predict(table[kept])
        return float((labels.loc[tasks].to_numpy() == true).mean())

    everybody = np.ones(len(table), dtype=bool)
    found: dict[str, Any] = {
        "all 39": {
            "cairn": ours(everybody, "map-dawid-skene"),
            "cairn majority": ours(everybody, "majority"),
            **{name: theirs(everybody, name) for name in PEERS},
        }
    }
    print("bluebirds, all 39:", show(found["all 39"]), flush=True)
    rng = np.random.default_rng(seed)
    for n in (5, 10, 20) if draws else ():
        rows: dict[str, list[float]] = {"cairn": [], **{name: [] for name in DRAWN_PEERS}}
        for _ in range(draws):
            kept = np.isin(annotator, rng.choice(len(workers), n, replace=False))
            rows["cairn"].append(ours(kept, "map-dawid-skene"))
            for name in DRAWN_PEERS:
                rows[name].append(theirs(kept, name))
        means = {name: float(np.mean(values)) for name, values in rows.items()}
        best = max(DRAWN_PEERS, key=lambda name: means[name])
        gain = np.array(rows["cairn"]) - np.array(rows[best])
        found[f"{n} drawn"] = {
            **means,
            "draws": draws,
            "best peer": best,
            "paired gain": float(gain.mean()),
            "standard error": float(gain.std(ddof=1) / np.sqrt(draws)) if draws > 1 else None,
        }
        print(f"bluebirds, {n} of 39:", show(means), f"gain over {best} {gain.mean():+.4f}", flush=True)
    return found


def cifar10n(data: Path) -> dict[str, Any]:
    labels = pd.read_parquet(data / "cifar10n_labels.parquet")
    true = labels["clean"].to_numpy().astype(np.int64)
    answers = labels[["random1", "random2", "random3"]].to_numpy().astype(np.int64)
    n = len(true)
    item, column = np.repeat(np.arange(n), 3), np.tile(np.arange(3), n)
    # The published worker ids belong to batches, and which label is whose is not certain (see its README):
    # this variant shows what trusting them would give.
    side = pd.read_parquet(data / "cifar10n_side_info.parquet").sort_values("first_index")
    batch = np.searchsorted(side["first_index"].to_numpy(), np.arange(n), side="right") - 1
    names, worker = np.unique(side[["worker1", "worker2", "worker3"]].to_numpy()[batch], return_inverse=True)
    by_column = Judgments(item, column, answers.ravel(), n, 3, 10, 10)
    by_worker = Judgments(item, worker.ravel(), answers.ravel(), n, len(names), 10, 10)
    table = pd.DataFrame({"task": item, "worker": column, "label": answers.ravel()})
    labelled = peer.DawidSkene(n_iter=100).fit_predict(table).loc[np.arange(n)].to_numpy()
    result = fit(by_column)
    estimate = estimated_label_error(result)
    found = {
        "one annotator": float((answers[:, 0] != true).mean()),
        "majority, ties by chance": 1 - accuracy(fit(by_column, "majority"), true),
        "published aggregate": float((labels["aggre"].to_numpy() != true).mean()),
        "cairn, a column an annotator": 1 - accuracy(result, true),
        "cairn, its own estimate": estimate.estimate,
        "cairn, published worker ids": 1 - accuracy(fit(by_worker), true),
        "crowd-kit DawidSkene, a column an annotator": float((labelled != true).mean()),
    }
    print("CIFAR-10N error:", show(found), flush=True)
    return found


def speed(n_judgments: int, n_classes: int, iterations: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    per_item, n_annotators = 5, 1000
    n_items = n_judgments // per_item
    item = np.repeat(np.arange(n_items), per_item)
    annotator = rng.integers(n_annotators, size=len(item))
    truth = rng.integers(n_classes, size=n_items)
    right = rng.random(len(item)) < rng.beta(6, 2, n_annotators)[annotator]
    answer = np.where(right, truth[item], rng.integers(n_classes, size=len(item)))
    shuffled = rng.permutation(len(item))
    item, annotator, answer = item[shuffled], annotator[shuffled], answer[shuffled]
    judged = Judgments(item, annotator, answer, n_items, n_annotators, n_classes, n_classes)
    seconds: dict[str, float] = {}  # of one core, so that other work on the machine does not count
    wall_seconds: dict[str, float] = {}

    def timed(name: str, what: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        out = what()
        seconds[name] = time.process_time() - cpu
        wall_seconds[name] = time.perf_counter() - wall
        return out

    result = timed("cairn to convergence", lambda: fit(judged))
    timed("cairn", lambda: fit(judged, max_iterations=iterations, tolerance=-1e300))
    timed("cairn majority", lambda: fit(judged, "majority"))
    timed("cairn flags", lambda: flags(result, judged))
    timed("cairn alpha", lambda: krippendorff_alpha(judged))
    table = pd.DataFrame({"task": item, "worker": annotator, "label": answer})
    theirs = timed("crowd-kit", lambda: peer.DawidSkene(n_iter=iterations, tol=-1.0).fit(table))
    found = {
        "judgments": len(item),
        "classes": n_classes,
        "iterations": iterations,
        "iterations to convergence": result.iterations,
        "cpu seconds": seconds,
        "wall seconds": wall_seconds,
        "ratio at equal iterations": seconds["crowd-kit"] / seconds["cairn"],
        "accuracy": accuracy(result, truth),
        "estimated accuracy": 1 - float(result.risk.mean()),
        "crowd-kit accuracy": float((theirs.labels_.loc[np.arange(n_items)].to_numpy() == truth).mean()),
    }
    print(
        f"{len(item):,} judgments, K={n_classes}, {iterations} iterations: {show(seconds)} CPU s,"
        f" ratio {found['ratio at equal iterations']:.1f}",
        flush=True,
    )
    return found


def show(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in figures.items())


if __name__ == "__main__":
    main()
