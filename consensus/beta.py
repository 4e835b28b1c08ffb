"""Quantiles of Beta distributions in numpy, by summing the density over a grid of log-odds.

In log-odds x the density of Beta(a, b) is proportional to s(x)^a s(-x)^b with s the logistic function:
smooth, one peak at log(a / b), tails that fall like exp(a x) and exp(-b x).
Good to 2e-4, and to 3e-3 where a or b is below 1.
"""

from __future__ import annotations

import numpy as np

from consensus.judgments import Floats

_POINTS = 1025
_CHUNK = 4096


def beta_quantiles(a: Floats, b: Floats, quantiles: tuple[float, ...]) -> Floats:
    """float64 [Q, N]: for each Beta(a, b), a and b float64 [N] above 0, its quantiles."""
    out = np.empty((len(quantiles), len(a)))
    for start in range(0, len(a), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[:, part] = _quantiles(a[part], b[part], quantiles)
    return out


def _quantiles(a: Floats, b: Floats, quantiles: tuple[float, ...]) -> Floats:
    peak = np.log(a / b)
    spread = np.sqrt(1.0 / a + 1.0 / b)
    low = peak - np.maximum(9.0 * spread, 25.0 / a)
    high = peak + np.maximum(9.0 * spread, 25.0 / b)
    # The tails of small a or b can leave most of that range empty: look once, then only where mass is.
    x, density = _density(a, b, low, high, _POINTS // 8)
    rows = np.arange(len(a))
    filled = density > 1e-12
    first = np.maximum(filled.argmax(axis=1) - 1, 0)
    last = np.minimum(x.shape[1] - filled[:, ::-1].argmax(axis=1), x.shape[1] - 1)
    x, density = _density(a, b, x[rows, first], x[rows, last], _POINTS)
    below = np.zeros_like(density)
    below[:, 1:] = np.cumsum(0.5 * (density[:, 1:] + density[:, :-1]), axis=1)
    out = np.empty((len(quantiles), len(a)))
    for q, quantile in enumerate(quantiles):
        target = quantile * below[:, -1]
        right = np.clip((below < target[:, None]).sum(axis=1), 1, _POINTS - 1)
        left = right - 1
        step = below[rows, right] - below[rows, left]
        part = np.divide(target - below[rows, left], step, out=np.zeros_like(step), where=step > 0)
        log_odds = x[rows, left] + part * (x[rows, right] - x[rows, left])
        out[q] = 0.5 * (1.0 + np.tanh(0.5 * log_odds))  # the logistic function, which never overflows so
    return out


def _density(a: Floats, b: Floats, low: Floats, high: Floats, points: int) -> tuple[Floats, Floats]:
    x = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, points)
    log_density = -a[:, None] * np.logaddexp(0.0, -x) - b[:, None] * np.logaddexp(0.0, x)
    return x, np.exp(log_density - log_density.max(axis=1, keepdims=True))
