"""CIFAR-10 from the data folder, written as its author's own files with any labels; needs numpy and pillow alone."""

import pickle
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TARS = {"train": ("cifar10_train_a.tar", "cifar10_train_b.tar"), "test": ("cifar10_test.tar",)}
NOISY = ("clean", "aggre", "worse", "random1", "random2", "random3")
PEOPLE = "cifar10n.npz"
SHARES = "cifar10h.npz"


@dataclass(frozen=True)
class Cifar:
    """Pixels uint8 [N, 32, 32, 3] and labels int64 [N] of both splits, in CIFAR's order."""

    train: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def read(data: Path, most: int | None = None) -> Cifar:
    """The whole of CIFAR-10, or its first `most` train and `most // 5` test pictures."""
    train = decode(data, "train", most)
    test = decode(data, "test", None if most is None else most // 5)
    return Cifar(*train, *test)


def decode(data: Path, split: str, most: int | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels and labels of a split; a member is called SPLIT/INDEX_CLASS.webp."""
    pixels, labels = [], []
    for name in TARS[split]:
        with tarfile.open(data / name) as tar:
            for member in tar:
                opened = tar.extractfile(member)
                if opened is None:
                    continue
                pixels.append(np.asarray(Image.open(opened).convert("RGB")))
                labels.append(NAMES.index(Path(member.name).stem.rpartition("_")[2]))
                if len(pixels) == most:
                    return np.stack(pixels), np.array(labels, np.int64)
    return np.stack(pixels), np.array(labels, np.int64)


def people(data: Path) -> dict[str, NDArray[np.int64]]:
    """CIFAR-10N: for each of its columns a label a train picture, int64 [50000]."""
    if (data / PEOPLE).is_file():
        with np.load(data / PEOPLE) as found:
            return {name: found[name].astype(np.int64) for name in NOISY}
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(data / "cifar10n_labels.parquet", columns=list(NOISY))
    return {name: table[name].to_numpy().astype(np.int64) for name in NOISY}


def shares_of_people(data: Path) -> NDArray[np.float32]:
    """CIFAR-10H: for each test picture the shares of people who chose each class, float32 [10000, 10]."""
    if (data / SHARES).is_file():
        with np.load(data / SHARES) as found:
            counts = found["counts"].astype(np.float64)
    else:
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(data / "cifar10h_counts.parquet", columns=[f"n{k}" for k in range(10)])
        counts = np.stack([column.to_numpy() for column in table.columns], axis=1).astype(np.float64)
    return (counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)


def prepare(data: Path) -> None:
    """Write CIFAR-10N and CIFAR-10H as npz, for machines without pyarrow."""
    np.savez_compressed(data / SHARES, counts=shares_of_people(data))
    np.savez_compressed(data / PEOPLE, **{name: labels.astype(np.int8) for name, labels in people(data).items()})


def write(folder: Path, found: Cifar, labels: NDArray[np.int64] | None = None) -> Path:
    """The author's Python batches in `folder`, the train pictures with `labels` where given."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = found.train_labels if labels is None else labels
    for number, rows in enumerate(np.array_split(np.arange(len(labels)), 5), 1):
        write_batch(folder / f"data_batch_{number}", found.train[rows], labels[rows])
    write_batch(folder / "test_batch", found.test, found.test_labels)
    meta = {b"label_names": [name.encode() for name in NAMES]}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    return folder


def write_batch(file: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """One batch: rows of 3072 bytes, the red plane first."""
    flat = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), 3072)
    file.write_bytes(pickle.dumps({b"data": flat, b"labels": labels.tolist()}, protocol=2))
