"""Other answers than one class on the same backbones: attributes, boxes (detect), masks (segment).

What is shown here needs no torch; `train.heads.fit.train_head` trains.
"""

from train.heads.config import TASKS, HeadConfig

__all__ = ["TASKS", "HeadConfig"]
