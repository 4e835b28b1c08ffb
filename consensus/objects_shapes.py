"""Boxes and polygons as areas: how much two of them overlap, and one fused shape from several.

Boxes are float64 [n, 4]: x, y, width, height in pixels. A polygon is a list of rings (the outer one, then holes), each
float64 [n, 2]; its area is that of the even-odd rule, so holes count whichever way they turn. Polygons are compared
on scanlines: at 256 heights the intervals inside are exact, so areas are those of the trapezoids between.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consensus.judgments import Floats

Rings = Sequence[Floats]
LINES = 256


def box_iou(first: Floats, second: Floats) -> Floats:
    """float64 [n, m]: intersection over union of every two boxes; 0 where both are empty."""
    a, b = first[:, None, :], second[None, :, :]
    width = np.minimum(a[..., 0] + a[..., 2], b[..., 0] + b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 1] + a[..., 3], b[..., 1] + b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    common = np.clip(width, 0.0, None) * np.clip(height, 0.0, None)
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def bounding_box(rings: Rings) -> Floats:
    """float64 [4]: the smallest box around the outer ring."""
    low, high = rings[0].min(axis=0), rings[0].max(axis=0)
    return np.concatenate([low, high - low])


def polygon_iou(first: Rings, second: Rings) -> float:
    """Intersection over union of two polygons."""
    a, b = bounding_box(first), bounding_box(second)
    if box_iou(a[None], b[None])[0, 0] == 0.0 and a[2] * a[3] > 0 and b[2] * b[3] > 0:
        return 0.0
    low, high = min(a[1], b[1]), max(a[1] + a[3], b[1] + b[3])
    if high <= low:
        return 0.0
    lines = low + (np.arange(LINES) + 0.5) * (high - low) / LINES
    one, other = inside(first, lines), inside(second, lines)
    starts = np.maximum(one[:, :, None, 0], other[:, None, :, 0])
    ends = np.minimum(one[:, :, None, 1], other[:, None, :, 1])
    common = float(np.clip(ends - starts, 0.0, None).sum())
    union = length(one) + length(other) - common
    return common / union if union > 0 else 0.0


def inside(rings: Rings, lines: Floats) -> Floats:
    """float64 [lines, n, 2]: where each horizontal line lies inside (even-odd), from left to right.

    Lines with fewer than n intervals have empty ones (0, 0) behind.
    """
    a = np.concatenate(rings)
    b = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    y = lines[:, None]
    across = (a[:, 1] <= y) != (b[:, 1] <= y)
    rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])  # a level edge is crossed by no line
    x = np.where(across, a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0]), np.inf)
    x = np.sort(x, axis=1)[:, : int(across.sum(axis=1).max())]
    x[np.isinf(x)] = 0.0  # every ring is crossed an even number of times, so what is left over are pairs
    return x.reshape(len(lines), x.shape[1] // 2, 2)


def length(intervals: Floats) -> float:
    """The total length of disjoint intervals."""
    return float((intervals[..., 1] - intervals[..., 0]).sum())


def weighted_median(values: Floats, weight: Floats) -> float:
    """The middle value by weight: the mean of the lower and the upper one where half lies on either side."""
    order = np.argsort(values, kind="stable")
    values, mass = values[order], np.cumsum(weight[order])
    half = 0.5 * mass[-1]
    low = values[min(int(np.searchsorted(mass, half - 1e-12)), len(values) - 1)]
    high = values[min(int(np.searchsorted(mass, half + 1e-12, side="right")), len(values) - 1)]
    return float(0.5 * (low + high))


def fused_box(boxes: Floats, weight: Floats) -> Floats:
    """float64 [4]: the weighted median of each of the four sides; fewer than half of the weight cannot move it far."""
    sides = np.column_stack([boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]])
    left, top, right, bottom = (weighted_median(sides[:, k], weight) for k in range(4))
    return np.array([left, top, right - left, bottom - top])
