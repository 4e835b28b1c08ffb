"""RandAugment and TrivialAugment for a batch: each picture gets its own operation and strength.

Cubuk et al., "RandAugment" (2020): two operations at magnitude 9 of 30. Müller and Hutter, "TrivialAugment" (ICCV
2021), wide space: one operation at a random magnitude. Operations and ranges are torchvision's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from train.augment.colour import brightness, contrast, saturation

OPERATIONS = (
    "identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "saturation", "contrast",
    "sharpness", "posterize", "solarize", "autocontrast", "equalize",
)  # fmt: skip
# The largest strength of each operation in (RandAugment, TrivialAugment); translations as a share of the side.
LARGEST = {
    "shear_x": (0.3, 0.99),
    "shear_y": (0.3, 0.99),
    "translate_x": (150 / 331, 32 / 32),
    "translate_y": (150 / 331, 32 / 32),
    "rotate": (30.0, 135.0),
    "brightness": (0.9, 0.99),
    "saturation": (0.9, 0.99),
    "contrast": (0.9, 0.99),
    "sharpness": (0.9, 0.99),
    "posterize": (4.0, 6.0),  # bits that are dropped
    "solarize": (1.0, 1.0),
}
LAYERS = {"randaugment": 2, "trivialaugment": 1}
MAGNITUDE = 9 / 30  # of RandAugment


def draw_policy(policy: str, count: int, random: torch.Generator) -> dict[str, Tensor]:
    """For each picture and layer an operation int64 [B, L] and a signed level float [B, L] in -1..1."""
    shape = (count, LAYERS[policy])
    operation = torch.randint(0, len(OPERATIONS), shape, generator=random)
    level = torch.rand(shape, generator=random) if policy == "trivialaugment" else torch.full(shape, MAGNITUDE)
    sign = torch.where(torch.rand(shape, generator=random) < 0.5, -1.0, 1.0)
    return {"policy_op": operation, "policy_level": level * sign}


def apply_policy(pictures: Tensor, policy: str, operation: Tensor, level: Tensor) -> Tensor:
    """float [B, 3, H, W] in 0..255; `operation` int64 [B, L] on the CPU, so that choosing rows waits for no device."""
    column = list(LAYERS).index(policy)
    out = pictures.clone()
    for layer in range(operation.shape[1]):
        for number, name in enumerate(OPERATIONS):
            rows = (operation[:, layer] == number).nonzero()[:, 0].to(pictures.device, non_blocking=True)
            if name != "identity" and len(rows):
                strength = level[rows, layer] * (LARGEST[name][column] if name in LARGEST else 1.0)
                out[rows] = operate(name, out[rows], strength)
    return out


def operate(name: str, pictures: Tensor, strength: Tensor) -> Tensor:
    """One operation with a signed strength [B] for each picture."""
    if name in ("shear_x", "shear_y", "translate_x", "translate_y", "rotate"):
        return move(name, pictures, strength)
    if name in ("brightness", "contrast", "saturation"):
        return {"brightness": brightness, "contrast": contrast, "saturation": saturation}[name](pictures, 1 + strength)
    if name == "sharpness":
        return sharpness(pictures, 1 + strength)
    if name == "posterize":
        step = 2 ** strength.abs().floor().reshape(-1, 1, 1, 1)
        return (pictures / step).floor() * step
    if name == "solarize":
        limit = (255 * (1 - strength.abs())).reshape(-1, 1, 1, 1)
        return torch.where(pictures >= limit, 255 - pictures, pictures)
    if name == "autocontrast":
        return autocontrast(pictures)
    return equalize(pictures)


def move(name: str, pictures: Tensor, strength: Tensor) -> Tensor:
    """Shear (as a slope), translation (as a share of the side) or rotation (degrees); black comes in."""
    theta = torch.eye(2, 3, device=pictures.device).repeat(len(pictures), 1, 1)
    if name == "rotate":
        angle = torch.deg2rad(strength)
        theta[:, 0, 0] = theta[:, 1, 1] = torch.cos(angle)
        theta[:, 0, 1], theta[:, 1, 0] = -torch.sin(angle), torch.sin(angle)
    elif name.startswith("shear"):
        theta[:, 0, 1] = strength if name == "shear_x" else 0.0
        theta[:, 1, 0] = strength if name == "shear_y" else 0.0
    else:
        theta[:, 0 if name == "translate_x" else 1, 2] = 2 * strength
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, mode="nearest", padding_mode="zeros", align_corners=False)


def sharpness(pictures: Tensor, amount: Tensor) -> Tensor:
    """0 is smoothed by a 3x3 kernel, 1 the picture, 2 sharpened; the border stays as it is."""
    kernel = torch.ones(3, 3, device=pictures.device)
    kernel[1, 1] = 5
    smooth = F.conv2d(pictures, (kernel / kernel.sum()).expand(3, 1, 3, 3), groups=3)
    blurred = pictures.clone()
    blurred[:, :, 1:-1, 1:-1] = smooth
    share = amount.reshape(-1, 1, 1, 1)
    return (pictures * share + blurred * (1 - share)).clamp(0, 255)


def autocontrast(pictures: Tensor) -> Tensor:
    """Each channel stretched to 0..255; a channel of one value stays."""
    low, high = pictures.amin(dim=(2, 3), keepdim=True), pictures.amax(dim=(2, 3), keepdim=True)
    flat = high <= low
    scale = torch.where(flat, torch.ones_like(high), 255 / (high - low).clamp(min=1e-6))
    return ((pictures - torch.where(flat, torch.zeros_like(low), low)) * scale).clamp(0, 255)


def equalize(pictures: Tensor) -> Tensor:
    """Each channel's values spread evenly over 0..255, by torchvision."""
    from torchvision.transforms.v2 import functional

    return functional.equalize(pictures.round().to(torch.uint8)).float()
