"""The splits that a run looks at, decoded, without what cannot be read, and val taken out of train where asked for."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from train.config import RunConfig
from train.data import load
from train.errors import TrainError
from train.job import Part
from train.partition import hold_out
from train.sources import Labelled, Source

Progress = Callable[[int, int | None, str], None]
Loaded = tuple[Part, Labelled]


def load_parts(
    source: Source, config: RunConfig, device: torch.device, progress: Progress | None
) -> tuple[dict[str, Loaded], list[str]]:
    """Each wanted split decoded, beside its samples; and the keys of what could not be read, as `SPLIT/KEY`.

    Raises TrainError when more than `skip_corrupt` of a split is unreadable.
    """
    found: dict[str, Loaded] = {}
    corrupt: list[str] = []
    for name in wanted_splits(source, config):
        samples = source.splits[name]
        assert config.size is not None
        assert config.workers is not None
        pictures, broken = load(
            samples, config.size, device, config.workers, config.skip_corrupt, progress, config.gpu_decode
        )
        corrupt += [f"{name}/{samples.keys[row]}" for row in broken]
        if broken:
            samples = samples.subset(np.setdiff1d(np.arange(len(samples)), broken))
        soft = soft_targets(samples, config) if name == "train" else None
        found[name] = (
            Part(pictures, samples.labels, list(samples.keys), soft, samples.soft, samples.story),
            samples,
        )
    return found, corrupt


def wanted_splits(source: Source, config: RunConfig) -> list[str]:
    """The splits that this run looks at; val only where it is the one to choose the epoch by."""
    names = ("train", "val", "test") if config.val == "auto" else ("train", "test")
    return [name for name in names if name in source.splits]


def soft_targets(samples: Labelled, config: RunConfig) -> NDArray[np.float32] | None:
    """Targets float32 [N, K] as the settings say: none, the crowd's posterior, or those of a file."""
    if config.targets == "hard":
        return None
    if config.targets == "soft":
        return samples.soft
    try:
        with np.load(config.targets, allow_pickle=False) as file:
            row_of = {str(key): row for row, key in enumerate(file["key"])}
            probabilities = np.asarray(file["probabilities"], np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(
            f"{config.targets} holds no targets ({error}).", "it needs key [N] and probabilities [N, K]", 2
        ) from error
    missing = [key for key in samples.keys if key not in row_of]
    if missing:
        raise TrainError(
            f"{config.targets} has no targets for {len(missing)} training samples, such as {missing[0]}.",
            hint="write them for every key of the training split",
            exit_code=2,
        )
    return probabilities[[row_of[key] for key in samples.keys]]


def carve_val(train: Loaded, config: RunConfig) -> dict[str, Part]:
    """Train without what is held out of it as val, and val; nothing where `val` is a word."""
    part, samples = train
    share = config.val_share()
    if share is None:
        return {}
    groups = [samples.origin(row)[1] for row in range(len(samples))]
    kept, held = hold_out(samples.labels, groups, share, config.seed)
    if not len(held):
        raise TrainError(f"A share of {config.val} of train is not one sample.", "give a larger --val", 2)
    return {"train": part.subset(kept), "val": replace(part.subset(held), soft=None)}
