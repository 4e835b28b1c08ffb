"""CIFAR-10 and CIFAR-100 as their author publishes them: the Python batches, or the binary ones.

https://www.cs.toronto.edu/~kriz/cifar.html says what the files hold. A pickle can run any code, so only what these
files need (numpy arrays, bytes) may be named in one.
"""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from train.errors import TrainError
from train.sources.kinds import Labelled, Source, identity_of

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class BatchUnpickler(pickle.Unpickler):
    """An unpickler that can make numpy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every name that a batch of CIFAR has no need of."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def looks_like_cifar(path: Path) -> bool:
    """Whether `path` holds CIFAR-10's or CIFAR-100's own files."""
    return (
        (path / "data_batch_1").is_file()
        or (path / "data_batch_1.bin").is_file()
        or ((path / "train").is_file() and (path / "meta").is_file())
    )


def open_cifar(path: Path) -> Source:
    """CIFAR's own batch files in `path`; they have train and test, and no val."""
    if (path / "data_batch_1.bin").is_file():
        names = tuple((path / "batches.meta.txt").read_text().split())
        read = {
            "train": [binary_batch(f) for f in sorted(path.glob("data_batch_*.bin"))],
            "test": [binary_batch(path / "test_batch.bin")],
        }
    elif (path / "data_batch_1").is_file():
        names = decoded_names(load_pickle(path / "batches.meta")[b"label_names"])
        read = {
            "train": [python_batch(f, b"labels") for f in sorted(path.glob("data_batch_?"))],
            "test": [python_batch(path / "test_batch", b"labels")],
        }
    else:
        names = decoded_names(load_pickle(path / "meta")[b"fine_label_names"])
        read = {split: [python_batch(path / split, b"fine_labels")] for split in ("train", "test")}
    splits = {
        split: labelled(
            split, np.concatenate([pixels for pixels, _ in parts]), np.concatenate([labels for _, labels in parts])
        )
        for split, parts in read.items()
    }
    return Source(name=path.resolve().name, identity=identity_of(names, splits), categories=names, splits=splits)


def decoded_names(names: list[bytes | str]) -> tuple[str, ...]:
    """Class names as text."""
    return tuple(name.decode() if isinstance(name, bytes) else name for name in names)


def load_pickle(file: Path) -> dict[bytes, Any]:
    """One of the author's pickles, read safely."""
    try:
        with file.open("rb") as opened:
            return BatchUnpickler(opened, encoding="bytes").load()
    except (OSError, pickle.UnpicklingError, EOFError) as error:
        raise TrainError(
            f"{file} is not one of CIFAR's own files ({error}).", hint="unpack the published archive again"
        ) from error


def python_batch(file: Path, label_key: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels uint8 [N, 32, 32, 3] and labels int64 [N] of one Python batch."""
    batch = load_pickle(file)
    pixels = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return pixels, np.asarray(batch[label_key], np.int64)


def binary_batch(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels uint8 [N, 32, 32, 3] and labels int64 [N] of one binary batch of CIFAR-10: rows of 1 + 3072 bytes."""
    try:
        rows = np.fromfile(file, np.uint8).reshape(-1, 3073)
    except (OSError, ValueError) as error:
        raise TrainError(
            f"{file} is not one of CIFAR's own files ({error}).", hint="unpack the published archive again"
        ) from error
    return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, 0].astype(np.int64)


def labelled(split: str, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> Labelled:
    """The samples of one split; a sample's SHA-256 is that of its 3072 pixel bytes (rows, columns, RGB)."""

    def origin(row: int) -> tuple[str, str]:
        sha256 = hashlib.sha256(np.ascontiguousarray(pixels[row]).tobytes()).hexdigest()
        return sha256, sha256

    return Labelled(
        keys=[f"{split}-{row:05d}" for row in range(len(labels))],
        labels=labels,
        picture=lambda row, least=0: Image.fromarray(np.ascontiguousarray(pixels[row])),
        origin=origin,
    )
