"""How much of its size a picture really uses: one that was enlarged has next to nothing in its highest frequencies.

Power spectra of photographs fall about as one over the square of the frequency (Field, J. Opt. Soc. Am. A 4, 1987);
times that square they are level, or rise a little. Where a picture was enlarged, theirs falls at what was its highest
frequency before.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_MOST = 1024
"""Sides of the part in the middle that is looked at."""
_BINS = 20
_FALL = 0.3
"""Decades of power under the peak; enlarged pictures fall by 0.5 and more, photographs as they were seldom at all."""


def detail(image: Image.Image) -> float:
    """The share of its sides that a picture uses, over 0 to 1: about 0.5 for one that was enlarged to twice its size.

    An estimate, rather too low than too high, so that an enlarged picture counts for less than what it was made of;
    one that is merely soft has less than 1 as well. 1 for a picture of fewer than 40 pixels on a side.
    """
    left, top = max(0, (image.width - _MOST) // 2), max(0, (image.height - _MOST) // 2)
    part = image.crop((left, top, left + min(image.width, _MOST), top + min(image.height, _MOST)))
    grey = np.asarray(part.convert("L"), dtype=np.float32)
    if min(grey.shape) < 2 * _BINS:
        return 1.0
    return (_highest(grey) + _highest(np.ascontiguousarray(grey.T))) / 2


def _highest(rows: NDArray[np.float32]) -> float:
    """The frequency past which the power of rows has fallen for good, as a share of the highest one."""
    length = rows.shape[1]
    window = np.hanning(length).astype(np.float32)
    power = (np.abs(np.fft.rfft((rows - rows.mean(axis=1, keepdims=True)) * window, axis=1)) ** 2).mean(axis=0)
    frequency = np.arange(len(power)) / length
    bins = np.minimum((frequency * 2 * _BINS).astype(int), _BINS - 1)
    level = np.log10(np.bincount(bins, power * frequency**2) / np.bincount(bins) + 1e-9)
    return float(np.flatnonzero(level >= level.max() - _FALL)[-1] + 1) / _BINS
