"""The figures of a classifier, from its logits on every sample of a split: nothing dropped, nothing counted twice.

ECE: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017), with its temperature
scaling. Intervals are in `intervals.py`.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.intervals import wilson

ECE_BINS = 15


@dataclass(frozen=True)
class Metrics:
    """Figures of one split; lists are by label, `confusion[i][j]` counts true i called j.

    `recall` of a class without samples, `precision` of a class never called, and `f1` of
    one that is neither are None; `f1` of a class never called is 0.
    """

    samples: int
    loss: float
    top1: float
    top5: float
    top1_low: float
    top1_high: float
    ece: float
    brier: float
    recall: tuple[float | None, ...]
    precision: tuple[float | None, ...]
    f1: tuple[float | None, ...]
    macro_recall: float
    macro_precision: float
    macro_f1: float
    confusion: tuple[tuple[int, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for metrics.json."""
        return asdict(self)


def evaluate(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Metrics:
    """Metrics of logits float [N, K] against labels int64 [N] in 0..K-1; N is at least 1.

    Top-5 is top-K where there are fewer than five classes. Ties count against the sample.
    """
    count, classes = logits.shape
    probability = softmax(logits)
    own = logits[np.arange(count), labels]
    # How many classes score at least as high as the true one, itself included: its rank, pessimistic in ties.
    rank = (logits >= own[:, None]).sum(axis=1)
    called = logits.argmax(axis=1)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, called), 1)
    right = confusion.diagonal().astype(float)
    recall = ratio(right, confusion.sum(axis=1))
    precision = ratio(right, confusion.sum(axis=0))
    f1 = ratio(2 * right, confusion.sum(axis=0) + confusion.sum(axis=1))
    present = confusion.sum(axis=1) > 0
    top1 = float((rank <= 1).mean())
    low, high = wilson(int((rank <= 1).sum()), count)
    return Metrics(
        samples=count,
        loss=cross_entropy(logits, labels),
        top1=top1,
        top5=float((rank <= min(5, classes)).mean()),
        top1_low=low,
        top1_high=high,
        ece=expected_calibration_error(probability, labels),
        brier=brier_score(probability, labels),
        recall=listed(recall),
        precision=listed(precision),
        f1=listed(f1),
        macro_recall=float(recall[present].mean()),
        macro_precision=float(np.nan_to_num(precision[present]).mean()),
        macro_f1=float(np.nan_to_num(f1[present]).mean()),
        confusion=tuple(tuple(int(x) for x in row) for row in confusion),
    )


def listed(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    """Floats for JSON, with None in the place of NaN."""
    return tuple(None if math.isnan(x) else float(x) for x in values)


def ratio(part: NDArray[np.float64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """part / whole, NaN where whole is 0."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """float [N, K] -> float64 [N, K], rows sum to 1."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood, in nats."""
    wide = logits.astype(np.float64)
    top = wide.max(axis=1)
    log_sum = top + np.log(np.exp(wide - top[:, None]).sum(axis=1))
    return float((log_sum - wide[np.arange(len(labels)), labels]).mean())


def brier_score(probability: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean squared distance of the probabilities from the truth, summed over classes: 0 to 2 (Brier 1950)."""
    own = probability[np.arange(len(labels)), labels]
    return float((np.square(probability).sum(axis=1) - 2 * own + 1).mean())


def expected_calibration_error(
    probability: NDArray[np.float64], labels: NDArray[np.int64], bins: int = ECE_BINS
) -> float:
    """Mean |accuracy - confidence| over equal-width bins of confidence, weighted by their samples."""
    total = sum(abs(right - confidence) * n for confidence, right, n in reliability(probability, labels, bins))
    return float(total / len(labels))


def reliability(
    probability: NDArray[np.float64], labels: NDArray[np.int64], bins: int = ECE_BINS
) -> list[tuple[float, float, int]]:
    """(mean confidence, accuracy, samples) of each bin that has any; bin b holds (b / bins, (b + 1) / bins]."""
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == labels
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return [
        (float(confidence[which == b].mean()), float(right[which == b].mean()), int((which == b).sum()))
        for b in np.unique(which)
    ]


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature in [0.05, 20] at which softmax(logits / t) has the least cross entropy.

    The loss is convex in 1 / t and so has one minimum, which a golden-section search over log t finds.
    """
    golden = (math.sqrt(5) - 1) / 2
    low, high = math.log(0.05), math.log(20.0)

    def loss(log_t: float) -> float:
        return cross_entropy((logits / math.exp(log_t)).astype(np.float64), labels)

    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-4:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return math.exp((low + high) / 2)
