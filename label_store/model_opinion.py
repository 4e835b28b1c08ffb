"""A trained model as one more judge of a campaign: its stored probabilities joined with what people said.

`map-dawid-skene+RUN` is the method of a consensus that counts the predictions of the run RUN.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from consensus.model_judge import join_model
from label_store.errors import UsageError
from label_store.fitting import FittedQuestion
from label_store.models import Campaign, Item, Prediction
from label_store.questions import Question

MARK = "+"
KINDS = ("verify", "classify")
"""Campaigns whose question a classifier answers."""


@dataclass(frozen=True, eq=False)
class Opinion:
    """A model's probabilities float64 [I, K] of one question, and bool [I] which items it has any for."""

    probabilities: NDArray[np.float64]
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
    opinion = Opinion(
        np.zeros((len(question.item_ids), len(question.choices))), np.zeros(len(question.item_ids), dtype=np.bool_)
    )
    for item_id, probabilities in rows:
        if item_id in place:
            opinion.probabilities[place[item_id]] = [probabilities.get(choice, 0.0) for choice in question.choices]
            opinion.covered[place[item_id]] = True
    return opinion


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
