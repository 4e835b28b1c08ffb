"""How sure a figure is: intervals over the samples of a split, and over seeds.

Shares: Wilson (1927). Other figures: the percentile bootstrap over samples (Efron 1979). Seeds: Student's t.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
Weighted = Callable[[NDArray[np.float64]], float]


def wilson(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share (right of count)."""
    share, spread = right / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    # Rounding may put an end a bit inside of a share of 0 or 1, which always lies in its own interval.
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def bootstrap(figures: dict[str, Weighted], count: int, draws: int = DRAWS, seed: int = 0) -> dict[str, list[float]]:
    """95 % intervals [low, high] of figures of `count` samples.

    Each figure is a function of how often each sample counts, float64 [N]; all see the same draws.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in figures}
    for _ in range(draws):
        weights = np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)
        for name, figure in figures.items():
            found[name].append(figure(weights))
    return {name: [float(x) for x in np.nanpercentile(values, (2.5, 97.5))] for name, values in found.items()}


def classifier_intervals(
    probability: NDArray[np.float64], labels: NDArray[np.int64], draws: int = DRAWS, bins: int = 15
) -> dict[str, list[float]]:
    """Intervals of top-1, top-5, loss, Brier score, ECE and macro F1 of probabilities [N, K], rows sum to 1.

    The two shares have Wilson's, as everywhere; the others are from the bootstrap.
    """
    count, classes = probability.shape
    rows = np.arange(count)
    own = probability[rows, labels]
    rank = (probability >= own[:, None]).sum(axis=1)
    called = probability.argmax(axis=1)
    losses = -np.log(np.clip(own, 1e-300, None))
    brier = np.square(probability).sum(axis=1) - 2 * own + 1
    confidence = probability.max(axis=1)
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = (called == labels) - confidence

    def ece(weights: NDArray[np.float64]) -> float:
        return float(np.abs(np.bincount(bin_of, weights * gap, minlength=bins)).sum() / weights.sum())

    def macro_f1(weights: NDArray[np.float64]) -> float:
        hit = np.bincount(labels, weights * (called == labels), minlength=classes)
        true, said = np.bincount(labels, weights, minlength=classes), np.bincount(called, weights, minlength=classes)
        there = true > 0
        return float((2 * hit[there] / (true + said)[there]).mean())

    def mean_of(values: NDArray[np.float64]) -> Weighted:
        return lambda weights: float(weights @ values / weights.sum())

    figures: dict[str, Weighted] = {
        "loss": mean_of(losses),
        "brier": mean_of(brier),
        "ece": ece,
        "macro_f1": macro_f1,
    }
    shares = {
        "top1": list(wilson(int((rank <= 1).sum()), count)),
        "top5": list(wilson(int((rank <= min(5, classes)).sum()), count)),
    }
    return shares | bootstrap(figures, count, draws)


def paired_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], draws: int = DRAWS
) -> tuple[float, float, float]:
    """Mean of second - first over the same samples, and its 95 % interval."""
    gap = second - first
    low, high = bootstrap({"gap": lambda w: float(w @ gap / w.sum())}, len(gap), draws)["gap"]
    return float(gap.mean()), low, high


def mean_and_interval(values: list[float]) -> dict[str, float]:
    """Mean, standard deviation and the 95 % interval of the mean over seeds (Student's t)."""
    n = len(values)
    mean = sum(values) / n
    if n == 1:
        return {"mean": mean}
    std = math.sqrt(sum((x - mean) ** 2 for x in values) / (n - 1))
    half = STUDENT_T[min(n - 1, len(STUDENT_T)) - 1] * std / math.sqrt(n)
    return {"mean": mean, "std": std, "low": mean - half, "high": mean + half}


# Two-sided 95 % quantiles of Student's t for 1, 2, ... degrees of freedom (scipy is not needed for ten numbers).
STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
