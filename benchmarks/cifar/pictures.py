"""Which CIFAR-10 pictures a run takes, with what people said about each.

CIFAR-10 (Krizhevsky 2009); three people a train picture from CIFAR-10N (Wei et al. 2022); about fifty a test
picture from CIFAR-10H (Peterson et al. 2019), of which three are drawn; near-duplicates from ciFAIR (Barz and
Denzler 2020). The files and their licences are described by the data folder's README.
"""

import hashlib
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

CATEGORIES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN_TARS = ("cifar10_train_a.tar", "cifar10_train_b.tar")
TEST_TAR = "cifar10_test.tar"
NEEDED = (
    *TRAIN_TARS, TEST_TAR, "cifar10_index.parquet", "cifar10n_labels.parquet", "cifar10h_counts.parquet",
    "cifair10_duplicates.csv",
)  # fmt: skip
LEAST, MOST = 200, 60_000
"""Pictures of a run."""
ANSWERS = 3
"""People a picture."""
TEST_SHARE = 6
"""One picture in so many is a test picture, as in CIFAR-10 itself."""
PAIR_SHARE = 2
"""At most one test picture in so many is taken because it has a known duplicate."""
Place = tuple[str, int]
"""Split and index in CIFAR-10."""


@dataclass(frozen=True)
class Picture:
    """One picture: its original bytes, its true class, and the classes that three people chose."""

    split: str
    index: int
    data: bytes
    sha256: str
    label: int
    answers: tuple[int, ...]


@dataclass(frozen=True)
class Pair:
    """Two pictures that ciFAIR's people judged: 1 the same shot, 2 very similar but another shot."""

    a: str
    b: str
    judgment: int


@dataclass(frozen=True)
class Chosen:
    """The pictures of a run by SHA-256, and the known pairs of which both are among them."""

    pictures: dict[str, Picture]
    pairs: tuple[Pair, ...]

    def of(self, split: str) -> list[Picture]:
        """The pictures of one split, in CIFAR's order."""
        return sorted((one for one in self.pictures.values() if one.split == split), key=lambda one: one.index)


def data_folder() -> Path:
    """Where the real data sets are kept: `CAIRN_DATA`, else `../shared/data` beside the repository."""
    return Path(os.environ.get("CAIRN_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def missing(folder: Path) -> list[str]:
    """The files that a run needs and the folder lacks."""
    return [name for name in NEEDED if not (folder / name).is_file()]


def choose(folder: Path, images: int, seed: int) -> Chosen:
    """`images` pictures drawn by `seed`, five train pictures to one test picture, each with its answers.

    Known pairs of duplicates are taken first, both sides, while they fill at most half of the test pictures.
    """
    rng = np.random.default_rng(seed)
    room = {"test": images // TEST_SHARE, "train": images - images // TEST_SHARE}
    listed = _listed_pairs(folder)
    taken: set[Place] = set()
    of_pairs = 0
    for row in rng.permutation(len(listed)):
        new = set(listed[row][:2]) - taken
        tests = sum(split == "test" for split, _ in new)
        if of_pairs + tests <= room["test"] // PAIR_SHARE:
            taken |= new
            of_pairs += tests
    for split, total in (("train", 50_000), ("test", 10_000)):
        left = room[split] - sum(place[0] == split for place in taken)
        for index in rng.permutation(total).tolist():
            if left <= 0:
                break
            if (split, index) not in taken:
                taken.add((split, index))
                left -= 1
    answers = _answers(folder, taken, seed)
    labels = _labels(folder)
    pictures = {}
    name: dict[Place, str] = {}
    for place, data in _bytes(folder, taken):
        sha256 = hashlib.sha256(data).hexdigest()
        name[place] = sha256
        pictures[sha256] = Picture(*place, data, sha256, labels[place], answers[place])
    pairs = (Pair(name[a], name[b], judgment) for a, b, judgment in listed if a in name and b in name)
    return Chosen(pictures, tuple(pairs))


def _listed_pairs(folder: Path) -> list[tuple[Place, Place, int]]:
    table = pd.read_csv(folder / "cifair10_duplicates.csv")
    columns = (table[name].tolist() for name in ("pair", "test_index", "other_index", "judgment"))
    return [
        (("test", first), (kind.removeprefix("test-"), second), judgment)
        for kind, first, second, judgment in zip(*columns, strict=True)
    ]


def _labels(folder: Path) -> dict[Place, int]:
    table = pd.read_parquet(folder / "cifar10_index.parquet", columns=["split", "index", "label"])
    places = zip(table["split"].tolist(), table["index"].tolist(), strict=True)
    return dict(zip(places, table["label"].tolist(), strict=True))


def _answers(folder: Path, places: set[Place], seed: int) -> dict[Place, tuple[int, ...]]:
    people = pd.read_parquet(folder / "cifar10n_labels.parquet")
    train = people[[f"random{n}" for n in range(1, ANSWERS + 1)]].to_numpy()
    counts = pd.read_parquet(folder / "cifar10h_counts.parquet").filter(regex="^n").to_numpy()
    found = {}
    for split, index in places:
        if split == "train":
            found[split, index] = tuple(train[index].tolist())
        else:  # three different people of the fifty: drawn without putting back
            everybody = np.repeat(np.arange(len(CATEGORIES)), counts[index])
            drawn = np.random.default_rng([seed, index]).choice(everybody, ANSWERS, replace=False)
            found[split, index] = tuple(drawn.tolist())
    return found


def _bytes(folder: Path, places: set[Place]) -> Iterator[tuple[Place, bytes]]:
    for tar in (*TRAIN_TARS, TEST_TAR):
        with tarfile.open(folder / tar) as archive:
            for member in archive:
                split, _, file = member.name.partition("/")
                place = (split, int(file.split("_")[0]))
                if place in places:
                    stream = archive.extractfile(member)
                    assert stream is not None
                    yield place, stream.read()
