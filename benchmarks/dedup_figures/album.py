"""The album that copies are sought in: photographs, a copy of each for every change, and 12,000 other originals.

One half of the photographs is for development, the other for the report. The other originals are CIFAR-10's test
pictures and the last 5,000 of train (which the descriptor is not trained on), ciFAIR's listed pairs left out.
"""

import csv
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.dedup_figures.changes import HARD, MILD
from imaging import canonical

OTHERS = 12_000
_HELD_OUT = 45_000


@dataclass(frozen=True)
class Album:
    """Names in the order of `source` int64 [N] (pictures of one number are one shot) and `change` ("" an original)."""

    folder: Path
    files: tuple[str, ...]
    source: NDArray[np.int64]
    change: tuple[str, ...]


def make_album(data: Path, folder: Path, half: str, others: int = OTHERS) -> Album:
    """Write the files under `folder` unless they are there; `half` is "development" or "report"."""
    album = folder / half
    if not (album / "done").exists():
        album.mkdir(parents=True, exist_ok=True)
        for number, data_of in enumerate(_photographs(data, half)):
            (album / f"{number:03d}.original.jpg").write_bytes(data_of)
            image = canonical(data_of)
            for at, (name, change) in enumerate((MILD | HARD).items()):
                random = np.random.default_rng([number, at, half == "report"])
                (album / f"{number:03d}.{name}.img").write_bytes(change(image, random))
        for at, (name, picture) in enumerate(_originals(data, others)):
            (album / f"{1000 + at:05d}.original.{name}").write_bytes(picture)
        (album / "done").write_text("")
    files = tuple(sorted(path.name for path in album.iterdir() if path.name != "done"))
    source = np.array([int(name.split(".")[0]) for name in files], dtype=np.int64)
    _join_twins(files, source)
    changes = tuple("" if ".original." in name else name.split(".", 1)[1].rsplit(".", 1)[0] for name in files)
    return Album(album, files, source, changes)


def _join_twins(files: tuple[str, ...], source: NDArray[np.int64]) -> None:
    """Give pairs of other originals that are one shot but on no list one number, so that they count neither way.

    They were found by Cairn itself among its wrong pairs and judged by eye, in doubt as different.
    """
    at = {name.split(".original.")[1].split(".")[0]: index for index, name in enumerate(files) if ".original." in name}
    with Path(__file__).with_name("unlisted_twins.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            names = (f"{row['split']}{int(row['index']):05d}", f"{row['other_split']}{int(row['other_index']):05d}")
            one, other = (at.get(name) for name in names)
            if one is not None and other is not None:
                source[source == source[other]] = source[one]


def _photographs(data: Path, half: str) -> list[bytes]:
    with tarfile.open(data / "imagenet_samples_150.tar") as archive:
        found = [file.read() for member in archive if (file := archive.extractfile(member)) is not None]
    return found[0::2] if half == "development" else found[1::2]


def _originals(data: Path, count: int) -> Iterator[tuple[str, bytes]]:
    listed = listed_pairs(data)
    left = {
        "test": {row.test for row in listed} | {row.other for row in listed if row.kind == "test-test"},
        "train": {row.other for row in listed if row.kind == "test-train"},
    }
    for tar, split in (("cifar10_test.tar", "test"), ("cifar10_train_b.tar", "train")):
        with tarfile.open(data / tar) as archive:
            for member in archive:
                index = int(member.name.split("/")[1].split("_")[0])
                file = archive.extractfile(member)
                if file is None or index in left[split] or (split == "train" and index < _HELD_OUT):
                    continue
                if count == 0:
                    return
                count -= 1
                yield f"{split}{index:05d}.webp", file.read()


@dataclass(frozen=True)
class Listed:
    """A pair of ciFAIR's list: "test-train" or "test-test", two indices, judged 1 same shot or 2 very similar."""

    kind: str
    test: int
    other: int
    judgment: int


def listed_pairs(data: Path) -> list[Listed]:
    """What people found in CIFAR-10 (Barz and Denzler, "Do we train on test data?", J. Imaging 2020)."""
    with (data / "cifair10_duplicates.csv").open(newline="") as file:
        return [
            Listed(row["pair"], int(row["test_index"]), int(row["other_index"]), int(row["judgment"]))
            for row in csv.DictReader(file)
        ]
