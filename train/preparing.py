"""What a run needs before its first step: data opened and decoded, every open setting decided, one job a network."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from train.checkpoint import Stamp
from train.config import RunConfig, as_dict, load_config
from train.data import channel_statistics
from train.device import make_compute, settle_arithmetic
from train.errors import TrainError
from train.job import Job, Part
from train.loop import seconds_per_epoch
from train.memory import check_batch, choose_batch
from train.models.pretrained import digest_of, read_weights
from train.parallel import World, check_pieces
from train.parts import Loaded, Progress, carve_val, load_parts
from train.settling import join_existing, resolve, settled_rate
from train.sources import Source, open_source
from train.sources.checksums import check_release

MAX_EPOCHS = 1000


@dataclass(frozen=True)
class Prepared:
    """Settings without open choices, the data, and one job a seed.

    `whole` is train with what is held out of it as val; `corrupt` are the keys of what could not be read.
    """

    config: RunConfig
    source: Source
    parts: dict[str, Part]
    whole: Loaded
    corrupt: list[str]
    jobs: list[Job]


def prepare(config: RunConfig, device: torch.device, world: World, progress: Progress | None) -> Prepared:
    """Open, check and decode the data, and decide what `config` leaves open; writes nothing.

    Raises TrainError for everything that a person can mend.
    """
    if world.size > 1 and config.side_by_side > 1:
        raise TrainError(
            "The processes of torchrun train one network together, so that seeds cannot train side by side.",
            hint="leave out torchrun, or --side-by-side",
            exit_code=2,
        )
    settle_arithmetic(config.threads, config.deterministic)
    source = open_source(config.data)
    check_release(config.data, config.verify, progress)
    fresh = load_config(Path(config.out)) is None
    config = resolve(join_existing(config), source, device)
    world.wait()  # until all have looked into the folder, before the first one writes into it
    whole, corrupt = load_parts(source, config, device, progress)
    parts = {name: part for name, (part, _) in whole.items()} | carve_val(whole["train"], config)
    jobs = make_jobs(config, source, parts, device, world)
    config, jobs = decide_by_trying(config, jobs, fresh)
    return Prepared(config, source, parts, whole["train"], corrupt, jobs)


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
