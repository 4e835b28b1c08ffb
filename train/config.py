"""Everything that decides a run, as one frozen value, and its form on disk: `config.toml`."""

import dataclasses
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from shards.atomic import write_whole
from train.augment import parse_augment
from train.errors import TrainError
from train.models import architecture_of
from train.optim import OPTIMIZERS
from train.schedule import SCHEDULES

LOSSES = ("ce", "gce", "sce", "elr")  # train/losses.py

# Fields that say where and how fast, not what is learnt: a run goes on when only these differ.
# Data counts by its content: checkpoints carry the release's identity, so that a moved release is still the same.
CIRCUMSTANCES = frozenset(
    [
        "data",
        "out",
        "device",
        "workers",
        "threads",
        "checkpoint_seconds",
        "folds",
        "tensorboard",
        "verify",
        "side_by_side",
    ]
)


@dataclass(frozen=True)
class RunConfig:
    """One training run. A field that may be None is decided from the data or the model by `resolve`.

    `lr` is the optimiser's at its peak, else `rate` says it decoupled from batch and momentum (train/optim/make.py);
    `epochs` passes over the training split; `minutes` chooses them by a short measurement, once, and writes them down;
    `size` the side in pixels of what the network sees; `val` is "auto" (the val split if there is one), "none", or a
    share of train such as "0.1"; `targets` hard labels, the crowd's posterior (soft), or an npz file of key and
    probabilities; `batch_size` 0 is the largest that fits; `accumulate` parts of a batch pass one after the other;
    `ema` the decay of averaged weights, 0 for none; `frozen` how many parts from the stem on learn nothing;
    `layer_decay` each part's rate against the next one's; `skip_corrupt` the share of a split that may be unreadable;
    `side_by_side` how many of the seeds train at once, each in a process of its own; `folds` K > 1 adds out-of-fold
    predictions; `gpu_decode` decodes streamed JPEGs on the device; `deterministic` takes only kernels that add in one
    order; `checkpoint_seconds` the longest time between two checkpoints.
    """

    data: str
    out: str
    model: str = "resnet18"
    width: float = 1.0
    small_input: bool | None = None
    init: str = "he"
    zero_gamma: bool = False
    pretrained: str = ""
    frozen: int = 0
    size: int | None = None
    augment: str = "standard"
    targets: str = "hard"
    loss: str = "ce"
    label_smoothing: float = 0.0
    class_weights: str = "none"
    epochs: int = 30
    minutes: float | None = None
    batch_size: int = 128
    accumulate: int = 1
    optimizer: str = "sgd"
    lr: float | None = None
    rate: float | None = None
    layer_decay: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    warmup: float = 0.1
    ema: float = 0.0
    seed: int = 0
    seeds: int = 1
    side_by_side: int = 1
    val: str = "auto"
    folds: int = 0
    skip_corrupt: float = 0.0
    verify: bool | None = None
    device: str = "auto"
    precision: str = "auto"
    channels_last: bool = True
    compile: bool = False
    cuda_graphs: bool = False
    deterministic: bool = False
    gpu_decode: bool = False
    workers: int | None = None
    threads: int | None = None
    checkpoint_seconds: float = 30.0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Refuse values that no run can have; TrainError with exit code 2."""
        choices = {
            "init": ("he", "glorot"),
            "schedule": SCHEDULES,
            "optimizer": OPTIMIZERS,
            "loss": LOSSES,
            "class_weights": ("none", "balanced"),
            "precision": ("auto", "fp32", "bf16"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                refuse(name, getattr(self, name), f"choose one of {', '.join(allowed)}")
        parse_augment(self.augment)
        if self.model != "article":
            architecture_of(self.model)
        if self.targets not in ("hard", "soft") and not self.targets.endswith(".npz"):
            refuse("targets", self.targets, "choose hard, soft, or the path of a file that ends in .npz")
        at_least = {
            "epochs": 1, "batch_size": 0, "accumulate": 1, "seeds": 1, "side_by_side": 1, "seed": 0, "folds": 0,
            "weight_decay": 0, "size": 8, "frozen": 0,
        }  # fmt: skip
        for name, least in at_least.items():
            value = getattr(self, name)
            if value is not None and value < least:
                refuse(name, value, f"it is at least {least}")
        if self.batch_size == 1:
            refuse("batch_size", 1, "it is at least 2 (batch norm needs two), or auto")
        for name in ("lr", "rate", "width", "minutes", "layer_decay"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                refuse(name, value, "it is more than 0")
        for name in ("momentum", "warmup", "label_smoothing", "ema", "skip_corrupt"):
            if not 0 <= getattr(self, name) < 1:
                refuse(name, getattr(self, name), "it lies in [0, 1)")
        if self.loss == "elr" and ("mixup" in self.augment or "cutmix" in self.augment):
            refuse("augment", self.augment, "the loss elr remembers single pictures; leave out mixup and cutmix")
        if self.folds == 1:
            refuse("folds", 1, "give 0 for none, or 2 or more")
        self.val_share()

    def val_share(self) -> float | None:
        """The share of train that becomes val, or None where `val` is a word."""
        if self.val in ("auto", "none"):
            return None
        try:
            share = float(self.val)
        except ValueError:
            share = 0.0
        if not 0 < share < 1:
            refuse("val", self.val, "give auto, none, or a share of train such as 0.1")
        return share


def refuse(name: str, value: object, hint: str) -> None:
    """Raise the sentence for a setting that cannot be."""
    raise TrainError(f"{value!r} is not a value of {name.replace('_', '-')}.", hint=hint, exit_code=2)


def to_toml(config: RunConfig) -> str:
    """The settings as TOML, one a line, in the order of the fields; fields that are None are absent."""
    lines = []
    for field in fields(config):
        value = getattr(config, field.name)
        if value is None:
            continue
        lines.append(f"{field.name} = {toml_value(value)}")
    return "\n".join(lines) + "\n"


def toml_value(value: str | bool | int | float) -> str:
    """One TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = "".join(
            {"\\": "\\\\", '"': '\\"'}.get(c, c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}") for c in value
        )
        return f'"{escaped}"'
    return repr(value)


def in_words(config: RunConfig) -> str:
    """The settings that say most, and all others that are not the defaults, in a line."""
    always = ("model", "epochs", "batch_size", "lr", "size", "precision", "device")
    told = [f for f in fields(config) if f.name in always or getattr(config, f.name) != f.default]
    return ", ".join(f"{f.name.replace('_', '-')} {toml_value(getattr(config, f.name)).strip(chr(34))}" for f in told)


def from_toml(text: str) -> RunConfig:
    """The inverse of `to_toml`. Raises TrainError for text that is no TOML, or that names other settings."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
        for field in fields(RunConfig):
            if isinstance(table.get(field.name), int) and "float" in str(field.type):
                table[field.name] = float(table[field.name])
        return RunConfig(**table)
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise TrainError(
            f"The settings cannot be read ({error}).", hint="compare with another run's config.toml"
        ) from error


def load_config(run: Path) -> RunConfig | None:
    """The settings of the run in folder `run`, or None where there is none."""
    file = run / "config.toml"
    return from_toml(file.read_text(encoding="utf-8")) if file.is_file() else None


def save_config(config: RunConfig, run: Path) -> None:
    """Write `config.toml` into the folder `run`."""
    write_whole(run / "config.toml", to_toml(config).encode())


def differences(there: RunConfig, here: RunConfig) -> list[str]:
    """What two settings disagree on, in words; what is left open `here`, or changes nothing learnt, agrees."""
    # With a time budget, the epochs were chosen by measurement and belong to the run that is there.
    ignored = CIRCUMSTANCES | ({"epochs"} if here.minutes is not None else frozenset())
    found = []
    for field in fields(RunConfig):
        old, new = getattr(there, field.name), getattr(here, field.name)
        left_open = new is None or (field.name, new) in (("precision", "auto"), ("batch_size", 0))
        if field.name not in ignored and not left_open and old != new:
            found.append(f"{field.name.replace('_', '-')} {old} there, {new} here")
    return found


def as_dict(config: RunConfig) -> dict[str, Any]:
    """The settings as plain values, for JSON and checkpoints."""
    return dataclasses.asdict(config)
