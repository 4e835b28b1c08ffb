"""Annotators who repeat somebody else's answers: agreement, above all in errors, beyond what looking explains.

For annotators a and b who share items, b's answer is predicted from everybody but b, a included:
p_i = P(b says what a said) = sum_z q_i(z) pi_b[z, a_i]. Because people err alike on the same hard items, p is
calibrated on all pairs of the crowd: pairs of judgments with about equal p agree with the share found among them.
Against it stands copying with probability c = 0.9, and the pair's score is the log-likelihood ratio over its items

    S = sum_i ( log((c + (1 - c) p_i) / p_i)  where they agree,  log(1 - c)  where they do not ),

p_i the mean of both directions. A share f of all pairs copies, so that of a pair it is likely by

    P(copying | S) = f exp(S) / (f exp(S) + 1 - f),

f fitted by EM with one copying among 100 pairs added (a local false discovery rate, Efron 2008, doi:10.1214/07-STS236).
A pair is found above LIKELY: on simulated crowds whose pairs share 36 items on average, 0.4 % of honest people are.
Found pairs leave the calibration, once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.fit import Result, fit
from consensus.judgments import Floats, Ints, Judgments
from consensus.skill import log_evidence

LIKELY = 0.2
FEWEST_SHARED = 20
COPY_RATE = 0.9
COPYING_BEFOREHAND, PAIRS_BEFOREHAND = 1.0, 100.0
_ROUNDS = 50
_LARGEST_SCORE = 50.0
MOST_PAIRS = 20_000_000
_BINS = 24
_CHUNK = 1 << 18


@dataclass(frozen=True)
class CopiedPair:
    """Two annotators too much alike: on how many items, in how many of them agreeing, how likely one copies the other,
    and who answered later on most of them (None where times are not known)."""

    first: int
    second: int
    shared: int
    agreed: int
    likely: float
    later: int | None


def copied_pairs(result: Result, judgments: Judgments, moment: Floats | None = None) -> list[CopiedPair]:
    """Pairs found, the clearest first. moment: float64 [M], when each judgment was given, in any unit; NaN
    where that is not known."""
    one, other = judgment_pairs(judgments)
    A = judgments.n_annotators
    pair = judgments.annotator[one] * A + judgments.annotator[other]
    keys, group, shared = np.unique(pair, return_inverse=True, return_counts=True)
    eligible = shared >= FEWEST_SHARED
    if not eligible.any():
        return []
    same = judgments.answer[one] == judgments.answer[other]
    if result.method == "majority":
        # Vote shares do not tell who is good, and two good ones would look like copies of each other.
        result = fit(judgments, gold={int(i): int(result.gold[i]) for i in np.flatnonzero(result.gold >= 0)})
    forward = agreement_expected(result, judgments, one, other)
    backward = agreement_expected(result, judgments, other, one)
    found, likely = np.zeros(len(keys), dtype=bool), np.zeros(len(keys))
    for _ in range(2):
        ordinary = ~found[group]
        p, r = np.split(calibrated(np.r_[forward, backward], np.r_[same, same], np.r_[ordinary, ordinary]), 2)
        likely[eligible] = copying_chances(copying_scores(0.5 * (p + r), same, group, len(keys))[eligible])
        found = likely > LIKELY
    agreed = np.bincount(group, weights=same, minlength=len(keys))
    order = np.zeros(len(one)) if moment is None else np.nan_to_num(np.sign(moment[other] - moment[one]))
    later = np.bincount(group, weights=order, minlength=len(keys))
    out = []
    for g in sorted(np.flatnonzero(found).tolist(), key=lambda g: (-likely[g], g)):
        a, b = divmod(int(keys[g]), A)
        who = None if later[g] == 0 else b if later[g] > 0 else a
        out.append(CopiedPair(a, b, int(shared[g]), int(agreed[g]), float(likely[g]), who))
    return out


def judgment_pairs(judgments: Judgments) -> tuple[Ints, Ints]:
    """Positions of two judgments of one item by two people, a < b; classes only, the last of somebody's two.

    At most MOST_PAIRS, of the items that come first.
    """
    present = judgments.answer < judgments.n_classes
    if judgments.weight is not None:
        present &= judgments.weight > 0
    kept = np.flatnonzero(present)
    order = kept[np.lexsort((kept, judgments.annotator[kept], judgments.item[kept]))]
    item, who = judgments.item[order], judgments.annotator[order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (item[1:] != item[:-1]) | (who[1:] != who[:-1])
    order, item = order[last], item[last]
    if not len(order):
        return order, order
    start = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    end = np.repeat(np.r_[start[1:], len(item)], np.diff(np.r_[start, len(item)]))
    after = end - np.arange(len(item)) - 1
    if after.sum() > MOST_PAIRS:
        after = np.where(np.cumsum(after) <= MOST_PAIRS, after, 0)
    one = np.repeat(np.arange(len(item)), after)
    step = np.arange(len(one)) - np.repeat(np.cumsum(after) - after, after)
    return order[one], order[one + 1 + step]


def agreement_expected(result: Result, judgments: Judgments, given: Ints, predicted: Ints) -> Floats:
    """float64 [P]: the probability that each predicted judgment repeats the given one, were it made by looking."""
    judged = judgments
    log_confusion = np.log(result.confusion)
    evidence = log_evidence(result, judged.present(), log_confusion)
    out = np.empty(len(given))
    for begin in range(0, len(given), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        m = predicted[part]
        item, who, answer = judged.item[m], judged.annotator[m], judged.answer[m]
        own = log_confusion[who, :, answer]
        if judged.weight is not None:
            own = own * judged.weight[m][:, None]
        q = evidence[item] - own
        q = np.exp(q - q.max(axis=1, keepdims=True))
        q /= q.sum(axis=1, keepdims=True)
        known = np.flatnonzero(result.gold[item] >= 0)
        q[known] = 0.0
        q[known, result.gold[item][known]] = 1.0
        out[part] = (q * result.confusion[who, :, judged.answer[given[part]]]).sum(axis=1)
    return out


def calibrated(expected: Floats, same: Ints, counted: Ints) -> Floats:
    """float64 [P]: the share that agree among the counted pairs of about the same expectation.

    Bins hold equal numbers of pairs; the share between two bins' middles is interpolated, rising.
    """
    log_odds = np.log(expected.clip(1e-6, 1 - 1e-6) / (1.0 - expected.clip(1e-6, 1 - 1e-6)))
    if not counted.any():
        return expected.clip(1e-4, 1.0 - 1e-4)
    edges = np.unique(np.quantile(log_odds[counted], np.linspace(0.0, 1.0, _BINS + 1)))
    place = np.searchsorted(edges[1:-1], log_odds[counted], side="right")
    n = np.bincount(place, minlength=max(len(edges) - 1, 1))
    filled = n > 0
    agree = np.bincount(place, weights=same[counted], minlength=len(n))[filled]
    middle = np.bincount(place, weights=log_odds[counted], minlength=len(n))[filled] / n[filled]
    share = np.maximum.accumulate((agree + 0.5) / (n[filled] + 1.0))
    return np.interp(log_odds, middle, share).clip(1e-4, 1.0 - 1e-4)


def copying_scores(p: Floats, same: Ints, group: Ints, n_groups: int) -> Floats:
    """S, float64 [G], of each pair of annotators, from its items: p float64 [P], whether they agree, whose they are."""
    gain = np.log((COPY_RATE + (1.0 - COPY_RATE) * p) / p)
    score = np.where(same, gain, np.log(1.0 - COPY_RATE))
    return np.bincount(group, weights=score, minlength=n_groups).astype(np.float64)


def copying_chances(score: Floats) -> Floats:
    """P(copying | S), float64 [G], with the share of copying pairs learned from them all."""
    ratio = np.exp(np.clip(score, -_LARGEST_SCORE, _LARGEST_SCORE))
    share = COPYING_BEFOREHAND / PAIRS_BEFOREHAND
    likely = np.zeros(len(score))
    for _ in range(_ROUNDS):
        likely = share * ratio / (share * ratio + 1.0 - share)
        share = (float(likely.sum()) + COPYING_BEFOREHAND) / (len(score) + PAIRS_BEFOREHAND)
    return np.asarray(likely)
