"""Annotators whose answers carry no information, found with a stated rate of false alarms.

For annotator j let q_i be the posterior of item i from everybody else's judgments (or its gold), and
q its mean over j's items. If j gives the right answer with probability t and otherwise guesses without
looking (the model of MACE, Hovy et al. 2013, aclanthology.org/N13-1132), then

    S_j = sum_i ( q_i(a_ij) - q(a_ij) )     has mean   t V_j,    V_j = sum_i |q_i - q|^2,

whatever j's guessing habits are, because guesses do not follow q_i. So t_j = S_j / V_j estimates the skill,
0 for guessing and for one answer always. Its variance under a skill t follows from the same model.

The estimates are a mixture (fitted by EM, McLachlan & Peel 2000): a share f of the crowd does not look, and the
skills of the others are normal around m with a spread s, so that with se_j the standard error at a given skill

    t_j ~ f Normal(0, se_j(0)^2) + (1 - f) Normal(m, s^2 + se_j(m)^2).

An annotator is flagged when t_j is below the 1 % quantile of the second part (Student's t for the crowd's size: a
member of the crowd is flagged by chance in 1 of 100 cases), below half of m, and within 3 standard errors of 0.
The flag is "constant" where 90 % of the answers are one answer, otherwise "random". Nobody is flagged from fewer than
20 comparable answers, nor where m is below 0.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from consensus.fit import Result
from consensus.judgments import Floats, Ints, Judgments

FALSE_ALARM = 0.01
Z_INFORMATIVE = 3.0
FEWEST_ANSWERS = 20
NEARLY_ALWAYS = 0.9
LEAST_MEDIAN_SKILL = 0.1
_ROUNDS = 60
_CAREFUL_BEFOREHAND, _CARELESS_BEFOREHAND = 19.0, 1.0  # annotators that f starts with
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Skill:
    """Per annotator, arrays [A]: answers comparable with others (int64), the skill's estimate (0 where
    nothing can be said), how many standard errors it lies from 0 and from the crowd's (its spread included),
    and whether that makes him suspect of not looking (bool). typical, spread: of the crowd's skills."""

    compared: Ints
    skill: Floats
    typical: float
    spread: float
    z_from_zero: Floats
    z_from_crowd: Floats
    suspect: NDArray[np.bool_]


def uninformative(result: Result, judgments: Judgments) -> list[str]:
    """For each annotator "random", "constant", or "" for the ordinary."""
    judged = judgments.present()
    found = skill(result, judged)
    given = np.zeros((judged.n_annotators, judged.n_answers))
    np.add.at(given, (judged.annotator, judged.answer), 1.0)
    constant = given.max(axis=1, initial=0.0) >= NEARLY_ALWAYS * given.sum(axis=1)
    return [("constant" if constant[j] else "random") if found.suspect[j] else "" for j in range(len(constant))]


def skill(result: Result, judgments: Judgments) -> Skill:
    """Each annotator's share of answers that follow the others' consensus, corrected for guessing."""
    judged = judgments.present()
    A, K = judged.n_annotators, judged.n_classes
    # An item that only this annotator judged says nothing about him.
    useful = (judged.answer < K) & ((result.n[judged.item] > 1) | (result.gold[judged.item] >= 0))
    order = np.lexsort((judged.answer, judged.item, judged.annotator))
    order = order[useful[order]]
    item, who, answer = judged.item[order], judged.annotator[order], judged.answer[order]
    weight = None if judged.weight is None else judged.weight[order]
    log_confusion = np.log(result.confusion)
    evidence = log_evidence(result, judged, log_confusion)
    compared = np.bincount(who, minlength=A).astype(np.int64)
    n = np.maximum(compared, 1).astype(np.float64)

    mean, square, right = np.zeros((A, K)), np.zeros(A), np.zeros(A)
    chunks = [slice(s, s + max(1, _CHUNK // K)) for s in range(0, len(item), max(1, _CHUNK // K))]
    for part in chunks:
        q = _without_own(evidence, log_confusion, result.gold, item, who, answer, weight, part)
        for k in range(K):
            mean[:, k] += np.bincount(who[part], weights=q[:, k], minlength=A)
        square += np.bincount(who[part], weights=(q * q).sum(axis=1), minlength=A)
        right += np.bincount(who[part], weights=q[np.arange(len(q)), answer[part]], minlength=A)
    mean /= n[:, None]
    share = np.zeros((A, K))
    np.add.at(share, (who, answer), 1.0)
    share /= n[:, None]
    spread = square - n * (mean * mean).sum(axis=1)
    score = right - n * (share * mean).sum(axis=1)
    # Less spread than one item of another class: the others' answers do not tell items apart.
    known = (compared >= FEWEST_ANSWERS) & (spread > 0.5)
    estimate = np.divide(score, spread, out=np.zeros(A), where=known)

    def standard_error(level: float) -> Floats:
        guess = np.clip(share - level * mean, 1e-12, None)
        guess /= guess.sum(axis=1, keepdims=True)
        variance = np.zeros(A)
        for part in chunks:
            q = _without_own(evidence, log_confusion, result.gold, item, who, answer, weight, part)
            likely = level * q + (1.0 - level) * guess[who[part]]
            excess = q - mean[who[part]]
            first = (likely * excess).sum(axis=1)
            second = (likely * excess * excess).sum(axis=1)
            variance += np.bincount(who[part], weights=second - first * first, minlength=A)
        # One always-same answer scores exactly 0; rounding must not look like a deviation.
        return np.maximum(np.sqrt(np.maximum(variance, 1e-12)) / np.where(known, spread, 1.0), 1e-6)

    z_from_zero = np.where(known, estimate / standard_error(0.0), 0.0)
    typical, between, likely = two_kinds(estimate, standard_error, known)
    deviation = np.sqrt(between**2 + standard_error(min(max(typical, 0.0), 0.95)) ** 2)
    z_from_crowd = np.where(known, (estimate - typical) / deviation, 0.0)
    bound = -student_quantile(1.0 - FALSE_ALARM, float((1.0 - likely[known]).sum()) - 1.0)
    # Answers that contradict the others significantly are informative, only upside down.
    suspect = known & (z_from_crowd < bound) & (np.abs(z_from_zero) <= Z_INFORMATIVE)
    suspect &= (typical >= LEAST_MEDIAN_SKILL) & (estimate < 0.5 * typical)
    return Skill(compared, estimate, typical, between, z_from_zero, z_from_crowd, suspect)


def two_kinds(
    estimate: Floats, standard_error: Callable[[float], Floats], known: NDArray[np.bool_]
) -> tuple[float, float, Floats]:
    """m, s and, float64 [A], how likely each annotator is one who does not look; m = 0 where nothing is known."""
    likely = np.zeros(len(estimate))
    if not known.any():
        return 0.0, 0.0, likely
    t = estimate[known]
    at_zero = standard_error(0.0)[known]
    # Begin with those who clearly look, if there are any: a third who do not must not pass for the crowd's low end.
    clear = t > 2.0 * at_zero
    clear = clear if clear.any() else np.ones(len(t), dtype=bool)
    middle, share = float(np.median(t[clear])), float(1.0 - clear.mean())
    error = standard_error(min(max(middle, 0.0), 0.95))[known]
    spread = float(max(t[clear].var() - (error[clear] ** 2).mean(), 0.0) ** 0.5)
    careless = np.zeros(len(t))
    for _ in range(_ROUNDS):
        variance = spread**2 + error**2
        careful = (1.0 - share) * np.exp(-0.5 * (t - middle) ** 2 / variance) / np.sqrt(variance)
        other = share * np.exp(-0.5 * (t / at_zero) ** 2) / at_zero
        careless = np.where(t < middle, other / np.maximum(careful + other, 1e-300), 0.0)
        share = (careless.sum() + _CARELESS_BEFOREHAND) / (len(t) + _CARELESS_BEFOREHAND + _CAREFUL_BEFOREHAND)
        weight = (1.0 - careless) / variance
        middle = float((weight * t).sum() / max(weight.sum(), 1e-300))
        kept = 1.0 - careless
        seen = (kept * ((t - middle) ** 2 - error**2)).sum() / max(kept.sum(), 1e-300)
        spread = float(max(seen, 0.0) ** 0.5)
    likely[known] = careless
    return middle, spread, likely


def student_quantile(p: float, freedom: float) -> float:
    """The quantile of Student's t (Cornish and Fisher's series, good to 1 % from 3 degrees at p = 0.99)."""
    z, v = NormalDist().inv_cdf(p), max(freedom, 3.0)
    return z + (
        (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def right_by_others(result: Result, judgments: Judgments) -> tuple[Ints, Floats]:
    """Positions of the judgments that others can confirm or deny, and for each the others' posterior of its answer."""
    K = judgments.n_classes
    present = (judgments.answer < K) & ((result.n[judgments.item] > 1) | (result.gold[judgments.item] >= 0))
    if judgments.weight is not None:
        present &= judgments.weight > 0
    rows = np.flatnonzero(present)
    item, who, answer = judgments.item[rows], judgments.annotator[rows], judgments.answer[rows]
    weight = None if judgments.weight is None else judgments.weight[rows]
    log_confusion = np.log(result.confusion)
    evidence = log_evidence(result, judgments.present(), log_confusion)
    right = np.empty(len(rows))
    for start in range(0, len(rows), max(1, _CHUNK // K)):
        part = slice(start, start + max(1, _CHUNK // K))
        q = _without_own(evidence, log_confusion, result.gold, item, who, answer, weight, part)
        right[part] = q[np.arange(len(q)), answer[part]]
    return rows, right


def log_evidence(result: Result, judged: Judgments, log_confusion: Floats) -> Floats:
    """float64 [I, K]: log p(k) and the judgments of each item, before they are made to sum to 1."""
    K = judged.n_classes
    evidence = np.empty((judged.n_items, K))
    order = np.lexsort((judged.answer, judged.annotator, judged.item))
    weight = np.ones(len(order)) if judged.weight is None else judged.weight[order]
    item, who, answer = judged.item[order], judged.annotator[order], judged.answer[order]
    for k in range(K):
        evidence[:, k] = np.bincount(item, weights=weight * log_confusion[who, k, answer], minlength=judged.n_items)
    return evidence + np.log(result.class_prior)


def _without_own(
    evidence: Floats,
    log_confusion: Floats,
    gold: Ints,
    item: Ints,
    who: Ints,
    answer: Ints,
    weight: Floats | None,
    part: slice,
) -> NDArray[np.float64]:
    own = log_confusion[who[part], :, answer[part]]
    if weight is not None:
        own = own * weight[part][:, None]
    q = evidence[item[part]] - own
    q = np.exp(q - q.max(axis=1, keepdims=True))
    q /= q.sum(axis=1, keepdims=True)
    known = np.flatnonzero(gold[item[part]] >= 0)
    q[known] = 0.0
    q[known, gold[item[part]][known]] = 1.0
    return q
