"""Trains the copy-detection descriptor of `imaging.descriptors` on 45,000 of CIFAR-10's training pictures, no labels.

    python benchmarks/dedup_train.py [--minutes 25] [--seed 7] --out imaging/descriptor.npz

Each picture against a changed copy of it (cropped, turned a little, mirrored, framed, marked, recoloured, blurred): the
copy must be nearer than every other picture of the batch (InfoNCE, van den Oord et al., 2018), and neighbours are
pushed apart (KoLeo, Sablayrolles et al., ICLR 2019; used for copies by Pizzi et al., SSCD, CVPR 2022). Needs torch.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

SIDE = 32
WIDTH = 128
TRAINED_ON = 45_000
BATCH = 256
TEMPERATURE = 0.07
SPREAD = 0.3
RATE = 3e-3


class Descriptor(nn.Module):
    """RGB [N, 3, 32, 32] -> unit vectors [N, 128]; what `imaging.descriptors` computes in numpy."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(3, 24, 5, 2, 2),
                nn.Conv2d(24, 64, 3, 2, 1),
                nn.Conv2d(64, 96, 3, 1, 1),
                nn.Conv2d(96, 160, 3, 2, 1),
            ]
        )
        self.norms = nn.ModuleList([nn.BatchNorm2d(conv.out_channels) for conv in self.convs])
        self.last = nn.Linear(160 * 16, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Each picture about its mean, in units of its deviation, so that exposure says nothing."""
        x = x - x.mean((1, 2, 3), keepdim=True)
        x = x / (x.square().mean((1, 2, 3), keepdim=True).sqrt() + 4 / 255)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.relu(norm(conv(x)))
        return functional.normalize(self.last(x.flatten(1)))


def main() -> None:
    """Train for so many minutes and write the weights as float16, batch norms folded in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--minutes", type=float, help="stop the schedule here instead of after so many epochs")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(given.threads)
    pictures = read_pictures()
    model = Descriptor().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=1e-3)
    steps_per_epoch = len(pictures) // BATCH
    start, step, seen = time.monotonic(), 0, 0.0
    total = given.epochs * steps_per_epoch
    while True:
        order = torch.randperm(len(pictures))
        for at in range(0, steps_per_epoch * BATCH, BATCH):
            done = (time.monotonic() - start) / (60 * given.minutes) if given.minutes else step / total
            if done >= 1:
                write(model, given.out)
                return
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1.0, step / 100) * 0.5 * (1 + math.cos(math.pi * done))
            batch = pictures[order[at : at + BATCH]].float() / 255
            loss = contrast(model(changed(batch, 0.25)), model(changed(batch, 1.0)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            seen = 0.98 * seen + 0.02 * loss.item()
            if step % 50 == 0:
                corrected = seen / (1 - 0.98**step)
                print(f"{time.monotonic() - start:6.0f} s, step {step}: loss {corrected:.3f}", flush=True)
        write(model, given.out)


def contrast(a: Tensor, b: Tensor) -> Tensor:
    """InfoNCE both ways, and KoLeo: the mean log distance to the nearest other picture, to be large."""
    logits = a @ b.T / TEMPERATURE
    target = torch.arange(len(a))
    own = (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2
    others = (a @ a.T).masked_fill(torch.eye(len(a), dtype=torch.bool), -1)
    nearest = (2 - 2 * others.max(1).values).clamp_min(1e-6).sqrt()
    return own - SPREAD * nearest.log().mean()


def changed(x: Tensor, strength: float) -> Tensor:
    """Copies as the web makes them; `strength` is the share of pictures that each change meets."""
    n = len(x)

    def some(share: float) -> Tensor:
        return torch.rand(n) < share * strength

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape)

    # Geometry, as one affine sampling: crop (scale under 1), frame (over 1), shift, small turn, mirror.
    cropped, framed = some(0.75), some(0.3)
    scale_x = torch.where(cropped, uniform(0.68, 1.0), torch.ones(n))
    scale_y = torch.where(cropped, (scale_x + uniform(-0.1, 0.1)).clamp(0.66, 1.0), torch.ones(n))
    shift_x, shift_y = (uniform(-1, 1) * (1 - scale) for scale in (scale_x, scale_y))
    widened = uniform(1.0, 1.6)
    scale_x, scale_y = (torch.where(framed, widened * uniform(0.9, 1.12), scale) for scale in (scale_x, scale_y))
    shift_x, shift_y = (
        torch.where(framed, uniform(-0.6, 0.6) * (scale - 1).clamp_min(0), shift)
        for scale, shift in ((scale_x, shift_x), (scale_y, shift_y))
    )
    angle = torch.where(some(0.5), uniform(-13, 13), torch.zeros(n)) * (math.pi / 180)
    scale_x = torch.where(torch.rand(n) < 0.5, -scale_x, scale_x)
    rows = torch.stack([scale_x * angle.cos(), -scale_y * angle.sin(), shift_x], 1)
    columns = torch.stack([scale_x * angle.sin(), scale_y * angle.cos(), shift_y], 1)
    grid = functional.affine_grid(torch.stack([rows, columns], 1), [n, 3, SIDE, SIDE], align_corners=False)
    moved = functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    inside = (grid.abs() <= 1).all(-1)[:, None].float()
    behind = torch.where(some(0.5)[:, None, None, None], uniform(0, 1, 3, 1, 1), uniform(0, 1, 1, 1, 1).round())
    bars = (torch.rand(n, 1, SIDE, 1) < 0.15).float() * some(0.4)[:, None, None, None]
    x = moved * inside + (1 - inside) * (behind + bars * (uniform(0, 1, 3, 1, 1) - behind))

    # Marks: a rectangle of one colour, half seen through.
    wide, high = uniform(0.05, 0.5, 1, 1), uniform(0.04, 0.2, 1, 1)
    left, top = uniform(0, 1, 1, 1), uniform(0, 1, 1, 1)
    line = (torch.arange(SIDE) + 0.5) / SIDE
    mark = ((line[None, None, :] - left).abs() < wide / 2) & ((line[None, :, None] - top).abs() < high / 2)
    opaque = uniform(0.3, 1.0, 1, 1, 1) * some(0.3)[:, None, None, None]
    x = x + mark[:, None].float() * opaque * (uniform(0, 1, 3, 1, 1) - x)

    # Sharpness: blur by shrinking and growing, noise.
    soft = functional.interpolate(functional.avg_pool2d(x, 2), scale_factor=2.0, mode="bilinear", align_corners=False)
    mixed = uniform(0.2, 1, 1, 1, 1) * some(0.4)[:, None, None, None]
    x = x + mixed * (soft - x)
    x = x + torch.randn_like(x) * uniform(0, 0.08, 1, 1, 1) * some(0.3)[:, None, None, None]

    # Colour: gamma, contrast and brightness, saturation (to grey), a gain of each channel.
    x = x.clamp(1e-3, 1) ** torch.where(some(0.4)[:, None, None, None], uniform(0.6, 1.6, 1, 1, 1), torch.ones(1))
    grey = x.mean(1, keepdim=True)
    drained = torch.where(torch.rand(n, 1, 1, 1) < 0.4, torch.ones(1), uniform(-0.5, 1, 1, 1, 1))
    x = x + drained * some(0.4)[:, None, None, None] * (grey - x)
    x = x * torch.where(some(0.4)[:, None, None, None], uniform(0.75, 1.3, 3, 1, 1), torch.ones(1))
    x = x + some(0.4)[:, None, None, None] * ((x - 0.5) * uniform(-0.5, 0.4, 1, 1, 1) + uniform(-0.2, 0.2, 1, 1, 1))
    return x.clamp(0, 1)


def read_pictures() -> Tensor:
    """uint8 [45000, 3, 32, 32]."""
    folder = Path(os.environ.get("CAIRN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    found = []
    for name in ("cifar10_train_a.tar", "cifar10_train_b.tar"):
        with tarfile.open(folder / name) as archive:
            for member in archive:
                file = archive.extractfile(member) if len(found) < TRAINED_ON else None
                if file is not None:
                    found.append(np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB")))
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous()


def write(model: Descriptor, path: Path) -> None:
    """float16 arrays: each convolution with its batch norm folded in, then the last layer."""
    arrays = {}
    for layer, (conv, norm) in enumerate(zip(model.convs, model.norms, strict=True)):
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_var is not None
        assert norm.running_mean is not None
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        arrays[f"weight{layer}"] = conv.weight * gain[:, None, None, None]
        arrays[f"bias{layer}"] = norm.bias + (conv.bias - norm.running_mean) * gain  # type: ignore[operator]
    arrays |= {"last_weight": model.last.weight, "last_bias": model.last.bias}
    stored = {name: value.detach().numpy().astype(np.float16) for name, value in arrays.items()}
    np.savez_compressed(path, **stored)


if __name__ == "__main__":
    main()
