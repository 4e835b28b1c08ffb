"""`last.pt`, from which a killed run goes on as if nothing had happened, and `best.pt`, the weights to keep."""

import io
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shards.atomic import write_whole
from train.errors import TrainError

FORMAT = 2


@dataclass(frozen=True)
class EpochRow:
    """One line of history.csv, `epoch` from 1; accuracies are shares, `val_*` are None without a val split."""

    seed: int
    epoch: int
    lr: float
    train_loss: float
    train_top1: float
    val_loss: float | None
    val_top1: float | None
    samples_per_second: float
    seconds: float


@dataclass
class Position:
    """How far a run has come: `step` batches of `epoch` (from 0) are done, with these sums over them."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Stamp:
    """Which network on which data a checkpoint belongs to; two stamps that differ do not go together.

    `targets` and `pretrained` are SHA-256 (hex) of what a file of targets or weights holds, empty where there is none.
    """

    model: str
    identity: str
    categories: tuple[str, ...]
    seed: int
    fold: str | None  # such as 2 of 5
    size: int
    targets: str = ""
    pretrained: str = ""


def save_last(path: Path, stamp: Stamp, state: dict[str, Any], position: Position, history: list[EpochRow]) -> None:
    """Write everything that the rest of the run depends on; `state` is the network, the optimiser and the like."""
    write_checkpoint(
        path,
        {"stamp": asdict(stamp), "position": asdict(position), "history": [asdict(row) for row in history], **state},
    )


def save_best(path: Path, stamp: Stamp, model: nn.Module, epoch: int, settings: dict[str, Any]) -> None:
    """Write the weights and what one needs to use them: categories, size, `mean` and `std` are in `settings`."""
    write_checkpoint(
        path, {"stamp": asdict(stamp), "weights": model.state_dict(), "epoch": epoch, "settings": settings}
    )


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Serialise with torch and write whole or not at all."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **content}, buffer)
    write_whole(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read any checkpoint onto the CPU. TrainError: damaged or newer."""
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version, _ = content["format"], content["stamp"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise TrainError(f"{path} is not a whole checkpoint.", hint="delete it to start that run again") from error
    if version != FORMAT:
        raise TrainError(f"{path} has format {version}, not {FORMAT}.", hint="use the program that wrote it")
    return content


def load_checkpoint(path: Path, stamp: Stamp) -> dict[str, Any]:
    """Read a checkpoint that belongs to `stamp`. TrainError: damaged, newer, or of something else."""
    content = read_checkpoint(path)
    theirs, ours = content["stamp"], asdict(stamp)
    for name, what in WHAT.items():
        there, here = theirs.get(name, ours[name]), ours[name]  # older checkpoints do not say all
        if there != here:
            raise TrainError(
                f"{path} belongs to another run: its {what} is {short(there) or 'none'}, not {short(here) or 'none'}.",
                hint="give another --out to keep both, or delete that folder",
            )
    return content


WHAT = {
    "model": "model",
    "identity": "release",
    "categories": "list of categories",
    "seed": "seed",
    "fold": "fold",
    "size": "picture size",
    "targets": "file of targets",
    "pretrained": "file of pretrained weights",
}


def short(value: Any) -> str:
    """A value as few characters as tell it apart."""
    text = str(value)
    return text if len(text) <= 16 else f"{text[:12]}..."
