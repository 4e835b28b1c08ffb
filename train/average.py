"""An exponential moving average of a network's weights and statistics (EMA), kept beside the network."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """`model` holds the averages; `update` moves them towards the network that is being trained.

    The first steps count for less than `decay` says, min(decay, (1 + n) / (10 + n)), so that chance weights of the
    start do not stay in a short run's average.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0
        self.pairs = self.matched(model)

    def matched(self, model: nn.Module) -> list[tuple[list[Tensor], list[Tensor]]]:
        """(ours, theirs) of floats, and of the integers, which are copied."""
        theirs, ours = model.state_dict(), self.model.state_dict()
        floats = [name for name, t in theirs.items() if t.is_floating_point()]
        whole = [name for name in theirs if name not in set(floats)]
        return [([ours[n] for n in names], [theirs[n] for n in names]) for names in (floats, whole)]

    @torch.no_grad()
    def update(self) -> None:
        """One step of the average."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        (ours, theirs), (counts, their_counts) = self.pairs
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for mine, count in zip(counts, their_counts, strict=True):
            mine.copy_(count)
