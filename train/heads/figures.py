"""Mean average precision of boxes and attributes, mean intersection over union of masks.

AP at an IoU of 0.5: each prediction, the surest first, takes the best box of its class that is still free; the area
under precision made falling (Everingham et al. 2010, as since VOC 2010). IoU: Jaccard index over all pixels of a split.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Boxes:
    """The boxes of one picture: float [M, 4] (left, top, right, bottom), labels int64 [M]; scores [M] if predicted."""

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32] | None = None


def iou(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of boxes [M, 4] and [N, 4]: float64 [M, N]."""
    a, b = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    shared = sides.prod(axis=2)
    union = (a[..., 2:] - a[..., :2]).prod(axis=2) + (b[..., 2:] - b[..., :2]).prod(axis=2) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def area_under(right: NDArray[np.bool_], total: int) -> float:
    """AP of predictions in falling order of score, `total` things to be found."""
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], hits / total])
    return float((np.diff(recall) * falling).sum()) if len(right) else 0.0


def box_precision(
    found: Sequence[Boxes], truth: Sequence[Boxes], classes: int, threshold: float = 0.5
) -> list[float | None]:
    """AP of each class; None for a class without boxes."""
    result: list[float | None] = []
    for label in range(classes):
        scored: list[tuple[float, bool]] = []
        total = 0
        for guessed, true in zip(found, truth, strict=True):
            assert guessed.scores is not None
            own, real = guessed.labels == label, true.boxes[true.labels == label]
            total += len(real)
            free = np.ones(len(real), bool)
            boxes, scores = guessed.boxes[own], guessed.scores[own]
            overlap = iou(boxes, real)
            for row in np.argsort(-scores, kind="stable"):
                candidates = np.where(free, overlap[row], -1.0)
                best = int(candidates.argmax()) if len(real) else -1
                hit = best >= 0 and candidates[best] >= threshold
                if hit:
                    free[best] = False
                scored.append((float(scores[row]), bool(hit)))
        order = np.argsort([-score for score, _ in scored], kind="stable") if scored else np.empty(0, int)
        right = np.array([hit for _, hit in scored], bool)[order]
        result.append(area_under(right, total) if total else None)
    return result


def answer_precision(scores: NDArray[np.float32], truth: NDArray[np.float32]) -> float | None:
    """AP of one yes-or-no answer, scores and truth [N] (NaN where nobody knows); None where it never holds."""
    known = ~np.isnan(truth)
    scores, truth = scores[known], truth[known]
    if not truth.sum():
        return None
    return area_under(truth[np.argsort(-scores, kind="stable")] > 0, int(truth.sum()))


def mean_known(values: Sequence[float | None]) -> float | None:
    """The mean of what is known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def class_iou(confusion: NDArray[np.int64]) -> list[float | None]:
    """IoU of each class from pixels counted [true, called]; None for a class that is nowhere."""
    hit = confusion.diagonal()
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hit
    return [float(h / u) if u else None for h, u in zip(hit, union, strict=True)]
