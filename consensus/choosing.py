"""Which prior suits this crowd: the one under which judgments that were held out are likeliest.

Whether people err alike at all classes, or each class has an error rate of its own, and whether what is mistaken for
what is personal, differs from crowd to crowd, and a few judgments an annotator do not tell it of one person. They do
of the crowd. Judgments are dealt into FOLDS parts; for each of CANDIDATES the sum over the parts of

    log sum_k q_i(k) pi_j[k, a_ij]          with q and pi fitted without the part (Geisser 1975, doi:10.2307/2285815)

is compared with the default's, and the best is taken where it is better by more than one standard error of the
differences. Judgments are dealt by chance, but always alike for the same judgments, in whatever order they come.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from consensus.dawid_skene import DEFAULT_PRIOR, Prior, fit_dawid_skene
from consensus.judgments import Floats, Ints, Judgments, layout

FOLDS = 3
FEWEST, MOST = 100, 30_000
"""Judgments. With fewer nothing can be told; with more people have so many each that the prior hardly matters."""
MOST_WORK = 600_000
"""Judgments and numbers of all confusions' rows, times classes: trying out takes fifteen fits, at most some seconds."""
TOLERANCE = 1e-5


def candidates(n_classes: int) -> tuple[Prior, ...]:
    """The default first, then people more and more alike over all classes, then errors that are the classes' alone."""
    stiff = Prior(own_strength=50.0)
    out = [DEFAULT_PRIOR, Prior(own_strength=15.0), stiff]
    if n_classes > 2:
        out += [replace(stiff, error_strength=each * n_classes) for each in (10.0, 50.0)]
    return tuple(out)


def choose_prior(judgments: Judgments, gold: Ints) -> Prior:
    """The prior of `candidates` for these judgments; gold: int64 [I], -1 where unknown."""
    judged = judgments.present()
    if not FEWEST <= len(judged) <= MOST or judged.n_classes < 2:
        return DEFAULT_PRIOR
    if judged.n_classes * (len(judged) + judged.n_annotators * judged.n_answers) > MOST_WORK:
        return DEFAULT_PRIOR
    weight = np.zeros(len(judged)) if judged.weight is None else judged.weight
    order = np.lexsort((weight, judged.answer, judged.annotator, judged.item))
    judged = taken(judged, order)
    fold = np.random.default_rng(0).integers(FOLDS, size=len(order))
    scores = [held_out(judged, gold, fold, prior) for prior in candidates(judged.n_classes)]
    totals = [float(score.sum()) for score in scores]
    best = int(np.argmax(totals))
    gain = scores[best] - scores[0]
    sure = float(gain.sum()) > float(gain.std()) * len(gain) ** 0.5
    return candidates(judged.n_classes)[best] if sure else DEFAULT_PRIOR


def held_out(judged: Judgments, gold: Ints, fold: Ints, prior: Prior) -> Floats:
    """float64 [M]: the log probability of each judgment, fitted without its part."""
    out = np.empty(len(judged))
    for part in range(FOLDS):
        there, left = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        seen = taken(judged, there)
        found = fit_dawid_skene(layout(seen), gold, prior, tolerance=TOLERANCE)
        confusion = np.exp(found.log_confusion[:, judged.annotator[left], judged.answer[left]])
        out[left] = np.log((found.posterior[:, judged.item[left]] * confusion).sum(axis=0))
    return out


def taken(judged: Judgments, rows: Ints) -> Judgments:
    """The judgments at these places, int64 [N], in this order."""
    weight = None if judged.weight is None else judged.weight[rows]
    return replace(
        judged, item=judged.item[rows], annotator=judged.annotator[rows], answer=judged.answer[rows], weight=weight
    )
