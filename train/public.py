"""The trainer's public names that need torch, each imported when it is first asked for (PEP 562)."""

from importlib import import_module
from typing import Any

HOMES = {
    "Metrics": "train.metrics",
    "RunResult": "train.experiment",
    "build_model": "train.models.build",
    "run": "train.experiment",
}


def __getattr__(name: str) -> Any:
    """A public name from its module; `train` has this function as its own."""
    if name not in HOMES:
        raise AttributeError(f"module 'train' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)
