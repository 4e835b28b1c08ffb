"""A batch of training pictures moved and changed: first everything random is drawn, then it is done on the device.

What happens to a batch depends on the run's seed, the epoch and the step alone, so a resumed run sees the same; and
each of several processes draws for the whole batch and takes its own rows, so that all see what one alone would.
"""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.augment.colour import cut_out, jitter
from train.augment.geometry import draw_affine, take_windows, warp
from train.augment.policy import apply_policy, draw_policy
from train.augment.presets import Preset

Draws = dict[str, Tensor]


def generator(seed: int, epoch: int, step: int) -> torch.Generator:
    """A generator on the CPU that depends on the three numbers alone."""
    digest = hashlib.blake2b(f"augment {seed} {epoch} {step}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def draw(
    preset: Preset, rows: NDArray[np.int64], side: int, size: int, random: torch.Generator, *, seed: int, epoch: int
) -> Draws:
    """What shall happen to the samples `rows`: tensors [B, ...] on the CPU.

    Stored pictures have `side` pixels, of which `size` are seen; `seed` and `epoch` matter for alternating flips.
    """
    count = len(rows)
    flip = torch.rand(count, generator=random) < (0.5 if preset.flip == "random" else 0.0)
    if preset.flip == "alternate":
        flip = torch.from_numpy((coin(rows, seed) + epoch) % 2 == 1)
    found: Draws = {"flip": flip}
    if preset.whole_pixels:
        furthest = round(preset.shift * size)
        found["shift"] = torch.randint(-furthest, furthest + 1, (count, 2), generator=random)
    else:
        found["theta"] = draw_affine(count, size / side, preset, flip, random)
    if preset.colour:
        found["colour"] = 1 + preset.colour * (2 * torch.rand(count, 3, generator=random) - 1)
    if preset.policy:
        found |= draw_policy(preset.policy, count, random)
    if preset.cutout:
        found["cutout"] = torch.rand(count, 2, generator=random)
    return found


def coin(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """0 or 1 for each row, at random but always the same (the finaliser of splitmix64)."""
    with np.errstate(over="ignore"):
        x = (rows.astype(np.uint64) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0x94D049BB133111EB)
    return ((x >> np.uint64(40)) & np.uint64(1)).astype(np.int64)


def take(draws: Draws, which: slice) -> Draws:
    """The draws of some of the rows."""
    return {name: values[which] for name, values in draws.items()}


def augment(pictures: Tensor, size: int, preset: Preset, draws: Draws) -> Tensor:
    """uint8 [B, H, H, 3] on any device -> [B, 3, size, size], channels last: uint8 where nothing is computed, else
    float32 in 0..255.

    `size` is at most H; the middle of the picture is seen when nothing is drawn. Outside the picture lies its
    mirror image.
    """
    device = pictures.device
    moved = {name: values.to(device, non_blocking=True) for name, values in draws.items() if name != "policy_op"}
    if preset.whole_pixels:
        out = take_windows(pictures, size, moved["shift"], moved["flip"])
    else:
        out = warp(pictures, moved["theta"], size)
    if preset.colour:
        out = jitter(out.float(), moved["colour"])
    if preset.policy:
        out = apply_policy(out.float(), preset.policy, draws["policy_op"], moved["policy_level"])
    if preset.cutout:
        out = cut_out(out, moved["cutout"], preset.cutout)
    return out.contiguous(memory_format=torch.channels_last)
