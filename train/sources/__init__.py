"""Where labelled pictures come from: a release, WebDataset tars, an ImageFolder, CIFAR's own files."""

from train.sources.kinds import Labelled, Source
from train.sources.opening import open_source

__all__ = ["Labelled", "Source", "open_source"]
