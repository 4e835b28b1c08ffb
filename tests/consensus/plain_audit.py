"""The slow plain twins of the audit: loops straight from the equations, ends found by trying many."""

import math


def constrained(p0, weight, wrong, n):
    """The likeliest shares that make sum W p = p0, by bisection of the multiplier and of each share."""

    def share(pull, w, k, m):
        low, high = 0.0, 1.0
        for _ in range(90):
            p = (low + high) / 2
            slope = k * (1 - p) - (m - k) * p - pull * w * p * (1 - p)
            low, high = (p, high) if slope > 0 else (low, p)
        return (low + high) / 2

    low, high = -1e7, 1e7
    for _ in range(90):
        pull = (low + high) / 2
        shares = [share(pull, w, k, m) for w, k, m in zip(weight, wrong, n, strict=True)]
        total = sum(w * p for w, p in zip(weight, shares, strict=True))
        low, high = (pull, high) if total > p0 else (low, pull)
    return shares


def accepted(p0, estimate, weight, wrong, n, factor):
    shares = constrained(p0, weight, wrong, n)
    variance = sum(f * p * (1 - p) for f, p in zip(factor, shares, strict=True))
    return abs(estimate - p0) <= 1.959963984540054 * math.sqrt(variance)


def stratified_mean(stratum, judged, wrong):
    total = 0.0
    for h in sorted(set(stratum)):
        mine = [y for i, y in zip(judged, wrong, strict=True) if stratum[i] == h]
        total += list(stratum).count(h) / len(stratum) * sum(mine) / len(mine)
    return total
