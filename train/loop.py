"""One network trained from its first step or from where it was killed.

Nothing random depends on how often the run was interrupted: the order of an epoch follows from seed and epoch,
augmentation from seed, epoch and step, and the network itself draws nothing.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shards import epoch_order
from train.checkpoint import EpochRow, Position, load_checkpoint, save_best, save_last
from train.data import even_batches
from train.device import memory_in_use
from train.diagnosis import not_a_number
from train.errors import TrainError
from train.job import Fitted, Job, Watch
from train.metrics import evaluate
from train.optim.make import Optimiser
from train.predict import predict
from train.schedule import rate_factor
from train.step import State, new_state, prepare, train_step

NOTE_SECONDS = 0.5  # how often figures are fetched from a GPU, which has to wait for it


def fit(job: Job, watch: Watch) -> Fitted:
    """Train to the last epoch, from `last.pt` on if it is there. TrainError when the loss is no number.

    After each epoch `last.pt` and, if val says so, `best.pt` are written; `last.pt` also in between, unless several
    processes train.
    """
    state = new_state(job)
    position, history = restore(state)
    watch.skip(position.epoch * job.steps + position.step)
    while position.epoch < job.config.epochs:
        row = run_epoch(state, position, history, watch)
        history.append(row)
        position = Position(epoch=position.epoch + 1)
        if job.world.first:
            if row is best_row(history) or job.val is None:
                save_best(job.folder / "best.pt", job.stamp, state.judged, row.epoch, job.settings)
            save(state, position, history)
        watch.epoch(row, job.stamp.fold)
    job.world.wait()
    best = load_checkpoint(job.folder / "best.pt", job.stamp)
    state.judged.load_state_dict(best["weights"])
    return Fitted(state.judged, best["epoch"], history)


def save(state: State, position: Position, history: list[EpochRow]) -> None:
    """Write `last.pt`."""
    kept: dict[str, Any] = {"weights": state.model.state_dict(), "optimiser": state.optimiser.state_dict()}
    if state.average is not None:
        kept |= {"average": state.average.model.state_dict(), "average_steps": state.average.steps}
    if state.memory is not None:
        kept["memory"] = state.memory
    save_last(state.job.folder / "last.pt", state.job.stamp, kept, position, history)


def restore(state: State) -> tuple[Position, list[EpochRow]]:
    """Fill the state from `last.pt` and give its position and history; the start where there is none."""
    path = state.job.folder / "last.pt"
    if not path.is_file():
        return Position(), []
    found = load_checkpoint(path, state.job.stamp)
    try:
        state.model.load_state_dict(found["weights"])
        state.optimiser.load_state_dict(found["optimiser"])
        if state.average is not None:
            state.average.model.load_state_dict(found["average"])
            state.average.steps = found["average_steps"]
        if state.memory is not None:
            state.memory.copy_(found["memory"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise TrainError(f"{path} does not fit {state.job.config.model}.", "give another --out") from error
    return Position(**found["position"]), [EpochRow(**row) for row in found["history"]]


def best_row(history: list[EpochRow]) -> EpochRow:
    """The epoch with the most val samples right (the smaller loss breaks a tie), or the last one without val."""
    if history[-1].val_top1 is None:
        return history[-1]
    return max(history, key=lambda row: (row.val_top1 or 0.0, -(row.val_loss or 0.0)))


@dataclass
class Tally:
    """What an epoch has counted, on the device: summed loss, right, seen; and the first step without a number."""

    sums: Tensor
    broken: Tensor

    def add(self, found: Tensor, step: int) -> None:
        """Count a step."""
        self.sums += found
        self.broken = torch.where((self.broken < 0) & ~found[0].isfinite(), step, self.broken)


def run_epoch(state: State, position: Position, history: list[EpochRow], watch: Watch) -> EpochRow:
    """Train the rest of an epoch in place, then look at val. `position` moves along with it."""
    job, config, device = state.job, state.job.config, state.job.compute.device
    start = torch.tensor([position.loss_sum, position.correct, position.seen], dtype=torch.float64, device=device)
    tally = Tally(start, torch.tensor(-1, device=device))
    before, began, saved, noted = position.seconds, time.perf_counter(), time.perf_counter(), 0.0
    first_seen = position.seen
    lr = 0.0
    for rows, pictures in epoch_batches(job, position):
        lr = set_rate(job, state.optimiser, position)
        try:
            tally.add(train_step(state, rows, pictures, position), position.step)
        except FloatingPointError as error:
            raise diagnose(state, position, lr, np.array(error.args[0])) from None
        except torch.OutOfMemoryError as error:
            raise out_of_memory(job) from error
        position.step += 1
        given = time.perf_counter()
        save_due = given - saved >= config.checkpoint_seconds and job.world.size == 1
        if device.type == "cpu" or save_due or given - noted >= NOTE_SECONDS or position.step == job.steps:
            if int(tally.broken) >= 0:
                position.step = int(tally.broken)
                raise diagnose(state, position, lr, all_batches(job, position)[position.step])
            note_sums(position, tally.sums)
            now = time.perf_counter()  # only here a GPU has done what it was given
            position.seconds, noted = before + now - began, now
            watch.step(step_note(job, position, (position.seen - first_seen) / max(1e-9, now - began)))
        else:
            watch.step("")
        if save_due and position.step < job.steps:
            save(state, position, history)
            saved = time.perf_counter()
    note_sums(position, job.world.sum(tally.sums))
    val = evaluate(predict(state.judged, job.val, job), job.val.labels) if job.val else None
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


def note_sums(position: Position, sums: Tensor) -> None:
    """Fetch what was counted."""
    loss_sum, correct, seen = sums.tolist()
    position.loss_sum, position.correct, position.seen = loss_sum, int(correct), int(seen)


def all_batches(job: Job, position: Position) -> list[NDArray[np.int64]]:
    """The row numbers of every batch of an epoch."""
    return even_batches(epoch_order(len(job.train), job.stamp.seed, position.epoch), job.config.batch_size)


def epoch_batches(job: Job, position: Position) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
    """The batches of an epoch that are still to do: all row numbers, and this process's pixels uint8 [b, H, H, 3]."""
    batches = all_batches(job, position)[position.step :]
    own = [rows[job.world.share(len(rows))] for rows in batches]
    yield from zip(batches, job.train.pictures.batches(own), strict=True)


def set_rate(job: Job, optimiser: Optimiser, position: Position) -> float:
    """Give the optimiser the learning rate of this step."""
    config = job.config
    assert config.lr is not None
    step, total = position.epoch * job.steps + position.step, config.epochs * job.steps
    lr = config.lr * rate_factor(step, total, kind=config.schedule, warmup=config.warmup)
    for group in optimiser.param_groups:
        group["lr"] = lr * group["scale"]
    return lr


def step_note(job: Job, position: Position, rate: float) -> str:
    """The words beside the progress bar."""
    which = f"fold {job.stamp.fold}  " if job.stamp.fold is not None else ""
    which += f"seed {job.stamp.seed}  " if job.config.seeds > 1 else ""
    loss, top1 = position.loss_sum / position.seen, position.correct / position.seen
    return (
        f"{which}epoch {position.epoch + 1}/{job.config.epochs}  {rate * job.world.size:,.0f} samples/s  "
        f"loss {loss:.3f}  train accuracy {top1:.1%}  {memory_in_use(job.compute.device) / 2**30:.1f} GiB"
    )


def diagnose(state: State, position: Position, lr: float, rows: NDArray[np.int64]) -> TrainError:
    """The sentence for a loss that is no number, with the samples and the largest activations."""
    job = state.job
    pictures = next(iter(job.train.pictures.batches([rows])))
    alone = replace(job, world=replace(job.world, rank=0, size=1))
    inputs, _ = prepare(alone, rows, pictures, position)
    where = f"epoch {position.epoch + 1}, step {position.step + 1} of {job.steps}"
    return not_a_number(state.model, lambda: state.model(inputs), where, lr, [job.train.keys[row] for row in rows])


def out_of_memory(job: Job) -> TrainError:
    """The sentence for a batch that does not fit, with one that would."""
    from train.memory import fitting_batch

    return TrainError(
        f"A batch of {job.config.batch_size} does not fit into the memory of {job.compute.device}.",
        hint=f"about {fitting_batch(job)} would fit: give that as --batch-size, or --batch-size auto, "
        "or pass it in parts with --accumulate",
    )


def seconds_per_epoch(job: Job, measure: float = 2.0) -> float:
    """How long an epoch with its look at val takes here, from a few steps of a network that is thrown away."""
    state = new_state(job)
    position = Position()
    times: list[float] = []
    while sum(times[2:]) < measure or len(times) < 5:
        for rows, pictures in epoch_batches(job, position):
            began = time.perf_counter()
            train_step(state, rows, pictures, position).tolist()
            times.append(time.perf_counter() - began)
            if sum(times[2:]) >= measure and len(times) >= 5:
                break
    steady = times[2:]  # the first steps set up memory and kernels
    looking = 0.0
    if job.val:
        began = time.perf_counter()
        predict(state.judged, job.val, job)
        looking = time.perf_counter() - began
    return job.steps * sum(steady) / len(steady) + looking
