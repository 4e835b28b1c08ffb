"""All questions of a campaign fitted: bad annotators weighed down, and attributes that correlate together.

Pure functions of `Question`s, so that settling, auditing and explaining a campaign give the same numbers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

import consensus
from consensus.attributes import fit_jointly
from consensus.candidates import Posteriors, best_of, likeliest
from label_store.questions import Question


@dataclass(frozen=True, eq=False)
class FittedQuestion:
    """The consensus of one question.

    result: with everything that is known of the items. alone: as the question's own judgments give it, without other
    attributes and models. judgments: with the weights it was made with. found: what is suspicious about people.
    """

    result: consensus.Result
    alone: consensus.Result
    judgments: consensus.Judgments
    found: tuple[consensus.Finding, ...]

    def flags(self) -> list[set[str]]:
        """For each annotator the flags that apply."""
        out: list[set[str]] = [set() for _ in range(self.judgments.n_annotators)]
        for finding in self.found:
            out[finding.annotator].add(finding.flag)
        return out

    def with_posterior(self, posterior: Posteriors) -> "FittedQuestion":
        """The same with what else is known of the items; who has no answer gets none by that."""
        top, tied = best_of(posterior)
        answer = np.where(self.result.answer < 0, -1, likeliest(posterior)).astype(np.int64)
        result = replace(self.result, posterior=posterior, answer=answer, tied=tied, risk=np.clip(1.0 - top, 0.0, 1.0))
        return replace(self, result=result)


def fit_questions(asked: Sequence[Question], method: str = consensus.METHODS[0]) -> list[FittedQuestion]:
    """One a question. Only the default method weighs people down and puts attributes together.

    The others are there to compare with, and are what their papers say.
    """
    if method != consensus.METHODS[0]:
        return [_as_published(question, method) for question in asked]
    fitted = [_weighed(question) for question in asked]
    families: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for q, question in enumerate(asked):
        if question.attribute and fitted[q].result.method == method:
            families[question.item_ids].append(q)
    for family in families.values():
        if len(family) > 1:
            _together(fitted, family)
    return fitted


def _weighed(question: Question) -> FittedQuestion:
    told = consensus.fit_weighted_down(
        question.judgments, question.gold, parents=question.parents, seconds=question.seconds, moment=question.moment
    )
    return FittedQuestion(told.result, told.result, told.judgments, told.found)


def _as_published(question: Question, method: str) -> FittedQuestion:
    result = consensus.fit(question.judgments, method, question.gold, parents=question.parents)
    found = consensus.findings(result, question.judgments, seconds=question.seconds, moment=question.moment)
    return FittedQuestion(result, result, question.judgments, tuple(found))


def _together(fitted: list[FittedQuestion], family: Sequence[int]) -> None:
    """Put the attributes of one category together; each keeps its judgments, people and gold."""
    alone = [fitted[q].result for q in family]
    found = fit_jointly([result.dense() for result in alone], [result.class_prior for result in alone])
    if not found.edges:
        return  # nothing correlates: the posteriors stay what they were, to the last bit
    for q, posterior in zip(family, found.posterior, strict=True):
        fitted[q] = fitted[q].with_posterior(posterior)
