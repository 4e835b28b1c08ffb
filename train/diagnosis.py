"""A loss that is no number, told as a person needs it: step, samples, and where numbers grew too large."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from train.checkpoint import Position
from train.errors import TrainError
from train.job import Job

SHOWN = 3


def largest_activations(model: nn.Module, inputs: Tensor) -> list[tuple[str, float]]:
    """(layer, largest absolute output) of one forward pass, in the order of the layers; leaves `model` as it was."""
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
            model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
    return found


def not_a_number(
    job: Job, model: nn.Module, inputs: Tensor, position: Position, lr: float, keys: list[str]
) -> TrainError:
    """The sentence for a loss that is no number at `position`."""
    activations = largest_activations(model, inputs)
    broken = [name for name, value in activations if not math.isfinite(value)]
    largest = sorted((pair for pair in activations if math.isfinite(pair[1])), key=lambda pair: -pair[1])[:SHOWN]
    where = ", ".join(f"{name} {value:.3g}" for name, value in largest) or "none finite"
    first = f"; first layer without a number: {broken[0]}" if broken else ""
    shown = ", ".join(keys[:SHOWN]) + (f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else "")
    return TrainError(
        f"The loss is no longer a number at epoch {position.epoch + 1}, step {position.step + 1} of {job.steps} "
        f"(learning rate {lr:.3g}; samples {shown}; largest activations: {where}{first}).",
        hint="try a smaller --lr or a longer --warmup; the last checkpoint before it is kept",
    )
