"""Optimisers: which parameters move together (`groups`), and by what rule (`sgd`, `muon`, torch's Adam and AdamW)."""

from train.optim.groups import make_groups
from train.optim.make import OPTIMIZERS, Optimiser, default_rate, make_optimiser, make_sgd, peak_rate

__all__ = ["OPTIMIZERS", "Optimiser", "default_rate", "make_groups", "make_optimiser", "make_sgd", "peak_rate"]
