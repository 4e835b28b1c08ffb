"""Optimisers: `rates` has their names, `groups` which parameters move together, `make` one by name.

What is shown here needs no torch; `train.optim.make.make_optimiser` makes one.
"""

from train.optim.rates import OPTIMIZERS, default_rate, peak_rate

__all__ = ["OPTIMIZERS", "default_rate", "peak_rate"]
