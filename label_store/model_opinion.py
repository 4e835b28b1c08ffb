"""A trained model as one more judge of a campaign: its stored probabilities joined with what people said.

`map-dawid-skene+RUN` is the method of a consensus that counts the predictions of the run RUN.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

import consensus
from consensus.candidates import Candidates, Posteriors
from consensus.model_judge import join_model
from label_store.errors import UsageError
from label_store.fitting import FittedQuestion
from label_store.models import Campaign, Item, Prediction
from label_store.questions import Question

MARK = "+"
KINDS = ("verify", "classify")
"""Campaigns whose question a classifier answers."""
MOST_KEPT = consensus.MOST_CLASSES + 1
"""Answers, "none" among them, up to which all probabilities of an item are stored."""
MOST_NAMED = 30
"""Of more answers only so many, the likeliest."""


@dataclass(frozen=True, eq=False)
class Opinion:
    """A model's probabilities of one question, float64 [I, K] or candidates; bool [I], which items it has any for."""

    probabilities: Posteriors
    covered: NDArray[np.bool_]


def parts_of(method: str) -> tuple[str, str]:
    """("map-dawid-skene", "RUN") of `map-dawid-skene+RUN/4`; the run is empty where people judge alone."""
    base, _, run = method.split("/")[0].partition(MARK)
    return base, run


def read_opinion(session: Session, campaign: Campaign, run: str, question: Question) -> Opinion:
    """What the run says of the items of a question; UsageError where it says nothing of any."""
    rows = session.execute(
        select(Prediction.item_id, Prediction.probabilities)
        .join(Item, Item.id == Prediction.item_id)
        .where(Item.campaign_id == campaign.id, Prediction.run == run)
    ).all()
    if not rows:
        raise UsageError(
            f"the run {run!r} has said nothing of the campaign {campaign.slug!r}",
            hint=f"cairn feedback {run} {campaign.slug}",
        )
    place = {item_id: n for n, item_id in enumerate(question.item_ids)}
    column = {choice: k for k, choice in enumerate(question.choices)}
    covered = np.zeros(len(place), dtype=np.bool_)
    named = [(place[item_id], probabilities) for item_id, probabilities in rows if item_id in place]
    covered[[position for position, _ in named]] = True
    if len(column) <= MOST_KEPT:
        whole = np.zeros((len(place), len(column)))
        for position, probabilities in named:
            whole[position] = [probabilities.get(choice, 0.0) for choice in question.choices]
        return Opinion(whole, covered)
    return Opinion(_listed(named, column, len(place)), covered)


def _listed(named: Sequence[tuple[int, Mapping[str, float]]], column: Mapping[str, int], n_items: int) -> Candidates:
    """Probabilities by the position of their item; what they leave of it is spread evenly."""
    # A million pictures name thirty million probabilities: eight bytes each, and not an object.
    item, label, probability = array("q"), array("q"), array("d")
    for position, probabilities in named:
        for word, p in probabilities.items():
            if word in column:
                item.append(position)
                label.append(column[word])
                probability.append(p)
    order = np.lexsort((label, item))
    where, share = np.asarray(item)[order], np.asarray(probability)[order]
    other = np.maximum(1.0 - np.bincount(where, weights=share, minlength=n_items), 0.0)
    return Candidates(where, np.asarray(label)[order], share, other, np.full(len(column), 1.0 / len(column)))


def kept_of(probabilities: Mapping[str, float]) -> dict[str, float]:
    """What is stored of one item's probabilities: all, or of very many answers those worth naming.

    The rest of their mass is spread evenly when they are read.
    """
    if len(probabilities) <= MOST_KEPT:
        return dict(probabilities)
    return dict(sorted(probabilities.items(), key=lambda entry: -entry[1])[:MOST_NAMED])


def join_opinions(
    session: Session, campaign: Campaign, run: str, asked: Sequence[Question], fitted: Sequence[FittedQuestion]
) -> list[FittedQuestion]:
    """The questions with the run as one more judge; an item that nobody judged stays without an answer."""
    if campaign.kind not in KINDS:
        raise UsageError(f"a classifier has no opinion in a campaign of {campaign.kind}", hint=f"it judges {_KINDS}")
    joined = []
    for question, one in zip(asked, fitted, strict=True):
        opinion = read_opinion(session, campaign, run, question)
        told = join_model(one.result, one.judgments, opinion.probabilities, covered=opinion.covered)
        joined.append(one.with_posterior(told.posterior))
    return joined


_KINDS = " and ".join(KINDS)
