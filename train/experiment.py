"""A whole run: data opened, open settings decided, networks trained and measured, all of it written down."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from shards.atomic import write_whole
from train.board import open_board
from train.checkpoint import EpochRow, Stamp
from train.config import RunConfig, as_dict, load_config, save_config
from train.data import channel_statistics
from train.device import choose_device, make_compute
from train.errors import TrainError
from train.folds import write_predictions
from train.job import Job, Part, Watch
from train.loop import fit, seconds_per_epoch
from train.memory import check_batch, choose_batch
from train.metrics import Metrics, evaluate
from train.models import build_model
from train.models.pretrained import digest_of, load_partial, read_weights
from train.parallel import World, check_pieces, join_world, local_device
from train.parts import Progress, carve_val, load_parts
from train.predict import predict
from train.report import Judged, write_evaluation, write_report
from train.settling import join_existing, resolve, settled_rate
from train.sources import Source, open_source
from train.sources.checksums import check_release
from train.summary import summary, write_history

MAX_EPOCHS = 1000


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


def run(
    config: RunConfig, progress: Progress | None = None, on_epoch: Callable[[EpochRow], None] | None = None
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
    if config.threads:
        torch.set_num_threads(config.threads)
    source = open_source(config.data)
    check_release(config.data, config.verify, progress if world.first else None)
    fresh = load_config(folder) is None
    config = resolve(join_existing(config), source, device)
    world.wait()  # until all have looked into the folder, before the first one writes into it
    whole, corrupt = load_parts(source, config, device, progress if world.first else None)
    parts = {name: part for name, (part, _) in whole.items()} | carve_val(whole["train"], config)
    jobs = make_jobs(config, source, parts, device, world)
    config, jobs = decide_by_trying(config, jobs, fresh)
    if world.first:
        for job in jobs:
            make_folder(job.folder)
        save_config(config, folder)
    world.wait()

    fold_job = replace(jobs[0], folder=folder, train=whole["train"][0])
    total = config.epochs * (jobs[0].steps * config.seeds + sum(fold_steps(fold_job)))
    with open_board(folder, config.tensorboard and world.first) as board:
        history: list[EpochRow] = []

        def epoch(row: EpochRow) -> None:
            board(row)
            history.append(row)
            if world.first:
                write_history(folder / "history.csv", history)
                if on_epoch:
                    on_epoch(row)

        watch = make_watch(total, progress if world.first else None, epoch)
        fitted = [fit(job, watch) for job in jobs]
        history = [row for one in fitted for row in one.history]
        logits = {
            name: [predict(one.model, parts[name], job) for one, job in zip(fitted, jobs, strict=True)]
            for name in parts
            if name != "train" or len(parts) == 1
        }
        metrics = summary(config, source, parts, logits, fitted, jobs[0])
        metrics["corrupt"] = corrupt
        metrics["processes"] = world.size
        if config.pretrained:
            metrics["pretrained"] = how_much_was_loaded(jobs[0])
        if config.folds:
            samples = whole["train"][1]
            metrics["fold_temperature"] = write_predictions(fold_job, fold_job.train, samples, folder, watch)
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


def decide_by_trying(config: RunConfig, jobs: list[Job], fresh: bool) -> tuple[RunConfig, list[Job]]:
    """Settings that only a look at this machine can decide: the batch that fits, the epochs within a time."""
    world = jobs[0].world
    if config.batch_size == 0:
        config = replace(config, batch_size=world.tell(choose_batch(jobs[0]) if world.first else 0))
        config = replace(config, lr=settled_rate(config))
        jobs = [replace(job, config=config) for job in jobs]
    if config.minutes is not None and fresh:
        epochs = max(1, min(MAX_EPOCHS, int(config.minutes * 60 / seconds_per_epoch(jobs[0]))))
        config = replace(config, epochs=world.tell(epochs))
        jobs = [replace(job, config=config) for job in jobs]
    count = len(jobs[0].train)
    for samples in {count, count - -(-count // config.folds) if config.folds else count}:
        check_pieces(world, samples, config.batch_size, config.accumulate)
    check_batch(jobs[0])
    return config, jobs


def how_much_was_loaded(job: Job) -> str:
    """What of the pretrained weights went into the network, in words."""
    assert job.weights is not None
    config = job.config
    model = build_model(
        config.model, job.classes, size=job.stamp.size, small_input=config.small_input, width=config.width
    )
    return load_partial(model, job.weights).sentence()


def make_jobs(
    config: RunConfig, source: Source, parts: dict[str, Part], device: torch.device, world: World
) -> list[Job]:
    """One job a seed; a single one has the run's folder to itself."""
    assert config.size is not None
    train = parts["train"]
    mean, std = source.mean, source.std
    if mean is None or std is None:
        mean, std = channel_statistics(train.pictures, len(train))
    weights = read_weights(config.pretrained) if config.pretrained else None
    given = {
        "targets": file_digest(config.targets) if config.targets.endswith(".npz") else "",
        "pretrained": digest_of(weights) if weights is not None else "",
    }
    settings = as_dict(config) | {"categories": list(source.categories), "mean": list(mean), "std": list(std)}
    return [
        Job(
            folder=Path(config.out) / f"seed-{seed}" if config.seeds > 1 else Path(config.out),
            config=config,
            stamp=Stamp(config.model, source.identity, source.categories, seed, fold=None, size=config.size, **given),
            compute=make_compute(device, config.precision, mean, std, config.channels_last),
            train=train,
            val=parts.get("val"),
            settings=settings,
            weights=weights,
            world=world,
        )
        for seed in range(config.seed, config.seed + config.seeds)
    ]


def file_digest(file: str) -> str:
    """SHA-256 (hex) of a file that was just read."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


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


def make_watch(total: int, progress: Progress | None, epoch: Callable[[EpochRow], None]) -> Watch:
    """Count steps over all networks of the run for the progress bar."""
    done = 0

    def step(note: str, steps: int = 1) -> None:
        nonlocal done
        done = min(total, done + steps)
        if progress and note:
            progress(done, total, note)

    return Watch(step=step, epoch=epoch, skip=lambda steps: step("", steps))
