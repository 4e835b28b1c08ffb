"""Whether what one picture shows around another is a frame or a page, and not more of the same view.

Around a photograph's crop the view goes on; a frame ends where the picture begins, and is of nearly one tone: the step
across that edge and the share of one tone decide together. How often they are right stands in benchmarks/README.md.
"""

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Tones (of 256) that count as one, and the least share that they have of a frame; a screenshot's page has some text.
_ONE_TONE = 16
_LEAST_SHARE = 0.4
# Share times step, in 8-bit steps of luma and chroma together; photographs without a frame stay under it.
_LEAST_EDGE = 30.0
# Points of an edge that are enough to judge it by.
_LEAST_POINTS = 32


def is_frame(pixels: Plane, outside: Mask) -> bool:
    """Of `pixels` float32 [3, S, S] (luma and chroma), where `outside` bool [S, S] is what the other does not show."""
    steps = np.concatenate([_steps(pixels, outside), _steps(pixels.swapaxes(1, 2), outside.T)])
    if len(steps) < _LEAST_POINTS:
        return False
    share = _share_of_one_tone(pixels[0][outside])
    return share >= _LEAST_SHARE and share * float(np.median(steps)) > _LEAST_EDGE


def _steps(pixels: Plane, outside: Mask) -> Plane:
    """The change across the edge at each of its points, down the columns: two pixels outside to two further inside."""
    found = []
    for down in (1, -1):
        moved, beyond = pixels[:, ::down], outside[::down]
        rows, columns = np.nonzero(beyond[1:-4] & ~beyond[2:-3])
        rows = rows + 1  # the last row outside
        out = moved[:, rows - 1, columns] + moved[:, rows, columns]
        inside = moved[:, rows + 3, columns] + moved[:, rows + 4, columns]
        found.append(np.sqrt(((out - inside) ** 2).sum(axis=0)) / 2)
    return np.concatenate(found)


def _share_of_one_tone(luma: Plane) -> float:
    """Of luma [N], the largest share that lies within `_ONE_TONE` steps."""
    counts = np.bincount(luma.clip(0, 255).astype(np.int64), minlength=256).cumsum()
    windows = counts[_ONE_TONE:] - counts[:-_ONE_TONE]
    return float(max(counts[_ONE_TONE - 1], windows.max())) / max(1, len(luma))
