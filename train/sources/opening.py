"""Tell which kind of dataset a path is, open it, and refuse what no network can learn from."""

from pathlib import Path

import numpy as np

from train.errors import TrainError
from train.sources.cifar import looks_like_cifar, open_cifar
from train.sources.folder import looks_like_image_folder, open_image_folder
from train.sources.kinds import EXTENSIONS, Source
from train.sources.release import open_release_source
from train.sources.tars import find_tars, open_tars

KINDS = (
    "a release (a folder with dataset.json), WebDataset tars, DIR/train/CLASS/*.jpg, DIR/CLASS/*.jpg,"
    " or CIFAR's batch files"
)


def open_source(place: str | Path) -> Source:
    """The dataset at a path, or the release at a URL. TrainError: nothing there, no known kind, one class only."""
    path = Path(place)
    if "://" in str(place):
        return learnable(open_release_source(str(place)), str(place))
    if not path.exists():
        raise TrainError(f"There is nothing at {path}.", hint=f"give the path of {KINDS}", exit_code=2)
    if (path / "dataset.json").is_file():
        source = open_release_source(path)
    elif path.is_dir() and looks_like_cifar(path):
        source = open_cifar(path)
    elif find_tars(path) and (path.is_dir() or path.suffix == ".tar"):
        source = open_tars(path)
    elif path.is_dir() and looks_like_image_folder(path):
        source = open_image_folder(path)
    elif path.is_dir() and any(file.suffix.lower() in EXTENSIONS for file in path.iterdir()):
        raise TrainError(
            f"{path} holds pictures without folders that say their classes.",
            hint=f"sort them as {path / 'CLASS'}/*.jpg; to label them by a trained network: "
            f"python -m train predict RUN {path}",
            exit_code=2,
        )
    else:
        raise TrainError(f"{path} holds no dataset that can be read.", hint=f"give {KINDS}", exit_code=2)
    return learnable(source, str(path))


def learnable(source: Source, place: str) -> Source:
    """The source, if a classifier can learn from it; TrainError where it has no training sample or one class only."""
    train = source.splits.get("train")
    if train is None:
        raise TrainError(f"{place} has no samples in its train split.", hint="check the dataset or its recipe")
    if len(np.unique(train.labels)) < 2:
        only = source.categories[int(train.labels[0])]
        raise TrainError(
            f"All {len(train)} training samples of {place} have the same class, {only!r}.",
            hint="a classifier needs two classes or more",
        )
    return source
