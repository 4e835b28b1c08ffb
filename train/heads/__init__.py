"""Other answers than one class on the same backbones: attributes, boxes (detect), masks (segment)."""

from train.heads.config import TASKS, HeadConfig
from train.heads.fit import HeadResult, train_head

__all__ = ["TASKS", "HeadConfig", "HeadResult", "train_head"]
