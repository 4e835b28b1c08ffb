"""What people said of each picture of a release, in the pixels that the network sees.

A release gives boxes and shapes in pixels of the full-size picture, with the scale and offset of the shard's picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shards import Split
from train.sources.release import read_meta

LEAST_SEEN = 0.25  # a box of which less is inside the square that is seen is left out
NOT_AN_ANSWER = "unsure"


@dataclass(frozen=True)
class View:
    """The map from full-size pixels to those of the square that the network sees: x * scale[0] + offset[0]."""

    scale: tuple[float, float]
    offset: tuple[float, float]
    side: int

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """float [N, 2] (x, y) -> the same in seen pixels."""
        return points * np.array(self.scale) + np.array(self.offset)


def view_of(meta: Mapping[str, Any], side: int) -> View:
    """The view of a sample whose shard picture is cut to its middle square and resized to `side`."""
    width, height = float(meta["width"]), float(meta["height"])
    short = min(width, height)
    factor = side / short
    scale = (float(meta.get("scale_x") or 1.0) * factor, float(meta.get("scale_y") or 1.0) * factor)
    left, top = (width - short) / 2, (height - short) / 2
    offset = (
        (float(meta.get("offset_x") or 0.0) - left) * factor,
        (float(meta.get("offset_y") or 0.0) - top) * factor,
    )
    return View(scale, offset, side)


def boxes_of(
    meta: Mapping[str, Any], categories: Sequence[str], side: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes float32 [M, 4] (left, top, right, bottom) in seen pixels and labels int64 [M] from 0.

    Crowds, other categories and boxes that are mostly outside are left out.
    """
    view = view_of(meta, side)
    found, labels = [], []
    for box in meta.get("boxes") or []:
        if box.get("crowd") or box["category"] not in categories:
            continue
        x, y, w, h = (float(box[name]) for name in "xywh")
        corners = view.place(np.array([[x, y], [x + w, y + h]])).reshape(-1)
        seen = np.clip(corners, 0, side)
        area, whole = np.prod(seen[2:] - seen[:2]), np.prod(corners[2:] - corners[:2])
        if whole > 0 and area >= LEAST_SEEN * whole:
            found.append(seen)
            labels.append(categories.index(box["category"]))
    return np.array(found, np.float32).reshape(-1, 4), np.array(labels, np.int64)


def mask_of(meta: Mapping[str, Any], categories: Sequence[str], side: int) -> NDArray[np.uint8]:
    """uint8 [side, side]: 0 for nothing, else a category's number from 1; later shapes lie on earlier ones."""
    view = view_of(meta, side)
    mask = Image.new("L", (side, side), 0)
    for shape in meta.get("shapes") or []:
        if shape["category"] not in categories:
            continue
        rings = [[tuple(p - 0.5) for p in view.place(np.array(ring, float))] for ring in shape["rings"]]
        inside = Image.new("1", (side, side), 0)
        pen = ImageDraw.Draw(inside)
        for number, ring in enumerate(rings):
            pen.polygon(ring, fill=0 if number else 1)  # the first ring is the outline, the rest are holes
        mask.paste(categories.index(shape["category"]) + 1, mask=inside)
    return np.asarray(mask, np.uint8)


@dataclass(frozen=True)
class Attribute:
    """One question about a picture: its choices, and whether several may hold at once."""

    name: str
    choices: tuple[str, ...]
    multiple: bool


def attributes_in(split: Split) -> tuple[Attribute, ...]:
    """The attributes that a split's samples have answers to, in order of name."""
    choices: dict[str, set[str]] = {}
    multiple: set[str] = set()
    for row in range(len(split)):
        for name, value in (read_meta(split, row).get("attributes") or {}).items():
            if isinstance(value, list):
                multiple.add(name)
            values = value if isinstance(value, list) else [value]
            choices.setdefault(name, set()).update(str(v) for v in values if v != NOT_AN_ANSWER)
    return tuple(Attribute(name, tuple(sorted(found)), name in multiple) for name, found in sorted(choices.items()))


def answers_of(meta: Mapping[str, Any], attributes: Sequence[Attribute]) -> NDArray[np.float32]:
    """For each choice of each attribute 1, 0, or NaN where nobody knows; float32 [sum of choices]."""
    given = meta.get("attributes") or {}
    found = []
    for attribute in attributes:
        value = given.get(attribute.name)
        known = value is not None and value != NOT_AN_ANSWER
        values = {str(v) for v in (value if isinstance(value, list) else [value])}
        found += [float(choice in values) if known else np.nan for choice in attribute.choices]
    return np.array(found, np.float32)
