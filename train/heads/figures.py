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


@dataclass(frozen=True)
class Ranked:
    """Predictions of one class, the surest first: whether each is right bool [M], and of which picture int64 [M].

    `wanted` float64 [N] is how many things of the class each picture has.
    """

    right: NDArray[np.bool_]
    picture: NDArray[np.int64]
    wanted: NDArray[np.float64]

    def precision(self, weights: NDArray[np.float64] | None = None) -> float | None:
        """AP where picture n counts weights[n] times (once); None where nothing is wanted."""
        counts = np.ones(len(self.wanted)) if weights is None else weights
        total = float(self.wanted @ counts)
        if not total:
            return None
        own = counts[self.picture]
        seen, hits = np.cumsum(own), np.cumsum(own * self.right)
        precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
        falling = np.maximum.accumulate(precision[::-1])[::-1]
        return float((np.diff(hits, prepend=0.0) * falling).sum() / total)


def ranked_boxes(found: Sequence[Boxes], truth: Sequence[Boxes], classes: int, threshold: float = 0.5) -> list[Ranked]:
    """Each class's boxes of all pictures, matched to what is there."""
    result = []
    for label in range(classes):
        scores: list[float] = []
        right: list[bool] = []
        pictures: list[int] = []
        wanted = np.array([float((one.labels == label).sum()) for one in truth])
        for picture, (guessed, true) in enumerate(zip(found, truth, strict=True)):
            assert guessed.scores is not None
            own = guessed.labels == label
            order = np.argsort(-guessed.scores[own], kind="stable")
            scores += guessed.scores[own][order].tolist()
            pictures += [picture] * len(order)
            right += hits(iou(guessed.boxes[own][order], true.boxes[true.labels == label]), threshold)
        ranks = np.argsort(-np.array(scores), kind="stable")
        result.append(Ranked(np.array(right, bool)[ranks], np.array(pictures, np.int64)[ranks], wanted))
    return result


def hits(overlap: NDArray[np.float64], threshold: float) -> list[bool]:
    """Which boxes, the surest first, are right: each takes the one true box that it overlaps most and that is free.

    `overlap` float64 [boxes, true boxes].
    """
    free = np.ones(overlap.shape[1], bool)
    found = []
    for row in overlap:
        candidates = np.where(free, row, -1.0)
        best = int(candidates.argmax()) if len(row) else -1
        hit = best >= 0 and bool(candidates[best] >= threshold)
        if hit:
            free[best] = False
        found.append(hit)
    return found


def ranked_answers(scores: NDArray[np.float32], truth: NDArray[np.float32]) -> Ranked:
    """One yes-or-no answer, scores and truth [N]; where truth is NaN nobody knows, and the picture does not count."""
    known = np.flatnonzero(~np.isnan(truth))
    order = known[np.argsort(-scores[known], kind="stable")]
    return Ranked(truth[order] > 0, order, np.nan_to_num(truth, nan=0.0).astype(np.float64))


def mean_precision(ranked: Sequence[Ranked], weights: NDArray[np.float64] | None = None) -> float | None:
    """mAP over the classes of which something is wanted."""
    return mean_known([one.precision(weights) for one in ranked])


def mean_known(values: Sequence[float | None]) -> float | None:
    """The mean of what is known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def class_iou(confusion: NDArray[np.int64] | NDArray[np.float64]) -> list[float | None]:
    """IoU of each class from pixels counted [true, called]; None for a class that is nowhere."""
    hit = confusion.diagonal()
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hit
    return [float(h / u) if u else None for h, u in zip(hit, union, strict=True)]
