"""Everything that decides a run, as one frozen value, and its form on disk: `config.toml`."""

import dataclasses
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from shards.atomic import write_whole
from train.augment import PRESETS
from train.errors import TrainError

# Fields that say where and how fast, not what is learnt: a run goes on when only these differ.
# Data counts by its content: checkpoints carry the release's identity, so that a moved release is still the same.
CIRCUMSTANCES = frozenset({"data", "out", "device", "workers", "threads", "checkpoint_seconds", "folds"})


@dataclass(frozen=True)
class RunConfig:
    """One training run. A field that may be None is decided from the data or the model by `resolve`.

    Rates and decays are those of SGD at its peak; `epochs` passes over the training split; `size` the side in
    pixels of what the network sees; `val` is "auto" (the val split if there is one), "none", or a share of train
    such as "0.1"; `targets` hard labels or the crowd's posterior; `folds` K > 1 adds out-of-fold predictions;
    `minutes` chooses `epochs` by a short measurement, once, and writes it down; `checkpoint_seconds` the longest
    time between two checkpoints (one is written after each epoch too).
    """

    data: str
    out: str
    model: str = "resnet18"
    width: float = 1.0
    small_input: bool | None = None
    init: str = "he"
    zero_gamma: bool = False
    size: int | None = None
    augment: str = "standard"
    targets: str = "hard"
    label_smoothing: float = 0.0
    epochs: int = 30
    minutes: float | None = None
    batch_size: int = 128
    lr: float | None = None
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    warmup: float = 0.1
    seed: int = 0
    seeds: int = 1
    val: str = "auto"
    folds: int = 0
    device: str = "auto"
    precision: str = "auto"
    workers: int | None = None
    threads: int | None = None
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        """Refuse values that no run can have; TrainError with exit code 2."""
        choices = {
            "init": ("he", "glorot"),
            "augment": tuple(PRESETS),
            "targets": ("hard", "soft"),
            "schedule": ("cosine", "steps", "constant"),
            "precision": ("auto", "fp32", "bf16"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                refuse(name, getattr(self, name), f"choose one of {', '.join(allowed)}")
        at_least = {"epochs": 1, "batch_size": 2, "seeds": 1, "seed": 0, "folds": 0, "weight_decay": 0, "size": 8}
        for name, least in at_least.items():
            value = getattr(self, name)
            if value is not None and value < least:
                refuse(name, value, f"it is at least {least}")
        for name in ("lr", "width", "minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                refuse(name, value, "it is more than 0")
        for name in ("momentum", "warmup", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                refuse(name, getattr(self, name), "it lies in [0, 1)")
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
        left_open = new is None or (field.name == "precision" and new == "auto")
        if field.name not in ignored and not left_open and old != new:
            found.append(f"{field.name.replace('_', '-')} {old} there, {new} here")
    return found


def as_dict(config: RunConfig) -> dict[str, Any]:
    """The settings as plain values, for JSON and checkpoints."""
    return dataclasses.asdict(config)
