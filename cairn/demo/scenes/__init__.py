"""What the demo's renderer draws: subjects, backgrounds and clutter."""

from cairn.demo.scenes.canvas import Subject, View
from cairn.demo.scenes.catalogue import CAR_COLOURS, CAR_TYPES, CATEGORIES, make_subject

__all__ = ["CAR_COLOURS", "CAR_TYPES", "CATEGORIES", "Subject", "View", "make_subject"]
