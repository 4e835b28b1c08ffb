"""SGD with Nesterov momentum, all tensors of a group at a time.

The arithmetic is torch.optim.SGD's, whose fused form is used on GPUs. On the CPU `NesterovSGD` is as fast, and making
torch's own imports all of torch.compile, which takes longer than a small network's first epoch.
"""

from typing import Any

import torch
from torch import Tensor

from train.errors import TrainError
from train.optim.groups import Group


class Momentum:
    """A velocity for each parameter, and all that an optimiser with one has beside its step."""

    def __init__(self, groups: list[Group], momentum: float) -> None:
        self.param_groups = groups
        self.momentum = momentum
        self.velocity = [[torch.zeros_like(p) for p in group["params"]] for group in groups]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: the velocities, group by group."""
        return {"velocity": self.velocity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; TrainError when the tensors are of other shapes."""
        copy_into(self.velocity, state["velocity"])


class NesterovSGD(Momentum):
    """v = momentum v + g;  p = p - lr (g + momentum v), with g the gradient plus `weight_decay` times p.

    Each of `param_groups` has `params`, `weight_decay` and `lr`, which may be set before each step.
    """

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group, velocities in zip(self.param_groups, self.velocity, strict=True):
            pairs = [(p, p.grad, v) for p, v in zip(group["params"], velocities, strict=True) if p.grad is not None]
            if not pairs:
                continue
            moved: list[Tensor] = [p for p, _, _ in pairs]
            gradients: list[Tensor] = [g for _, g, _ in pairs]
            velocity = [v for _, _, v in pairs]
            if group["weight_decay"]:
                gradients = list(torch._foreach_add(gradients, moved, alpha=group["weight_decay"]))
            torch._foreach_mul_(velocity, self.momentum)
            torch._foreach_add_(velocity, gradients)
            step = torch._foreach_add(gradients, velocity, alpha=self.momentum)
            torch._foreach_add_(moved, step, alpha=-group["lr"])


class FusedSGD:
    """The same rule by torch's fused kernel, with the state that `NesterovSGD` saves, so that a run may change device.

    torch leaves a velocity out until the first step; here it is zero until then, which gives the same step.
    """

    def __init__(self, groups: list[Group], momentum: float) -> None:
        self.inner = torch.optim.SGD(groups, momentum=momentum, nesterov=momentum > 0, fused=True)
        self.param_groups = self.inner.param_groups
        self.velocity = [[torch.zeros_like(p) for p in group["params"]] for group in groups]
        if momentum:
            for group, velocities in zip(self.param_groups, self.velocity, strict=True):
                for parameter, velocity in zip(group["params"], velocities, strict=True):
                    self.inner.state[parameter]["momentum_buffer"] = velocity

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.inner.zero_grad()

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        self.inner.step()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: the velocities, group by group."""
        return {"velocity": self.velocity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; TrainError when the tensors are of other shapes."""
        copy_into(self.velocity, state["velocity"])


def copy_into(ours: list[list[Tensor]], saved: list[list[Tensor]]) -> None:
    """Fill tensors from a checkpoint's; TrainError when they are of other shapes."""
    for mine, theirs in zip(ours, saved, strict=True):
        for to, source in zip(mine, theirs, strict=True):
            if to.shape != source.shape:
                raise TrainError("A checkpoint's optimiser is of another network.", "give another --out")
            to.copy_(source)
