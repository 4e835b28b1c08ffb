"""An ImageFolder: DIR/SPLIT/CLASS/picture, or DIR/CLASS/picture, which is then split by the names of its files."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from train.errors import TrainError
from train.sources.kinds import EXTENSIONS, SPLIT_NAMES, Labelled, Source, decode, identity_of

TEST_SHARE = 0.1
VAL_SHARE = 0.1


def looks_like_image_folder(path: Path) -> bool:
    """Whether `path` has a folder that holds pictures, directly or one level further down."""
    return any(file.suffix.lower() in EXTENSIONS for pattern in ("*/*", "*/*/*") for file in path.glob(pattern))


def open_image_folder(path: Path) -> Source:
    """The ImageFolder at `path`; without split folders a tenth of each class becomes val and a tenth test."""
    folders = {SPLIT_NAMES[d.name]: d for d in sorted(path.iterdir()) if d.is_dir() and d.name in SPLIT_NAMES}
    roots = folders if "train" in folders else {"train": path}
    categories = tuple(
        sorted({d.name for root in roots.values() for d in root.iterdir() if d.is_dir() and pictures_in(d)})
    )
    splits = {name: read_split(root, categories) for name, root in roots.items()}
    if roots is not folders:
        whole = splits["train"]
        rows = split_by_name(whole)
        splits = {name: whole.subset(found) for name, found in rows.items() if len(found)}
    return Source(
        name=path.resolve().name,
        identity=identity_of(categories, splits),
        categories=categories,
        splits={name: split for name, split in splits.items() if len(split)},
    )


def pictures_in(folder: Path) -> list[Path]:
    """Every picture under a class's folder, by its suffix, in sorted order."""
    return sorted(f for f in folder.rglob("*") if f.suffix.lower() in EXTENSIONS and f.is_file())


def read_split(root: Path, categories: tuple[str, ...]) -> Labelled:
    """List one split's files; keys are paths relative to `root`."""
    files: list[Path] = []
    labels: list[int] = []
    for label, category in enumerate(categories):
        found = pictures_in(root / category) if (root / category).is_dir() else []
        files += found
        labels += [label] * len(found)

    def read(row: int) -> bytes:
        try:
            return files[row].read_bytes()
        except OSError as error:
            raise TrainError(f"{files[row]} cannot be read ({error.strerror}).", hint="check the file") from error

    def picture(row: int, least: int = 0) -> Image.Image:
        return decode(read(row), str(files[row]), least)

    def origin(row: int) -> tuple[str, str]:
        sha256 = hashlib.sha256(files[row].read_bytes()).hexdigest()
        return sha256, sha256

    keys = [file.relative_to(root).as_posix() for file in files]
    return Labelled(keys=keys, labels=np.array(labels, np.int64), picture=picture, origin=origin, encoded=read)


def split_by_name(whole: Labelled) -> dict[str, NDArray[np.int64]]:
    """Rows of test, val and train: per class, in the order of a hash of the key, so that a rerun splits alike."""
    rank = [hashlib.blake2b(key.encode(), digest_size=8).digest() for key in whole.keys]
    rows: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for label in np.unique(whole.labels):
        members = sorted(np.flatnonzero(whole.labels == label).tolist(), key=lambda row: rank[row])
        test = round(len(members) * TEST_SHARE)
        val = round(len(members) * VAL_SHARE)
        rows["test"] += members[:test]
        rows["val"] += members[test : test + val]
        rows["train"] += members[test + val :]
    return {name: np.array(sorted(found), np.int64) for name, found in rows.items()}
