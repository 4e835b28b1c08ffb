"""Several seeds of a run at once, each in a process of its own: small networks leave most of a GPU idle.

Each process trains what it would train alone, with the same threads, into its own folder; afterwards the run finds
these networks finished. One that was stopped goes on from its checkpoint, as ever.
"""

import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from train.checkpoint import EpochRow, load_checkpoint
from train.config import RunConfig
from train.data import worker_deaths
from train.errors import TrainError
from train.job import Job, Watch
from train.loop import fit
from train.parallel import ALONE
from train.preparing import prepare

NOTE_SECONDS = 0.5


@dataclass(frozen=True)
class Told:
    """What a process says: steps that it has done since, a note for the progress bar, a line of the history, or why
    it stopped."""

    steps: int = 0
    note: str = ""
    row: EpochRow | None = None
    error: TrainError | None = None


def train_side_by_side(jobs: list[Job], watch: Watch) -> None:
    """Train the networks that are not finished, `side_by_side` of them at a time; `watch` is told of all of them.

    TrainError: what one of them raises, or that its process died. The others are then stopped; all checkpoints stay.
    """
    config, device = jobs[0].config, jobs[0].compute.device
    # A process sees neither this one's data nor its settings of torch.
    given = replace(config, verify=False, threads=torch.get_num_threads(), device=str(device))
    waiting = [job for job in jobs if not finished(job)]
    watch.skip((len(jobs) - len(waiting)) * config.epochs * jobs[0].steps)
    running: dict[Connection, tuple[Job, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < config.side_by_side:
                job = waiting.pop(0)
                connection, process = start(given, job)
                running[connection] = (job, process)
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                job, process = running[ready]
                try:
                    told: Told = ready.recv()
                except EOFError:
                    process.join()
                    del running[ready]
                    if process.exitcode:
                        raise died(job, process) from None
                    continue
                if told.error:
                    raise told.error
                tell(watch, told)
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def tell(watch: Watch, told: Told) -> None:
    """Pass on what a process said."""
    if told.row:
        watch.epoch(told.row, None)  # folds are never side by side
    watch.skip(max(0, told.steps - 1))
    if told.steps:
        watch.step(told.note)


def died(job: Job, process: BaseProcess) -> TrainError:
    """The sentence for a process that ended without one."""
    return TrainError(
        f"The process that trains seed {job.stamp.seed} died (exit code {process.exitcode}).",
        hint="often memory ran out: fewer --side-by-side; its checkpoint is kept, and the same command goes on",
    )


def finished(job: Job) -> bool:
    """Whether the network's last checkpoint is of its last epoch. TrainError where it is of something else."""
    last = job.folder / "last.pt"
    if not last.is_file():
        return False
    return int(load_checkpoint(last, job.stamp)["position"]["epoch"]) >= job.config.epochs


def start(config: RunConfig, job: Job) -> tuple[Connection, BaseProcess]:
    """A process that trains the network of a job; what it says comes from the connection."""
    context = multiprocessing.get_context("spawn")  # a forked process could not use the GPU
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=train_one, args=(config, job.stamp.seed, there), name=f"seed {job.stamp.seed}")
    process.start()
    there.close()
    return here, process


def train_one(config: RunConfig, seed: int, connection: Connection) -> None:
    """In a process of its own: the network of a seed, trained into its folder; everything is said to `connection`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the process that began this one stops it
    try:
        with worker_deaths():
            prepared = prepare(config, torch.device(config.device), ALONE, None)
            job = next(job for job in prepared.jobs if job.stamp.seed == seed)
            fit(job, telling(connection.send))
    except TrainError as error:
        connection.send(Told(error=error))


def telling(send: Callable[[Told], Any]) -> Watch:
    """A watch that sends what it is told, steps twice a second at most."""
    steps, sent = 0, 0.0

    def step(note: str) -> None:
        nonlocal steps, sent
        steps += 1
        if note and time.perf_counter() - sent >= NOTE_SECONDS:
            send(Told(steps, note))
            steps, sent = 0, time.perf_counter()

    def epoch(row: EpochRow, fold: str | None) -> None:
        nonlocal steps
        send(Told(steps, f"seed {row.seed}  epoch {row.epoch}", row))
        steps = 0

    def skip(done: int) -> None:
        nonlocal steps
        steps += done

    return Watch(step=step, epoch=epoch, skip=skip)
