"""The eight categories of the demo and who draws each of them."""

from collections.abc import Callable
from random import Random

from cairn.demo.scenes.boats import boat
from cairn.demo.scenes.canvas import Subject
from cairn.demo.scenes.cars import CAR_COLOURS, CAR_TYPES, car
from cairn.demo.scenes.lorries import bus, truck
from cairn.demo.scenes.pets import cat, dog
from cairn.demo.scenes.pottery import bowl, mug

__all__ = ["CAR_COLOURS", "CAR_TYPES", "CATEGORIES", "LOOKALIKES", "make_subject"]

_MAKERS: dict[str, Callable[[Random], Subject]] = {
    "boat": boat,
    "bowl": bowl,
    "bus": bus,
    "car": car,
    "cat": cat,
    "dog": dog,
    "mug": mug,
    "truck": truck,
}
CATEGORIES: tuple[str, ...] = tuple(_MAKERS)

# Which category a hurried person, or a small network, takes for which.
LOOKALIKES: dict[str, tuple[str, ...]] = {
    "boat": ("bowl", "truck"),
    "bowl": ("mug", "boat"),
    "bus": ("truck", "car"),
    "car": ("truck", "bus"),
    "cat": ("dog",),
    "dog": ("cat",),
    "mug": ("bowl",),
    "truck": ("bus", "car"),
}


def make_subject(category: str, rng: Random) -> Subject:
    """A fresh subject of `category`, all its choices taken from `rng`; KeyError for an unknown category."""
    return _MAKERS[category](rng)
