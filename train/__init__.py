"""ResNets on published shards: train, measure, report. `python -m train DATA` is the same from a terminal.

What needs torch is imported when it is first asked for, so that `--help` and a misspelt option need not wait.
"""

from train.config import RunConfig
from train.errors import TrainError
from train.public import __getattr__ as __getattr__

__all__ = ["Metrics", "RunConfig", "RunResult", "TrainError", "build_model", "run"]
