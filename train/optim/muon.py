"""Muon for the filters of hidden convolutions: momentum, then the step's matrix made orthogonal.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024). A filter bank [out, in, k, k] is taken
as a matrix [out, in k k]; the stem, the head, norms and biases are moved by SGD. torch.optim.Muon takes matrices only.
"""

import torch
from torch import Tensor

from train.optim.sgd import Momentum

ITERATIONS = 5
QUINTIC = (3.4445, -4.7750, 2.0315)  # coefficients of Newton-Schulz that carry singular values into about 0.7..1.2


def orthogonalise(matrix: Tensor, low_precision: bool) -> Tensor:
    """float [rows, columns] -> the nearest matrix with singular values of about 1."""
    a, b, c = QUINTIC
    x = matrix.bfloat16() if low_precision else matrix
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Muon(Momentum):
    """p = p (1 - lr decay) - lr sqrt(max(1, rows / columns)) orthogonalise(g + momentum v), v = momentum v + g."""

    @torch.no_grad()
    def step(self) -> None:
        """Move every filter bank that has a gradient."""
        for group, velocities in zip(self.param_groups, self.velocity, strict=True):
            for parameter, velocity in zip(group["params"], velocities, strict=True):
                if parameter.grad is None:
                    continue
                velocity.mul_(self.momentum).add_(parameter.grad)
                wanted = parameter.grad.add(velocity, alpha=self.momentum).flatten(1)
                update = orthogonalise(wanted, low_precision=parameter.device.type == "cuda")
                rows, columns = update.shape
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)
