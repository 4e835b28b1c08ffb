"""The mean picture of each category: what all of them share (a horizon, a pose, a backdrop) shows at a glance.

ImageNet's paper (Deng et al., CVPR 2009, section 3) reads diversity from it: the blurrier, the more diverse.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST = 500
"""Pictures of a category that are averaged: the first by SHA-256, which are chosen by chance."""


def mean_images(pictures: Iterable[tuple[str, Image.Image]]) -> Mapping[str, tuple[Image.Image, int]]:
    """{category: (mean picture, how many were averaged)} of (category, RGB picture), all of one size."""
    sums: dict[str, NDArray[np.int64]] = {}
    counts: dict[str, int] = defaultdict(int)
    for category, picture in pictures:
        values = np.asarray(picture.convert("RGB"), dtype=np.int64)
        sums[category] = values if category not in sums else sums[category] + values
        counts[category] += 1
    return {
        category: (
            Image.fromarray(((total + counts[category] // 2) // counts[category]).astype(np.uint8)),
            counts[category],
        )
        for category, total in sums.items()
    }
