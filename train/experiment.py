"""A whole run: data opened, open settings decided, networks trained and measured, all of it written down."""

import csv
import io
import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shards.atomic import write_whole
from train.checkpoint import EpochRow, Stamp
from train.config import RunConfig, as_dict, load_config, save_config
from train.data import channel_statistics, load
from train.describe import describe
from train.device import choose_device, make_compute
from train.errors import TrainError
from train.folds import write_predictions
from train.loop import Fitted, Job, Part, Watch, fit, predict, seconds_per_epoch
from train.metrics import (
    Metrics,
    evaluate,
    expected_calibration_error,
    fit_temperature,
    mean_and_interval,
    softmax,
)
from train.partition import hold_out
from train.report import Judged, write_report
from train.settling import join_existing, resolve
from train.sources import Labelled, Source, open_source

Progress = Callable[[int, int | None, str], None]
Logits = NDArray[np.float32]
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
    history. Raises TrainError for everything that a person can mend.
    """
    began = time.perf_counter()
    folder = Path(config.out)
    if folder.exists() and not folder.is_dir():
        raise TrainError(f"{folder} is not a folder.", "give a folder for the run as --out", exit_code=2)
    device = choose_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    source = open_source(Path(config.data))
    fresh = load_config(folder) is None
    config = resolve(join_existing(config), source, device)
    whole = {name: load_part(name, source, config, device, progress) for name in wanted_splits(source, config)}
    parts = whole | carve_val(whole["train"], source.splits["train"], config)
    jobs = make_jobs(config, source, parts, device)
    if config.minutes is not None and fresh:
        config = replace(config, epochs=epochs_within(config.minutes, jobs[0]))
        jobs = [replace(job, config=config) for job in jobs]
    for job in jobs:
        make_folder(job.folder)
    save_config(config, folder)

    fold_job = replace(jobs[0], folder=folder, train=whole["train"])
    total = config.epochs * (jobs[0].steps * config.seeds + sum(fold_steps(fold_job)))
    watch = make_watch(total, progress, on_epoch)
    fitted = [fit(job, watch) for job in jobs]
    history = [row for one in fitted for row in one.history]
    logits = {
        name: [predict(one.model, parts[name], job) for one, job in zip(fitted, jobs, strict=True)]
        for name in parts
        if name != "train" or len(parts) == 1
    }
    metrics = summary(config, source, parts, logits, fitted, jobs[0])
    if config.folds:
        metrics["fold_temperature"] = write_predictions(fold_job, whole["train"], source.splits["train"], folder, watch)
    metrics["seconds"] = round(time.perf_counter() - began, 1)
    if config.seeds > 1:  # the first seed's weights stand for the run: nothing was chosen among seeds
        for name in ("last.pt", "best.pt"):
            write_whole(folder / name, (jobs[0].folder / name).read_bytes())
    write_history(folder / "history.csv", history)
    shown = next(name for name in ("test", "val", "train") if name in logits)
    judged = Judged(shown, logits[shown][0], parts[shown], source.categories)
    report = write_report(folder / "report.html", metrics, history, judged)
    write_whole(folder / "metrics.json", (json.dumps(metrics, indent=1) + "\n").encode())
    first = {name: evaluate(found[0], parts[name].labels) for name, found in logits.items()}
    return RunResult(folder, config, metrics, first.get("test"), first.get("val"), history, report)


def wanted_splits(source: Source, config: RunConfig) -> list[str]:
    """The splits that this run looks at; val only where it is the one to choose the epoch by."""
    names = ("train", "val", "test") if config.val == "auto" else ("train", "test")
    return [name for name in names if name in source.splits]


def load_part(name: str, source: Source, config: RunConfig, device: torch.device, progress: Progress | None) -> Part:
    """One split, decoded."""
    samples = source.splits[name]
    assert config.size is not None
    assert config.workers is not None
    pictures = load(samples, config.size, device, config.workers, progress)
    soft = samples.soft if config.targets == "soft" else None
    return Part(pictures, samples.labels, list(samples.keys), soft)


def carve_val(train: Part, samples: Labelled, config: RunConfig) -> dict[str, Part]:
    """Train without what is held out of it as val, and val; nothing where `val` is a word."""
    share = config.val_share()
    if share is None:
        return {}
    groups = [samples.origin(row)[1] for row in range(len(samples))]
    kept, held = hold_out(samples.labels, groups, share, config.seed)
    if not len(held):
        raise TrainError(f"A share of {config.val} of train is not one sample.", "give a larger --val", 2)
    return {"train": train.subset(kept), "val": train.subset(held)}


def make_jobs(config: RunConfig, source: Source, parts: dict[str, Part], device: torch.device) -> list[Job]:
    """One job a seed; a single one has the run's folder to itself."""
    assert config.size is not None
    train = parts["train"]
    mean, std = source.mean, source.std
    if mean is None or std is None:
        mean, std = channel_statistics(train.pictures, len(train))
    settings = as_dict(config) | {"categories": list(source.categories), "mean": list(mean), "std": list(std)}
    return [
        Job(
            folder=Path(config.out) / f"seed-{seed}" if config.seeds > 1 else Path(config.out),
            config=config,
            stamp=Stamp(config.model, source.identity, source.categories, seed, fold=None, size=config.size),
            compute=make_compute(device, config.precision, mean, std),
            train=train,
            val=parts.get("val"),
            settings=settings,
        )
        for seed in range(config.seed, config.seed + config.seeds)
    ]


def fold_steps(job: Job) -> list[int]:
    """Steps of one epoch of each fold, nearly: for the progress bar."""
    folds, count, batch = job.config.folds, len(job.train), job.config.batch_size
    return [-(-(count - count // folds) // batch)] * folds if folds else []


def epochs_within(minutes: float, job: Job) -> int:
    """How many epochs of one network fit into `minutes`, measured here and now."""
    return max(1, min(MAX_EPOCHS, int(minutes * 60 / seconds_per_epoch(job))))


def make_folder(folder: Path) -> None:
    """Make a run's folder, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"{folder} cannot be made ({error.strerror}).", "give another --out") from error


def make_watch(total: int, progress: Progress | None, on_epoch: Callable[[EpochRow], None] | None) -> Watch:
    """Count steps over all networks of the run for the progress bar."""
    done = 0

    def step(note: str, steps: int = 1) -> None:
        nonlocal done
        done = min(total, done + steps)
        if progress and note:
            progress(done, total, note)

    return Watch(step=step, epoch=lambda row: on_epoch(row) if on_epoch else None, skip=lambda steps: step("", steps))


def summary(
    config: RunConfig,
    source: Source,
    parts: dict[str, Part],
    logits: dict[str, list[Logits]],
    fitted: list[Fitted],
    job: Job,
) -> dict[str, Any]:
    """The content of metrics.json; each split's figures are means over seeds, its confusion their sum."""
    known = describe(
        config.model,
        size=job.stamp.size,
        classes=job.classes,
        small_input=config.small_input,
        width=config.width,
    )
    found: dict[str, Any] = {
        "release": source.identity,
        "data": source.name,
        "model": config.model,
        "seeds": list(range(config.seed, config.seed + config.seeds)),
        "test": None,
        "val": None,
        "chosen_epochs": [one.epoch for one in fitted],
        "chosen_by": "val" if "val" in parts else "last epoch",
        "samples": {name: len(part) for name, part in parts.items()},
        "left_out": source.left_out,
        "categories": list(source.categories),
        "parameters": known.parameters,
        "flops": known.flops,
        "device": torch.cuda.get_device_name(job.compute.device) if job.compute.device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "settings": as_dict(config),
    }
    for name, of_seeds in logits.items():
        found[name] = over_seeds([evaluate(one, parts[name].labels) for one in of_seeds])
    if "val" in logits:
        found["temperature"] = [fit_temperature(one, parts["val"].labels) for one in logits["val"]]
        for name in logits:
            calibrated = [
                expected_calibration_error(softmax(one / np.float32(t)), parts[name].labels)
                for one, t in zip(logits[name], found["temperature"], strict=True)
            ]
            found[name]["ece_calibrated"] = sum(calibrated) / len(calibrated)
    return found


def over_seeds(of_seeds: list[Metrics]) -> dict[str, Any]:
    """Figures of one split: the only seed's, or means, summed confusion, `spread` and each seed's `runs`."""
    if len(of_seeds) == 1:
        return of_seeds[0].as_json()
    each = [one.as_json() for one in of_seeds]
    found: dict[str, Any] = {"samples": each[0]["samples"]}
    for name in ("loss", "top1", "top5", "top1_low", "top1_high", "ece", "macro_recall", "macro_f1"):
        found[name] = float(np.mean([one[name] for one in each]))
    for name in ("recall", "precision", "f1"):
        columns = zip(*(one[name] for one in each), strict=True)
        known = [[x for x in column if x is not None] for column in columns]
        found[name] = [float(np.mean(values)) if values else None for values in known]
    found["confusion"] = np.sum([one["confusion"] for one in each], axis=0).tolist()
    found["spread"] = {n: mean_and_interval([one[n] for one in each]) for n in ("loss", "top1", "top5", "ece")}
    found["runs"] = [{n: one[n] for n in ("loss", "top1", "top5", "ece")} for one in each]
    return found


def write_history(path: Path, history: list[EpochRow]) -> None:
    """history.csv: one line an epoch and seed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(EpochRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in history)
    write_whole(path, text.getvalue().encode())
