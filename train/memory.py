"""How much memory a training step takes, and the largest batch that fits."""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from train.checkpoint import Position
from train.errors import TrainError
from train.job import Job
from train.parallel import ALONE
from train.step import prepare

SAFE = 0.8  # of what is free; the rest is for kernels' workspaces and fragments
LARGEST = 1024
STEPS_PER_EPOCH = 8  # a batch so large that an epoch has fewer steps learns worse than it computes


def available_bytes(device: torch.device) -> int:
    """Memory that is free now."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) + torch.cuda.memory_reserved(device)
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return 8 << 30


def step_bytes(job: Job) -> tuple[int, int]:
    """(bytes of weights, gradients and optimiser; bytes a sample) of a training step, from one on a few pictures."""
    alone = replace(job, world=ALONE)
    model = alone.new_model().train()
    fixed = 4 * sum(t.numel() * t.element_size() for t in model.parameters())
    rows = np.arange(min(4, len(job.train)))
    pictures = next(iter(job.train.pictures.batches([rows])))
    inputs, _ = prepare(alone, rows, pictures, Position())
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    own = {p.untyped_storage().data_ptr() for p in [*model.parameters(), *model.buffers()]}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), job.compute.autocast():
        outputs = model(inputs)
    activations = sum(size for pointer, size in kept.items() if pointer not in own)
    del outputs
    return fixed, math.ceil(activations / len(rows) * 1.5)  # gradients of activations come and go beside them


def fitting_batch(job: Job) -> int:
    """The largest power of two, at most 1,024, whose step fits into the memory that is free; 0 where none does."""
    fixed, each = step_bytes(job)
    room = available_bytes(job.compute.device) * SAFE - fixed
    fits = int(room / max(1, each)) * job.config.accumulate * job.world.size
    return 1 << (min(LARGEST, fits).bit_length() - 1) if fits >= 1 else 0


def choose_batch(job: Job) -> int:
    """What `--batch-size auto` means here: the fitting batch, but small enough for a few steps an epoch."""
    most = max(2, len(job.train) // STEPS_PER_EPOCH)
    batch = min(fitting_batch(job), 1 << (most.bit_length() - 1))
    if batch < 2:
        raise TrainError(
            f"Not even two pictures of {job.stamp.size} pixels fit into the memory of {job.compute.device}.",
            hint="choose a smaller --size, --width or --model",
        )
    return batch


def check_batch(job: Job) -> None:
    """Refuse a batch that would not fit, before the system ends the program; only the CPU needs it.

    A GPU says itself that it has no more memory; a CPU's program is killed.
    """
    if job.compute.device.type != "cpu":
        return
    batch = job.config.batch_size
    fixed, each = step_bytes(job)
    needed = fixed + each * batch // (job.config.accumulate * job.world.size)
    free = available_bytes(job.compute.device)
    if needed > free:
        raise TrainError(
            f"A batch of {batch} needs about {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free.",
            hint=f"about {fitting_batch(job)} would fit: give that as --batch-size, or --batch-size auto, "
            "or pass it in parts with --accumulate",
        )
