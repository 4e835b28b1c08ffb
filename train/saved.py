"""A trained network from a run's folder: its weights, and everything that turns a picture into an answer."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from train.augment.geometry import middle
from train.checkpoint import read_checkpoint
from train.decoding import square, stored_side
from train.device import Compute, choose_device, make_compute
from train.errors import TrainError
from train.models.build import build_model


@dataclass(frozen=True)
class Saved:
    """A network in evaluation, on `compute.device`; `temperature` divides its logits (1: as they are)."""

    model: nn.Module
    name: str
    categories: tuple[str, ...]
    size: int
    compute: Compute
    temperature: float
    settings: dict[str, Any]

    def inputs(self, pictures: Tensor) -> Tensor:
        """uint8 [B, H, H, 3] of `stored_side(size)` -> what the network takes, float32 [B, 3, size, size]."""
        return self.compute.normalise(middle(pictures.to(self.compute.device), self.size))

    @property
    def side(self) -> int:
        """The side in pixels of what `read` gives."""
        return stored_side(self.size)

    def read(self, picture: Image.Image) -> NDArray[np.uint8]:
        """An RGB picture -> uint8 [H, H, 3], as training and evaluation cut it."""
        return square(picture, self.side)


def open_saved(place: Path, device: str = "auto") -> Saved:
    """The network of a run's folder, or of a `best.pt`. TrainError (exit code 2) where there is none."""
    file = place / "best.pt" if place.is_dir() else place
    if not file.is_file():
        raise TrainError(f"There is no trained network at {file}.", "give a run's folder or its best.pt", 2)
    content = read_checkpoint(file)
    if "settings" not in content:
        raise TrainError(f"{file} is no best.pt.", "give a run's folder or its best.pt", 2)
    settings, stamp = content["settings"], content["stamp"]
    model = build_model(
        settings["model"],
        len(settings["categories"]),
        size=stamp["size"],
        small_input=settings["small_input"],
        width=settings["width"],
    )
    model.load_state_dict(content["weights"])
    chosen = choose_device(device)
    compute = make_compute(chosen, "fp32", tuple(settings["mean"]), tuple(settings["std"]))
    return Saved(
        model=compute.place(model).eval(),
        name=settings["model"],
        categories=tuple(settings["categories"]),
        size=stamp["size"],
        compute=compute,
        temperature=run_temperature(file.parent),
        settings=settings,
    )


def run_temperature(folder: Path) -> float:
    """The first seed's temperature as the run's metrics.json has it; 1 where there is none."""
    try:
        found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["temperature"]
        return float(found[0])
    except (OSError, ValueError, KeyError, IndexError):
        return 1.0
