"""ResNets on published shards: train, measure, report. `python -m train DATA` is the same from a terminal."""

from train.config import RunConfig
from train.errors import TrainError
from train.experiment import RunResult, run
from train.metrics import Metrics
from train.models import build_model

__all__ = ["Metrics", "RunConfig", "RunResult", "TrainError", "build_model", "run"]
