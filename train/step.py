"""One step of training: pictures augmented, the loss of the global batch, gradients, the optimiser's move."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from train.augment.batch import augment, draw, generator, take
from train.augment.mixing import draw_mix, mix_pictures
from train.average import Average
from train.checkpoint import Position
from train.errors import TrainError
from train.job import Job
from train.losses import early_learning, sample_losses
from train.optim.groups import freeze
from train.optim.make import Optimiser
from train.speed import faster


@dataclass
class State:
    """Everything that changes while a network is trained, and what it is moved by."""

    job: Job
    model: nn.Module
    optimiser: Optimiser
    average: Average | None
    memory: Tensor | None  # of the loss elr, float32 [N, K]
    forward: Any = field(init=False)
    frozen_norms: list[nn.Module] = field(init=False)
    weights: Tensor | None = field(init=False)

    def __post_init__(self) -> None:
        """Wrap the forward pass as the settings ask for."""
        self.frozen_norms = freeze(self.model, self.job.config.frozen)
        self.forward = faster(self.model, self.job)
        self.weights = self.job.class_weights()

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and kept: the average where there is one."""
        return self.model if self.average is None else self.average.model


def new_state(job: Job) -> State:
    """The network before its first step."""
    model = job.new_model()
    optimiser = job.new_optimiser(model)
    average = Average(model, job.config.ema) if job.config.ema else None
    memory = None
    if job.config.loss == "elr":
        if job.world.size > 1:
            raise TrainError("The loss elr remembers samples in one process.", "train it without torchrun", 2)
        memory = torch.full((len(job.train), job.classes), 1 / job.classes, device=job.compute.device)
    return State(job, model, optimiser, average, memory)


def train_step(state: State, rows: NDArray[np.int64], pictures: Tensor, position: Position) -> Tensor:
    """One step on the global batch `rows`, of which `pictures` uint8 [b, H, H, 3] are this process's own."""
    inputs, targets = prepare(state.job, rows, pictures, position)
    return learn(state, rows, inputs, targets)


def learn(state: State, rows: NDArray[np.int64], inputs: Tensor, targets: Tensor) -> Tensor:
    """Gradients and the optimiser's move for prepared pictures float [b, 3, S, S] and their targets.

    Gives the summed loss, how many were right, and how many there are: float64 [3], on the device, of this process's
    rows. On the CPU a loss that is no number raises FloatingPointError (the rows) before anything moves; on a GPU,
    where looking would wait, it is seen later.
    """
    job, config = state.job, state.job.config
    state.model.train()
    for norm in state.frozen_norms:
        norm.eval()
    state.optimiser.zero_grad()
    found = torch.zeros(3, dtype=torch.float64, device=job.compute.device)
    own = rows[job.world.share(len(rows))]
    for part in np.array_split(np.arange(len(own)), min(config.accumulate, len(own))):
        piece = slice(int(part[0]), int(part[-1]) + 1)
        with job.compute.autocast():
            logits = state.forward(inputs[piece])
        logits = logits.float()
        labels = torch.from_numpy(job.train.labels[own[piece]]).to(logits.device, non_blocking=True)
        each = sample_losses(logits, targets[piece], config.loss, config.label_smoothing)
        if state.memory is not None:
            samples = torch.from_numpy(own[piece]).to(logits.device, non_blocking=True)
            each = each + early_learning(logits, state.memory, samples)
        if state.weights is not None:
            each = each * (state.weights[targets[piece]] if targets.ndim == 1 else targets[piece] @ state.weights)
        total = each.sum()
        if not logits.is_cuda and not math.isfinite(float(total.detach())):
            raise FloatingPointError(own[piece].tolist())
        # Each process's gradient counts as 1 / size in the mean that DistributedDataParallel takes.
        (total * (job.world.size / len(rows))).backward()
        with torch.no_grad():
            right = (logits.argmax(dim=1) == labels).sum()
            found += torch.stack([total.detach().double(), right.double(), right.new_full((), len(labels)).double()])
    state.optimiser.step()
    if state.average is not None:
        state.average.update()
    return found


def prepare(job: Job, rows: NDArray[np.int64], pictures: Tensor, position: Position) -> tuple[Tensor, Tensor]:
    """Augmented, normalised pictures float [b, 3, S, S] of this process's rows, and their targets, on the device."""
    size, seed = job.stamp.size, job.stamp.seed
    random = generator(seed, position.epoch, position.step)
    draws = draw(job.preset, rows, pictures.shape[1], size, random, seed=seed, epoch=position.epoch)
    mix = draw_mix(job.preset, random)
    share = job.world.share(len(rows))
    moved = job.compute.normalise(augment(pictures, size, job.preset, take(draws, share)))
    own = rows[share]
    device = job.compute.device
    if job.train.soft is not None:
        targets = torch.from_numpy(job.train.soft[own]).to(device, non_blocking=True)
    else:
        targets = torch.from_numpy(job.train.labels[own]).to(device, non_blocking=True)
    if mix is not None:
        soft = targets if targets.ndim == 2 else F.one_hot(targets, job.classes).float()
        moved, targets = mix_pictures(moved, soft, mix)
    return moved, targets
