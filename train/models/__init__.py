"""Residual networks in one family: `architecture` has the names, `blocks` the parts, `resnet` the whole, `build` all.

What is shown here needs no torch; `train.models.build.build_model` makes a network.
"""

from train.models.architecture import MODELS_IN_WORDS, Architecture, architecture_of, has_small_stem

__all__ = ["MODELS_IN_WORDS", "Architecture", "architecture_of", "has_small_stem"]
