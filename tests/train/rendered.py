"""Releases of rendered scenes with boxes, outlines and attributes, as three people with unsteady hands give them."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from shards import Category, Manifest, Pixels, ShardWriter, list_files, write_manifest

NAMES = ("disc", "square", "triangle")
COLOURS = {"red": (220, 60, 50), "green": (70, 190, 80), "blue": (70, 110, 230)}
FULL, SHARD = 128, 64  # pixels of the picture that people saw, and of the shard's


def scene(random: np.random.Generator, most: int = 2, clouds: bool = False):
    """A picture of up to `most` shapes that do not overlap: (picture, [(name, colour, outline [N, 2])]).

    They lie on dark noise, or on clouds, by which a search for duplicates tells one scene from another.
    """
    noise = random.integers(0, 60, (FULL, FULL, 3), dtype=np.uint8)
    if clouds:
        coarse = Image.fromarray(random.integers(0, 130, (9, 9, 3), dtype=np.uint8))
        noise = noise // 2 + np.asarray(coarse.resize((FULL, FULL), Image.Resampling.BICUBIC))
    picture, objects, taken = Image.fromarray(noise), [], []
    pen = ImageDraw.Draw(picture)
    for _ in range(random.integers(1, most + 1)):
        side = random.uniform(36, 64)
        x, y = random.uniform(2, FULL - side - 2, 2)
        box = (x, y, x + side, y + side)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            continue
        taken.append(box)
        name, colour = NAMES[random.integers(3)], list(COLOURS)[random.integers(3)]
        if name == "disc":
            turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            outline = np.stack([x + side / 2 * (1 + np.cos(turn)), y + side / 2 * (1 + np.sin(turn))], axis=1)
        elif name == "square":
            outline = np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])
        else:
            outline = np.array([[x + side / 2, y], [x + side, y + side], [x, y + side]])
        pen.polygon([tuple(p) for p in outline], fill=COLOURS[colour])
        objects.append((name, colour, outline))
    return picture, objects


def settled(outline: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What three people with a spread of a pixel agree on: their mean."""
    return np.mean([outline + random.normal(0, 1, outline.shape) for _ in range(3)], axis=0)


def make_scenes(folder: Path, sizes: Mapping[str, int], seed: int = 0) -> Path:
    """Release `scenes/1` under `folder`; the rows have boxes, shapes and attributes in full-size pixels."""
    release = folder / "scenes" / "1"
    random = np.random.default_rng(seed)
    splits = {}
    for split, count in sizes.items():
        rows = {}
        for _ in range(count):
            picture, objects = scene(random)
            buffer = io.BytesIO()
            picture.resize((SHARD, SHARD), Image.Resampling.BOX).save(buffer, "PNG")
            sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
            boxes, shapes = [], []
            for name, _, outline in objects:
                (left, top), (right, bottom) = (settled(outline, random).min(0), settled(outline, random).max(0))
                boxes.append({"category": name, "x": left, "y": top, "w": right - left, "h": bottom - top, "p": 0.99})
                shapes.append({"category": name, "rings": [settled(outline, random).tolist()], "p": 0.99})
            row = {
                "key": sha256[:16], "sha256": sha256, "split": split, "label": -1, "category": None, "posterior": None,
                "soft": [], "n_judgments": 3, "group": sha256, "width": SHARD, "height": SHARD,
                "scale_x": SHARD / FULL, "scale_y": SHARD / FULL, "offset_x": 0.0, "offset_y": 0.0,
                "boxes": boxes, "shapes": shapes,
                "attributes": {
                    "first": objects[0][0] if random.random() > 0.1 else "unsure",
                    "colours": sorted({colour for _, colour, _ in objects}),
                },
            }  # fmt: skip
            rows[sha256[:16]] = ({"png": buffer.getvalue(), "json": json.dumps(row).encode()}, -1, [])
        with ShardWriter(release, split) as writer:
            for key in sorted(rows):
                writer.add(key, *rows[key])
        splits[split] = writer.close()
    write_manifest(
        release,
        Manifest(
            name="scenes",
            version=1,
            categories=tuple(Category(k, name, name) for k, name in enumerate(NAMES)),
            splits=splits,
            files=list_files(release, splits),
            pixels=Pixels(size=SHARD, mode="square", format="png", mean=(0.2,) * 3, std=(0.2,) * 3),
            recipe={"task": "detect"},
            created="2026-01-01T00:00:00.000Z",
            label_error=None,
            tools={},
        ),
    )
    return release
