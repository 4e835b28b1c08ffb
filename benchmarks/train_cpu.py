"""The trainer's speed on a CPU: beside torchvision and a plain loop, its data path, and the demo's training.

    python benchmarks/train_cpu.py [--threads 1] [--seconds 30] [--demo-run FOLDER] [--json FILE]

Rates are samples a second of the wall and a CPU second, medians of rounds in which all contenders of a figure take
turns in one process with the same threads. `--demo-run` is `runs/demo` of a workspace that `cairn demo` has filled;
without it the demo's training is left out. Peers: torchvision, and timm where it is installed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  after the path is set
import torch  # noqa: E402
from PIL import Image  # noqa: E402

from tests.shards.make import make_release  # noqa: E402
from train.bench import Asked, as_text, bench  # noqa: E402
from train.decoding import square  # noqa: E402
from train.sources.kinds import decode  # noqa: E402

ROWS = (
    ("resnet18", "ResNet-18, samples a second,", "torchvision"),
    ("resnet18", "ResNet-18, samples a second,", "timm"),
    ("resnet20", "ResNet-20, samples a second,", "torch_plain"),
)


SIDE = 256
SIZES = ((500, 375), (1024, 768), (2048, 1536), (4000, 3000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="threads of everybody's arithmetic")
    parser.add_argument("--seconds", type=float, default=30.0, help="of measuring each contender")
    parser.add_argument("--demo-run", type=Path, metavar="FOLDER", help="runs/demo of a demo's workspace")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found: dict[str, Any] = {"machine": machine(given.threads)}
    print(found["machine"], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        release = make_release(Path(folder), {"train": 2000}, classes=10, side=32)
        for model, size, batch in (("resnet18", 32, 32), ("resnet20", 32, 128)):
            asked = Asked(
                model, size, batch, 10, data=str(release), device="cpu", precision="fp32", augment="cifar",
                workers=1, seconds=given.seconds,
            )  # fmt: skip
            found[model] = bench(asked)
            print(as_text(found[model]), flush=True)
    found["decoding"] = [decoding(width, height) for width, height in SIZES]
    print("\n" + table(found, given.demo_run) + "\n\n" + decoding_table(found["decoding"]))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def table(found: dict[str, Any], demo_run: Path | None) -> str:
    """The figures of the issue beside what was measured."""
    found["demo_seconds"] = None
    if demo_run is not None:
        found["demo_seconds"] = json.loads((demo_run / "metrics.json").read_text(encoding="utf-8"))["seconds"]
    demo = "not measured" if found["demo_seconds"] is None else f"{found['demo_seconds']:.1f} s"
    lines = ["| figure | Cairn | peer | ratio | ratio of CPU seconds | to reach |", "|---|---:|---:|---:|---:|---:|"]
    for model, title, peer in ROWS:
        rates = [found[model][kind] for kind in ("samples_per_second", "samples_per_cpu_second")]
        if peer in rates[0]:
            wall, cpu = (one["synthetic"] / one[peer] for one in rates)
            lines.append(
                f"| {title} of {peer}'s | {rates[0]['synthetic']:.1f} | {rates[0][peer]:.1f} | {wall:.2f} | {cpu:.2f} "
                f"| {'1.0' if peer != 'timm' else ''} |"
            )
    for model in ("resnet18", "resnet20"):
        below = [
            1 - found[model][kind]["end_to_end"] / found[model][kind]["synthetic"]
            for kind in ("samples_per_second", "samples_per_cpu_second")
        ]
        title = f"data path, {model}: end to end below the step alone"
        lines.append(f"| {title} | | | {below[0]:.1%} | {below[1]:.1%} | under 5 % |")
    lines.append(f"| the demo's training | {demo} | | | | under 60 s |")
    return "\n".join(lines)


def decoding(width: int, height: int, seconds: float = 2.0) -> dict[str, Any]:
    """Pictures a CPU second from a JPEG of clouds with a camera's grain to a square of SIDE: decoded whole, and at the
    scale that is needed; and by how many of 255 levels their pixels differ on average."""
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    buffer = io.BytesIO()
    noisy = np.clip(smooth + random.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(buffer, "JPEG", quality=90)
    found: dict[str, list[float]] = {"whole": [], "reduced": []}
    squares = {}
    for _ in range(5):
        for name, least in (("whole", 0), ("reduced", SIDE)):
            began, count = time.process_time(), 0
            while time.process_time() - began < seconds / 5 or not count:
                squares[name] = square(decode(buffer.getvalue(), "", least), SIDE)
                count += 1
            found[name].append(count / (time.process_time() - began))
    differ = float(np.abs(squares["whole"].astype(int) - squares["reduced"]).mean())
    rates = {name: median(rates) for name, rates in found.items()}
    return {"width": width, "height": height, **rates, "levels": differ}


def decoding_table(rows: list[dict[str, Any]]) -> str:
    """What decoding at a reduced scale gains."""
    head = f"| JPEG to {SIDE}, pictures a CPU second | whole | reduced | ratio | levels of 255 |"
    lines = [head, "|---|---:|---:|---:|---:|"]
    for row in rows:
        lines.append(
            f"| {row['width']} x {row['height']} | {row['whole']:.0f} | {row['reduced']:.0f} "
            f"| {row['reduced'] / row['whole']:.2f} | {row['levels']:.2f} |"
        )
    return "\n".join(lines)


def machine(threads: int) -> str:
    """What the figures were measured on."""
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{platform.machine()}, {os.cpu_count()} CPUs, {threads} threads, torch {torch.__version__}, {load}"


if __name__ == "__main__":
    main()
