"""One network trained from its first step or from where it was killed, and its answers on any split.

Nothing random depends on how often the run was interrupted: the order of an epoch follows from seed and epoch,
augmentation from seed, epoch and step, and the network itself draws nothing.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from shards import epoch_order
from train.augment import PRESETS, augment, generator, middle
from train.checkpoint import EpochRow, Position, Stamp, load_checkpoint, save_best, save_last
from train.config import RunConfig
from train.data import Pictures, even_batches
from train.device import Compute
from train.errors import TrainError
from train.metrics import evaluate
from train.models import build_model
from train.optim import NesterovSGD, make_sgd
from train.schedule import rate_factor

NOTE_SECONDS = 0.5  # how often figures are fetched from a GPU, which has to wait for it


@dataclass(frozen=True)
class Part:
    """Decoded pictures with their labels int64 [N], and targets float32 [N, K] where labels are soft."""

    pictures: Pictures
    labels: NDArray[np.int64]
    keys: list[str]
    soft: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, rows: NDArray[np.int64]) -> "Part":
        """The samples `rows`, in that order."""
        return Part(
            self.pictures.subset(rows),
            self.labels[rows],
            [self.keys[row] for row in rows],
            None if self.soft is None else self.soft[rows],
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

    @property
    def classes(self) -> int:
        """How many categories the network tells apart."""
        return len(self.stamp.categories)

    @property
    def steps(self) -> int:
        """Steps of one epoch."""
        return len(even_batches(np.arange(len(self.train)), self.config.batch_size))

    def new_model(self) -> nn.Module:
        """The network as its seed makes it, on the device."""
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
        return model.to(self.compute.device).to(memory_format=torch.channels_last)

    def new_optimiser(self, model: nn.Module) -> NesterovSGD:
        """SGD for `model` as the settings say."""
        config = self.config
        assert config.lr is not None  # `resolve` has filled it in
        return make_sgd(model, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)


@dataclass(frozen=True)
class Fitted:
    """A trained network: the weights of the epoch that val chose (the last one without val), and its history."""

    model: nn.Module
    epoch: int
    history: list[EpochRow]


@dataclass
class Watch:
    """Whom to tell: `step(note)` after each step, `epoch(row)` after each epoch."""

    step: Callable[[str], None]
    epoch: Callable[[EpochRow], None]
    skip: Callable[[int], None]


def fit(job: Job, watch: Watch) -> Fitted:
    """Train to the last epoch, from `last.pt` on if it is there. TrainError when the loss is no number.

    After each epoch `last.pt` and, if val says so, `best.pt` are written; `last.pt` also in between.
    """
    model = job.new_model()
    optimiser = job.new_optimiser(model)
    position, history = restore(job, model, optimiser)
    watch.skip(position.epoch * job.steps + position.step)
    while position.epoch < job.config.epochs:
        row = run_epoch(job, model, optimiser, position, history, watch)
        history.append(row)
        if row is best_row(history) or job.val is None:
            save_best(job.folder / "best.pt", job.stamp, model, row.epoch, job.settings)
        position = Position(epoch=position.epoch + 1)
        save_last(job.folder / "last.pt", job.stamp, model, optimiser, position, history)
        watch.epoch(row)
    best = load_checkpoint(job.folder / "best.pt", job.stamp)
    model.load_state_dict(best["weights"])
    return Fitted(model, best["epoch"], history)


def restore(job: Job, model: nn.Module, optimiser: NesterovSGD) -> tuple[Position, list[EpochRow]]:
    """Fill model and optimiser from `last.pt` and give its position and history; the start where there is none."""
    path = job.folder / "last.pt"
    if not path.is_file():
        return Position(), []
    found = load_checkpoint(path, job.stamp)
    try:
        model.load_state_dict(found["weights"])
        optimiser.load_state_dict(found["optimiser"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise TrainError(f"{path} does not fit {job.config.model}.", "give another --out") from error
    return Position(**found["position"]), [EpochRow(**row) for row in found["history"]]


def best_row(history: list[EpochRow]) -> EpochRow:
    """The epoch with the most val samples right (the smaller loss breaks a tie), or the last one without val."""
    if history[-1].val_top1 is None:
        return history[-1]
    return max(history, key=lambda row: (row.val_top1 or 0.0, -(row.val_loss or 0.0)))


def run_epoch(
    job: Job,
    model: nn.Module,
    optimiser: NesterovSGD,
    position: Position,
    history: list[EpochRow],
    watch: Watch,
) -> EpochRow:
    """Train the rest of an epoch in place, then look at val. `position` moves along with it."""
    config, device = job.config, job.compute.device
    sums = torch.tensor([position.loss_sum, position.correct, position.seen], dtype=torch.float64, device=device)
    before, began, saved, noted = position.seconds, time.perf_counter(), time.perf_counter(), 0.0
    first_seen = position.seen
    lr = 0.0
    for rows, pictures in epoch_batches(job, position):
        lr = set_rate(job, optimiser, position)
        sums += train_step(job, model, optimiser, rows, pictures, position)
        position.step += 1
        now = time.perf_counter()
        save_due = now - saved >= config.checkpoint_seconds
        if device.type == "cpu" or save_due or now - noted >= NOTE_SECONDS or position.step == job.steps:
            loss_sum, correct, seen = sums.tolist()
            if not math.isfinite(loss_sum):
                raise not_a_number(job, position, lr, rows)
            position.loss_sum, position.correct, position.seen = loss_sum, int(correct), int(seen)
            position.seconds, noted = before + now - began, now
            watch.step(step_note(job, position, (seen - first_seen) / max(1e-9, now - began)))
        else:
            watch.step("")
        if save_due and position.step < job.steps:
            save_last(job.folder / "last.pt", job.stamp, model, optimiser, position, history)
            saved = time.perf_counter()
    val = evaluate(predict(model, job.val, job), job.val.labels) if job.val else None
    return EpochRow(
        seed=job.stamp.seed,
        epoch=position.epoch + 1,
        lr=lr,
        train_loss=position.loss_sum / position.seen,
        train_top1=position.correct / position.seen,
        val_loss=val.loss if val else None,
        val_top1=val.top1 if val else None,
        samples_per_second=position.seen / max(1e-9, position.seconds),
        seconds=position.seconds,
    )


def epoch_batches(job: Job, position: Position) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
    """The batches of an epoch that are still to do: row numbers, and pixels uint8 [B, H, H, 3]."""
    order = epoch_order(len(job.train), job.stamp.seed, position.epoch)
    batches = even_batches(order, job.config.batch_size)[position.step :]
    yield from zip(batches, job.train.pictures.batches(batches), strict=True)


def set_rate(job: Job, optimiser: NesterovSGD, position: Position) -> float:
    """Give the optimiser the learning rate of this step."""
    config = job.config
    assert config.lr is not None
    step, total = position.epoch * job.steps + position.step, config.epochs * job.steps
    lr = config.lr * rate_factor(step, total, kind=config.schedule, warmup=config.warmup)
    optimiser.lr = lr
    return lr


def train_step(
    job: Job,
    model: nn.Module,
    optimiser: NesterovSGD,
    rows: NDArray[np.int64],
    pictures: Tensor,
    position: Position,
) -> Tensor:
    """One step of SGD. The batch's summed loss, how many were right, and its size: float64 [3], on the device."""
    config, device = job.config, job.compute.device
    random = generator(job.stamp.seed, position.epoch, position.step)
    pictures = augment(pictures, job.stamp.size, PRESETS[config.augment], random)
    labels = torch.from_numpy(job.train.labels[rows]).to(device, non_blocking=True)
    targets = labels if job.train.soft is None else torch.from_numpy(job.train.soft[rows]).to(device)
    model.train()
    with job.compute.autocast():
        logits = model(job.compute.normalise(pictures))
    logits = logits.float()
    loss = F.cross_entropy(logits, targets, label_smoothing=config.label_smoothing)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    with torch.no_grad():
        right = (logits.argmax(dim=1) == labels).sum()
        size = right.new_tensor(len(rows))
        return torch.stack([loss.detach().double() * size, right.double(), size.double()])


def predict(model: nn.Module, part: Part, job: Job) -> NDArray[np.float32]:
    """Logits float32 [N, K] of every sample of `part`, in its order; no augmentation."""
    model.eval()
    batches = even_batches(np.arange(len(part)), max(256, job.config.batch_size))
    found = []
    with torch.inference_mode():
        for pictures in part.pictures.batches(batches):
            with job.compute.autocast():
                found.append(model(job.compute.normalise(middle(pictures, job.stamp.size))).float().cpu())
    return torch.cat(found).numpy()


def step_note(job: Job, position: Position, rate: float) -> str:
    """The words beside the progress bar."""
    which = f"fold {job.stamp.fold}  " if job.stamp.fold is not None else ""
    which += f"seed {job.stamp.seed}  " if job.config.seeds > 1 else ""
    loss, top1 = position.loss_sum / position.seen, position.correct / position.seen
    return (
        f"{which}epoch {position.epoch + 1}/{job.config.epochs}  {rate:,.0f} samples/s  "
        f"loss {loss:.3f}  train accuracy {top1:.1%}"
    )


def not_a_number(job: Job, position: Position, lr: float, rows: NDArray[np.int64]) -> TrainError:
    """The sentence for a loss that is no number."""
    keys = ", ".join(job.train.keys[row] for row in rows[:3])
    return TrainError(
        f"The loss is no longer a number at epoch {position.epoch + 1}, step {position.step} of {job.steps} "
        f"(learning rate {lr:.3g}, batch {keys}, ...).",
        hint="try a smaller --lr or a longer --warmup; the last checkpoint before it is kept",
    )


def seconds_per_epoch(job: Job, measure: float = 2.0) -> float:
    """How long an epoch with its look at val takes here, from a few steps of a network that is thrown away."""
    model = job.new_model()
    optimiser = job.new_optimiser(model)
    position = Position()
    probe = replace(job, config=replace(job.config, epochs=10_000))
    times: list[float] = []
    while sum(times[2:]) < measure or len(times) < 5:
        for rows, pictures in epoch_batches(probe, replace(position, step=0)):
            began = time.perf_counter()
            set_rate(probe, optimiser, position)
            train_step(probe, model, optimiser, rows, pictures, position).tolist()
            times.append(time.perf_counter() - began)
            if sum(times[2:]) >= measure and len(times) >= 5:
                break
    steady = times[2:]  # the first steps set up memory and kernels
    looking = 0.0
    if job.val:
        began = time.perf_counter()
        predict(model, job.val, job)
        looking = time.perf_counter() - began
    return job.steps * sum(steady) / len(steady) + looking
