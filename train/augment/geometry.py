"""Where pixels come from: whole-pixel windows, or one affine map a picture, for a batch at a time."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from train.augment.presets import Preset


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


def warp(pictures: Tensor, theta: Tensor, size: int) -> Tensor:
    """uint8 [B, H, H, 3] through affine maps -> float32 [B, 3, size, size]; mirrored outside the picture."""
    grid = F.affine_grid(theta, [len(pictures), 3, size, size], align_corners=False)
    return F.grid_sample(
        pictures.permute(0, 3, 1, 2).float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )


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
