"""One run of a row: where and how, the data as its author's files, and what a figure needs of metrics.json."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import train
from benchmarks.training import cifar
from train.intervals import mean_and_interval

TINY = 240  # train pictures of a tiny run


@dataclass(frozen=True)
class Setting:
    """Where and how the rows are run."""

    data: Path
    work: Path
    tiny: bool
    choose: bool
    device: str
    seeds: int | None

    @property
    def folder(self) -> Path:
        """Where this kind of run keeps its data and networks, so that none goes on with another kind's."""
        return self.work / ("-".join(word for word in ("tiny", "choose") if getattr(self, word)) or "full")

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU computes."""
        return self.device != "cpu" and torch.cuda.is_available()


def configured(
    setting: Setting, data: Path, name: str, model: str, recipe: dict[str, Any], seeds: int
) -> train.RunConfig:
    """A run's settings; tiny ones have narrow networks, one epoch, and nothing that needs a GPU."""
    settings: dict[str, Any] = {"model": model, "seeds": setting.seeds or seeds, "device": setting.device, **recipe}
    settings["val"] = "0.1" if setting.choose else "none"
    if not setting.on_gpu:
        settings |= {"compile": False, "precision": "fp32", "workers": 0, "side_by_side": 1}
    if setting.tiny:
        settings |= {"epochs": 1, "seeds": 1, "side_by_side": 1, "batch_size": 32, "threads": 1}
        settings["width"] = 0.125 if model.startswith(("resnet18", "resnet34")) else 0.25
        settings["lr"] = settings.get("lr") or 0.02
        settings.pop("rate", None)
    return train.RunConfig(data=str(data), out=str(setting.folder / "runs" / name), **settings)


def run(setting: Setting, data: Path, name: str, model: str, recipe: dict[str, Any], seeds: int = 1) -> dict[str, Any]:
    """Train, and give what the figures need; on 45,000/5,000 the figures are val's.

    `seconds_a_network` are those of training, without looking at val or test, where the first epoch counts as the
    median of the others; `setup_seconds`, by which it took longer, are those of compilation and first kernels.
    """
    began = time.perf_counter()
    result = train.run(configured(setting, data, name, model, recipe, seeds))
    split = "val" if setting.choose else "test"
    found = result.metrics[split]
    each = [one["top1"] for one in found["runs"]] if "runs" in found else [found["top1"]]
    epochs = [[row.seconds for row in result.history if row.seed == seed] for seed in result.metrics["seeds"]]
    setup = [setup_seconds(one) for one in epochs]
    return {
        "split": split,
        "top1": mean_and_interval(each),
        "error": mean_and_interval([1 - x for x in each]),
        "loss": found["loss"],
        "seconds_a_network": [sum(one) - first for one, first in zip(epochs, setup, strict=True)],
        "setup_seconds": setup,
        "seconds_in_all": time.perf_counter() - began,
        "settings": result.metrics["settings"],
        "folder": str(result.folder),
    }


def setup_seconds(epochs: list[float]) -> float:
    """By how many seconds the first of these epochs took longer than the others; 0 where it is the only one."""
    return max(0.0, epochs[0] - median(epochs[1:])) if len(epochs) > 1 else 0.0


def data_of(setting: Setting, name: str = "clean", labels: NDArray[np.int64] | None = None) -> Path:
    """CIFAR's own files with these labels, written once."""
    folder = setting.folder / f"cifar-{name}"
    if not (folder / "batches.meta").is_file():
        found = cifar.read(setting.data, TINY if setting.tiny else None)
        cifar.write(folder, found, None if labels is None else labels[: len(found.train_labels)])
    return folder


def without_test(setting: Setting) -> Path:
    """CIFAR's own files whose train are the first nine tenths of train, and whose test is the last one."""
    folder = setting.folder / "cifar-without-test"
    if not (folder / "batches.meta").is_file():
        found = cifar.read(setting.data, TINY if setting.tiny else None)
        kept = len(found.train) * 9 // 10
        cifar.write(
            folder,
            cifar.Cifar(found.train[:kept], found.train_labels[:kept], found.train[kept:], found.train_labels[kept:]),
        )
    return folder
