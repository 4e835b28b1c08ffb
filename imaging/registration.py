"""How one picture lies over another: mirrored, scaled, turned a little, shifted; found coarsely, then refined.

Coarse: at 16 x 16 every scale, turn and mirroring of a grid is laid at every shift, and the normalised correlations of
the overlaps, as one product of matrices, rank them. Fine: Gauss-Newton on the six numbers of an affine warp with gain
and bias (Lucas and Kanade, IJCAI 1981; Baker and Matthews, IJCV 2004), at 32 x 32 and 64 x 64.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Warp = NDArray[np.float64]
"""[2, 3]: where a point (x, y, 1) of the second picture lies in the first; both span -1 to 1."""

IDENTITY: Warp = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

_COARSE = 16
_SCALES = (0.62, 0.74, 0.87, 1.0, 1.16, 1.36, 1.6)
_DEGREES = (-8.0, 0.0, 8.0)
_REACH = 4  # shifts of the coarse pictures, in pixels each way
_LEAST_OVERLAP = 0.3
_LEAST_SCALE, _MOST_SCALE, _MOST_SHEAR, _MOST_SHIFT = 0.5, 1.9, 0.3, 0.65
_STARTS = 3


@dataclass(frozen=True)
class Coarse:
    """A picture at 16 x 16 as it is correlated: laid under every warp of the grid, and at every shift."""

    warped: Plane  # [K, 256], nought outside
    warped_sums: Plane  # [2, K, S]: of tones and their squares over each overlap
    shifted: Plane  # [S, 256]
    shifted_sums: Plane  # [2, K, S]


def coarse(luma: Plane) -> Coarse:
    """Of luma float32 [64, 64]."""
    grid = _grid()
    small = shrink(luma, _COARSE)
    small = (small - small.mean()) / (small.std() + 1.0)
    warped = (grid.sampling @ small.reshape(-1)).reshape(len(grid.warps), -1)
    padded = np.pad(small, _REACH)
    views = np.lib.stride_tricks.sliding_window_view(padded, (_COARSE, _COARSE))
    shifted = np.ascontiguousarray(views.reshape(-1, _COARSE * _COARSE))
    return Coarse(
        warped,
        np.stack([warped @ grid.shift_masks.T, (warped * warped) @ grid.shift_masks.T]),
        shifted,
        np.stack([grid.warp_masks @ shifted.T, grid.warp_masks @ (shifted * shifted).T]),
    )


def best_starts(first: Coarse, second: Coarse, count: int = _STARTS) -> list[tuple[float, Warp]]:
    """(correlation, warp) of the best places of the grid, each of another scale, turn or mirroring, best first."""
    grid = _grid()
    n = grid.overlaps
    covariance = first.warped @ second.shifted.T - first.warped_sums[0] * second.shifted_sums[0] / n
    variance = (first.warped_sums[1] - first.warped_sums[0] ** 2 / n) * (
        second.shifted_sums[1] - second.shifted_sums[0] ** 2 / n
    )
    correlation = covariance / np.sqrt(np.maximum(variance, 1e-3 * n * n))
    # A small overlap correlates by chance more easily: significance, not the figure itself, ranks.
    sure = np.where(grid.enough, np.arctanh(correlation.clip(-0.999, 0.999)) * np.sqrt(n), -np.inf)
    at = sure.argmax(axis=1)
    found = []
    for k in np.argsort(-sure[np.arange(len(at)), at])[:count]:
        shift_y, shift_x = divmod(int(at[k]), 2 * _REACH + 1)
        moved = grid.warps[k].copy()
        # The second picture was shifted by whole pixels under the warp's frame: back to its own coordinates.
        offset = np.array([shift_x - _REACH, shift_y - _REACH]) * (2 / _COARSE)
        moved[:, 2] -= moved[:, :2] @ offset
        found.append((float(correlation[k, at[k]]), moved))
    return found


def refine(first: Plane, second: Plane, warp: Warp, rounds: int) -> Warp:
    """Gauss-Newton steps until they are small, or leave what a copy can be; planes float32 [side, side]."""
    for _ in range(rounds):
        step = _step(first, second, warp)
        if step is None or not plausible(warp + step):
            return warp
        warp = warp + step
        if np.abs(step).max() < 0.2 / len(first):
            break
    return warp


def plausible(warp: Warp) -> bool:
    """Whether a copy could lie so: no scale, shear or shift past what crops, frames and small turns make."""
    scales = np.abs(np.diagonal(warp))
    return bool(
        (scales > _LEAST_SCALE).all()
        and (scales < _MOST_SCALE).all()
        and scales.max() < 1.5 * scales.min()
        and abs(warp[0, 1]) < _MOST_SHEAR
        and abs(warp[1, 0]) < _MOST_SHEAR
        and (np.abs(warp[:, 2]) < _MOST_SHIFT).all()
    )


def inverse(warp: Warp) -> Warp:
    """Where a point of the first picture lies in the second."""
    linear = np.linalg.inv(warp[:, :2])
    return np.concatenate([linear, -linear @ warp[:, 2:]], axis=1)


def sample(plane: Plane, warp: Warp, side: int) -> tuple[Plane, NDArray[np.bool_]]:
    """The first picture as seen from the second's frame, [..., side, side], and where it lies inside; bilinear."""
    size = plane.shape[-1]
    x, y = _mesh(side)
    u = (warp[0, 0] * x + warp[0, 1] * y + warp[0, 2] + 1) * (size / 2) - 0.5
    v = (warp[1, 0] * x + warp[1, 1] * y + warp[1, 2] + 1) * (size / 2) - 0.5
    inside = (u > -0.5) & (u < size - 0.5) & (v > -0.5) & (v < size - 0.5)
    u, v = u.clip(0, size - 1.001).astype(np.float32), v.clip(0, size - 1.001).astype(np.float32)
    left, top = u.astype(np.intp), v.astype(np.intp)
    du, dv = u - left, v - top
    flat = plane.reshape(*plane.shape[:-2], -1)
    at = top * size + left
    upper = flat[..., at] * (1 - du) + flat[..., at + 1] * du
    lower = flat[..., at + size] * (1 - du) + flat[..., at + size + 1] * du
    return upper * (1 - dv) + lower * dv, inside


def shrink(plane: Plane, side: int) -> Plane:
    """Means of square cells: [..., n, n] -> [..., side, side]."""
    factor = plane.shape[-1] // side
    return plane.reshape(*plane.shape[:-2], side, factor, side, factor).mean(axis=(-3, -1))


def misfit(first: Plane, second: Plane, warp: Warp) -> float:
    """1 - correlation of the overlap."""
    moved, inside = sample(first, warp, len(second))
    a, b = moved[inside], second[inside]
    if len(a) < _LEAST_OVERLAP * second.size:
        return 1.0
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return 1 - float(a @ b) / norm if norm else 1.0


def _step(first: Plane, second: Plane, warp: Warp) -> Warp | None:
    side = len(second)
    moved, inside = sample(first, warp, side)
    if inside.sum() < _LEAST_OVERLAP * inside.size:
        return None
    # Slopes along the first picture's own axes, through the warp's linear part.
    slope_y, slope_x = np.gradient(moved, 2 / side)
    linear = warp[:, :2]
    determinant = linear[0, 0] * linear[1, 1] - linear[0, 1] * linear[1, 0]
    if abs(determinant) < 0.1:
        return None
    back = np.linalg.inv(linear)
    slope_u = (back[0, 0] * slope_x + back[1, 0] * slope_y)[inside]
    slope_v = (back[0, 1] * slope_x + back[1, 1] * slope_y)[inside]
    x, y = (coordinate[inside] for coordinate in _mesh(side))
    tones, target = moved[inside], second[inside]
    # Gain and bias first, so that a watermark's residual can be weighed down before it pulls the frame away.
    centred = tones - tones.mean()
    power = float(centred @ centred)
    gain = float(centred @ target) / power if power else 0.0
    if gain < 0.1:
        return None
    residual = target - target.mean() - gain * centred
    limit = 2.0 * float(np.median(np.abs(residual))) + 1e-3
    weight = np.minimum(1.0, limit / np.maximum(np.abs(residual), 1e-6))
    u, v = slope_u * gain, slope_v * gain
    jacobian = np.stack([u * x, u * y, u, v * x, v * y, v, centred, np.ones_like(u)], axis=1)
    normal = jacobian.T @ (jacobian * weight[:, None])
    normal[np.diag_indices(8)] *= 1.0 + 1e-4
    try:
        solved = np.linalg.solve(normal.astype(np.float64), (jacobian.T @ (residual * weight)).astype(np.float64))
    except np.linalg.LinAlgError:
        return None
    return np.clip(solved[:6], -0.12, 0.12).reshape(2, 3)


@dataclass(frozen=True)
class _Grid:
    warps: NDArray[np.float64]  # [K, 2, 3]
    sampling: Plane  # [K * 256, 256]
    warp_masks: Plane  # [K, 256]
    shift_masks: Plane  # [S, 256]
    overlaps: Plane  # [K, S]
    enough: NDArray[np.bool_]


@cache
def _grid() -> _Grid:
    """The same for all pictures."""
    cells = _COARSE * _COARSE
    warps, maps, masks = [], [], []
    points = np.eye(cells, dtype=np.float32).reshape(cells, _COARSE, _COARSE)
    for mirrored in (1.0, -1.0):
        for degrees in _DEGREES:
            cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
            for scale in _SCALES:
                warp = np.array(
                    [[mirrored * scale * cosine, -mirrored * scale * sine, 0], [scale * sine, scale * cosine, 0]]
                )
                moved, inside = sample(points, warp, _COARSE)
                warps.append(warp)
                masks.append(inside.reshape(-1))
                maps.append((moved * inside).reshape(cells, cells).T)
    warp_masks = np.stack(masks).astype(np.float32)
    padded = np.pad(np.ones((_COARSE, _COARSE), dtype=np.float32), _REACH)
    shift_masks = np.lib.stride_tricks.sliding_window_view(padded, (_COARSE, _COARSE)).reshape(-1, cells).copy()
    overlaps = warp_masks @ shift_masks.T
    enough = overlaps >= _LEAST_OVERLAP * cells
    return _Grid(np.stack(warps), np.concatenate(maps), warp_masks, shift_masks, np.maximum(overlaps, 1.0), enough)


@cache
def _mesh(side: int) -> tuple[Plane, Plane]:
    """x and y of each pixel's centre, float32 [side, side] each."""
    centres = ((np.arange(side, dtype=np.float32) + 0.5) * (2 / side) - 1).astype(np.float32)
    return np.broadcast_to(centres[None, :], (side, side)), np.broadcast_to(centres[:, None], (side, side))
