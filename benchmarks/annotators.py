"""Bad annotators planted in simulated crowds, and the coverage of audits on real data.

    python benchmarks/annotators.py [--seeds 20] [--first-seed 0] [--kinds KIND ...] [--classes K ...]
                                    [--annotators 40] [--audits 1000] [--out FILE.json]

Each crowd gives 50 judgments a person (copying: 40 of them items that the copied person judged too), five or so a
picture. Honest people are right 75 to 97 % of the time on ordinary pictures. "hard" pictures differ in difficulty
and mislead: half of the errors name the picture's own decoy, so honest people err alike.

Audits are drawn again and again from data whose truth is known: does the 95 % interval hold the true error, and is it
narrower than that of as large a simple random sample? Needs the real data (CAIRN_DATA).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]


import numpy as np  # noqa: E402  after the path
import pandas as pd  # noqa: E402  after the path

from consensus import Judgments, audited_error, fit, fit_weighted_down, recalibrated, strata_of  # noqa: E402  after the path
from consensus.audit import allocation, simple_error  # noqa: E402  after the path
from consensus.simulate import Items, honest_crowd, simulate, with_planted  # noqa: E402  after the path

KINDS = ("random", "constant", "copying", "fast")
SHARES = (0.05, 0.1, 0.2, 0.3)
EACH = 50
PER_ITEM = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--annotators", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=KINDS, help="whom to plant")
    parser.add_argument("--classes", type=int, nargs="+", default=(2, 5, 10))
    parser.add_argument("--audits", type=int, default=1000, help="audits drawn of each size; 0: none")
    parser.add_argument("--out", type=Path, help="where to write the JSON (default: nowhere)")
    given = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "planted": [], "audits": []}
    print(found["machine"])
    rows = found["planted"]
    print(f"{given.seeds} crowds of {given.annotators} each; found: planted ones with any flag and with their own")
    for hard in (False, True) if given.seeds else ():
        for K in given.classes:
            for kind in given.kinds:
                if kind == "copying" and K < 5:
                    continue  # with two classes to agree in an error is no surprise
                # Who makes one error in 40 cannot be told from his copy: a second, less accurate crowd shows it.
                for accuracy in ((0.75, 0.97), (0.65, 0.9)) if kind == "copying" else ((0.75, 0.97),):
                    for share in SHARES:
                        seeds = range(given.first_seed, given.first_seed + given.seeds)
                        rows.append(planted(kind, share, K, hard, seeds, given.annotators, accuracy))
                        print(shown(rows[-1]), flush=True)
    if rows:
        print("false alarms among all honest:", false_alarms(rows))
    data = Path(os.environ.get("CAIRN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if (data / "README.md").is_file():
        for name, risk, wrong, sizes in labelled(data):
            for n in sizes if given.audits else ():
                found["audits"].append(audits(name, risk, wrong, n, given.audits))
                print(found["audits"][-1], flush=True)
    else:
        print(f"the real data sets are not at {data}: no audits (set CAIRN_DATA)")
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")


def planted(
    kind: str,
    share: float,
    K: int,
    hard: bool,
    seeds: range,
    annotators: int,
    accuracy: tuple[float, float] = (0.75, 0.97),
) -> dict[str, Any]:
    n_bad = max(1, round(share * annotators))
    caught = named = bad = accused = by_own = honest = 0
    began = time.process_time()
    for seed in seeds:
        crowd = with_planted(honest_crowd(annotators, seed, accuracy=accuracy), kind, n_bad, seed)
        if kind == "copying":
            crowd = [a if a.kind != "copying" else type(a)(**{**a.__dict__, "shared": 0.8}) for a in crowd]
        items = Items(annotators * EACH // PER_ITEM, K, difficulty=1.0 if hard else 0.0, decoy=0.5 if hard else 0.0)
        made = simulate(crowd, items, each=EACH, seed=1000 + seed)
        # As `cairn consensus` does: a second look after those suspected weigh less.
        found = fit_weighted_down(made.judgments, seconds=made.seconds, moment=made.moment).found
        flagged = {f.annotator for f in found}
        own = {f.annotator for f in found if f.flag == kind or {f.flag, kind} == {"random", "constant"}}
        last = set(range(annotators - n_bad, annotators))
        caught, named, bad = caught + len(flagged & last), named + len(own & last), bad + n_bad
        accused, by_own = accused + len(flagged - last), by_own + len(own - last)
        honest += annotators - n_bad
    return {
        "kind": kind, "share": share, "classes": K, "hard": hard, "accuracy": accuracy, "crowds": len(seeds),
        "planted": bad, "found": caught / bad, "found by its own test": named / bad,
        "accused": accused, "honest": honest, "false alarms": accused / honest,
        "accused by its own test": by_own / honest,
        "cpu seconds a crowd": (time.process_time() - began) / len(seeds),
    }  # fmt: skip


def labelled(data: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray, tuple[int, ...]]]:
    """Name, risks of the labels that a few people's judgments give, whether they are wrong, sizes of audits."""
    table = pd.read_parquet(data / "cifar10n_labels.parquet")
    answers = table[["random1", "random2", "random3"]].to_numpy().astype(np.int64)
    yield "CIFAR-10N", *three_a_picture(answers, table["clean"].to_numpy()), (200, 500, 1000)
    table = pd.read_parquet(data / "cifar10h_counts.parquet")
    rng = np.random.default_rng(0)
    counts = table.filter(regex="^n").to_numpy()
    drawn = np.stack([rng.permutation(np.repeat(np.arange(10), row))[:3] for row in counts])
    yield "CIFAR-10H, 3 of its people", *three_a_picture(drawn, table["true_label"].to_numpy()), (200, 500, 1000)
    table = pd.read_csv(data / "bluebirds_labels.csv")
    item, tasks = pd.factorize(table.task, sort=True)
    who, _ = pd.factorize(table.worker, sort=True)
    truth = pd.read_csv(data / "bluebirds_truth.csv").set_index("task").truth.loc[tasks].to_numpy()
    for n in (5, 39):
        kept = np.isin(who, np.random.default_rng(1).choice(39, n, replace=False))
        result = fit(Judgments(item[kept], who[kept], table.label.to_numpy()[kept], len(tasks), 39, 2, 2))
        yield f"bluebirds, {n} of 39 people", result.risk, (result.answer != truth).astype(float), (30, 50)


def three_a_picture(answers: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    N = len(answers)
    judged = Judgments(np.repeat(np.arange(N), 3), np.tile(np.arange(3), N), answers.ravel(), N, 3, 10, 10)
    result = fit(judged)
    return result.risk, (result.answer != truth).astype(float)


def audits(name: str, risk: np.ndarray, wrong: np.ndarray, n: int, times: int) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    stratum = strata_of(risk)
    size = np.bincount(stratum)
    share = np.clip(2.0 * np.bincount(stratum, weights=risk) / size, 0.002, 0.5)
    taken = allocation(size, np.sqrt(share * (1.0 - share)), n)
    places = [np.flatnonzero(stratum == h) for h in range(len(size))]
    N, truth = len(risk), float(wrong.mean())
    inside, width, alone_inside, alone_width, sure_right = [], [], [], [], []
    for _ in range(times):
        judged = np.concatenate([rng.choice(at, k, replace=False) for at, k in zip(places, taken, strict=True)])
        found = audited_error(risk, stratum, judged, wrong[judged])
        inside.append(found.low - 1e-9 <= truth <= found.high + 1e-9)
        width.append(found.high - found.low)
        low, high = simple_error(n, int(wrong[rng.choice(N, n, replace=False)].sum()), N)
        low, high = np.floor(low * N + 1e-9) / N, np.ceil(high * N - 1e-9) / N
        alone_inside.append(low <= truth <= high)
        alone_width.append(high - low)
        sure = recalibrated(risk, stratum, judged, wrong[judged]) <= 0.01
        if sure.any():
            sure_right.append(1.0 - wrong[sure].mean())
    said_sure = risk <= 0.01
    return {
        "data": name, "labels": N, "judged": n, "true error": truth, "model": float(risk.mean()),
        "coverage": float(np.mean(inside)), "width": float(np.mean(width)),
        "coverage alone": float(np.mean(alone_inside)), "width alone": float(np.mean(alone_width)),
        "99 % sure before, right": float(1.0 - wrong[said_sure].mean()) if said_sure.any() else None,
        "99 % sure after, right": float(np.mean(sure_right)) if sure_right else None,
    }  # fmt: skip


def machine() -> str:
    names = [line.split(":")[1].strip() for line in cpuinfo() if "model name" in line]
    return f"{names[0] if names else platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}"


def cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def false_alarms(rows: list[dict[str, Any]]) -> str:
    accused, honest = sum(r["accused"] for r in rows), sum(r["honest"] for r in rows)
    return f"{accused} of {honest} ({accused / honest:.2%}), all five tests together"


def shown(row: dict[str, Any]) -> str:
    low, high = row["accuracy"]
    return (
        f"K={row['classes']:<3} {'hard ' if row['hard'] else 'plain'} {row['kind']:<9} {row['share']:4.0%}"
        f"  right {low:.2f} to {high:.2f}  found {row['found']:6.1%} (by its own test"
        f" {row['found by its own test']:6.1%})  accused {row['accused by its own test']:5.2%} by it,"
        f" {row['false alarms']:5.2%} by any of {row['honest']}"
    )


if __name__ == "__main__":
    main()
