"""Small datasets of each kind that the trainer reads, and settings that train on them in a second or two."""

import io
import pickle
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.shards.make import draw
from train import RunConfig


def tiny_config(data: Path, out: Path, **changes) -> RunConfig:
    """The smallest network of the family, one thread."""
    settings = {
        "data": str(data),
        "out": str(out),
        "model": "resnet8",
        "width": 0.5,
        "epochs": 2,
        "batch_size": 16,
        "lr": 0.05,
        "device": "cpu",
        "precision": "fp32",
        "workers": 0,
        "threads": 1,
        **changes,
    }
    return RunConfig(**settings)


def shapes(n: int, classes: int = 3, side: int = 16, seed: int = 1) -> list[tuple[Image.Image, int]]:
    """Pictures of shapes with their labels."""
    random = np.random.default_rng(seed)
    return [(draw(i % classes, side, random), i % classes) for i in range(n)]


def make_image_folder(folder: Path, sizes: Mapping[str, int], classes: int = 3) -> Path:
    """FOLDER/SPLIT/CLASS/N.png; a split called "" lies directly in FOLDER."""
    for split, n in sizes.items():
        for i, (picture, label) in enumerate(shapes(n, classes, seed=len(split))):
            file = folder / split / f"class{label}" / f"{i:03d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            picture.save(file)
    return folder


def make_tars(folder: Path, sizes: Mapping[str, int]) -> Path:
    """FOLDER/SPLIT-000000.tar with KEY.png and KEY.cls."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, n in sizes.items():
        with tarfile.open(folder / f"{split}-000000.tar", "w") as tar:
            for i, (picture, label) in enumerate(shapes(n)):
                buffer = io.BytesIO()
                picture.save(buffer, "PNG")
                for extension, data in (("png", buffer.getvalue()), ("cls", str(label).encode())):
                    info = tarfile.TarInfo(f"{split}{i:04d}.{extension}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    return folder


def make_cifar(folder: Path, binary: bool = False) -> tuple[Path, np.ndarray, np.ndarray]:
    """CIFAR-10's own files in small: five batches of 6 and a test batch; gives train's pixels and labels too."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    names = ["airplane", "automobile", "bird"]
    pixels, labels = [], []
    for batch in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        data = random.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
        flat = data.transpose(0, 3, 1, 2).reshape(6, 3072)
        truth = [0, 1, 2, 0, 1, 2]
        if binary:
            rows = np.concatenate([np.array(truth, np.uint8)[:, None], flat], axis=1)
            (folder / f"{batch}.bin").write_bytes(rows.tobytes())
        else:
            content = {b"data": flat, b"labels": truth, b"batch_label": b"x", b"filenames": [b"a.png"] * 6}
            (folder / batch).write_bytes(pickle.dumps(content, protocol=2))
        if batch != "test_batch":
            pixels.append(data)
            labels += truth
    if binary:
        (folder / "batches.meta.txt").write_text("\n".join(names) + "\n")
    else:
        (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [n.encode() for n in names]}, 2))
    return folder, np.concatenate(pixels), np.array(labels)
