"""Accuracy, calibration, judgments saved and speed of `consensus`, beside crowd-kit on the same judgments.

    python benchmarks/consensus.py [--only FIGURE ...] [--seeds 10] [--slow-seeds 0] [--draws 200]
                                    [--json FILE] [--charts FOLDER]

Prints the machine and each figure of both, writes JSON, and draws the curves as SVG. Priors are the package's defaults;
on what data they were chosen, and what was looked at meanwhile, is in README.md.
Needs the test extra; figures of real data are left out without it (CAIRN_DATA).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

# One core for both: numpy's threads would only help the peer's and our matrix products unequally.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
# This file has the package's name: its own folder must not be searched first.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(p for p in sys.path if Path(p or ".").resolve() != HERE)]

import numpy as np  # noqa: E402  after the threads are limited

from benchmarks.consensus_figures import accuracy, chart, crowds, sequential, speed  # noqa: E402  the path is set above

warnings.filterwarnings("ignore")
FAST = ("MajorityVote", "DawidSkene", "OneCoinDawidSkene")
SLOW = ("GLAD",)  # minutes each, so that they see --slow-seeds of the seeds
REAL = ("bluebirds", "cifar10n", "cifar10h", "stopping", "bluebirds_sequential")
FIGURES = (*REAL, "kinds", "speed", "ten_million", "thousand_classes", "live")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=FIGURES, nargs="+", default=FIGURES)
    parser.add_argument(
        "--seeds", type=int, default=10, help="seeds of figures that draw anything but bluebirds people"
    )
    parser.add_argument("--first-seed", type=int, default=1, help="of the simulated kinds, every second from there")
    parser.add_argument("--slow-seeds", type=int, default=0, help="how many of the seeds GLAD sees too")
    parser.add_argument("--draws", type=int, default=200, help="draws of bluebirds annotators")
    parser.add_argument("--judgments", type=int, default=1_000_000, help="judgments in the speed tests")
    parser.add_argument("--iterations", type=int, default=10, help="iterations of both in the speed test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw the curves there, as SVG")
    given = parser.parse_args()
    data = Path(os.environ.get("CAIRN_DATA", HERE.parents[1] / "shared" / "data"))
    found: dict[str, Any] = {"machine": machine()}
    print(found["machine"], flush=True)
    for figure in given.only:
        if figure in REAL and not (data / "README.md").is_file():
            print(f"{figure} left out: the real data sets are not at {data} (set CAIRN_DATA)")
            continue
        found[figure] = measure(figure, data, given)
        print(json.dumps({figure: found[figure]}, indent=1), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.charts:
        given.charts.mkdir(parents=True, exist_ok=True)
        for name, svg in charts(found).items():
            (given.charts / name).write_text(svg, encoding="utf-8")


def measure(figure: str, data: Path, given: argparse.Namespace) -> Any:
    """One figure as what JSON holds."""
    match figure:
        case "bluebirds":
            return crowds.bluebirds(data, given.draws, FAST)
        case "cifar10n":
            return crowds.cifar10n(data)
        case "cifar10h":
            odd_items = slice(1, None, 2)
            slow = dict.fromkeys(SLOW, given.slow_seeds)
            return accuracy.cifar10h_budgets(data, range(100, 100 + given.seeds), FAST, odd_items, slow)
        case "stopping":
            return sequential.stopped_cifar10h(data, range(given.seeds))
        case "bluebirds_sequential":
            return sequential.sequential_bluebirds(data, range(given.seeds))
        case "kinds":
            seeds = range(given.first_seed, given.first_seed + 2 * given.seeds, 2)
            return accuracy.simulated_kinds(seeds, FAST, dict.fromkeys(SLOW, given.slow_seeds))
        case "speed":
            return [speed.beside_peer(given.judgments, K, given.iterations, 0) for K in (2, 10)]
        case "ten_million":
            return speed.large(10 * given.judgments, 0)
        case "thousand_classes":
            return speed.thousand_classes(given.judgments, 0)
    return speed.live_update(given.judgments, 0)


def charts(found: dict[str, Any]) -> dict[str, str]:
    """File name -> SVG of those curves that were measured."""
    out = {}
    if "cifar10h" in found:
        told: list[chart.Line] = [("as sure as right", [(0.5, 0.5), (0.9999, 0.9999)])]
        for row in found["cifar10h"]:
            if row["judgments"] in (3, 5, 10):
                points = [(sure, right) for n, sure, right in row["reliability"] if n >= 20]
                told.append((f"{row['judgments']} judgments", points))
        out["reliability.svg"] = chart.probabilities_svg(
            "CIFAR-10H: how sure, how right", "posterior", "share right", told
        )
    if "bluebirds_sequential" in found:
        curves: list[chart.Line] = [
            (name, [(point["judgments"], point["accuracy"]) for point in points])
            for name, points in found["bluebirds_sequential"].items()
            if isinstance(points, list)
        ]
        out["bluebirds.svg"] = chart.lines_svg("Bluebirds: fewer judgments", "judgments an item", "accuracy", curves)
    return out


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"


if __name__ == "__main__":
    main()
