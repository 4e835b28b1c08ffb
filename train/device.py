"""Where a run computes: the device, its precision, and how pictures become the floats that a network sees."""

import os
import sys
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from train.errors import TrainError


@dataclass(frozen=True)
class Compute:
    """A device, whether forward passes run in bfloat16 there, the channels' statistics float32 [3, 1, 1], and whether
    channels lie last in memory."""

    device: torch.device
    bf16: bool
    mean: Tensor
    std: Tensor
    channels_last: bool = True

    @property
    def layout(self) -> torch.memory_format:
        """How four-dimensional tensors lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def normalise(self, pictures: Tensor) -> Tensor:
        """uint8 or float [B, 3, S, S] in 0..255 -> float32 of the same shape."""
        return ((pictures - self.mean) / self.std).contiguous(memory_format=self.layout)

    def place(self, model: nn.Module) -> nn.Module:
        """The network on the device, in the layout of its pictures."""
        return model.to(self.device).to(memory_format=self.layout)

    def autocast(self) -> torch.autocast:
        """The context of a forward pass."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)


def make_compute(
    device: torch.device,
    precision: str,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    channels_last: bool = True,
) -> Compute:
    """Put device, precision (fp32, bf16) and channel statistics (in 0..1) together."""
    if device.type == "cuda":
        # Batches have two sizes at most, so that trying kernels soon pays; which one wins differs from run to run.
        torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
    return Compute(
        device=device,
        bf16=precision == "bf16",
        mean=torch.tensor(mean, dtype=torch.float32, device=device).mul(255).reshape(3, 1, 1),
        std=torch.tensor(std, dtype=torch.float32, device=device).mul(255).reshape(3, 1, 1),
        channels_last=channels_last,
    )


def settle_arithmetic(threads: int | None, deterministic: bool) -> None:
    """How this process computes from now on: so many threads, and on a GPU only kernels that add in one order."""
    if threads:
        torch.set_num_threads(threads)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be deterministic
    torch.use_deterministic_algorithms(deterministic)


def choose_device(name: str) -> torch.device:
    """auto, cpu, cuda or cuda:N -> a device that is here. TrainError (exit code 2) where it is not."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainError(f"There is no device called {name!r}.", "choose auto, cpu, cuda or cuda:0", 2) from error
    if device.type not in ("cpu", "cuda"):
        raise TrainError(f"Training on {name!r} is not supported.", "choose auto, cpu, cuda or cuda:0", 2)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count <= (device.index or 0):
            raise TrainError(
                f"{name} was asked for, but this machine shows {count} CUDA devices.",
                hint="use --device cpu, or check the driver with nvidia-smi and the installed torch build",
                exit_code=2,
            )
    return device


def choose_precision(name: str, device: torch.device) -> str:
    """auto -> bf16 where the chip computes in it (GPUs since Ampere, CPUs with AVX512-BF16 or AMX), else fp32."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    ask = getattr(torch.cpu, "get_capabilities", None)
    capabilities: dict[str, object] = ask() if ask else {}
    return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "fp32"


def choose_workers(asked: int | None) -> int:
    """Processes or threads that decode: as asked, else one for each core that this process may use, at most 16."""
    if asked is not None:
        return asked
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(16, allowed)


def memory_in_use(device: torch.device) -> int:
    """Bytes: on a GPU the most that tensors have taken, else the most that this process has taken."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)
