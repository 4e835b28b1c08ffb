"""How far a campaign is: five figures, its categories, its annotators. What the progress page and the API show."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

import consensus
from annotate_app import policy
from label_store import as_word, is_flag
from label_store.models import Campaign, Category, Consensus, Item, Judgment, Person

_PACE_WINDOW = timedelta(hours=1)
_MOST_FOR_ALPHA = 200_000
"""Judgments above which agreement is left to `cairn consensus`, so that the page stays quick."""


@dataclass(frozen=True)
class CategoryProgress:
    """One category of a campaign; classify has one row for all. `share_yes`: verify only, of settled items."""

    slug: str | None
    name: str
    items: int
    judgments: int
    settled: int
    disputed: int
    judged_enough: int
    share_yes: float | None


@dataclass(frozen=True)
class AnnotatorProgress:
    """One person in a campaign; `pace` is judgments a minute of time in view, None when that was not measured."""

    name: str
    judgments: int
    pace: float | None
    gold: int
    gold_misses: int
    flags: int
    last_at: datetime


@dataclass(frozen=True)
class Progress:
    """A campaign at one moment. Items are ordinary ones; gold is counted apart."""

    slug: str
    kind: str
    state: str
    items: int
    settled: int
    disputed: int
    judged_enough: int
    judgments: int
    judgments_asked: int
    cost: float
    gold_items: int
    alpha: float | None
    estimated_error: float | None
    people: int
    per_hour: float
    time_left_hours: float | None
    categories: tuple[CategoryProgress, ...]
    annotators: tuple[AnnotatorProgress, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def campaign_progress(session: Session, campaign: Campaign, at: datetime) -> Progress:
    """Count a campaign; one pass over its items and one over its judgments."""
    most = policy.most_judgments(campaign.stopping)
    ordinary = (Item.campaign_id == campaign.id, Item.gold.is_(None))
    items, settled, disputed, enough, counted = session.execute(
        select(
            func.count(),
            _number(Item.state == "settled"),
            _number(Item.state == "disputed"),
            _number((Item.n >= most) | (Item.state == "settled")),
            func.coalesce(func.sum(Item.n), 0),
        ).where(*ordinary)
    ).one()
    asked = session.scalar(
        select(func.coalesce(func.sum(case((Item.state == "open", most), else_=Item.n)), 0)).where(*ordinary)
    )
    gold_items = session.scalar(select(func.count()).where(Item.campaign_id == campaign.id, Item.gold.is_not(None)))
    annotators = _annotators(session, campaign)
    judgments = sum(row.judgments for row in annotators)
    recent = session.scalar(
        select(func.count())
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .where(Item.campaign_id == campaign.id, Judgment.active, Judgment.received_at > at - _PACE_WINDOW)
    )
    left = max(0, int(asked or 0) - int(counted))
    per_hour = float(recent or 0)
    return Progress(
        slug=campaign.slug,
        kind=campaign.kind,
        state=campaign.state,
        items=items,
        settled=settled,
        disputed=disputed,
        judged_enough=enough,
        judgments=judgments,
        judgments_asked=int(asked or 0),
        cost=judgments * campaign.price_per_judgment,
        gold_items=gold_items or 0,
        alpha=_alpha(session, campaign, judgments),
        estimated_error=_estimated_error(session, campaign),
        people=len(annotators),
        per_hour=per_hour,
        time_left_hours=0.0 if left == 0 else (left / per_hour if per_hour else None),
        categories=_categories(session, campaign),
        annotators=annotators,
    )


def _number(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _categories(session: Session, campaign: Campaign) -> tuple[CategoryProgress, ...]:
    most = policy.most_judgments(campaign.stopping)
    rows = session.execute(
        select(
            Category.slug,
            Category.name,
            func.count(Item.id),
            func.coalesce(func.sum(Item.n), 0),
            _number(Item.state == "settled"),
            _number(Item.state == "disputed"),
            _number((Item.n >= most) | (Item.state == "settled")),
        )
        .select_from(Item)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(Item.campaign_id == campaign.id, Item.gold.is_(None))
        .group_by(Category.id, Category.slug, Category.name)
        .order_by(Category.slug)
    ).all()
    yes = _settled_yes(session, campaign) if campaign.kind == "verify" else {}
    return tuple(
        CategoryProgress(
            slug=slug,
            name=name or "all categories",
            items=items,
            judgments=int(judgments),
            settled=settled,
            disputed=disputed,
            judged_enough=enough,
            share_yes=yes.get(slug, 0) / settled if campaign.kind == "verify" and settled else None,
        )
        for slug, name, items, judgments, settled, disputed, enough in rows
    )


def _settled_yes(session: Session, campaign: Campaign) -> dict[str, int]:
    rows = session.execute(
        select(Category.slug, Consensus.answer)
        .join(Item, Item.id == Consensus.item_id)
        .join(Category, Category.id == Item.category_id)
        .where(
            Item.campaign_id == campaign.id,
            Item.gold.is_(None),
            Consensus.version == campaign.consensus_version,
            Consensus.state == "settled",
        )
    )
    yes: dict[str, int] = {}
    for slug, answer in rows:
        yes[slug] = yes.get(slug, 0) + ((answer or {}).get("value") == "yes")
    return yes


def _estimated_error(session: Session, campaign: Campaign) -> float | None:
    mean = session.scalar(
        select(func.avg(Consensus.risk))
        .join(Item, Item.id == Consensus.item_id)
        .where(
            Item.campaign_id == campaign.id,
            Item.gold.is_(None),
            Consensus.version == campaign.consensus_version,
            Consensus.state == "settled",
        )
    )
    return None if mean is None else float(mean)


def _annotators(session: Session, campaign: Campaign) -> tuple[AnnotatorProgress, ...]:
    of_campaign = (Item.campaign_id == campaign.id, Judgment.active, Judgment.role == "annotator")
    rows = session.execute(
        select(
            Person.id,
            Person.name,
            func.count(),
            func.sum(Judgment.active_ms),
            _number(Judgment.active_ms > 0),
            func.max(Judgment.received_at),
        )
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .join(Person, Person.id == Judgment.person_id)
        .where(*of_campaign)
        .group_by(Person.id, Person.name)
        .order_by(func.count().desc(), Person.name)
    ).all()
    golds: dict[int, list[bool]] = {}
    for person_id, answer, known in session.execute(
        select(Judgment.person_id, Judgment.answer, Item.gold)
        .join(Item, Item.id == Judgment.item_id)
        .where(*of_campaign, Item.gold.is_not(None))
    ):
        if not is_flag(answer):
            golds.setdefault(person_id, []).append(as_word(_bare(answer)) != as_word(_bare(known)))
    flagged = (
        select(Judgment.person_id, func.count())
        .join(Item, Item.id == Judgment.item_id)
        .where(*of_campaign, Judgment.answer["flag"].as_string().is_not(None))
        .group_by(Judgment.person_id)
    )
    flags = {row[0]: row[1] for row in session.execute(flagged)}
    return tuple(
        AnnotatorProgress(
            name=name,
            judgments=number,
            pace=60_000 * timed / int(milliseconds) if milliseconds else None,
            gold=len(golds.get(person_id, [])),
            gold_misses=sum(golds.get(person_id, [])),
            flags=flags.get(person_id, 0),
            last_at=last_at,
        )
        for person_id, name, number, milliseconds, timed, last_at in rows
    )


def _bare(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without its comment."""
    return {key: value for key, value in answer.items() if key != "comment"}


def _alpha(session: Session, campaign: Campaign, judgments: int) -> float | None:
    """Krippendorff's alpha over the words of the answers; None where it means nothing or would be slow."""
    if judgments == 0 or judgments > _MOST_FOR_ALPHA or campaign.kind not in ("verify", "classify", "attributes"):
        return None
    rows = session.execute(
        select(Judgment.item_id, Judgment.person_id, Judgment.answer)
        .join(Item, Item.id == Judgment.item_id)
        .where(Item.campaign_id == campaign.id, Item.gold.is_(None), Judgment.active, Judgment.role == "annotator")
    ).all()
    words = [
        (item, person, as_word(_bare(answer)))
        for item, person, answer in rows
        if not is_flag(answer) and answer.get("value") != "unsure"
    ]
    if not words:
        return None
    items, people, answers = (np.unique([row[k] for row in words], return_inverse=True) for k in range(3))
    agreement = consensus.krippendorff_alpha(
        consensus.Judgments(
            item=items[1],
            annotator=people[1],
            answer=answers[1],
            n_items=len(items[0]),
            n_annotators=len(people[0]),
            n_classes=max(2, len(answers[0])),
            n_answers=max(2, len(answers[0])),
        ),
        resamples=1,
    )
    return agreement.alpha
