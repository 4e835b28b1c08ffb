"""A network by its name, and how its weights begin."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from train.errors import TrainError
from train.models.architecture import architecture_of
from train.models.blocks import BasicBlock, Bottleneck, PreBasicBlock, PreBottleneck
from train.models.resnet import ArticleNet, ResNet


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
    `width` multiplies every stage's channels; `init` is he or glorot; `zero_gamma` starts every residual block as an
    identity (a pre-activation block by its last convolution, which no norm follows). `size` matters only for
    `article`, whose linear layer depends on the picture's side.
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
            elif isinstance(module, PreBasicBlock):
                nn.init.zeros_(module.conv2.weight)
            elif isinstance(module, PreBottleneck):
                nn.init.zeros_(module.conv3.weight)
    return model
