"""Annotators whose answers carry no information, found with a stated rate of false alarms.

For annotator j let q_i be the posterior of item i from everybody else's judgments (or its gold), and
q its mean over j's items. If j gives the right answer with probability t and otherwise guesses without
looking (the model of MACE, Hovy et al. 2013, aclanthology.org/N13-1132), then

    S_j = sum_i ( q_i(a_ij) - q(a_ij) )     has mean   t V_j,    V_j = sum_i |q_i - q|^2,

whatever j's guessing habits are, because guesses do not follow q_i. So t_j = S_j / V_j estimates the skill,
0 for guessing and for one answer always. Its variance without any skill follows from the same model.

An annotator is flagged when it is likelier than LIKELY that he is one of those who do not look, given what the others'
skills are (`consensus.careless`), t_j is below half of their mean m, and within 3 standard errors of 0. On simulated
crowds 0.6 to 1.3 % of those who look are flagged by chance. The flag is "constant" where 90 % of the answers are one
answer, otherwise "random". Who lies more than 3 standard errors below 0 looks, and says the opposite: "contrary". By
chance somebody without skill does so once in 700. Nobody is flagged from fewer than 20 comparable answers, nor where m
is below 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consensus.careless import carelessness, log_likelihoods
from consensus.fit import Result
from consensus.judgments import Floats, Ints, Judgments

LIKELY = 0.2
Z_INFORMATIVE = 3.0
Z_CONTRARY = -3.0
FEWEST_ANSWERS = 20
NEARLY_ALWAYS = 0.9
LEAST_TYPICAL_SKILL = 0.1
MOST_ANSWERS = 400  # of an annotator, from which it is told whether he looks
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Skill:
    """Per annotator, arrays [A]: answers comparable with others (int64), the skill's estimate (0 where nothing can be
    said), how many standard errors it lies from 0, how likely he does not look, and whether that makes him suspect
    (bool). typical, spread: mean and deviation of the skills of those who look."""

    compared: Ints
    skill: Floats
    typical: float
    spread: float
    z_from_zero: Floats
    careless: Floats
    suspect: NDArray[np.bool_]


def suspicion(result: Result, judgments: Judgments) -> list[str]:
    """For each annotator "random", "constant", "contrary" (of answers that the others deny), or "" for the ordinary."""
    judged = judgments.present()
    found = skill(result, judged)
    given = np.zeros((judged.n_annotators, judged.n_answers))
    np.add.at(given, (judged.annotator, judged.answer), 1.0)
    constant = given.max(axis=1, initial=0.0) >= NEARLY_ALWAYS * given.sum(axis=1)
    contrary = (found.z_from_zero < Z_CONTRARY) & (found.typical >= LEAST_TYPICAL_SKILL)
    flag = np.where(found.suspect, np.where(constant, "constant", "random"), np.where(contrary, "contrary", ""))
    return [str(one) for one in flag]


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

    mean, square, right = np.zeros((A, K)), np.zeros(A), np.empty(len(item))
    chunks = [slice(s, s + max(1, _CHUNK // K)) for s in range(0, len(item), max(1, _CHUNK // K))]
    for part in chunks:
        q = _without_own(evidence, log_confusion, result.gold, item, who, answer, weight, part)
        for k in range(K):
            mean[:, k] += np.bincount(who[part], weights=q[:, k], minlength=A)
        square += np.bincount(who[part], weights=(q * q).sum(axis=1), minlength=A)
        right[part] = q[np.arange(len(q)), answer[part]]
    mean /= n[:, None]
    share = np.zeros((A, K))
    np.add.at(share, (who, answer), 1.0)
    share /= n[:, None]
    spread = square - n * (mean * mean).sum(axis=1)
    score = np.bincount(who, weights=right, minlength=A) - n * (share * mean).sum(axis=1)
    # Less spread than one item of another class: the others' answers do not tell items apart.
    known = (compared >= FEWEST_ANSWERS) & (spread > 0.5)
    estimate = np.divide(score, spread, out=np.zeros(A), where=known)

    guess = np.clip(share, 1e-12, None)
    guess /= guess.sum(axis=1, keepdims=True)
    variance = np.zeros(A)
    for part in chunks:
        q = _without_own(evidence, log_confusion, result.gold, item, who, answer, weight, part)
        excess = q - mean[who[part]]
        first = (guess[who[part]] * excess).sum(axis=1)
        second = (guess[who[part]] * excess * excess).sum(axis=1)
        variance += np.bincount(who[part], weights=second - first * first, minlength=A)
    # One always-same answer scores exactly 0; rounding must not look like a deviation.
    error = np.maximum(np.sqrt(np.maximum(variance, 1e-12)) / np.where(known, spread, 1.0), 1e-6)
    z_from_zero = np.where(known, estimate / error, 0.0)

    some = evenly_taken(who, compared)
    logs = log_likelihoods(who[some], answer[some], right[some], share, mean)
    # Who always says one thing is known by that, and must not make guessing look common.
    ordinary = known & (share.max(axis=1) < NEARLY_ALWAYS)
    likely = np.zeros(A)
    likely[known], typical, deviation = carelessness(logs[known], ordinary[known])
    # Answers that contradict the others significantly are informative, only upside down.
    suspect = known & (likely > LIKELY) & (np.abs(z_from_zero) <= Z_INFORMATIVE)
    suspect &= (typical >= LEAST_TYPICAL_SKILL) & (estimate < 0.5 * typical)
    return Skill(compared, estimate, typical, deviation, z_from_zero, likely, suspect)


def evenly_taken(who: Ints, n: Ints) -> NDArray[np.bool_]:
    """bool [M]: at most MOST_ANSWERS of each annotator's judgments, which lie together; who: int64 [M] rising."""
    first = np.cumsum(n) - n
    place = np.arange(len(who)) - first[who]
    return np.asarray(place % -(-n // MOST_ANSWERS)[who] == 0)


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
