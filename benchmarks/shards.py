"""Shards beside webdataset, MDS (mosaicml-streaming), litdata, img2dataset: writing, reading, cold, remote, resuming.

    python benchmarks/shards.py [--only FIGURE ...] [--count 3000] [--peers PYTHON] [--img2dataset PYTHON] [--json FILE]

The same pictures, one process a contender, contenders in turns, `--rounds` of them, the median printed; CPU seconds of
the process, seconds by the wall for the cold ones. `--peers` names a Python that has the three peers (and Cairn's own
requirements), `--img2dataset` one that has that. The photographs come from CAIRN_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(p for p in sys.path if Path(p or ".").resolve() != HERE)]

from benchmarks.dedup_figures import machine  # noqa: E402  the path is set above

READERS = ("cairn", "webdataset", "mds", "litdata")
FIGURES = ("write", "resize", "raw", "decode", "cold", "remote", "resume", "workers")


class Bench:
    """Runs contenders and collects their medians."""

    def __init__(self, given: argparse.Namespace, data: Path) -> None:
        self.given, self.data = given, data
        self.work: Path = given.work

    def run(self, job: str, who: str, folder: Path, python: str, url: str = "") -> dict[str, float]:
        """One contender once."""
        command = [python, "-m", "benchmarks.shard_figures.contenders", job, who, str(folder), str(self.data)]
        environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
        done = subprocess.run(
            [*command, str(self.given.count), url], capture_output=True, text=True, env=environment, check=False
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        if done.returncode or not lines:
            return {"failed": 1, "why": done.stderr.strip().splitlines()[-1:]}  # type: ignore[dict-item]
        return json.loads(lines[-1].removeprefix("RESULT "))  # type: ignore[no-any-return]

    def turns(self, jobs: dict[str, tuple[str, str, Path, str]], before: Any = None) -> dict[str, Any]:
        """Every contender in turns; the median of each."""
        found: dict[str, list[dict[str, float]]] = {name: [] for name in jobs}
        for _ in range(self.given.rounds):
            for name, (job, who, folder, python) in jobs.items():
                if before is not None:
                    before(folder)
                found[name].append(self.run(job, who, folder, python))
        return {name: median(runs) for name, runs in found.items()}

    def prepared(self, who: str, kind: str) -> Path:
        """The contender's files of `kind` (small or whole), written once."""
        folder = self.work / f"{kind}-{who}-{self.given.count}"
        if not folder.exists():
            told = self.run("write", who, folder, self.given.peers)
            if "failed" in told:
                print(f"{who} could not write: {told}", file=sys.stderr)
        return folder


def median(runs: list[dict[str, float]]) -> dict[str, Any]:
    good = [run for run in runs if "failed" not in run]
    if not good:
        return {"failed": runs[0].get("why")}
    cpu = statistics.median(run["images"] / run["cpu_s"] for run in good)
    wall = statistics.median(run["images"] / run["wall_s"] for run in good)
    mib = statistics.median(run["bytes"] / run["wall_s"] for run in good) / 2**20
    return {"per_cpu_s": round(cpu, 1), "per_s": round(wall, 1), "mib_per_s": round(mib, 1)}


def evict(folder: Path) -> None:
    """Drop the files of a folder from the page cache."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def disk_rate(folder: Path) -> float:
    """MiB a second of reading the tars of a folder in order, evicted before."""
    evict(folder)
    began, size = time.perf_counter(), 0
    for path in sorted(folder.rglob("*.tar")):
        with path.open("rb", buffering=0) as file:
            while block := file.read(8 * 2**20):
                size += len(block)
    return round(size / (time.perf_counter() - began) / 2**20, 1)


def measure(name: str, bench: Bench) -> dict[str, Any]:
    """One figure."""
    given, work = bench.given, bench.work
    if name == "write":
        folder = work / "written"

        def fresh(_: Path) -> None:
            shutil.rmtree(folder, ignore_errors=True)

        return bench.turns({who: ("write", who, folder, given.peers) for who in given.readers}, fresh)
    if name == "resize":
        return bench.turns(
            {
                "cairn": ("resize", "cairn", work, sys.executable),
                "img2dataset": ("resize", "img2dataset", work, given.img2dataset),
            }
        )
    if name == "raw":
        return bench.turns({who: ("raw", who, bench.prepared(who, "whole"), given.peers) for who in given.readers})
    if name == "decode":
        jobs = {f"{who}, turbo": ("turbo", who, bench.prepared(who, "small"), given.peers) for who in given.readers}
        jobs["webdataset, Pillow"] = ("pillow", "webdataset", bench.prepared("webdataset", "small"), given.peers)
        jobs["bare decoder"] = ("turbo", "bare", bench.prepared("cairn", "small"), given.peers)
        return bench.turns(jobs)
    if name == "cold":
        found = bench.turns(
            {who: ("cold", who, bench.prepared(who, "whole"), given.peers) for who in ("cairn", "webdataset")}, evict
        )
        rates = [disk_rate(bench.prepared("cairn", "whole")) for _ in range(given.rounds)]
        return {**found, "disk_mib_per_s": statistics.median(rates)}
    if name == "remote":
        from benchmarks.shard_figures.remote import measure_remote

        return {who: median(runs) for who, runs in measure_remote(bench).items()}
    if name == "workers":
        from benchmarks.shard_figures.workers import measure_workers

        return measure_workers(work, given.build_pictures)
    from benchmarks.shard_figures.resume import measure_resume

    return measure_resume(work, given.resume_samples)


def main() -> None:
    """Measure what `--only` names and print each figure as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=FIGURES, nargs="+", default=FIGURES)
    parser.add_argument("--count", type=int, default=3000, help="pictures")
    parser.add_argument("--readers", choices=READERS, nargs="+", default=READERS, help="who takes part")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--resume-samples", type=int, default=1_000_000)
    parser.add_argument("--build-pictures", type=int, default=50_000, help="built with two workers and with one")
    parser.add_argument("--peers", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--img2dataset", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--work", type=Path, default=Path("shards_work"), help="where files are written")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    data = Path(os.environ.get("CAIRN_DATA", HERE.parents[1] / "shared" / "data"))
    if not (data / "imagenet_samples_150.tar").is_file():
        parser.exit(1, f"the photographs are not in {data}; set CAIRN_DATA to their folder\n")
    given.work.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for name in given.only:
        found[name] = {"machine": machine.describe(), **measure(name, Bench(given, data))}
        print(name, json.dumps(found[name], indent=1), flush=True)
        if given.json:
            given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
