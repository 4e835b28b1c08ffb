"""Training pictures rotated, cropped, scaled and flipped, a whole batch at once, on the device it lies on.

What happens to a batch depends on the run's seed, the epoch and the step alone, so a resumed run sees the same.
"""

import hashlib
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Preset:
    """How far a picture may be moved; each amount is drawn uniformly for each picture.

    `rotate` in degrees, both ways; `scale` the share of the side that is seen (below 1 zooms in); `aspect` the
    largest stretch of one side against the other; `shift` a share of the side, both ways; `flip` left to right.
    """

    rotate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    aspect: float = 1.0
    shift: float = 0.0
    flip: bool = False

    @property
    def whole_pixels(self) -> bool:
        """Whether pixels only move by whole steps, so that none is interpolated."""
        return self.rotate == 0 and self.scale == (1.0, 1.0) and self.aspect == 1


PRESETS = {
    "none": Preset(),
    "flip": Preset(flip=True),
    "cifar": Preset(shift=0.125, flip=True),  # 4 of 32 pixels and a flip: He et al., section 4.2
    "standard": Preset(rotate=15, scale=(0.8, 1.15), aspect=1.1, shift=0.1, flip=True),
    "imagenet": Preset(scale=(0.5, 1.1), aspect=4 / 3, shift=0.25, flip=True),
}


def generator(seed: int, epoch: int, step: int) -> torch.Generator:
    """A generator on the CPU that depends on the three numbers alone."""
    digest = hashlib.blake2b(f"augment {seed} {epoch} {step}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def augment(pictures: Tensor, size: int, preset: Preset, random: torch.Generator) -> Tensor:
    """uint8 [B, H, H, 3] on any device -> [B, 3, size, size], channels last: uint8 or, if interpolated, float32.

    `size` is at most H; the middle of the picture is seen when nothing is drawn. Outside the picture lies its
    mirror image.
    """
    count, device = len(pictures), pictures.device
    flip = torch.rand(count, generator=random) < (0.5 if preset.flip else 0.0)
    if preset.whole_pixels:
        furthest = round(preset.shift * size)
        shift = torch.randint(-furthest, furthest + 1, (count, 2), generator=random)
        return take_windows(pictures, size, shift.to(device), flip.to(device))
    theta = draw_affine(count, size / pictures.shape[1], preset, flip, random).to(device)
    grid = F.affine_grid(theta, [count, 3, size, size], align_corners=False)
    return F.grid_sample(
        pictures.permute(0, 3, 1, 2).float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False
    ).contiguous(memory_format=torch.channels_last)


def draw_affine(count: int, view: float, preset: Preset, flip: Tensor, random: torch.Generator) -> Tensor:
    """Maps from what is seen to where it lies, float32 [B, 2, 3], in coordinates from -1 to 1."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=random)

    angle = torch.deg2rad(uniform(-preset.rotate, preset.rotate))
    side = view * uniform(*preset.scale)
    stretch = torch.exp(uniform(-0.5, 0.5) * math.log(preset.aspect)) if preset.aspect > 1 else torch.ones(count)
    across = side * stretch * torch.where(flip, -1.0, 1.0)
    down = side / stretch
    shift_x, shift_y = (2 * view * uniform(-preset.shift, preset.shift) for _ in range(2))
    cos, sin = torch.cos(angle), torch.sin(angle)
    first = torch.stack([across * cos, -down * sin, shift_x], dim=1)
    second = torch.stack([across * sin, down * cos, shift_y], dim=1)
    return torch.stack([first, second], dim=1)


def take_windows(pictures: Tensor, size: int, shift: Tensor, flip: Tensor) -> Tensor:
    """Windows of `size` pixels, `shift` int64 [B, 2] (down, across) off the middle and flipped; uint8."""
    count, side = pictures.shape[:2]
    steps = torch.arange(size, device=pictures.device)
    start = (side - size) // 2
    rows = mirror(start + shift[:, :1] + steps, side)
    columns = mirror(start + shift[:, 1:] + torch.where(flip[:, None], steps.flip(0), steps), side)
    which = torch.arange(count, device=pictures.device)[:, None, None]
    return pictures[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def mirror(position: Tensor, side: int) -> Tensor:
    """Positions outside 0..side-1 reflected at the outer pixels."""
    position = position.abs()
    return torch.where(position >= side, 2 * (side - 1) - position, position)


def middle(pictures: Tensor, size: int) -> Tensor:
    """The unchanged middle of each picture: uint8 [B, H, H, 3] -> uint8 [B, 3, size, size], channels last."""
    start = (pictures.shape[1] - size) // 2
    return pictures[:, start : start + size, start : start + size].permute(0, 3, 1, 2)
