"""SGD with Nesterov momentum; weight decay on weights alone, never on the norms' scales or on biases.

The arithmetic is torch.optim.SGD's, a whole group of tensors at a time. Torch's own class is not used because making
one imports all of torch.compile, which takes longer than a small network's first epoch.
"""

from typing import Any

import torch
from torch import Tensor, nn

from train.errors import TrainError


class NesterovSGD:
    """v = momentum v + g;  p = p - lr (g + momentum v), with g the gradient plus `weight_decay` times p.

    `groups` holds the parameters of each group beside its `weight_decay`; `lr` may be set before each step.
    """

    def __init__(self, groups: list[tuple[list[nn.Parameter], float]], lr: float, momentum: float) -> None:
        self.groups = groups
        self.lr = lr
        self.momentum = momentum
        self.velocity = [[torch.zeros_like(p) for p in parameters] for parameters, _ in groups]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameters, _ in self.groups:
            for parameter in parameters:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for (parameters, weight_decay), velocities in zip(self.groups, self.velocity, strict=True):
            pairs = [(p, p.grad, v) for p, v in zip(parameters, velocities, strict=True) if p.grad is not None]
            if not pairs:
                continue
            moved: list[Tensor] = [p for p, _, _ in pairs]
            gradients: list[Tensor] = [g for _, g, _ in pairs]
            velocity = [v for _, _, v in pairs]
            if weight_decay:
                gradients = list(torch._foreach_add(gradients, moved, alpha=weight_decay))
            torch._foreach_mul_(velocity, self.momentum)
            torch._foreach_add_(velocity, gradients)
            torch._foreach_add_(moved, torch._foreach_add(gradients, velocity, alpha=self.momentum), alpha=-self.lr)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: the velocities, group by group."""
        return {"velocity": self.velocity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; TrainError when the tensors are of other shapes."""
        for ours, theirs in zip(self.velocity, state["velocity"], strict=True):
            for mine, saved in zip(ours, theirs, strict=True):
                if mine.shape != saved.shape:
                    raise TrainError("A checkpoint's optimiser is of another network.", "give another --out")
                mine.copy_(saved)


def make_sgd(model: nn.Module, *, lr: float, momentum: float, weight_decay: float) -> NesterovSGD:
    """The optimiser of `model`: two groups, the weights (two dimensions or more, decayed) and all the rest."""
    weights = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return NesterovSGD([(weights, weight_decay), (others, 0.0)], lr, momentum)
