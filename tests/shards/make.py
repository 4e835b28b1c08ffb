"""Makes a small valid release of pictures that a network can learn, for the tests of other rooms too."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from shards import Category, LabelError, Manifest, Pixels, ShardWriter, list_files, write_manifest

SPLIT_SIZES: Mapping[str, int] = {"train": 40, "val": 10, "test": 10}
_SHAPES = ("disc", "square", "triangle", "cross", "ring", "bars")


def make_release(
    folder: Path,
    n_per_split: Mapping[str, int] = SPLIT_SIZES,
    classes: int = 4,
    side: int = 32,
    seed: int = 0,
    formats: Sequence[str] = ("jpg",),
    max_bytes: int = 64 * 1024,
) -> Path:
    """Write release `tiny/1` under `folder` and return its path; pictures take turns among `formats`.

    Tars are of at most `max_bytes`.
    """
    release = folder / "tiny" / "1"
    categories = tuple(Category(k, class_name(k), class_name(k).replace("-", " ")) for k in range(classes))
    random = np.random.Generator(np.random.PCG64(seed))
    splits, mean, std = {}, None, None
    for split, n in n_per_split.items():
        samples = {}
        total, squares = np.zeros(3), np.zeros(3)
        for i in range(n):
            label = i % classes
            picture = draw(label, side, random)
            values = np.asarray(picture, dtype=np.float64).reshape(-1, 3) / 255
            total += values.sum(axis=0)
            squares += (values**2).sum(axis=0)
            extension = formats[i // classes % len(formats)]
            data = encode(picture, extension)
            sha256 = hashlib.sha256(data).hexdigest()
            soft = [(label, 0.75), ((label + 1) % classes, 0.25)] if classes > 1 else [(label, 1.0)]
            row = {
                "key": sha256[:16],
                "sha256": sha256,
                "split": split,
                "label": label,
                "category": class_name(label),
                "posterior": soft[0][1],
                "soft": soft,
                "n_judgments": 3,
                "group": sha256,
                "width": side,
                "height": side,
                "license": "CC0-1.0",
            }
            samples[sha256[:16]] = ({extension: data, "json": json.dumps(row).encode()}, label, soft)
        with ShardWriter(release, split, max_bytes=max_bytes) as writer:
            for key in sorted(samples):
                writer.add(key, *samples[key])
        splits[split] = writer.close()
        if split == "train" and n:
            average = total / (n * side * side)
            mean = tuple(round(float(x), 6) for x in average)
            std = tuple(round(float(x), 6) for x in np.sqrt(squares / (n * side * side) - average**2))
    manifest = Manifest(
        name="tiny",
        version=1,
        categories=categories,
        splits=splits,
        files=list_files(release, splits),
        pixels=Pixels(size=side, mode="square", format=formats[0].replace("jpg", "jpeg"), mean=mean, std=std),
        recipe={"task": "classify", "seed": seed},
        created="2026-01-01T00:00:00.000Z",
        label_error=LabelError(0.02, 0.01, 0.04, "drawn"),
        tools={"cairn": "test"},
    )
    write_manifest(release, manifest)
    return release


def class_name(label: int) -> str:
    """`disc`, `square`, ...; a number is added once the shapes are used up."""
    turn, shape = divmod(label, len(_SHAPES))
    return _SHAPES[shape] + (f"-{turn + 1}" if turn else "")


def draw(label: int, side: int, random: np.random.Generator) -> Image.Image:
    """A picture RGB [side, side] of the class's shape, at a random place, size and colours, over noise."""
    ground = random.integers(0, 120, 3)
    noise = random.integers(0, 40, (side, side, 3))
    picture = Image.fromarray((ground + noise).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    colour = tuple(int(x) for x in random.integers(150, 256, 3))
    size = side * random.uniform(0.45, 0.7)
    x, y = random.uniform(0.05 * side, 0.95 * side - size, 2)
    box = (x, y, x + size, y + size)
    thick = max(2, round(size / 5))
    shape = _SHAPES[label % len(_SHAPES)]
    if shape == "disc":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    elif shape == "triangle":
        pen.polygon([(x, y + size), (x + size, y + size), (x + size / 2, y)], fill=colour)
    elif shape == "cross":
        pen.line([(x, y), (x + size, y + size)], fill=colour, width=thick)
        pen.line([(x, y + size), (x + size, y)], fill=colour, width=thick)
    elif shape == "ring":
        pen.ellipse(box, outline=colour, width=thick)
    else:
        for step in range(3):
            top = y + step * size * 0.4
            pen.rectangle((x, top, x + size, top + size * 0.15), fill=colour)
    return picture


def encode(picture: Image.Image, extension: str) -> bytes:
    """JPEG (quality 90) or PNG bytes."""
    buffer = io.BytesIO()
    if extension == "jpg":
        picture.save(buffer, "JPEG", quality=90)
    else:
        picture.save(buffer, "PNG")
    return buffer.getvalue()
