"""Judgments in, posteriors out: the one function most callers need, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consensus.candidates import TIE, Candidates, Posteriors
from consensus.choosing import choose_prior
from consensus.dawid_skene import DEFAULT_PRIOR, Prior, anchor_rows, class_prior, expected_counts, fit_dawid_skene
from consensus.difficulty import Difficulty, fit_difficulty, keep_answer
from consensus.errors import ConsensusError
from consensus.glad import fit_glad
from consensus.judgments import Floats, Ints, Judgments, gold_array, layout
from consensus.majority import vote_shares
from consensus.many_classes import fit_many_classes
from consensus.one_coin import fit_one_coin
from consensus.pooling import FEWEST
from consensus.quality import AnnotatorQuality, annotator_quality
from consensus.shared_errors import SharedErrors

METHODS = ("map-dawid-skene", "majority", "dawid-skene", "one-coin", "glad", "many-classes")
# With more the default is many-classes: there as right or more on simulated crowds, and many times faster.
MOST_CLASSES = 100
# The maximum likelihood of 1979: a prior that only keeps logarithms finite.
MAXIMUM_LIKELIHOOD = Prior(1e-9, 1e-9, 1e-9, 1e-9, 1e-9)
# Raised whenever the same judgments would get other numbers; releases keep the version they were cut with.
VERSION = "6"


@dataclass(frozen=True, eq=False)
class Result:
    """What a fit found out. I items, A annotators, K classes, L answers.

    posterior: float64 [I, K], rows sum to 1, as `Candidates` by many-classes. An item nobody judged has the prior
    over classes.
    answer: int64 [I], the class with the largest posterior, the first of equals; -1 for an item of which neither
    gold nor anybody names a class. tied: bool [I], whether there was an equal (within 1e-9).
    risk: float64 [I], 1 - the largest posterior. n: int64 [I], judgments of the item ("unsure" included).
    gold: int64 [I], the answer given as known, -1 elsewhere. annotator: accuracy with intervals.
    confusion: float64 [A, K, L], rows sum to 1; pooled: float64 [K, L], the row all share (both empty by many-classes);
    class_prior: float64 [K]. difficulty: None where the method knows no levels of it.
    shared: by many-classes, rates and errors instead of confusions, else None.
    log_objective: its value after each iteration, never falling (empty for the majority).
    version: of the method's numbers.
    """

    posterior: Posteriors
    answer: Ints
    tied: NDArray[np.bool_]
    risk: Floats
    n: Ints
    gold: Ints
    annotator: AnnotatorQuality
    confusion: Floats
    pooled: Floats
    class_prior: Floats
    difficulty: Difficulty | None
    shared: SharedErrors | None
    method: str
    version: str
    iterations: int
    converged: bool
    log_objective: tuple[float, ...]

    def dense(self) -> Floats:
        """The posterior as float64 [I, K]; ConsensusError where there are too many classes for confusions."""
        if isinstance(self.posterior, Candidates):
            raise ConsensusError(
                f"this needs a confusion of each annotator, which {self.posterior.shape[1]} classes are too many for",
                f"up to {MOST_CLASSES} classes have them",
            )
        return self.posterior


def fit(
    judgments: Judgments,
    method: str = "map-dawid-skene",
    gold: Mapping[int, int] | None = None,
    *,
    parents: Ints | None = None,
    prior: Prior | None = None,
    difficulty: bool = True,
    max_iterations: int = 200,
    tolerance: float = 1e-7,
) -> Result:
    """Posteriors of items and quality of annotators; gold maps items to their known class.

    More than 100 classes are fitted by many-classes where the method is the default one.
    parents: int64 [K], the number of each class's parent in the taxonomy (-1: none); used by many-classes alone.
    prior: None takes the one that suits the crowd (`consensus.choosing`).
    difficulty: whether posteriors take into account that people err together on hard items (`consensus.difficulty`).
    The same judgments in any order give the same result to the last bit. Raises ConsensusError for an
    unknown method, gold out of range, or confusions too large to hold.
    """
    if method not in METHODS:
        raise ConsensusError(f"there is no method {method!r}", f"the methods are {', '.join(METHODS)}", exit_code=2)
    many = method == "many-classes" or (method == METHODS[0] and judgments.n_classes > MOST_CLASSES)
    if many and judgments.n_classes > 1:
        return _many_classes(judgments, gold, parents, max_iterations, tolerance)
    known = gold_array(gold, judgments.n_items, judgments.n_classes)
    sorted_runs = layout(judgments)
    objective: tuple[float, ...] = ()
    converged, levels = True, None
    if method in ("map-dawid-skene", "dawid-skene"):
        if method == "dawid-skene":
            pulls = MAXIMUM_LIKELIHOOD
        else:
            pulls = choose_prior(judgments, known) if prior is None else prior
        found = fit_dawid_skene(sorted_runs, known, pulls, max_iterations, tolerance)
        shares, pooled = found.posterior, found.pooled
        confusion, prior_row = np.exp(found.log_confusion), np.exp(found.log_prior)
        objective, converged = found.objective, found.converged
        if difficulty and method == "map-dawid-skene" and judgments.n_classes > 1:
            shares, levels = fit_difficulty(sorted_runs, known, shares, found.log_confusion, pooled, found.log_prior)
    else:
        if method in ("majority", "many-classes"):  # of one class there are no many
            shares = vote_shares(sorted_runs, known)
        elif method == "one-coin":
            coins = fit_one_coin(sorted_runs, known, max_iterations, tolerance)
            shares, objective, converged = coins.posterior, coins.objective, coins.converged
        else:
            glad = fit_glad(sorted_runs, known, max_iterations, tolerance)
            shares, objective, converged = glad.posterior, glad.objective, glad.converged
        pooled = anchor_rows(sorted_runs)
        counts = expected_counts(sorted_runs, shares)
        counts += ((prior or DEFAULT_PRIOR).strength or FEWEST) * pooled[:, None, :]
        confusion = counts / counts.sum(axis=2, keepdims=True)
        prior_row = np.exp(class_prior(sorted_runs, shares, known))
    posterior = np.ascontiguousarray(shares.T)
    n = np.bincount(sorted_runs.by_item.keys(), minlength=judgments.n_items).astype(np.int64)
    top = posterior.max(axis=1, initial=0.0)
    answer = posterior.argmax(axis=1).astype(np.int64)
    judged = judgments.present()
    named = np.bincount(judged.item[judged.answer < judged.n_classes], minlength=judged.n_items)
    answer[(named == 0) & (known < 0)] = -1
    return Result(
        posterior=posterior,
        answer=answer,
        tied=(posterior >= top[:, None] - TIE).sum(axis=1) > 1,
        risk=np.clip(1.0 - top, 0.0, 1.0),
        n=n,
        gold=known,
        annotator=annotator_quality(sorted_runs, posterior),
        confusion=np.ascontiguousarray(confusion.transpose(1, 0, 2)),
        pooled=pooled,
        class_prior=prior_row,
        difficulty=levels,
        shared=None,
        method=method,
        version=VERSION,
        iterations=len(objective),
        converged=converged,
        log_objective=objective,
    )


def _many_classes(
    judgments: Judgments,
    gold: Mapping[int, int] | None,
    parents: Ints | None,
    max_iterations: int,
    tolerance: float,
) -> Result:
    found = fit_many_classes(judgments, gold, parents, max_iterations=max_iterations, tolerance=tolerance)
    known = gold_array(gold, judgments.n_items, judgments.n_classes)
    nobody = (found.n == 0) & (known < 0)
    posterior = Candidates(
        found.item, found.label, found.posterior, np.where(nobody, 1.0, found.other), found.class_prior
    )
    A = judgments.n_annotators
    return Result(
        posterior=posterior,
        answer=found.answer,
        tied=found.tied,
        risk=found.risk,
        n=found.n,
        gold=known,
        annotator=annotator_quality(layout(judgments), posterior),
        confusion=np.empty((A, 0, 0)),
        pooled=np.empty((0, 0)),
        class_prior=found.class_prior,
        difficulty=None,
        shared=found.shared,
        method="many-classes",
        version=VERSION,
        iterations=len(found.log_objective),
        converged=found.converged,
        log_objective=found.log_objective,
    )


def item_posterior(result: Result, annotators: Ints, answers: Ints) -> Floats:
    """float64 [K]: the posterior of one item from its judgments so far, in O(n K), without a new fit.

    annotators, answers: int64 [n]; annotator -1 is somebody whom the fit has not seen, who is taken for an
    ordinary member of the crowd. This is what an app calls after each judgment.
    """
    result.dense()
    rows = np.where((annotators >= 0)[:, None], result.confusion[annotators, :, answers], result.pooled.T[answers])
    log_prior = np.log(result.class_prior)
    posterior = _softmax(log_prior + np.log(rows).sum(axis=0))
    if result.difficulty is None:
        return posterior
    whole = result.confusion[annotators], result.pooled
    levels = result.difficulty
    evidence = log_prior + levels.log_share
    for n, answer in enumerate(answers):
        confusion = whole[0][n] if annotators[n] >= 0 else whole[1]
        evidence = evidence + np.log(levels.mixing @ confusion[:, answer])
    sure = _softmax(evidence).sum(axis=0)
    return keep_answer(sure[:, None], posterior[:, None])[:, 0]


def _softmax(logs: Floats) -> Floats:
    out = np.exp(logs - logs.max())
    return np.asarray(out / out.sum())
