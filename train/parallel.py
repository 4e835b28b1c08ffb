"""Several processes that train one network, as torchrun starts them; one process alone is the usual case.

Every process works on its rows of the same global batch, draws what the whole batch draws, and ends in the same
weights. Only the first one writes files and shows progress.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from train.errors import TrainError


@dataclass(frozen=True)
class World:
    """Which process this is of how many."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's rows of `count`, in one piece; lengths differ by at most one."""
        edges = np.linspace(0, count, self.size + 1).astype(int)
        return slice(int(edges[self.rank]), int(edges[self.rank + 1]))

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()

    def tell(self, value: Any) -> Any:
        """The first process's value, everywhere."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def gather(self, mine: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each process's rows one after the other, everywhere; none is padded, dropped or counted twice."""
        if self.size == 1:
            return mine
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, mine)
        return np.concatenate(found)


ALONE = World()


def join_world(device: torch.device) -> World:
    """The world that torchrun's environment describes, joined; this process alone where there is none."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ALONE
    if not dist.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(device)  # else every process also opens the first GPU, and NCCL may choose it
        try:
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        except (RuntimeError, ValueError) as error:
            raise TrainError(
                f"The {size} processes did not find each other ({str(error).splitlines()[0]}).",
                hint="start them with: torchrun --nproc-per-node N -m train DATA ...",
            ) from error
    return World(dist.get_rank(), dist.get_world_size())


def check_pieces(world: World, count: int, batch_size: int, accumulate: int) -> None:
    """Refuse a batch of which a process would have fewer pieces than the others, which would wait for it for ever.

    `count` samples make batches of even length, at most `batch_size`. TrainError with exit code 2.
    """
    least = count // -(-count // batch_size)
    needed = world.size * accumulate
    if world.size > 1 and least < needed:
        raise TrainError(
            f"A batch of {least} samples is too small for {world.size} processes that pass it in {accumulate} parts.",
            hint=f"it needs {needed} or more: give a larger --batch-size, less --accumulate, or fewer processes",
            exit_code=2,
        )


def first_process() -> bool:
    """Whether this process speaks for all."""
    return os.environ.get("RANK", "0") == "0"


def local_device(name: str) -> str:
    """`auto` and `cuda` as the device of this process's own number under torchrun."""
    local = os.environ.get("LOCAL_RANK")
    if local is None or "WORLD_SIZE" not in os.environ or name not in ("auto", "cuda"):
        return name
    return f"cuda:{local}" if torch.cuda.is_available() or name == "cuda" else "cpu"


class SumOverProcesses(torch.autograd.Function):
    """A sum over all processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        """The sum, everywhere."""
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Any) -> Any:
        """The sum of the gradients, everywhere."""
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class SynchronisedNorm(nn.BatchNorm2d):
    """Batch norm over all processes' rows, for the CPU, where torch.nn.SyncBatchNorm does not run."""

    def forward(self, x: Tensor) -> Tensor:
        """float [B, C, H, W] -> the same shape."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        # Two sums, the second one around the mean: the mean of squares would lose the digits that matter.
        shape = (1, -1, 1, 1)
        count = x.new_tensor([x.numel() / x.shape[1]])
        sums = SumOverProcesses.apply(torch.cat([x.sum(dim=(0, 2, 3)), count]))
        total = sums[-1].detach()
        mean = sums[:-1] / total
        centred = x - mean.reshape(shape)
        variance = SumOverProcesses.apply((centred * centred).sum(dim=(0, 2, 3))) / total
        with torch.no_grad():
            momentum = self.momentum or 0.1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * total / (total - 1), momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scaled = centred * (variance + self.eps).rsqrt().reshape(shape)
        return scaled * self.weight.reshape(shape) + self.bias.reshape(shape)


def synchronise_norms(model: nn.Module, world: World, device: torch.device) -> nn.Module:
    """The same network whose batch norms see the global batch; unchanged for a process alone."""
    if world.size == 1:
        return model
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronisedNorm  # the same parameters, buffers and names
    return model
