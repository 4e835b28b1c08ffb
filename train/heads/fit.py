"""A head trained on a release: epochs with a checkpoint after each, the best one chosen on val, figures on test."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shards import Release, ShardError, epoch_order, open_release
from shards.atomic import write_whole
from train.augment.batch import generator
from train.checkpoint import Stamp, load_checkpoint, write_checkpoint
from train.data import even_batches
from train.decoding import square
from train.device import Compute, choose_device, make_compute
from train.diagnosis import not_a_number
from train.errors import TrainError
from train.heads.config import HeadConfig
from train.heads.report import Shown, write_head_report
from train.heads.tasks import HeadPart, Task, task_of
from train.intervals import bootstrap
from train.models import architecture_of
from train.models.build import build_model
from train.models.pretrained import load_partial, read_weights
from train.models.resnet import ResNet
from train.optim.groups import freeze
from train.optim.make import make_optimiser
from train.schedule import rate_factor
from train.settling import SMALL_PICTURE
from train.sources.checksums import check_release
from train.sources.kinds import decode
from train.sources.release import read_meta, read_picture

LARGEST = 224
WARMUP = 0.1
CIRCUMSTANCES = frozenset({"data", "out", "device", "threads"})  # say where, not what is learnt


@dataclass(frozen=True)
class HeadResult:
    """What a training left: its folder, the content of metrics.json, and the trained network."""

    folder: Path
    metrics: dict[str, Any]
    model: torch.nn.Module


def train_head(config: HeadConfig, told: Callable[[str], None] | None = None) -> HeadResult:
    """Train as `config` says into `config.out`, from its last epoch on if there is one; `told` gets a line an epoch.

    Raises TrainError for data without such answers, a checkpoint of something else, or a loss that is no number.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    folder, device = Path(config.out), choose_device(config.device)
    check_release(config.data, None)
    try:
        release = open_release(config.data)
        train_split = release.split("train")
    except ShardError as error:
        raise TrainError(str(error), error.hint, error.exit_code) from error
    categories = tuple(category.slug for category in release.categories)
    task = task_of(config.task, train_split, categories)
    size = config.size or min(LARGEST, release.manifest.pixels.size or LARGEST)
    config = replace(config, size=size)
    parts = {name: load_part(release, name, task, size) for name in ("train", "val", "test") if name in release.splits}
    parts = {name: part for name, part in parts.items() if part.keys}
    pixels = release.manifest.pixels
    mean = pixels.mean or (0.485, 0.456, 0.406)
    compute = make_compute(device, "fp32", mean, pixels.std or (0.229, 0.224, 0.225))
    stamp = Stamp(f"{config.task} {config.model}", release.release_id, categories, config.seed, None, size)
    folder.mkdir(parents=True, exist_ok=True)
    network, loaded = new_network(config, task, size)
    model = compute.place(network)
    history = run_epochs(config, task, model, parts, compute, stamp, folder, told)
    best = load_checkpoint(folder / "best.pt", stamp)
    model.load_state_dict(best["weights"])
    model.eval()
    metrics: dict[str, Any] = {
        "release": release.release_id,
        "data": f"{release.manifest.name}/{release.manifest.version}",
        "task": config.task,
        "model": config.model,
        "settings": asdict(config),
        "chosen_epoch": best["epoch"],
        "chosen_by": "val" if "val" in parts else "last epoch",
        "samples": {name: len(part.keys) for name, part in parts.items()},
        "history": history,
    }
    if loaded:
        metrics["pretrained"] = loaded
    answers = {name: task.answers(model, part, compute) for name, part in parts.items() if name != "train"}
    for name, said in answers.items():
        figure = {task.figure: task.weighted(said, parts[name])}
        metrics[name] = task.figures(said, parts[name]) | {"intervals": bootstrap(figure, len(said))}
    shown = next((name for name in ("test", "val") if name in answers), None)
    if shown is not None:
        write_head_report(folder / "report.html", metrics, task, Shown(shown, parts[shown], answers[shown], categories))
    write_whole(folder / "metrics.json", (json.dumps(metrics, indent=1) + "\n").encode())
    return HeadResult(folder, metrics, model)


def load_part(release: Release, name: str, task: Task, size: int) -> HeadPart:
    """The samples of a split that people were asked about, decoded."""
    split = release.split(name)
    pixels, labels, keys = [], [], []
    for row in range(len(split)):
        meta = read_meta(split, row)
        if task.knows(meta):
            pixels.append(square(decode(read_picture(split, row), f"of sample {split.keys[row]}", size), size))
            labels.append(task.read(meta, size))
            keys.append(str(split.keys[row]))
    stacked = np.stack(pixels) if pixels else np.empty((0, size, size, 3), np.uint8)
    return HeadPart(stacked, labels, keys)


def new_network(config: HeadConfig, task: Task, size: int) -> tuple[torch.nn.Module, str]:
    """The backbone with the task's head on it, and what of pretrained weights went into it, in words."""
    small = config.small_input
    if small is None:
        small = architecture_of(config.model).stem == "small" or size <= SMALL_PICTURE
    backbone = build_model(config.model, 2, size=size, small_input=small, width=config.width, seed=config.seed)
    assert isinstance(backbone, ResNet)
    loaded = load_partial(backbone, read_weights(config.pretrained)).sentence() if config.pretrained else ""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return task.network(backbone, size), loaded


def refuse_other_settings(folder: Path, there: dict[str, Any] | None, config: HeadConfig) -> None:
    """TrainError (exit code 2), with what differs, where `last.pt` was written under other settings, or says none."""
    here = asdict(config)
    words = [
        f"{name.replace('_', '-')} {there.get(name)} there, {here[name]} here"
        for name in (here if there is not None else ())
        if name not in CIRCUMSTANCES and there is not None and there.get(name) != here[name]
    ]
    if words or there is None:
        raise TrainError(
            f"{folder} holds a run with other settings ({'; '.join(words) or 'it does not say which'}).",
            hint="give another --out to keep both, or delete that folder",
            exit_code=2,
        )


def run_epochs(
    config: HeadConfig,
    task: Task,
    model: torch.nn.Module,
    parts: dict[str, HeadPart],
    compute: Compute,
    stamp: Stamp,
    folder: Path,
    told: Callable[[str], None] | None,
) -> list[dict[str, Any]]:
    """Train to the last epoch; writes `last.pt` after each, and `best.pt` where val says so."""
    norms = freeze(model, config.frozen)
    optimiser = make_optimiser(
        model, "adamw", lr=config.lr, momentum=0.9, weight_decay=config.weight_decay, layer_decay=config.layer_decay
    )
    history: list[dict[str, Any]] = []
    if (folder / "last.pt").is_file():
        there = load_checkpoint(folder / "last.pt", stamp)
        refuse_other_settings(folder, there.get("settings"), config)
        model.load_state_dict(there["weights"])
        optimiser.load_state_dict(there["optimiser"])
        history = there["history"]
    train = parts["train"]
    steps = len(even_batches(np.arange(len(train.keys)), config.batch_size))
    for epoch in range(len(history), config.epochs):
        total = 0.0
        torch.manual_seed(generator(config.seed, epoch, 0).initial_seed())  # the FCN's dropout draws from torch's own
        model.train()
        for norm in norms:
            norm.eval()
        order = epoch_order(len(train.keys), config.seed, epoch)
        for step, rows in enumerate(even_batches(order, config.batch_size)):
            factor = rate_factor(epoch * steps + step, config.epochs * steps, warmup=WARMUP)
            for group in optimiser.param_groups:
                group["lr"] = config.lr * factor * group["scale"]
            flip = torch.rand(len(rows), generator=generator(config.seed, epoch, step)).numpy() < 0.5
            loss = task.loss(model, train, rows, flip, compute)
            value = float(loss.detach())
            if not math.isfinite(value):
                raise not_a_number(
                    model,
                    partial(task.loss, model, train, rows, flip, compute),
                    f"epoch {epoch + 1}, step {step + 1} of {steps}",
                    config.lr * factor,
                    [train.keys[row] for row in rows],
                )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += value * len(rows)
        model.eval()
        figure = None
        if "val" in parts:
            figure = task.figures(task.answers(model, parts["val"], compute), parts["val"])[task.figure]
        history.append({"epoch": epoch + 1, "train_loss": total / len(train.keys), f"val_{task.figure}": figure})
        best = max(history, key=lambda row: row[f"val_{task.figure}"] or 0.0) if "val" in parts else history[-1]
        if best is history[-1]:
            content = {"weights": model.state_dict(), "epoch": epoch + 1, "settings": asdict(config)}
            write_checkpoint(folder / "best.pt", {"stamp": asdict(stamp), **content})
        state = {"weights": model.state_dict(), "optimiser": optimiser.state_dict(), "history": history}
        write_checkpoint(folder / "last.pt", {"stamp": asdict(stamp), "settings": asdict(config), **state})
        if told:
            shown = "" if figure is None else f"  val {task.figure} {figure:.3f}"
            told(f"epoch {epoch + 1:>3}  loss {total / len(train.keys):.3f}{shown}")
    return history
