"""`cairn collect urls` beside img2dataset: speed, latency, hanging hosts, memory, kills, one slow host,
nothing left to do.

    python benchmarks/collect.py [--images 20000] [--peer PYTHON] [--only FIGURE ...] [--json FILE]

One loopback server of real JPEGs (CAIRN_DATA), each address a picture of its own bytes. Both contenders run as
commands on the same list, with two processes each; the CPU seconds are those of all their processes. `--peer` is the
interpreter of an environment with img2dataset, which must not share ours: `python -m venv E; E/bin/pip install
img2dataset`. Linux only.
"""

import argparse
import json
import os
import sys
import tarfile
import tempfile
from pathlib import Path

# Run as a script, this folder comes first on the path, and its consensus.py would hide the room `consensus`.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(p for p in sys.path if Path(p or ".").resolve() != HERE)]

from benchmarks.collecting import figures  # noqa: E402  the path is set above
from benchmarks.collecting.processes import adopt_orphans  # noqa: E402  the path is set above

FIGURES = ("throughput", "latency", "hanging", "memory", "kills", "slow_host", "nothing_left")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000, help="pictures of the timed runs")
    parser.add_argument("--urls", type=int, default=1_000_000, help="addresses of the run whose memory is measured")
    parser.add_argument("--memory-seconds", type=float, metavar="N", help="stop the run whose memory is measured then")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="draws the moments of the kills")
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="interpreter with img2dataset (else left out)")
    parser.add_argument("--only", choices=FIGURES, nargs="+", default=FIGURES)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    given = parser.parse_args()
    data = Path(os.environ.get("CAIRN_DATA", HERE.parents[1] / "shared" / "data"))
    if not (data / "imagenet_samples_150.tar").is_file():
        print(f"skipped: {data} has no imagenet_samples_150.tar; set CAIRN_DATA to the folder of the real data sets")
        return
    adopt_orphans()
    found: dict[str, object] = {"machine": _machine(), "images": given.images, "seed": given.seed}
    with tempfile.TemporaryDirectory(prefix="cairn-collect-") as temporary:
        folder = Path(temporary)
        pictures = folder / "pictures"
        with tarfile.open(data / "imagenet_samples_150.tar") as tar:
            tar.extractall(pictures, filter="data")
        for name in FIGURES:
            if name in given.only:
                found[name] = _measure(name, folder, str(pictures), given, found)
                print(json.dumps({name: found[name]}, indent=1), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _measure(
    name: str, folder: Path, pictures: str, given: argparse.Namespace, found: dict[str, object]
) -> figures.Figure:
    if name == "throughput":
        return figures.throughput(folder, pictures, given.images, given.peer)
    if name == "latency":
        without = found.get("throughput") or figures.throughput(folder, pictures, given.images, None)
        assert isinstance(without, dict)
        return figures.latency(folder, pictures, given.images, given.peer, without)
    if name == "hanging":
        return figures.hanging(folder, pictures, given.images // 2, given.peer)
    if name == "memory":
        return figures.memory(folder, pictures, given.urls, given.memory_seconds)
    if name == "kills":
        return figures.kills(folder, pictures, given.images // 2, given.kills, given.seed)
    if name == "nothing_left":
        return figures.nothing_left(folder, pictures, given.images)
    return figures.slow_host(folder, pictures, given.images // 2, 60)


def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
    return f"{names[0] if names else 'unknown processor'}, {os.cpu_count()} cores, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    main()
