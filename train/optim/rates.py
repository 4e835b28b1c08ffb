"""The names of optimisers, and the rate that each steps at.

A rate is decoupled from momentum and batch: `rate` says how far a run moves per 1,024 samples, whatever their batch and
however long momentum carries a gradient on. The step's own `lr` follows from it.
"""

OPTIMIZERS = ("sgd", "adam", "adamw", "muon")
SAMPLES = 1024
# 8.0 is 0.1 for a batch of 128 and momentum 0.9, as He et al. have it; muon's is for its filters.
DEFAULT_RATES = {"sgd": 8.0, "adam": 8e-3, "adamw": 8e-3, "muon": 0.16}


def default_rate(optimizer: str) -> float:
    """The decoupled rate where none was given."""
    return DEFAULT_RATES[optimizer]


def peak_rate(optimizer: str, rate: float, batch_size: int, momentum: float) -> float:
    """The step's `lr` for a decoupled `rate`: linear in the batch, and for SGD the smaller the longer momentum lasts.

    Adam and Muon normalise their steps, so that momentum does not lengthen them. Twelve digits: 0.1 is 0.1.
    """
    lasting = 1 / (1 - momentum) if optimizer == "sgd" else 1.0
    return float(f"{rate * batch_size / SAMPLES / lasting:.12g}")
