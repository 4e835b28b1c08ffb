"""Brightness, contrast, saturation and cutout, for a batch with an amount for each picture.

The arithmetic is that of torchvision's functions of the same names; Cutout: DeVries and Taylor 2017.
"""

import torch
from torch import Tensor

GREY = (0.2989, 0.587, 0.114)
MID = 127.5


def blend(pictures: Tensor, other: Tensor, amount: Tensor) -> Tensor:
    """`amount` [B] of the pictures and the rest of `other`, kept in 0..255."""
    share = amount.reshape(-1, 1, 1, 1)
    return (pictures * share + other * (1 - share)).clamp(0, 255)


def grey(pictures: Tensor) -> Tensor:
    """float [B, 3, H, W] -> float [B, 1, H, W]."""
    red, green, blue = pictures.split(1, dim=1)
    return GREY[0] * red + GREY[1] * green + GREY[2] * blue


def brightness(pictures: Tensor, amount: Tensor) -> Tensor:
    """0 is black, 1 the picture."""
    return blend(pictures, torch.zeros_like(pictures), amount)


def contrast(pictures: Tensor, amount: Tensor) -> Tensor:
    """0 is the picture's mean grey, 1 the picture."""
    return blend(pictures, grey(pictures).mean(dim=(1, 2, 3), keepdim=True), amount)


def saturation(pictures: Tensor, amount: Tensor) -> Tensor:
    """0 is grey, 1 the picture."""
    return blend(pictures, grey(pictures), amount)


def jitter(pictures: Tensor, amounts: Tensor) -> Tensor:
    """Brightness, contrast and saturation in turn, `amounts` float [B, 3]."""
    pictures = brightness(pictures, amounts[:, 0])
    pictures = contrast(pictures, amounts[:, 1])
    return saturation(pictures, amounts[:, 2])


def cut_out(pictures: Tensor, centre: Tensor, share: float) -> Tensor:
    """A grey square of `share` of the side around `centre` [B, 2] in 0..1, cut off at the picture's border."""
    size = pictures.shape[-1]
    half = share * size / 2
    steps = torch.arange(size, device=pictures.device) + 0.5
    near = [(steps - centre[:, i : i + 1] * size).abs() < half for i in (0, 1)]
    inside = near[0][:, None, :, None] & near[1][:, None, None, :]
    return torch.where(inside, MID if pictures.is_floating_point() else round(MID), pictures)
