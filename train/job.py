"""What one training consists of: decoded parts of the data, settings, the network and optimiser that they make."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from train.augment import Preset, parse_augment
from train.checkpoint import EpochRow, Stamp
from train.config import RunConfig
from train.data import Pictures, even_batches
from train.device import Compute
from train.losses import balanced_weights
from train.models.build import build_model
from train.models.pretrained import Weights, load_partial
from train.optim.groups import freeze
from train.optim.make import Optimiser, make_optimiser
from train.parallel import ALONE, World, synchronise_norms


@dataclass(frozen=True)
class Part:
    """Decoded pictures with their labels int64 [N].

    `soft` float32 [N, K] are targets to learn from where labels are soft; `human` float32 [N, K] are the shares of
    people's answers, which are only measured against; `story(row)` tells in words how a label came about.
    """

    pictures: Pictures
    labels: NDArray[np.int64]
    keys: list[str]
    soft: NDArray[np.float32] | None = None
    human: NDArray[np.float32] | None = None
    story: Callable[[int], str] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, rows: NDArray[np.int64]) -> "Part":
        """The samples `rows`, in that order."""
        story = self.story
        return Part(
            self.pictures.subset(rows),
            self.labels[rows],
            [self.keys[row] for row in rows],
            None if self.soft is None else self.soft[rows],
            None if self.human is None else self.human[rows],
            None if story is None else lambda row: story(int(rows[row])),
        )


@dataclass(frozen=True)
class Job:
    """One network to train into `folder`: settings without open choices, data, device, and whose it is."""

    folder: Path
    config: RunConfig
    stamp: Stamp
    compute: Compute
    train: Part
    val: Part | None
    settings: dict[str, Any]  # goes into best.pt: what one needs to use the weights
    weights: Weights | None = None  # to begin with, instead of chance
    world: World = ALONE
    preset: Preset = field(init=False)

    def __post_init__(self) -> None:
        """Read the augmentation's words once."""
        object.__setattr__(self, "preset", parse_augment(self.config.augment))

    @property
    def classes(self) -> int:
        """How many categories the network tells apart."""
        return len(self.stamp.categories)

    @property
    def steps(self) -> int:
        """Steps of one epoch."""
        return len(even_batches(np.arange(len(self.train)), self.config.batch_size))

    def new_model(self) -> nn.Module:
        """The network as its seed (or its pretrained weights) makes it, on the device."""
        config = self.config
        model = build_model(
            config.model,
            self.classes,
            size=self.stamp.size,
            small_input=config.small_input,
            width=config.width,
            init=config.init,
            zero_gamma=config.zero_gamma,
            seed=self.stamp.seed,
        )
        if self.weights is not None:
            load_partial(model, self.weights)
        return self.compute.place(synchronise_norms(model, self.world, self.compute.device))

    def new_optimiser(self, model: nn.Module) -> Optimiser:
        """The optimiser of `model` as the settings say; what is frozen is frozen here."""
        config = self.config
        assert config.lr is not None  # `resolve` has filled it in
        freeze(model, config.frozen)
        return make_optimiser(
            model,
            config.optimizer,
            lr=config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            layer_decay=config.layer_decay,
        )

    def class_weights(self) -> Tensor | None:
        """A weight for each class float32 [K] on the device, or None."""
        if self.config.class_weights == "none":
            return None
        return balanced_weights(self.train.labels, self.classes).to(self.compute.device)


@dataclass(frozen=True)
class Fitted:
    """A trained network: the weights of the epoch that val chose (the last one without val), and its history."""

    model: nn.Module
    epoch: int
    history: list[EpochRow]


@dataclass
class Watch:
    """Whom to tell: `step(note)` after each step, `epoch(row, fold)` after each epoch; `fold` is as 2 of 5, or None."""

    step: Callable[[str], None]
    epoch: Callable[[EpochRow, str | None], None]
    skip: Callable[[int], None]


QUIET = Watch(step=lambda note: None, epoch=lambda row, fold: None, skip=lambda steps: None)
"""Tells nobody."""
