"""A whole run: data opened, open settings decided, networks trained and measured, all of it written down."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shards.atomic import write_whole
from train.board import open_board
from train.checkpoint import EpochRow
from train.config import RunConfig, in_words, save_config
from train.data import worker_deaths
from train.device import choose_device
from train.errors import TrainError
from train.folds import write_predictions
from train.job import QUIET, Job, Watch
from train.loop import fit
from train.metrics import Metrics, evaluate
from train.models.build import build_model
from train.models.pretrained import load_partial
from train.parallel import join_world, local_device
from train.parts import Progress
from train.predict import predict
from train.preparing import prepare
from train.report import Judged, write_evaluation, write_report
from train.side_by_side import train_side_by_side
from train.summary import summary, write_history

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """What a run left behind: its folder, its settings, the content of metrics.json, its history and its report.

    `test` and `val` are the first seed's figures, None where the data has no such split.
    """

    folder: Path
    config: RunConfig
    metrics: dict[str, Any]
    test: Metrics | None
    val: Metrics | None
    history: list[EpochRow]
    report: Path


@worker_deaths()
def run(
    config: RunConfig, progress: Progress | None = None, on_epoch: Callable[[EpochRow, str | None], None] | None = None
) -> RunResult:
    """Train and measure as `config` says, into `config.out`; a run that is already there goes on or is complete.

    `progress(done, total, note)` counts decoded pictures, then training steps; `on_epoch` gets each line of the
    history. Under torchrun every process calls this, and the first one writes. Raises TrainError for everything that a
    person can mend.
    """
    began = time.perf_counter()
    folder = Path(config.out)
    if folder.exists() and not folder.is_dir():
        raise TrainError(f"{folder} is not a folder.", "give a folder for the run as --out", exit_code=2)
    device = choose_device(local_device(config.device))
    world = join_world(device)
    prepared = prepare(config, device, world, progress if world.first else None)
    config, source, parts, jobs = prepared.config, prepared.source, prepared.parts, prepared.jobs
    if world.first:
        for job in jobs:
            make_folder(job.folder)
        save_config(config, folder)
        LOG.info("settings: %s", in_words(config))
    world.wait()

    whole, samples = prepared.whole
    fold_job = replace(jobs[0], folder=folder, train=whole)
    total = config.epochs * (jobs[0].steps * config.seeds + sum(fold_steps(fold_job)))
    with open_board(folder, config.tensorboard and world.first) as board:
        history: list[EpochRow] = []

        def epoch(row: EpochRow, fold: str | None) -> None:
            board(row)
            history.append(row)
            if world.first:
                write_history(folder / "history.csv", history)
                if on_epoch:
                    on_epoch(row, fold)

        watch = make_watch(total, progress if world.first else None, epoch)
        if config.side_by_side > 1:
            train_side_by_side(jobs, watch)  # then the networks are found finished
        fitted = [fit(job, QUIET if config.side_by_side > 1 else watch) for job in jobs]
        history = [row for one in fitted for row in one.history]
        logits = {
            name: [predict(one.model, parts[name], job) for one, job in zip(fitted, jobs, strict=True)]
            for name in parts
            if name != "train" or len(parts) == 1
        }
        metrics = summary(config, source, parts, logits, fitted, jobs[0])
        metrics["corrupt"] = prepared.corrupt
        metrics["processes"] = world.size
        if config.pretrained:
            metrics["pretrained"] = how_much_was_loaded(jobs[0])
        if config.folds:
            metrics["out_of_fold"] = write_predictions(fold_job, fold_job.train, samples, folder, watch)
    metrics["seconds"] = round(time.perf_counter() - began, 1)
    shown = next(name for name in ("test", "val", "train") if name in logits)
    report = folder / "report.html"
    if world.first:
        if config.seeds > 1:  # the first seed's weights stand for the run: nothing was chosen among seeds
            for name in ("last.pt", "best.pt"):
                write_whole(folder / name, (jobs[0].folder / name).read_bytes())
        history = [row for one in fitted for row in one.history]
        write_history(folder / "history.csv", history)
        judged = Judged(shown, logits[shown][0], parts[shown], source.categories)
        write_report(report, metrics, history, judged)
        write_evaluation(folder / "evaluation.npz", judged)
        write_whole(folder / "metrics.json", (json.dumps(metrics, indent=1) + "\n").encode())
    world.wait()
    first = {name: evaluate(found[0], parts[name].labels) for name, found in logits.items()}
    return RunResult(folder, config, metrics, first.get("test"), first.get("val"), history, report)


def how_much_was_loaded(job: Job) -> str:
    """What of the pretrained weights went into the network, in words."""
    assert job.weights is not None
    config = job.config
    model = build_model(
        config.model, job.classes, size=job.stamp.size, small_input=config.small_input, width=config.width
    )
    return load_partial(model, job.weights).sentence()


def fold_steps(job: Job) -> list[int]:
    """Steps of one epoch of each fold, nearly: for the progress bar."""
    folds, count, batch = job.config.folds, len(job.train), job.config.batch_size
    return [-(-(count - count // folds) // batch)] * folds if folds else []


def make_folder(folder: Path) -> None:
    """Make a run's folder, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"{folder} cannot be made ({error.strerror}).", "give another --out") from error


def make_watch(total: int, progress: Progress | None, epoch: Callable[[EpochRow, str | None], None]) -> Watch:
    """Count steps over all networks of the run for the progress bar."""
    done = 0

    def step(note: str, steps: int = 1) -> None:
        nonlocal done
        done = min(total, done + steps)
        if progress and note:
            progress(done, total, note)

    return Watch(step=step, epoch=epoch, skip=lambda steps: step("", steps))
