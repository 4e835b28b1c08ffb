"""Are two pictures the same shot? The pixel check after hashes or descriptors proposed them.

Both pictures shrink to 64 x 64; the first is laid over the second (`registration`), which undoes a crop, a frame, a
small turn, mirroring and a change of exposure. What is compared then is local structure (the structure term of SSIM,
Wang et al., IEEE TIP 2004) and colour.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.framing import is_frame
from imaging.registration import (
    IDENTITY,
    Coarse,
    Plane,
    Warp,
    best_starts,
    coarse,
    inverse,
    misfit,
    refine,
    sample,
    shrink,
)

MATCH_THRESHOLD = 0.8

COMPARISON_SIDE = 64
_SIDE = COMPARISON_SIDE
_STRIDE = 4  # windows are two strides wide
# Variances (of 8-bit steps) under which a difference is noise and not structure or colour.
_FLAT_LUMA = 6.0
_FLAT_CHROMA = 24.0
# Of the structure, so much may be hidden by a watermark or a logo before it counts.
_HIDDEN = 0.10
# Colours are compared in cells of 4 x 4; so many may be of a logo's colour.
_OVERPAINTED = 0.06
# Above this without any alignment, aligning could only change the third digit.
_SURE = 0.95
# A best coarse correlation under this becomes no match by refining.
_HOPELESS = 0.6
# A misfit of the middle size that no other start would better, and one that the full size would not mend.
_WELL, _BADLY = 0.08, 0.45


@dataclass(frozen=True)
class Prepared:
    """A picture made ready to be compared with many: luma [64, 64], chroma about neutral [2, 64, 64]."""

    luma: Plane
    chroma: Plane

    @property
    def pixels(self) -> Plane:
        """Luma and chroma, [3, 64, 64]."""
        return np.concatenate([self.luma[None], self.chroma])

    @cached_property
    def coarse(self) -> Coarse:
        """Made with the first comparison that needs it: copies that lie alike do not."""
        return coarse(self.luma)


@dataclass(frozen=True)
class Likeness:
    """How surely two pictures are one shot (0 no, 1 the same pixels), and how the first lies over the second.

    `scale` over 1: the first is smaller inside the second (the second has a frame around it); under 1: the second is
    cut from the first. `turned` in degrees, clockwise; `overlap` the share of the second that the first covers.
    `framed` names the one that has next to nothing around the other but a frame or a page: "first", "second" or "".
    """

    similarity: float
    mirrored: bool
    scale: float
    turned: float
    overlap: float
    framed: Literal["", "first", "second"] = ""


def comparison_picture(image: Image.Image) -> Image.Image:
    """What is kept of a picture for comparing it: RGB 64 x 64, whatever its form."""
    if image.mode != "RGB":
        image = image.convert("RGB")
    if image.size == (_SIDE, _SIDE):
        return image
    return image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)


def prepare(image: Image.Image) -> Prepared:
    """Once for a picture that is compared with several."""
    pixels = np.asarray(comparison_picture(image).convert("YCbCr"), dtype=np.float32)
    luma = np.ascontiguousarray(pixels[:, :, 0])
    return Prepared(luma, np.moveaxis(pixels[:, :, 1:], 2, 0) - 128)


def similarity(a: Image.Image, b: Image.Image) -> float:
    """`compare` of two RGB pictures, or of their `comparison_picture`s: the one number."""
    return compare(prepare(a), prepare(b)).similarity


def compare(a: Prepared, b: Prepared) -> Likeness:
    """The likeness at the best place that was found; the form (width to height) is not compared."""
    unmoved = _score(a, b, IDENTITY)
    best, warp = unmoved, IDENTITY
    if unmoved < _SURE:
        for start in _fitted(a, b):
            if (score := _score(a, b, start)) > best:
                best, warp = score, start
    linear = warp[:, :2]
    determinant = float(np.linalg.det(linear))
    mirrored = determinant < 0
    sign = -1 if mirrored else 1
    turned = math.degrees(math.atan2(linear[1, 0] - sign * linear[0, 1], linear[1, 1] + sign * linear[0, 0]))
    _, inside = sample(a.luma, warp, _SIDE)
    framed: Literal["", "first", "second"] = ""
    if best >= MATCH_THRESHOLD and warp is not IDENTITY:
        if is_frame(b.pixels, ~inside):
            framed = "second"
        elif is_frame(a.pixels, ~sample(b.luma, inverse(warp), _SIDE)[1]):
            framed = "first"
    return Likeness(best, mirrored, math.sqrt(abs(determinant)), turned, float(inside.mean()), framed)


def _fitted(a: Prepared, b: Prepared) -> list[Warp]:
    """The place worth scoring: the best of the coarse starts and the identity, refined; none where all are hopeless."""
    starts = [warp for correlation, warp in best_starts(a.coarse, b.coarse) if correlation > _HOPELESS]
    if not starts:
        return []
    middle_a, middle_b = shrink(a.luma, 32), shrink(b.luma, 32)
    best, least = IDENTITY, math.inf
    for start in (starts[0], IDENTITY, *starts[1:]):
        warp = refine(middle_a, middle_b, start, 6)
        if (apart := misfit(middle_a, middle_b, warp)) < least:
            best, least = warp, apart
        if least < _WELL:
            break
    return [refine(a.luma, b.luma, best, 3)] if least < _BADLY else []


def _score(a: Prepared, b: Prepared, warp: Warp) -> float:
    if warp is IDENTITY:
        luma, chroma, inside = a.luma, a.chroma, np.ones((_SIDE, _SIDE), dtype=np.bool_)
    else:
        moved, inside = sample(a.pixels, warp, _SIDE)
        luma, chroma = moved[0], moved[1:]
    return float(_structure(b.luma, luma, inside) * _colour(b.chroma, chroma, inside))


def _structure(a: Plane, b: Plane, inside: NDArray[np.bool_]) -> float:
    """Correlation inside 8 x 8 windows, weighed by their contrast, the worst 10 % of the weight left out."""
    whole = _windows(inside.astype(np.float32)) > 0.999
    mean_a, mean_b = _windows(a)[whole], _windows(b)[whole]
    variance_a = np.maximum(_windows(a * a)[whole] - mean_a**2, 0)
    variance_b = np.maximum(_windows(b * b)[whole] - mean_b**2, 0)
    covariance = _windows(a * b)[whole] - mean_a * mean_b
    scores = (covariance + _FLAT_LUMA) / (np.sqrt(variance_a * variance_b) + _FLAT_LUMA)
    weights = np.sqrt(np.maximum(variance_a, variance_b)) + 0.1
    order = np.argsort(scores)
    below = np.cumsum(weights[order]) / weights.sum()
    kept = order[below > _HIDDEN]
    return max(0.0, float(np.average(scores[kept], weights=weights[kept]))) if len(kept) else 0.0


def _windows(plane: Plane) -> Plane:
    """Means of the windows of 8 x 8, every 4: [64, 64] -> [15, 15]."""
    cells = shrink(plane, _SIDE // _STRIDE)
    pairs = cells[:-1] + cells[1:]
    return np.asarray((pairs[:, :-1] + pairs[:, 1:]) / 4, dtype=np.float32)


def _colour(a: Plane, b: Plane, inside: NDArray[np.bool_]) -> float:
    """Cosine between the colours about neutral; 1 where either is grey, since grey contradicts nothing."""
    cells = shrink(inside.astype(np.float32), _SIDE // _STRIDE) > 0.999
    in_a = np.stack([shrink(plane, _SIDE // _STRIDE)[cells] for plane in a])
    in_b = np.stack([shrink(plane, _SIDE // _STRIDE)[cells] for plane in b])
    apart = ((in_a - in_b) ** 2).sum(axis=0)
    kept = np.argsort(apart)[: max(1, round(len(apart) * (1 - _OVERPAINTED)))]
    in_a, in_b = in_a[:, kept], in_b[:, kept]
    together = float((in_a * in_b).sum(axis=0).mean())
    strength = float(np.sqrt((in_a * in_a).sum(axis=0).mean() * (in_b * in_b).sum(axis=0).mean()))
    return max(0.0, (together + _FLAT_CHROMA) / (strength + _FLAT_CHROMA))
