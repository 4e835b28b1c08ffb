"""What each judgment of an item weighed in its consensus: computed again from the campaign's judgments as they are."""

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import consensus
from consensus.evidence import factors_of_item, odds_ratio
from label_store.fitting import FittedQuestion, fit_questions
from label_store.model_opinion import join_opinions, parts_of
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


@dataclass(frozen=True)
class OtherEvidence:
    """What is known of an item beside people's judgments: `by` a run, or by the item's other attributes."""

    question: str
    supports: str
    factor: float
    by: str


@dataclass(frozen=True)
class ItemEvidence:
    """judgments: person -> weights of a judgment that is no reviewer's. others: what else made the answers likelier."""

    judgments: dict[int, list[JudgmentWeight]] = field(default_factory=dict)
    others: tuple[OtherEvidence, ...] = ()


def evidence_of(session: Session, campaign: Campaign, item_id: int) -> ItemEvidence:
    """All that an item's consensus rests on; nothing for objects and in very large campaigns."""
    count = session.scalar(
        select(func.count()).select_from(Judgment).join(Item).where(Item.campaign_id == campaign.id, Judgment.active)
    )
    if not count or count > MOST_JUDGMENTS:
        return ItemEvidence()
    method, run = parts_of(campaign.consensus_method or consensus.METHODS[0])
    asked = list(questions(read_campaign(session, campaign)))
    if not asked:
        return ItemEvidence()
    fitted = fit_questions(asked, method)
    if run:
        fitted = join_opinions(session, campaign, run, asked, fitted)
    weights: dict[int, list[JudgmentWeight]] = defaultdict(list)
    others = []
    for question, one in zip(asked, fitted, strict=True):
        if item_id not in question.item_ids:
            continue
        place = question.item_ids.index(item_id)
        answer = int(one.result.answer[place])
        supports = question.choices[answer] if answer >= 0 else ""
        name = f"{question.attribute}: {question.choice}" if question.choice else question.attribute
        judged = one.judgments
        for row, factor in zip(*factors_of_item(one.result, judged, place), strict=True):
            weight = 1.0 if judged.weight is None else float(judged.weight[row])
            weights[question.person_ids[int(judged.annotator[row])]].append(
                JudgmentWeight(name, supports, float(factor), weight)
            )
        if answer >= 0 and (ratio := _beyond_judgments(one, place, answer)) is not None:
            by = f"the run {run}" if run else "its other attributes"
            others.append(OtherEvidence(name, supports, ratio, by))
    return ItemEvidence(dict(weights), tuple(others))


def _beyond_judgments(one: FittedQuestion, place: int, answer: int) -> float | None:
    """How many times likelier the answer is than by the question's own judgments; None where nothing was added."""
    before, after = one.alone.posterior, one.result.posterior
    return None if before is after else odds_ratio(float(before[place][answer]), float(after[place][answer]))
