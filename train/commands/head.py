"""`python -m train head TASK RELEASE`: attributes, boxes or masks on any backbone."""

import argparse
import json
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from train.commands.parsing import Parser
from train.errors import TrainError
from train.heads import TASKS, HeadConfig

OPTIONS = {
    "model": "a residual network's name, as for training",
    "width": "factor on every stage's channels",
    "pretrained": "file or URL of weights for the backbone, such as a run's best.pt",
    "frozen": "parts that learn nothing: 1 the stem, 2 also layer1, ...",
    "size": "side in pixels of what the network sees (default: the release's, at most 224)",
    "epochs": "passes over the training split",
    "batch_size": "samples a step",
    "lr": "AdamW's learning rate at its peak",
    "layer_decay": "each part's rate against the next one's",
    "weight_decay": "on weights, not on norms and biases",
    "seed": "of weights, order and flips",
    "device": "auto, cpu, cuda, cuda:1",
    "threads": "threads of the CPU's arithmetic",
}


def make_parser() -> Parser:
    """The command's options."""
    parser = Parser(
        prog="python -m train head",
        description="Train attributes, boxes (FCOS) or masks (FCN) on a release that has them.",
    )
    parser.add_argument("task", choices=TASKS, help=f"what to learn: {', '.join(TASKS)}")
    parser.add_argument("data", help="a release")
    parser.add_argument("--out", help="the run's folder (default runs/DATA-TASK); a run in it goes on")
    parser.add_argument("--json", action="store_true", help="print metrics.json at the end")
    known = {field.name: field for field in fields(HeadConfig)}
    for name, text in OPTIONS.items():
        default = known[name].default
        kind = next(k for k in (int, float, str) if k.__name__ in str(known[name].type))
        text += "" if default in (None, MISSING, "", 0) else f" (default {default})"
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=kind.__name__.upper(), help=text)
    parser.add_argument("--small-input", action=argparse.BooleanOptionalAction, default=None)
    return parser


def main(words: list[str]) -> int:
    """Train, and print the figures."""
    asked = make_parser().parse_args(words)
    given = {f.name: getattr(asked, f.name) for f in fields(HeadConfig) if getattr(asked, f.name, None) is not None}
    if "out" not in given:
        path = Path(asked.data).resolve()
        given["out"] = str(Path("runs") / f"{path.parent.name}-{path.name}-{asked.task}")
    if Path(given["out"]).is_file():
        raise TrainError(f"{given['out']} is not a folder.", "give a folder for the run as --out", exit_code=2)
    config = HeadConfig(**given)
    from train.heads.fit import train_head

    found = train_head(config, lambda line: print(line, file=sys.stderr, flush=True))
    if asked.json:
        print(json.dumps(found.metrics, indent=1))
        return 0
    print(f"run      {found.folder}")
    for name in ("test", "val"):
        if name in found.metrics:
            figures = found.metrics[name]
            shown = ", ".join(f"{key} {value:.3f}" for key, value in figures.items() if isinstance(value, float))
            print(f"{name:<8} {shown}{sure(figures)}, {found.metrics['samples'][name]:,} samples")
    if (found.folder / "report.html").is_file():
        print(f"report   {found.folder / 'report.html'}")
    return 0


def sure(figures: dict[str, Any]) -> str:
    """The interval of a split's figure, in words."""
    ((low, high),) = figures["intervals"].values()
    return f" (95 % interval {low:.3f} to {high:.3f})"
