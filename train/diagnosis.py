"""A loss that is no number, told as a person needs it: step, samples, and where numbers grew too large."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from train.errors import TrainError

SHOWN = 3


def largest_activations(model: nn.Module, forward: Callable[[], object]) -> list[tuple[str, float]]:
    """(layer, largest absolute output) of the pass of `model` that `forward` makes, in the order of its layers.

    Leaves the statistics of `model` as they were.
    """
    found: list[tuple[str, float]] = []

    def watch(name: str) -> Any:
        def seen(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                value = output.detach().float().abs().max()
                found.append((name, float(torch.nan_to_num(value, nan=math.inf))))

        return seen

    buffers = {name: t.clone() for name, t in model.named_buffers()}
    hooks = [
        m.register_forward_hook(watch(name)) for name, m in model.named_modules() if name and not list(m.children())
    ]
    try:
        with torch.no_grad():
            forward()
    finally:
        for hook in hooks:
            hook.remove()
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
    return found


def not_a_number(
    model: nn.Module, forward: Callable[[], object], where: str, lr: float, keys: Sequence[str]
) -> TrainError:
    """The sentence for a loss that is no number at `where`, such as "epoch 2, step 5 of 9", on the samples `keys`."""
    activations = largest_activations(model, forward)
    broken = [name for name, value in activations if not math.isfinite(value)]
    largest = sorted((pair for pair in activations if math.isfinite(pair[1])), key=lambda pair: -pair[1])[:SHOWN]
    high = ", ".join(f"{name} {value:.3g}" for name, value in largest) or "none finite"
    first = f"; first layer without a number: {broken[0]}" if broken else ""
    shown = ", ".join(keys[:SHOWN]) + (f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else "")
    return TrainError(
        f"The loss is no longer a number at {where} "
        f"(learning rate {lr:.3g}; samples {shown}; largest activations: {high}{first}).",
        hint="try a smaller --lr or a longer --warmup; the last checkpoint before it is kept",
    )
