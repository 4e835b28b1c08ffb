"""What each judgment of an item weighed in its consensus: computed again from the campaign's judgments as they are."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import consensus
from consensus.evidence import factors_of_item
from label_store.model_opinion import parts_of
from label_store.models import Campaign, Item, Judgment
from label_store.questions import questions, read_campaign

MOST_JUDGMENTS = 300_000
"""Of a campaign; above, computing them takes longer than somebody who asks about one picture waits."""


@dataclass(frozen=True)
class JudgmentWeight:
    """What one person's answer to one question says of the item.

    question: '' for verify and classify, else the attribute (and choice). supports: the answer that `factor` is about,
    how many times likelier this judgment made it. weight: below 1 for somebody suspicious.
    """

    question: str
    supports: str
    factor: float
    weight: float


def weights_of(session: Session, campaign: Campaign, item_id: int) -> dict[int, list[JudgmentWeight]]:
    """Person -> weights of a judgment that is no reviewer's; {} for objects and in very large campaigns."""
    count = session.scalar(
        select(func.count()).select_from(Judgment).join(Item).where(Item.campaign_id == campaign.id, Judgment.active)
    )
    if not count or count > MOST_JUDGMENTS:
        return {}
    method = parts_of(campaign.consensus_method or consensus.METHODS[0])[0]
    out: dict[int, list[JudgmentWeight]] = defaultdict(list)
    for question in questions(read_campaign(session, campaign)):
        if item_id not in question.item_ids:
            continue
        place = question.item_ids.index(item_id)
        judged = question.judgments
        if method == consensus.METHODS[0]:
            fitted = consensus.fit_weighted_down(
                judged, question.gold, seconds=question.seconds, moment=question.moment
            )
            result, judged = fitted.result, fitted.judgments
        else:
            result = consensus.fit(judged, method, question.gold)
        answer = int(result.answer[place])
        name = f"{question.attribute}: {question.choice}" if question.choice else question.attribute
        for row, factor in zip(*factors_of_item(result, judged, place), strict=True):
            out[question.person_ids[int(judged.annotator[row])]].append(
                JudgmentWeight(
                    name,
                    question.choices[answer] if answer >= 0 else "",
                    float(factor),
                    1.0 if judged.weight is None else float(judged.weight[row]),
                )
            )
    return dict(out)
