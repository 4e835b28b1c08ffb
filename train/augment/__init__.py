"""Augmentation of a whole batch at once, on the device it lies on: `presets` says what, the other files do it.

What is shown here needs no torch; `batch` draws and moves, `mixing` mixes.
"""

from train.augment.presets import PRESETS, WORDS, Preset, parse_augment

__all__ = ["PRESETS", "WORDS", "Preset", "parse_augment"]
