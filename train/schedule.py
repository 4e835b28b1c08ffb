"""The learning rate of each step, as a factor of its peak: warm-up, then cosine, one-cycle, He's steps, or constant."""

import math

SCHEDULES = ("cosine", "onecycle", "steps", "constant")
ONE_CYCLE_START = 1 / 25


def rate_factor(step: int, total: int, *, kind: str = "cosine", warmup: float = 0.1) -> float:
    """The factor in (0, 1] for `step` of `total` (from 0).

    The first `warmup` share of the steps rises in a straight line. `cosine` then falls to nearly 0 (Loshchilov and
    Hutter 2017); `onecycle` (Smith and Topin 2018) rises from a 25th and then falls in a straight line; `steps` divides
    by 10 at 1/2 and at 3/4 of the run (He et al., section 4.2: 32k and 48k of 64k).
    """
    rising = max(1, round(total * warmup)) if warmup > 0 else 0
    if step < rising:
        share = (step + 1) / rising
        return ONE_CYCLE_START + (1 - ONE_CYCLE_START) * share if kind == "onecycle" else share
    if kind == "constant":
        return 1.0
    if kind == "steps":
        return 1.0 if step < total / 2 else 0.1 if step < total * 3 / 4 else 0.01
    share = (step - rising) / max(1, total - rising)
    return 1 - share if kind == "onecycle" else 0.5 * (1 + math.cos(math.pi * share))
