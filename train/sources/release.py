"""A release of `dataset_builder`, read through `shards`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shards import ShardError, Split, open_release
from train.errors import TrainError
from train.sources.kinds import Labelled, Source, decode


def open_release_source(path: Path | str) -> Source:
    """The release in a folder or at a URL as a source; samples without a category are left out and counted."""
    try:
        release = open_release(path)
        splits = {name: release.split(name) for name in release.manifest.splits}
    except ShardError as error:
        raise TrainError(str(error), error.hint, error.exit_code) from error
    categories = tuple(c.slug for c in release.categories)
    labelled = {name: labelled_split(name, split, categories) for name, split in splits.items()}
    return Source(
        name=f"{release.manifest.name}/{release.manifest.version}",
        identity=release.release_id,
        categories=categories,
        splits={name: split for name, split in labelled.items() if len(split)},
        mean=release.manifest.pixels.mean,
        std=release.manifest.pixels.std,
        left_out=sum(len(splits[name]) - len(labelled[name]) for name in splits),
    )


def labelled_split(name: str, split: Split, categories: tuple[str, ...]) -> Labelled:
    """One split with its crowd posteriors as soft labels; a sample without a posterior gets its hard label."""

    def encoded(row: int) -> bytes:
        return read_picture(split, row)

    def picture(row: int, least: int = 0) -> Image.Image:
        return decode(encoded(row), f"of sample {split.keys[row]} in {name}", least)

    def origin(row: int) -> tuple[str, str]:
        meta = read_meta(split, row)
        sha256 = str(meta.get("sha256", split.keys[row]))
        return sha256, str(meta.get("group") or sha256)

    def story(row: int) -> str:
        meta = read_meta(split, row)
        people = [
            f"{categories[int(label)]}\u00a0{p:.0%}" for label, p in meta.get("soft") or [] if 0 <= label < classes
        ]
        return f"{int(meta.get('n_judgments') or 0)} judgments: {', '.join(people[:3]) or 'no posterior'}"

    classes = len(categories)
    labels = np.asarray(split.labels, np.int64)
    soft = dense_soft(np.asarray(split.soft_label), np.asarray(split.soft_p), labels, classes)
    everything = Labelled(
        keys=[str(key) for key in split.keys],
        labels=labels,
        picture=picture,
        origin=origin,
        soft=soft,
        story=story,
        forks=not split.storage.remote,
        encoded=encoded,
    )
    known = np.flatnonzero(labels >= 0)
    return everything if len(known) == len(labels) else everything.subset(known)


def read_picture(split: Split, row: int) -> bytes:
    """A picture's bytes, of a remote release from its proven tar. TrainError, naming the sample, where that fails."""
    try:
        return split.read(row, whole=True).image if split.storage.remote else split.read_image(row)
    except (ShardError, OSError) as error:
        raise unreadable(split, row, error) from error


def read_meta(split: Split, row: int) -> dict[str, Any]:
    """What is known of a sample, of a remote release from its proven tar; TrainError as for `read_picture`."""
    try:
        return split.read(row, whole=True).meta if split.storage.remote else split.meta(row)
    except (ShardError, OSError) as error:
        raise unreadable(split, row, error) from error


def unreadable(split: Split, row: int, error: Exception) -> TrainError:
    """The sentence for a sample that cannot be read."""
    return TrainError(
        f"Sample {split.keys[row]} of {split.name} cannot be read ({error}).",
        hint="`cairn verify RELEASE` tells what is damaged; copy or download the release again",
    )


def dense_soft(
    soft_label: NDArray[np.int32], soft_p: NDArray[np.float32], labels: NDArray[np.int64], classes: int
) -> NDArray[np.float32]:
    """At most ten (label, p) pairs a row, padded with (-1, 0) -> float32 [N, classes], rows sum to 1."""
    dense = np.zeros((len(labels), classes), np.float32)
    rows, columns = np.nonzero(soft_label >= 0)
    np.add.at(dense, (rows, soft_label[rows, columns]), soft_p[rows, columns])
    empty = (dense.sum(axis=1) <= 0) & (labels >= 0)
    dense[empty, labels[empty]] = 1
    total = dense.sum(axis=1, keepdims=True)
    return np.divide(dense, total, out=dense, where=total > 0)
