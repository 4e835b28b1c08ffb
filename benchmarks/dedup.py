"""Copies found and pairs mistaken, beside imagededup and PDQ: planted changes of photographs, and CIFAR-10's own twins.

    python benchmarks/dedup.py [--only FIGURE ...] [--half report] [--peer PYTHON] [--work FOLDER] [--json FILE]

`planted`: 75 photographs, a copy of each for every change of `dedup_figures/changes.py`, 12,000 other originals; recall
at the threshold where 99.9 % of all pairs taken are copies, and at Cairn's own. `cifar`: CIFAR-10's test pictures
against train (ciFAIR's list), and against their JPEG copies. `speed`: all pairs of a million hashes beside faiss, and
fingerprints. `--peer` names a Python that has imagededup, pdqhash and faiss-cpu.
Data comes from CAIRN_DATA. What was developed on which half is in README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(p for p in sys.path if Path(p or ".").resolve() != HERE)]

from benchmarks.dedup_figures import machine, speed, twins  # noqa: E402  the path is set above
from benchmarks.dedup_figures.planted import measure_planted  # noqa: E402

FIGURES = ("planted", "cifar", "speed")


def main() -> None:
    """Measure what `--only` names and print each figure as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=FIGURES, nargs="+", default=FIGURES)
    parser.add_argument("--half", choices=("development", "report"), default="report", help="of the photographs")
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter that has the peers")
    parser.add_argument("--work", type=Path, default=Path("dedup_work"), help="where pictures are written")
    parser.add_argument("--radius", type=int, default=8, help="bits within which hashes propose a pair")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    given = parser.parse_args()
    data = Path(os.environ.get("CAIRN_DATA", HERE.parents[1] / "shared" / "data"))
    if not (data / "README.md").is_file():
        parser.exit(1, f"the real data sets are not at {data}; set CAIRN_DATA to their folder\n")
    found: dict[str, Any] = {"machine": machine.describe()}
    print(found["machine"], flush=True)
    if "planted" in given.only:
        found["planted"] = measure_planted(data, given.work, given.half, given.radius, given.peer)
        print(json.dumps(found["planted"], indent=1), flush=True)
    if "cifar" in given.only:
        found["cifar"] = twins.measure(data, given.half, given.radius)
        print(json.dumps(found["cifar"], indent=1), flush=True)
    if "speed" in given.only:
        found["speed"] = speed.measure(data, given.work, given.peer)
        print(json.dumps(found["speed"], indent=1), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
