"""`python -m train DATA [...]`: train, and print where the report is."""

import argparse
import json
import logging
import re
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.augment import PRESETS, WORDS
from train.commands.parsing import Parser
from train.config import CIRCUMSTANCES, RunConfig, load_config, refuse
from train.errors import TrainError
from train.models import MODELS_IN_WORDS

if TYPE_CHECKING:
    from train.experiment import RunResult

EXAMPLES = """examples:
  python -m train releases/vehicles/1 --model resnet18 --epochs 30 --out runs/vehicles
  python -m train cifar-10-batches-py --model resnet20 --augment cifar --val 0.1 --seeds 5
  python -m train --resume --out runs/vehicles        go on after a kill; so does the first command itself
  python -m train describe resnet56 --json            a network's layers, parameters and FLOPs
  python -m train predict runs/vehicles photos/       what a trained network says of any pictures
  python -m train export runs/vehicles --onnx         for other programs
  python -m train features runs/vehicles DATA         what its last layer sees, as npz
  python -m train compare runs/a runs/b               two or more runs side by side
  python -m train head detect DATA                    attributes, boxes or masks instead of one class
  python -m train search DATA --trials 30             rates, decay and augmentation, judged on val
  python -m train bench resnet18                      how fast, and what holds it up
each of these has a --help of its own
"""

OPTIONS: dict[str, str] = {
    "model": MODELS_IN_WORDS,
    "width": "factor on every stage's channels",
    "init": "he or glorot",
    "zero_gamma": "start each block as an identity",
    "small_input": "a 3x3 stem without pool in the ImageNet family (default: for sizes up to 48)",
    "pretrained": "file or URL of weights to begin with; what does not fit is listed",
    "frozen": "parts that learn nothing: 1 the stem, 2 also layer1, ...",
    "size": "side in pixels of what the network sees (default: the pictures' own, at most 224)",
    "augment": f"{', '.join(PRESETS)}; add words as in cifar+cutout: {', '.join(WORDS)}",
    "targets": "hard labels, the crowd's posterior (soft), or an npz file of key and probabilities",
    "loss": "ce (cross entropy), or gce, sce, elr, which wrong labels harm less",
    "label_smoothing": "share of each target spread over all classes",
    "class_weights": "none, or balanced: every class weighs the same",
    "epochs": "passes over the training split",
    "minutes": "instead of --epochs: as many epochs a network as fit, measured once and written down",
    "batch_size": "samples a step, over all processes; auto: the largest that fits",
    "accumulate": "pass a batch in so many parts, for less memory",
    "optimizer": "sgd (Nesterov), adam, adamw, muon (hidden filters, the rest by sgd)",
    "lr": "the optimiser's learning rate at its peak (default: from --rate)",
    "rate": "learning rate whatever the batch and momentum (default 8 for sgd: an lr of 0.1 for a batch of 128)",
    "layer_decay": "each part's rate against the next one's, the head's being 1",
    "momentum": "of SGD and Muon; Adam's first beta",
    "weight_decay": "on weights, not on norms and biases",
    "schedule": "after the warm-up: cosine, onecycle, steps (He's), constant",
    "warmup": "share of all steps over which the rate rises",
    "ema": "decay of averaged weights, such as 0.999, which are then the ones measured; 0 for none",
    "seed": "the first seed",
    "seeds": "how many networks to train, with seeds counting up; the report gives mean and spread",
    "side_by_side": "how many of the seeds train at once, each in a process of its own, such as 5 on one GPU",
    "val": "what chooses the best epoch: auto (the val split), none, or a share of train such as 0.1",
    "folds": "train K more networks and write predictions.npz, each sample judged by one that never saw it",
    "skip_corrupt": "share of a split that may be unreadable and is then left out and listed",
    "verify": "check the release's checksums first (default: up to 2 GiB)",
    "device": "auto, cpu, cuda, cuda:1",
    "precision": "auto, fp32, bf16",
    "channels_last": "lay channels last in memory",
    "compile": "torch.compile: takes a minute first, then faster",
    "cuda_graphs": "replay a step's kernels as one (GPU)",
    "deterministic": "on a GPU only kernels that add in one order: slower, and the same bits each time",
    "gpu_decode": "decode streamed JPEGs on the GPU; what it cannot decode Pillow does",
    "workers": "how many processes or threads decode pictures",
    "threads": "threads of the CPU's arithmetic",
    "checkpoint_seconds": "longest time between two checkpoints",
    "tensorboard": "write curves for TensorBoard too",
}


def main(words: list[str]) -> int:
    """Train, and print the closing figures; 3 where pictures were left out because they cannot be read.

    torchrun would take a 3 for a crash and end the other processes: several processes return 0.
    """
    asked = make_parser().parse_args(words)
    config = config_from(asked)
    from train.experiment import run
    from train.parallel import first_process
    from train.progress import Notes, ProgressLine

    line = ProgressLine()
    notes, log = Notes(line), logging.getLogger("train")
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    try:
        result = run(config, progress=line.update, on_epoch=line.epoch)
    finally:
        log.removeHandler(notes)
        line.clear()
    if first_process():
        print(json.dumps(result.metrics, indent=1) if asked.json else closing(result))
    return 3 if result.metrics["corrupt"] and result.metrics["processes"] == 1 else 0


def make_parser() -> Parser:
    """The parser; every option is a field of RunConfig, which has the defaults."""
    parser = Parser(
        prog="python -m train",
        description="Train and measure a ResNet on a release, on WebDataset tars, an ImageFolder, CIFAR's files.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", nargs="?", help="the dataset's path (with --resume: the run's own)")
    parser.add_argument("--out", help="the run's folder (default runs/DATA-MODEL); a run in it goes on")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out; fail if there is none")
    parser.add_argument("--json", action="store_true", help="print metrics.json at the end")
    add_settings(parser)
    return parser


def add_settings(parser: argparse.ArgumentParser) -> None:
    """An option for each setting of a run; those that are not given stay None."""
    known = {field.name: field for field in fields(RunConfig)}
    for name, text in OPTIONS.items():
        default = known[name].default
        flag = f"--{name.replace('_', '-')}"
        if default not in (None, MISSING, "", False, 0):
            text += f" (default {'yes' if default is True else default})"
        text = text.replace("%", "%%")
        if "bool" in str(known[name].type):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif name == "batch_size":
            parser.add_argument(flag, "--batch", type=batch_size, metavar="INT", help=text)
        else:
            kind = next(k for k in (int, float, str) if k.__name__ in str(known[name].type))
            parser.add_argument(flag, type=kind, metavar=kind.__name__.upper(), help=text)


def batch_size(text: str) -> int:
    """A number of samples, or 0 for `auto`."""
    return 0 if text == "auto" else int(text)


def config_from(asked: argparse.Namespace) -> RunConfig:
    """Settings from the arguments; with --resume and no DATA, those of the run in --out."""
    given = {f.name: getattr(asked, f.name) for f in fields(RunConfig) if getattr(asked, f.name, None) is not None}
    if "lr" in given and "rate" in given:
        refuse("rate", given["rate"], "give either --lr or --rate")
    if asked.resume and (asked.out is None or load_config(Path(asked.out)) is None):
        raise TrainError(f"There is no run to go on with in {asked.out or '--out'}.", "give its folder as --out", 2)
    if asked.resume and asked.data is None:
        there = load_config(Path(asked.out))
        assert there is not None
        same = {name: value for name, value in given.items() if name in CIRCUMSTANCES}
        return replace(there, **(given | same))
    if asked.data is None:
        raise TrainError("No dataset was named.", "python -m train DATA, or --help for examples", exit_code=2)
    if "out" not in given:
        model = given.get("model", "resnet18")
        given["out"] = str(Path("runs") / f"{folder_name(Path(asked.data))}-{model}")
    return RunConfig(**given)


def folder_name(data: Path) -> str:
    """A name for a run on `data`: `vehicles-1` for a release in .../vehicles/1."""
    path = data.resolve()
    name = f"{path.parent.name}-{path.name}" if path.name.isdigit() else path.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def closing(result: "RunResult") -> str:
    """The last lines of a run: its figures and where they are."""
    name = next((n for n in ("test", "val") if result.metrics.get(n)), None)
    lines = [f"run      {result.folder}"]
    if name is not None:
        found: dict[str, Any] = result.metrics[name]
        spread = found.get("spread", {}).get("top1")
        if spread:
            sure = f"mean of {len(result.metrics['seeds'])} seeds, std {spread['std']:.2%}"
        else:
            sure = f"95 % interval {found['top1_low']:.1%} to {found['top1_high']:.1%}"
        lines.append(f"{name:<8} top-1 {found['top1']:.2%} ({sure})")
        lines.append(f"         top-5 {found['top5']:.2%}, loss {found['loss']:.4f}, {found['samples']:,} samples")
        if name == "val":
            lines.append("         there is no test split; val also chose the epoch, so these figures flatter a little")
    else:
        lines.append("test     not measured: the data has neither a test nor a val split")
    if folds := result.metrics.get("out_of_fold"):
        sure = f"95 % interval {folds['top1_low']:.1%} to {folds['top1_high']:.1%}"
        lines.append(f"folds    top-1 {folds['top1']:.2%} ({sure}), each sample judged by a network that never saw it")
        lines.append(f"         {result.folder / 'predictions.npz'}")
    if loaded := result.metrics.get("pretrained"):
        lines.append(f"weights  {loaded}")
    if corrupt := result.metrics["corrupt"]:
        more = f" and {len(corrupt) - 3} more, all in metrics.json" if len(corrupt) > 3 else ""
        lines.append(f"left out {', '.join(corrupt[:3])}{more}: cannot be read")
    lines.append(f"report   {result.report}")
    return "\n".join(lines)
