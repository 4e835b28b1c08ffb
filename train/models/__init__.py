"""Residual networks in one family: `blocks` has the parts, `resnet` the whole, `build` the names."""

from train.models.build import MODEL_NAMES, architecture_of, build_model, has_small_stem
from train.models.resnet import Architecture, ArticleNet, ResNet

__all__ = ["MODEL_NAMES", "Architecture", "ArticleNet", "ResNet", "architecture_of", "build_model", "has_small_stem"]
