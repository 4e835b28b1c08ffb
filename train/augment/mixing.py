"""Mixup (Zhang et al., ICLR 2018) and CutMix (Yun et al., ICCV 2019): each picture with its neighbour in the batch."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.augment.presets import Preset


@dataclass(frozen=True)
class Mix:
    """`share` of each picture (and of its target) is its own; `box` (top, left, bottom, right) in 0..1 for CutMix."""

    share: float
    box: tuple[float, float, float, float] | None


def draw_mix(preset: Preset, random: torch.Generator) -> Mix | None:
    """One mix for a batch, or None where the preset has none; with both, either comes half of the time."""
    alphas = {name: getattr(preset, name) for name in ("mixup", "cutmix") if getattr(preset, name)}
    if not alphas:
        return None
    numbers = np.random.Generator(np.random.PCG64(int(torch.randint(2**62, (1,), generator=random))))
    name = list(alphas)[int(numbers.integers(len(alphas)))]
    share = float(numbers.beta(alphas[name], alphas[name]))
    if name == "mixup":
        return Mix(max(share, 1 - share), None)
    side = (1 - share) ** 0.5
    y, x = numbers.uniform(0, 1, 2)
    box = (max(0.0, y - side / 2), max(0.0, x - side / 2), min(1.0, y + side / 2), min(1.0, x + side / 2))
    return Mix(share, box)


def mix_pictures(pictures: Tensor, targets: Tensor, mix: Mix) -> tuple[Tensor, Tensor]:
    """float [B, 3, S, S] and targets float [B, K], mixed with those of the picture before."""
    other = pictures.roll(1, 0)
    share = mix.share
    if mix.box is None:
        pictures = share * pictures + (1 - share) * other
    else:
        size = pictures.shape[-1]
        top, left, bottom, right = (round(edge * size) for edge in mix.box)
        pictures = pictures.clone()
        pictures[:, :, top:bottom, left:right] = other[:, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / size**2  # what the cut at the border left of it
    return pictures, share * targets + (1 - share) * targets.roll(1, 0)
