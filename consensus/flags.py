"""Annotators whose answers carry no information, found with a stated rate of false alarms.

For annotator j let q_i be the posterior of item i from everybody else's judgments (or its gold), and
q its mean over j's items. If j gives the right answer with probability t and otherwise guesses without
looking (the model of MACE, Hovy et al. 2013, aclanthology.org/N13-1132), then

    S_j = sum_i ( q_i(a_ij) - q(a_ij) )     has mean   t V_j,    V_j = sum_i |q_i - q|^2,

whatever j's guessing habits are, because guesses do not follow q_i. So t_j = S_j / V_j estimates the skill,
0 for guessing and for one answer always. Its variance under a skill t follows from the same model.

An annotator is flagged when the skill is significantly below half the crowd's median (one-sided, 1 %:
somebody at exactly half the median is flagged by chance in 1 of 100 cases, the better ones less) and not
significantly above 0. The flag is "constant" where 90 % of the answers are one answer, otherwise "random".
Nobody is flagged from fewer than 20 comparable answers, nor in a crowd whose median skill is below 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consensus.fit import Result
from consensus.judgments import Floats, Ints, Judgments

Z_FALSE_ALARM = 2.3263478740408408  # the normal quantile of 99 %
FEWEST_ANSWERS = 20
NEARLY_ALWAYS = 0.9
LEAST_MEDIAN_SKILL = 0.1
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Skill:
    """Per annotator, arrays [A]: answers comparable with others (int64), the skill's estimate (0 where
    nothing can be said), its floor, and how many standard errors it lies from 0 and from the floor."""

    compared: Ints
    skill: Floats
    floor: float
    z_from_zero: Floats
    z_from_floor: Floats


def flags(result: Result, judgments: Judgments) -> list[set[str]]:
    """For each annotator the set of "random" and "constant" that applies, empty for the ordinary."""
    judged = judgments.present()
    found = skill(result, judged)
    given = np.zeros((judged.n_annotators, judged.n_answers))
    np.add.at(given, (judged.annotator, judged.answer), 1.0)
    total = given.sum(axis=1)
    modal = given.max(axis=1, initial=0.0)
    suspect = (
        (found.compared >= FEWEST_ANSWERS)
        & (found.floor * 2 >= LEAST_MEDIAN_SKILL)
        & (found.z_from_floor < -Z_FALSE_ALARM)
        & (found.z_from_zero <= Z_FALSE_ALARM)
        # Answers that contradict the others significantly are informative, only upside down.
        & (found.z_from_zero >= -Z_FALSE_ALARM)
    )
    constant = modal >= NEARLY_ALWAYS * total
    return [({"constant"} if constant[j] else {"random"}) if suspect[j] else set() for j in range(judged.n_annotators)]


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
    evidence = _log_evidence(result, judged, log_confusion)
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
    floor = 0.5 * float(np.median(estimate[known])) if known.any() else 0.0
    floor = min(max(floor, 0.0), 0.95)

    z = []
    for level in (0.0, floor):
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
        error = np.sqrt(np.maximum(variance, 1e-12)) / np.where(known, spread, 1.0)
        # One always-same answer scores exactly 0; rounding must not look like a deviation.
        z.append(np.where(known, (estimate - level) / np.maximum(error, 1e-6), 0.0))
    return Skill(compared, estimate, floor, z[0], z[1])


def _log_evidence(result: Result, judged: Judgments, log_confusion: Floats) -> Floats:
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
