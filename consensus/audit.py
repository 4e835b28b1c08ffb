"""How many labels are wrong, from a stratified sample that reviewers judge, assisted by the model's risks.

Items are put into strata by risk and n_h of N_h are judged. With y_i = 1 where a label is wrong, W_h = N_h / N,

    estimate = sum_h W_h ( mean_{sample} (y - b r) + b mean_{all of h} r )

is right on average whatever the risks r are worth (difference estimator, Saerndal, Swensson & Wretman 1992, ch. 6;
b is chosen as in Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453, between 0, which is the stratified mean, and 1).
The better the risks, the smaller its variance. The interval holds all p0 that a score test does not refuse: with
p_h(p0) the likeliest shares wrong of the strata that make sum_h W_h p_h = p0,

    |estimate - p0| <= z sqrt( sum_h W_h^2 (1 - n_h / N_h) p_h(p0) (1 - p_h(p0)) g / n_h ),

g the share of the variance that b r leaves (Wilson 1927's interval for one stratum; Yan & Su 2010,
doi:10.1198/sbr.2009.0047, for several). A stratum starts with one more judgment that is wrong as often as its risk,
scaled to the audit, says: where none was found wrong, that is not proof that none is.
Sizes follow Neyman (1934): n_h in proportion to N_h s_h.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints

METHOD = "stratified-audit"
STRATA = 4
FEWEST_A_STRATUM = 5
FEWEST_ITEMS = 60
WORSE_THAN_SAID = 2.0
"""How many times the model's risk the truth is taken for before an audit: people err alike on hard pictures."""
PULL = 1.0
_SEARCH = 60


@dataclass(frozen=True)
class AuditedError:
    """The share of wrong labels: estimate, its 95 % interval, the model's own estimate, and the audit's size.

    corrected: how many of the judged labels were wrong, and are not any more where a reviewer's answer counts.
    """

    estimate: float
    low: float
    high: float
    model: float
    items: int
    judged: int
    corrected: int
    method: str = METHOD


@dataclass(frozen=True, eq=False)
class AuditPlan:
    """n items to judge, per stratum (int64 [H]), for an interval of the expected width."""

    n: int
    per_stratum: Ints
    width: float


def strata_of(risk: Floats, most: int | None = None) -> Ints:
    """int64 [N]: the stratum of each item, 0 the surest; equal sums of sqrt(risk (1 - risk)) (Dalenius & Hodges 1959).

    Items of equal risk are in one stratum; a stratum has at least 2 items. most: by default 4, fewer below 240 items.
    """
    if not len(risk):
        return np.zeros(0, dtype=np.int64)
    most = min(STRATA, max(1, len(risk) // FEWEST_ITEMS)) if most is None else most
    levels, place, count = np.unique(risk, return_inverse=True, return_counts=True)
    spread = np.sqrt(np.clip(levels * (1.0 - levels), 1e-4, None))
    mass = np.cumsum(spread * count)
    stratum = np.minimum((most * (mass - 0.5 * spread * count) / mass[-1]).astype(np.int64), most - 1)
    for _ in range(most):
        size = np.bincount(stratum, weights=count, minlength=most)
        small = np.flatnonzero((size > 0) & (size < 2))
        if not len(small) or (size > 0).sum() == 1:
            break
        others = np.setdiff1d(np.flatnonzero(size), small[:1])
        stratum[stratum == small[0]] = others[np.abs(others - small[0]).argmin()]
    return np.unique(stratum, return_inverse=True)[1].astype(np.int64)[place]


def allocation(size: Ints, spread: Floats, n: int) -> Ints:
    """int64 [H]: n items over strata in proportion to size x spread, at least 5 a stratum, at most all of it."""
    out = np.minimum(size, FEWEST_A_STRATUM)
    n = min(max(n, int(out.sum())), int(size.sum()))
    wanted = size * np.maximum(spread, 1e-6)
    low, high = 0.0, float(n) / max(float(wanted[size > 0].min(initial=1.0)), 1e-12) + 1.0
    for _ in range(_SEARCH):
        middle = 0.5 * (low + high)
        taken = np.clip(np.floor(wanted * middle), out, size)
        low, high = (middle, high) if taken.sum() <= n else (low, middle)
    exact = np.clip(wanted * low, out, size)
    taken = np.clip(np.floor(exact), out, size).astype(np.int64)
    for h in np.argsort(-(exact - taken), kind="stable").tolist() * int(size.max(initial=0)):
        if taken.sum() >= n:
            break
        taken[h] += int(taken[h] < size[h])
    return taken


def plan_audit(risk: Floats, width: float, *, wrong: Floats | None = None, worse: float = WORSE_THAN_SAID) -> AuditPlan:
    """How many items reviewers must judge for an interval of that width (high - low).

    wrong: float64 [H], the share wrong per stratum, where an audit has told it; else `worse` times the risk.
    Raises ConsensusError for a width that is not between 0 and 1, or where there are no items.
    """
    if not 0.0 < width < 1.0:
        raise ConsensusError(f"a width of {width} is not between 0 and 1", "0.02 is two percentage points", 2)
    if not len(risk):
        raise ConsensusError("there are no labels to audit")
    stratum = strata_of(risk)
    size = np.bincount(stratum)
    share = np.bincount(stratum, weights=risk) / size * worse if wrong is None else np.asarray(wrong)
    share = np.clip(share, 0.002, 0.5)
    spread = np.sqrt(share * (1.0 - share))
    weight = size / len(risk)
    p = float(weight @ share)

    def expected(n: int) -> tuple[Ints, float]:
        taken = allocation(size, spread, n)
        factor = weight**2 * (1.0 - taken / size) / taken
        low, high = score_interval(p, weight, taken * share, taken.astype(np.float64), factor)
        return taken, high - low

    least, most = 1, len(risk)
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if expected(middle)[1] <= width else (middle + 1, most)
    taken, reached = expected(least)
    return AuditPlan(int(taken.sum()), taken, reached)


def audited_error(risk: Floats, stratum: Ints, judged: Ints, wrong: Floats) -> AuditedError:
    """The corrected error. risk float64 [N], stratum int64 [N]; judged int64 [n], which items, drawn at random within
    each stratum; wrong float64 [n], 1 where the reviewers' answer is another.

    A stratum with nothing judged takes the risks, scaled as the judged strata say; no audit raises ConsensusError.
    """
    if not len(judged):
        raise ConsensusError("no item of the audit has been judged", "let reviewers judge its items first")
    size = np.bincount(stratum).astype(np.float64)
    H, N = len(size), len(risk)
    weight = size / N
    r, y, s = risk[judged], np.asarray(wrong, dtype=np.float64), stratum[judged]
    n = np.bincount(s, minlength=H).astype(np.float64)
    seen = n > 0
    safe = np.maximum(n, 1.0)
    mean_y, mean_r = np.bincount(s, weights=y, minlength=H) / safe, np.bincount(s, weights=r, minlength=H) / safe
    mean_risk = np.bincount(stratum, weights=risk, minlength=H) / size
    b = _coefficient(y - mean_y[s], r - mean_r[s], (weight**2 / safe**2)[s])
    said = float(weight[seen] @ mean_risk[seen])
    found = float(weight[seen] @ mean_y[seen])
    scale = (found + 0.5 / n.sum()) / max(said, 1e-9) if said > 1e-9 else 1.0
    guess = np.clip(scale * mean_risk, 0.5 / n.sum(), 0.5)
    part = np.where(seen, mean_y + b * (mean_risk - mean_r), guess)
    estimate = min(max(float(weight @ part), 0.0), 1.0)
    free = _left_over(y - mean_y[s], r - mean_r[s], b) * np.where(seen, 1.0 - n / size, 1.0)
    low, high = score_interval(estimate, weight, n * mean_y + guess, n + 1.0, weight**2 * free / safe)
    # Labels are whole, and those judged are known.
    low = max(np.floor(low * N + 1e-9), y.sum()) / N
    high = min(np.ceil(high * N - 1e-9), N - len(y) + y.sum()) / N
    estimate, low, high = min(max(estimate, y.sum() / N), high), float(low), float(high)
    return AuditedError(float(estimate), min(low, estimate), high, float(risk.mean()), N, len(judged), int(y.sum()))


def score_interval(
    estimate: float, weight: Floats, wrong: Floats, n: Floats, factor: Floats, coverage: float = 0.95
) -> tuple[float, float]:
    """All p0 that the score test accepts. Per stratum, float64 [H]: its weight, how many of n were wrong, and what
    p (1 - p) is multiplied with in the estimate's variance."""
    z = NormalDist().inv_cdf(0.5 + 0.5 * coverage)
    ends = []
    for sign in (1.0, -1.0):
        inside, outside = -30.0, 30.0
        for _ in range(_SEARCH):
            middle = 0.5 * (inside + outside)
            share = constrained_shares(sign * np.exp(middle), weight, wrong, n)
            away = float(weight @ share) - estimate
            within = away * away <= z * z * float((factor * share * (1.0 - share)).sum()) or away * sign > 0
            inside, outside = (middle, outside) if within else (inside, middle)
        ends.append(float(weight @ constrained_shares(sign * np.exp(inside), weight, wrong, n)))
    return max(0.0, min(ends[0], estimate)), min(1.0, max(ends[1], estimate))


def constrained_shares(pull: float, weight: Floats, wrong: Floats, n: Floats) -> Floats:
    """float64 [H]: p_h with wrong / p - (n - wrong) / (1 - p) = pull x weight; 0 gives wrong / n, above it less."""
    a = pull * weight
    root = np.sqrt(np.maximum((n + a) ** 2 - 4.0 * a * wrong, 0.0))
    above = n + a >= 0.0
    # Of the two forms of the root the one without cancellation.
    return np.where(
        above, 2.0 * wrong / np.where(above, n + a + root, 1.0), (n + a - root) / np.where(above, 1.0, 2.0 * a)
    )


def simple_error(n: int, wrong: int, items: int) -> tuple[float, float]:
    """The interval of an audit alone: Wilson's from a simple random sample, with the finite population's correction."""
    p = wrong / n
    smooth = (wrong + 0.5) / (n + 1.0)
    z = NormalDist().inv_cdf(0.975)
    m = n / max(1.0 - n / items, 1e-9)
    middle, half = (p + z * z / (2 * m)) / (1 + z * z / m), z / (1 + z * z / m)
    half *= (p * (1 - p) / m + z * z / (4 * m * m)) ** 0.5
    return (max(0.0, middle - half), min(1.0, middle + half)) if smooth else (0.0, 0.0)


def _coefficient(y: Floats, r: Floats, weight: Floats) -> float:
    spread = float((weight * r * r).sum())
    return min(max(float((weight * y * r).sum()) / spread, 0.0), 1.0) if spread > 1e-12 else 0.0


def _left_over(y: Floats, r: Floats, b: float) -> float:
    """The share of the variance of y that y - b r still has."""
    spread = float((y * y).sum())
    return min(1.0, float(((y - b * r) ** 2).sum()) / spread) if spread > 1e-12 else 1.0


def recalibrated(risk: Floats, stratum: Ints, judged: Ints, wrong: Floats) -> Floats:
    """float64 [N]: the risks as the audit corrects them, sigmoid(a + c logit(risk)) (Platt 1999).

    a and c maximise the likelihood of the judged, each weighing as many items as it stands for, with a penalty of
    (a^2 + (c - 1)^2) / 2 times PULL, that is the model is believed until the audit says otherwise. c is at least 0.
    """
    size, n = np.bincount(stratum), np.bincount(stratum[judged], minlength=int(stratum.max(initial=0)) + 1)
    x = _log_odds(risk)
    weight = (size / np.maximum(n, 1))[stratum[judged]]
    weight = weight * len(judged) / max(float(weight.sum()), 1e-300)
    a, c = platt(x[judged], np.asarray(wrong, dtype=np.float64), weight)
    return np.asarray(1.0 / (1.0 + np.exp(-(a + c * x))))


def platt(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """a and c of the penalised logistic regression of y on x, by Newton's method with halved steps."""
    design = np.column_stack([np.ones(len(x)), x])
    start, at = np.array([0.0, 1.0]), np.array([0.0, 1.0])

    def objective(point: Floats) -> float:
        z = design @ point
        return float((weight * (np.logaddexp(0.0, z) - y * z)).sum() + 0.5 * PULL * ((point - start) ** 2).sum())

    for _ in range(_SEARCH):
        p = 1.0 / (1.0 + np.exp(-(design @ at)))
        gradient = design.T @ (weight * (p - y)) + PULL * (at - start)
        curvature = (design * (weight * p * (1.0 - p))[:, None]).T @ design + PULL * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size, before = 1.0, objective(at)
        while size > 1e-6 and objective(at - size * step) > before:
            size *= 0.5
        at = at - size * step
        if np.abs(step).max() < 1e-12:
            break
    return float(at[0]), max(float(at[1]), 0.0)


def _log_odds(risk: Floats) -> Floats:
    inner = np.clip(risk, 1e-6, 1.0 - 1e-6)
    return np.asarray(np.log(inner / (1.0 - inner)))
