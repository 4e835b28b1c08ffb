"""Parameters in groups of one rate and one decay: norms and biases never decay, early layers may learn slower."""

from typing import Any

from torch import nn

Group = dict[str, Any]


def part_names(model: nn.Module) -> list[str]:
    """The parts of a network from the picture to the answer: stem, layer1, ..., head."""
    return ["stem", *getattr(model, "stages", []), "head"]


def part_of(name: str, parts: list[str]) -> int:
    """Which part the parameter `name` (its path in the model) belongs to."""
    first = name.removeprefix("backbone.").split(".")[0]
    if first in parts:
        return parts.index(first)
    return 0 if first in ("conv1", "bn1") else len(parts) - 1


def make_groups(model: nn.Module, weight_decay: float, layer_decay: float = 1.0) -> list[Group]:
    """Groups {"names", "params", "weight_decay", "scale"}; `scale` is a factor on the rate.

    Weights (two dimensions or more) decay, the rest does not; each part's rate is `layer_decay` times that of the
    part after it. Frozen parameters are in no group.
    """
    parts = part_names(model)
    found: dict[tuple[int, bool], list[tuple[str, nn.Parameter]]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            part = part_of(name, parts) if layer_decay != 1 else len(parts) - 1
            found.setdefault((part, parameter.ndim >= 2), []).append((name, parameter))
    return [
        {
            "names": [name for name, _ in members],
            "params": [parameter for _, parameter in members],
            "weight_decay": weight_decay if decays else 0.0,
            "scale": layer_decay ** (len(parts) - 1 - part),
        }
        for (part, decays), members in found.items()
    ]


def freeze(model: nn.Module, count: int) -> list[nn.Module]:
    """Let the first `count` parts (1: the stem, 2: layer1 too, ...) learn nothing; gives their norms.

    The norms have to be kept in evaluation, so that their statistics stay too.
    """
    parts = part_names(model)
    for name, parameter in model.named_parameters():
        if part_of(name, parts) < count:
            parameter.requires_grad_(False)
    return [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and part_of(name, parts) < count
    ]
