"""A classifier beside the people who judged the same pictures: on what they disputed, and against their soft labels.

Peterson, Battleday, Griffiths, Russakovsky, "Human Uncertainty Makes Classification More Robust" (ICCV 2019).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.intervals import wilson
from train.metrics import softmax

DISPUTED_BELOW = 0.8  # a picture whose largest human share is below this


def against_people(
    logits: NDArray[np.float32], labels: NDArray[np.int64], human: NDArray[np.float32]
) -> dict[str, Any]:
    """Figures of logits [N, K] against people's shares [N, K], rows sum to 1.

    `soft_cross_entropy` is the mean of -sum p_human log p in nats, `human_entropy` the least it can be;
    `disputed` and `agreed` are accuracies on the pictures whose largest share is below, or at least, 0.8.
    """
    probability = softmax(logits)
    right = probability.argmax(axis=1) == labels
    wide = human.astype(np.float64)
    entropy = -(wide * np.log(np.clip(wide, 1e-12, None))).sum(axis=1)
    cross = -(wide * np.log(np.clip(probability, 1e-12, None))).sum(axis=1)
    disputed = human.max(axis=1) < DISPUTED_BELOW
    return {
        "soft_cross_entropy": float(cross.mean()),
        "human_entropy": float(entropy.mean()),
        "disputed_below": DISPUTED_BELOW,
        "disputed": share(right[disputed]),
        "agreed": share(right[~disputed]),
    }


def share(right: NDArray[np.bool_]) -> dict[str, Any]:
    """Accuracy with its Wilson interval, None where there are no samples."""
    if not len(right):
        return {"samples": 0, "top1": None, "low": None, "high": None}
    low, high = wilson(int(right.sum()), len(right))
    return {"samples": len(right), "top1": float(right.mean()), "low": low, "high": high}
