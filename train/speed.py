"""How a forward pass is made faster without another result: torch.compile, CUDA graphs, several processes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from train.job import Job


def faster(model: nn.Module, job: "Job") -> Callable[[Tensor], Tensor]:
    """`model`'s forward pass as the settings ask for; gradients and statistics still land in `model` itself."""
    config, wrapped = job.config, model
    if job.world.size > 1:
        device = job.compute.device
        wrapped = nn.parallel.DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)
    if not (config.compile or config.cuda_graphs):
        return wrapped
    # Networks share their code, of which torch keeps a few programs only and then stops compiling without a word.
    torch.compiler.reset()
    # Batches have two lengths at most; each gets a program of its own, which is faster than one for any length.
    if not config.compile:
        return torch.compile(wrapped, backend="cudagraphs", dynamic=False)
    return torch.compile(wrapped, mode="reduce-overhead" if config.cuda_graphs else "default", dynamic=False)
