"""All questions of a campaign fitted: bad annotators weighed down, and attributes that correlate together.

Pure functions of `Question`s, so that settling and auditing a campaign give the same numbers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

import consensus
from consensus.attributes import fit_jointly
from consensus.candidates import best_of
from label_store.questions import Question


def fit_questions(asked: Sequence[Question], method: str = consensus.METHODS[0]) -> list[consensus.Result]:
    """One result a question. Only the default method weighs people down and puts attributes together.

    The others are there to compare with, and are what their papers say.
    """
    if method != consensus.METHODS[0]:
        return [consensus.fit(question.judgments, method, question.gold) for question in asked]
    results = [
        consensus.fit_weighted_down(one.judgments, one.gold, seconds=one.seconds, moment=one.moment).result
        for one in asked
    ]
    families: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for q, question in enumerate(asked):
        if question.attribute and results[q].method == method:
            families[question.item_ids].append(q)
    for family in families.values():
        if len(family) > 1:
            _together(results, family)
    return results


def _together(results: list[consensus.Result], family: Sequence[int]) -> None:
    """Put the attributes of one category together; each result keeps its judgments, people and gold."""
    found = fit_jointly([results[q].dense() for q in family], [results[q].class_prior for q in family])
    if not found.edges:
        return  # nothing correlates: the posteriors stay what they were, to the last bit
    for q, posterior in zip(family, found.posterior, strict=True):
        before = results[q]
        top, tied = best_of(posterior)
        answer = np.where(before.answer < 0, -1, posterior.argmax(axis=1)).astype(np.int64)
        results[q] = replace(before, posterior=posterior, answer=answer, tied=tied, risk=np.clip(1.0 - top, 0.0, 1.0))
