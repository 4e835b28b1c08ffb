"""Rendered scenes of which every outline is known, and people who draw around what they see, not quite there."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.train.rendered import FULL, NAMES, scene

KINDS = {"boxes": "boxes", "polygons": "shapes"}
"""Kind of campaign -> the name of its answers' list, also in a release."""
Objects = Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Thing:
    """One object of a scene: category and outline float64 [N, 2] in pixels."""

    category: str
    outline: NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """A picture as PNG with what is on it."""

    data: bytes
    things: tuple[Thing, ...]

    @property
    def sha256(self) -> str:
        """The picture's name."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def truth(self) -> Objects:
        """What is on it as a release would say it: boxes and shapes."""
        return {
            "boxes": [boxed(thing.category, thing.outline) for thing in self.things],
            "shapes": [outlined(thing.category, thing.outline) for thing in self.things],
        }


def render(count: int, seed: int) -> dict[str, Scene]:
    """`count` scenes by SHA-256."""
    random = np.random.default_rng(seed)
    found = {}
    for _ in range(count):
        picture, objects = scene(random, clouds=True)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        one = Scene(buffer.getvalue(), tuple(Thing(name, outline) for name, _, outline in objects))
        found[one.sha256] = one
    return found


def boxed(category: str, outline: NDArray[np.float64]) -> dict[str, Any]:
    """The box around an outline."""
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    sides = {"x": left, "y": top, "w": right - left, "h": bottom - top}
    return {"category": category, "crowd": False} | {name: float(side) for name, side in sides.items()}


def outlined(category: str, outline: NDArray[np.float64]) -> dict[str, Any]:
    """An outline as a shape of one ring."""
    return {"category": category, "rings": [outline.tolist()]}


@dataclass(frozen=True)
class Hand:
    """How somebody draws: `jitter` pixels off (standard deviation), of all objects a share missed or misnamed, and
    on a share of the pictures an object that is not there."""

    jitter: float
    missed: float
    misnamed: float
    invented: float

    def draw(self, one: Scene, kind: str, seed: str) -> dict[str, Any]:
        """An answer of the campaign's kind; the same for the same seed."""
        random = Random(f"{seed}/{kind}/{one.sha256}")
        noise = np.random.default_rng(random.getrandbits(64))
        things = [thing for thing in one.things if random.random() >= self.missed]
        if random.random() < self.invented:
            corner, side = noise.uniform(0, FULL - 40, 2), noise.uniform(15, 40)
            things.append(Thing(random.choice(NAMES), corner + np.array([[0, 0], [side, 0], [side, side], [0, side]])))
        drawn = []
        for thing in things:
            name = random.choice(NAMES) if random.random() < self.misnamed else thing.category
            # Corners go their own ways; the sides of a box, which are drawn by its extremes, do so too.
            outline = np.clip(thing.outline + noise.normal(0, self.jitter, thing.outline.shape), 0, FULL)
            drawn.append(boxed(name, outline) if kind == "boxes" else outlined(name, outline))
        return {KINDS[kind]: drawn}


HANDS = (
    Hand(jitter=1.5, missed=0.03, misnamed=0.02, invented=0.02),
    Hand(jitter=2.0, missed=0.06, misnamed=0.04, invented=0.03),
    Hand(jitter=3.0, missed=0.12, misnamed=0.06, invented=0.06),
    Hand(jitter=2.0, missed=0.04, misnamed=0.10, invented=0.02),
    Hand(jitter=4.0, missed=0.08, misnamed=0.05, invented=0.10),
)
"""From careful to careless."""
