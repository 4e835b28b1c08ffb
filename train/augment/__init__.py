"""Augmentation of a whole batch at once, on the device it lies on: `presets` says what, the other files do it."""

from train.augment.batch import Draws, augment, draw, generator, take
from train.augment.geometry import middle
from train.augment.mixing import Mix, draw_mix, mix_pictures
from train.augment.presets import PRESETS, WORDS, Preset, parse_augment

__all__ = [
    "PRESETS",
    "WORDS",
    "Draws",
    "Mix",
    "Preset",
    "augment",
    "draw",
    "draw_mix",
    "generator",
    "middle",
    "mix_pictures",
    "parse_augment",
    "take",
]
