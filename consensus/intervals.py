"""Intervals of a share.

Wilson, "Probable inference, the law of succession, and statistical inference" (JASA 22, 1927): the shares that a score
test does not refuse. Unlike p +- 2 s it never leaves [0, 1] and says something sensible of 0 out of n.
"""

from math import sqrt

_Z95 = 1.959964


def wilson(right: float, n: float, z: float = _Z95) -> tuple[float, float]:
    """Wilson's score interval of the share right / n, 95 % by default; (0, 1) of nothing.

    `right` need not be whole (a sum of probabilities).
    """
    if n <= 0:
        return 0.0, 1.0
    share = min(max(right / n, 0.0), 1.0)
    middle = share + z * z / (2 * n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, min(share, (middle - half) / whole)), min(1.0, max(share, (middle + half) / whole))
