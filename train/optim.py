"""SGD with Nesterov momentum; weight decay on weights alone, never on the norms' scales or on biases."""

import torch
from torch import nn


def make_sgd(model: nn.Module, *, lr: float, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """The optimiser of `model`: two groups, the weights (two dimensions or more, decayed) and all the rest."""
    weights = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return torch.optim.SGD(
        [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=lr,
        momentum=momentum,
        nesterov=momentum > 0,
    )
