"""The trainer on a GPU: throughput, time to an accuracy, published tables, noisy labels, calibration; a recipe a row.

    python benchmarks/train_gpu.py [--only ROW ...] [--json benchmarks/results/h200.json]     a GPU
    python benchmarks/train_gpu.py --tiny [--only ROW ...]                                    a CPU: that every row runs
    python benchmarks/train_gpu.py --choose [--only ROW ...]                                  45,000/5,000 of train
    python benchmarks/train_gpu.py --only --json FILE                                         nothing: what is to be run

Needs torch, torchvision, numpy, pillow, and CIFAR-10 in `CAIRN_DATA` (else ../shared/data); CIFAR-10N and CIFAR-10H are
read from npz files there, or with pyarrow from the published tables, from which `--prepare` writes those files.
Rows stand in the order in which they are to be run when time is short. Nothing is chosen on test: `--choose` holds a
tenth of train out and reports on it. CIFAR-10H is only measured against. A row that was not run says "not measured".
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402  after the path is set
import torch._dynamo  # noqa: E402

from benchmarks.training import cifar, rows  # noqa: E402
from benchmarks.training.rows import ROWS  # noqa: E402
from benchmarks.training.runs import Setting  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=[row.name for row in ROWS], metavar="ROW", help=", ".join(
        row.name for row in ROWS
    ))  # fmt: skip
    parser.add_argument("--tiny", action="store_true", help="rows in seconds, anywhere; figures mean nothing")
    parser.add_argument("--choose", action="store_true", help="hold a tenth of train out, and report on that")
    parser.add_argument("--prepare", action="store_true", help="write the npz files beside the data, and stop")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("--seeds", type=int, help="instead of each row's own number")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keep data and runs there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="rows not run stay as they are in it")
    given = parser.parse_args()
    data = Path(os.environ.get("CAIRN_DATA", ROOT.parent / "shared" / "data"))
    if given.prepare:
        cifar.prepare(data)
        return
    found = json.loads(given.json.read_text(encoding="utf-8")) if given.json and given.json.is_file() else {}
    table: dict[str, Any] = found.setdefault("rows", {})
    kind = {"machine": machine(given.device), "tiny": given.tiny, "choose": given.choose}
    refuse_mixture(table, kind)
    print(kind["machine"], flush=True)
    # More programs of one function than torch keeps would go on without compilation, and nobody would know.
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    with tempfile.TemporaryDirectory() as temporary:
        setting = Setting(data, given.work or Path(temporary), given.tiny, given.choose, given.device, given.seeds)
        for row in ROWS:
            command = f"python benchmarks/train_gpu.py --only {row.name}" + (" --tiny" if given.tiny else "")
            command += " --choose" if given.choose else ""
            told = {"figure": row.figure, "to_reach": row.to_reach, "command": command}
            if given.only is not None and row.name not in given.only:
                table.setdefault(row.name, told | {"found": "not measured"})
            else:
                torch.compiler.reset()
                table[row.name] = told | kind | {"found": row.run(setting)}
                print(json.dumps({row.name: table[row.name]}, indent=1), flush=True)
            if given.json:
                given.json.parent.mkdir(parents=True, exist_ok=True)
                given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(rows.as_table(table))


def refuse_mixture(table: dict[str, Any], kind: dict[str, Any]) -> None:
    """Stop where a file has rows of another machine, or of tiny or chosen runs beside whole ones."""
    for name, row in table.items():
        for word, value in kind.items():
            if row["found"] != "not measured" and row.get(word) != value:
                raise SystemExit(f"{name} was measured with {word} {row.get(word)}, not {value}: give another --json")


def machine(device: str) -> str:
    """What the figures are measured on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() and device != "cpu" else "no GPU"
    return f"{platform.machine()}, {os.cpu_count()} CPUs, {gpu}, torch {torch.__version__}"


if __name__ == "__main__":
    main()
