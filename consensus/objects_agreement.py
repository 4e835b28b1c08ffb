"""How alike two answers of objects are: F1 of the objects that are paired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from consensus.judgments import Floats
from consensus.objects_matching import best_assignment
from consensus.objects_shapes import box_iou, polygon_iou


def object_agreement(answer: Mapping[str, Any], other: Mapping[str, Any], min_iou: float = 0.5) -> float:
    """2 pairs / (objects of both), pairs being of one category with an IoU of `min_iou` or more; 1 of two empty ones.

    Answers are {"boxes": [...]} or {"shapes": [...]}, both alike.
    """
    mine, theirs = (one.get("boxes", one.get("shapes", ())) for one in (answer, other))
    if not mine or not theirs:
        return float(not mine and not theirs)
    same = np.array([[a["category"] == b["category"] for b in theirs] for a in mine])
    overlap = np.where(same, _iou(mine, theirs), 0.0)
    pairs = best_assignment(np.where(overlap >= min_iou, overlap, 0.0))
    return 2 * len(pairs) / (len(mine) + len(theirs))


def _iou(mine: Any, theirs: Any) -> Floats:
    if "rings" in mine[0]:
        first, second = (
            [[np.asarray(ring, dtype=np.float64) for ring in one["rings"]] for one in some] for some in (mine, theirs)
        )
        return np.array([[polygon_iou(a, b) for b in second] for a in first])
    boxes = [np.array([[one[side] for side in "xywh"] for one in some], dtype=np.float64) for some in (mine, theirs)]
    return box_iou(boxes[0], boxes[1])
