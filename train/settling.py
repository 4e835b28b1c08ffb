"""What a run's open settings become once its data is known, and how it goes on from settings on disk."""

from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from train.config import CIRCUMSTANCES, RunConfig, differences, load_config
from train.device import choose_precision, choose_workers
from train.errors import TrainError
from train.models import has_small_stem
from train.optim import default_rate, peak_rate
from train.sources import Source

SMALL_PICTURE = 48  # up to this side the ImageNet family gets a stem that keeps the resolution
LARGEST_DEFAULT = 224


def join_existing(config: RunConfig) -> RunConfig:
    """The settings of the run in `config.out` where there is one, else `config`.

    Raises TrainError (exit code 2) when the two disagree on anything that changes what is learnt.
    """
    there = load_config(Path(config.out))
    if there is None:
        return config
    different = differences(there, config)
    if different:
        raise TrainError(
            f"{config.out} holds a run with other settings: {'; '.join(different)}.",
            hint="give another --out, or delete that folder to start again",
            exit_code=2,
        )
    return replace(there, **{name: getattr(config, name) for name in CIRCUMSTANCES})


def resolve(config: RunConfig, source: Source, device: torch.device) -> RunConfig:
    """Decide what was left open: size, stem, learning rate, precision, workers."""
    size = config.size or default_size(source)
    small_input = config.small_input
    if small_input is None and config.model != "article":
        small_input = has_small_stem(config.model) or size <= SMALL_PICTURE
    if config.cuda_graphs and device.type != "cuda":
        raise TrainError("CUDA graphs need a GPU.", "leave out --cuda-graphs", exit_code=2)
    if config.targets == "soft" and source.splits["train"].soft is None:
        raise TrainError(
            f"{config.data} has no soft labels.", hint="only a release has them; use --targets hard", exit_code=2
        )
    return replace(
        config,
        size=size,
        small_input=small_input,
        lr=config.lr or settled_rate(config),
        precision=choose_precision(config.precision, device),
        workers=choose_workers(config.workers),
    )


def settled_rate(config: RunConfig) -> float | None:
    """The optimiser's `lr` where it follows from the decoupled rate; None while the batch is not yet known."""
    if config.batch_size == 0:
        return None
    rate = config.rate or default_rate(config.optimizer)
    return peak_rate(config.optimizer, rate, config.batch_size, config.momentum)


def default_size(source: Source) -> int:
    """The median shorter side of a few training pictures, at most 224."""
    train = source.splits["train"]
    sides = []
    for row in range(0, len(train), max(1, len(train) // 16)):
        try:
            sides.append(min(train.picture(row).size))
        except TrainError:  # told when everything is decoded, where some may be left out
            continue
    return max(8, min(LARGEST_DEFAULT, int(median(sides)))) if sides else LARGEST_DEFAULT
