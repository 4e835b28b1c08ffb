"""Residual networks in one family: parts, block, whole, names.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (CVPR 2016): the ImageNet family of table 1
in its v1.5 form (stride in the 3x3 convolution, as torchvision has it, with torchvision's parameter names), the
CIFAR family 6n+2 of section 4.2 with parameter-free shortcuts (option A), and the plain form of each depth.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.errors import TrainError


@dataclass(frozen=True)
class Architecture:
    """What tells one network of the family from another."""

    block: str  # basic | bottleneck
    blocks: tuple[int, ...]  # residual blocks in each stage
    widths: tuple[int, ...]  # channels of each stage's 3x3 convolutions
    stem: str  # large: 7x7 stride 2 and a pool · small: 3x3 stride 1, for pictures of about 32 to 64 pixels
    shortcut: str  # projection (option B) · pad (option A) · none (a plain network)


class PadShortcut(nn.Module):
    """Option A: take every `stride`-th pixel and fill the new channels with zeros; no parameters."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.front = (out_channels - in_channels) // 2
        self.back = out_channels - in_channels - self.front

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, out, ceil(H / stride), ceil(W / stride)]."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.front, self.back))


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the picture's size (at stride 1); batch norm follows, so it has no bias."""
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)


def conv1x1(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)


def make_shortcut(kind: str, in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """The path around a block; None means identity (or nothing at all in a plain network)."""
    if kind == "none" or (stride == 1 and in_channels == out_channels):
        return None
    if kind == "pad":
        return PadShortcut(in_channels, out_channels, stride)
    return nn.Sequential(conv1x1(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (figure 5, left)."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_channels, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.residual = shortcut != "none"
        self.downsample = make_shortcut(shortcut, in_channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, width, H / stride, W / stride]."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        if self.residual:
            out = out + (x if self.downsample is None else self.downsample(x))
        return F.relu(out, inplace=True)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The norm whose scale, at zero, makes the block an identity."""
        return self.bn2


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions beside a shortcut (figure 5, right); the stride sits in the 3x3 (v1.5)."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: str) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = conv1x1(in_channels, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv1x1(width, out_channels)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.residual = shortcut != "none"
        self.downsample = make_shortcut(shortcut, in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, 4 * width, H / stride, W / stride]."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = F.relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(out))
        if self.residual:
            out = out + (x if self.downsample is None else self.downsample(x))
        return F.relu(out, inplace=True)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The norm whose scale, at zero, makes the block an identity."""
        return self.bn3


BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


class ResNet(nn.Module):
    """Stem, stages `layer1`, `layer2`, ... of residual blocks, mean over the picture, linear layer."""

    def __init__(self, architecture: Architecture, classes: int) -> None:
        super().__init__()
        block = BLOCKS[architecture.block]
        channels = architecture.widths[0]
        if architecture.stem == "large":
            self.conv1 = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
            self.maxpool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1)
        else:
            self.conv1 = conv3x3(3, channels)
            self.maxpool = nn.Identity()
        self.bn1 = nn.BatchNorm2d(channels)
        self.stages: list[str] = []
        for number, (count, width) in enumerate(zip(architecture.blocks, architecture.widths, strict=True), 1):
            stage = nn.Sequential()
            for index in range(count):
                stride = 2 if index == 0 and number > 1 else 1
                stage.append(block(channels, width, stride, architecture.shortcut))
                channels = width * block.expansion
            self.stages.append(f"layer{number}")
            self.add_module(f"layer{number}", stage)
        self.fc = nn.Linear(channels, classes)

    def features(self, x: Tensor) -> Tensor:
        """float [B, 3, H, W] -> float [B, C], what the linear layer sees."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return x.mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """float [B, 3, H, W], normalised -> logits float [B, K]."""
        return self.fc(self.features(x))


class ArticleNet(nn.Sequential):
    """The net that the article behind this project prints as "ResNet", without any shortcut; made for 32 x 32.

    A 7x7 convolution with stride 2, then four stages of two 3x3 convolutions, each stage ended by a 3x3 max pool.
    """

    def __init__(self, classes: int, size: int) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(3, 64, 7, stride=2, padding=3),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        channels, side = 64, math.ceil(math.ceil(size / 2) / 2)
        for width in (64, 128, 256, 512):
            for _ in range(2):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(3, stride=2, padding=1))
            side = math.ceil(side / 2)
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels * side * side, classes))


IMAGENET_FAMILY = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
CIFAR_FAMILY = (20, 32, 44, 56, 110, 1202)
MODEL_NAMES = (
    *(f"resnet{depth}" for depth in (*IMAGENET_FAMILY, *CIFAR_FAMILY)),
    *(f"plain{depth}" for depth in (*IMAGENET_FAMILY, *CIFAR_FAMILY)),
    "article",
)


def architecture_of(name: str) -> Architecture:
    """The architecture of `resnetN` or `plainN`; any N = 6n+2 that ImageNet's family lacks is a CIFAR network.

    Raises TrainError (exit code 2) for a name that is none of the family.
    """
    match = re.fullmatch(r"(resnet|plain)(\d+)", name)
    if match is None:
        raise unknown_model(name)
    form, depth = match[1], int(match[2])
    if depth in IMAGENET_FAMILY:
        block, blocks = IMAGENET_FAMILY[depth]
        found = Architecture(block, blocks, (64, 128, 256, 512), stem="large", shortcut="projection")
    elif depth >= 8 and (depth - 2) % 6 == 0:
        found = Architecture("basic", ((depth - 2) // 6,) * 3, (16, 32, 64), stem="small", shortcut="pad")
    else:
        raise unknown_model(name)
    return replace(found, shortcut="none") if form == "plain" else found


def unknown_model(name: str) -> TrainError:
    """The sentence for a name that no model has."""
    return TrainError(
        f"There is no model called {name!r}.",
        hint=f"choose one of {', '.join(MODEL_NAMES)}, or another depth 6n+2, such as resnet14",
        exit_code=2,
    )


def build_model(
    name: str,
    classes: int,
    *,
    size: int = 32,
    small_input: bool | None = None,
    width: float = 1.0,
    init: str = "he",
    zero_gamma: bool = False,
    seed: int = 0,
) -> nn.Module:
    """A network by name, initialised from `seed` alone (torch's global generator is left as it was).

    `small_input` replaces the ImageNet stem by a 3x3 convolution without pool (None: as the family has it);
    `width` multiplies every stage's channels; `init` is he or glorot; `zero_gamma` starts every residual block as
    an identity. `size` matters only for `article`, whose linear layer depends on the picture's side.
    """
    if name == "article":
        model: nn.Module = in_fork(seed, lambda: initialise(ArticleNet(classes, size), init, zero_gamma=False))
        return model
    architecture = architecture_of(name)
    if small_input is not None:
        architecture = replace(architecture, stem="small" if small_input else "large")
    if width != 1.0:
        architecture = replace(architecture, widths=tuple(max(1, round(w * width)) for w in architecture.widths))
    return in_fork(seed, lambda: initialise(ResNet(architecture, classes), init, zero_gamma))


def in_fork(seed: int, build: Callable[[], nn.Module]) -> nn.Module:
    """Call `build` under torch's generator seeded with `seed`, and put the generator back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def initialise(model: nn.Module, init: str, zero_gamma: bool) -> nn.Module:
    """Fill a model's weights in place: He et al. 2015 (normal, fan out) or Glorot and Bengio 2010 (uniform)."""
    if init not in ("he", "glorot"):
        raise TrainError(f"There is no initialisation called {init!r}.", hint="choose he or glorot", exit_code=2)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            if init == "he":
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            else:
                nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear) and init == "glorot":
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    if zero_gamma:
        for module in model.modules():
            if isinstance(module, BasicBlock | Bottleneck) and module.residual:
                nn.init.zeros_(module.last_norm.weight)
    return model


def has_small_stem(name: str) -> bool:
    """Whether the family gives `name` the stem for small pictures."""
    return name != "article" and architecture_of(name).stem == "small"
