"""Who asks for items of which campaign: what its curator wants, and how much this person may still be given."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Executable, Select, bindparam, exists, func, select, text
from sqlalchemy.orm import Session

from annotate_app import policy
from label_store.models import Campaign, CampaignCategory, Item, Judgment, Lease


@dataclass(frozen=True)
class Asking:
    """The campaign and the person at one moment. `urgent`: there are items of a priority above zero."""

    campaign_id: int
    person_id: int
    at: datetime
    state: str
    rules: policy.Rules
    per_person_limit: int | None
    per_category_limit: int | None
    hides_suggestions: float
    urgent: bool

    @cached_property
    def most(self) -> int:
        """Judgments that an item may get."""
        return policy.most_judgments(self.rules.stopping)

    def parameters(self, category_id: int | None, **more: Any) -> dict[str, Any]:
        """Of the statements that look for items."""
        return {
            "campaign": self.campaign_id,
            "person": self.person_id,
            "at": self.at,
            "category": category_id,
            "most": self.most,
            **more,
        }


def asking(session: Session, campaign_id: int, person_id: int, at: datetime) -> Asking:
    """The campaign as it is now. NoResultFound when it is gone."""
    campaign = session.connection().execute(_campaign(), {"campaign": campaign_id}).one()
    return Asking(
        campaign_id=campaign_id,
        person_id=person_id,
        at=at,
        state=campaign.state,
        rules=policy.Rules(
            stopping=campaign.stopping,
            order=campaign.item_order,
            gold_rate=campaign.gold_rate,
            page=policy.Page(**campaign.page) if campaign.page else None,
        ),
        per_person_limit=campaign.per_person_limit,
        per_category_limit=campaign.per_category_limit,
        hides_suggestions=campaign.suggestions_hidden,
        urgent=campaign.urgent,
    )


def categories(session: Session, ask: Asking) -> list[int]:
    """The campaign's categories in the order in which they are shown."""
    return list(session.connection().scalars(_categories(), {"campaign": ask.campaign_id}))


def left_of_limit(session: Session, ask: Asking) -> int | None:
    """How many more items the person may be given in all; None where there is no limit."""
    if ask.per_person_limit is None:
        return None
    return ask.per_person_limit - sum(_had(session, ask).values())


def left_of_categories(session: Session, ask: Asking) -> dict[int, int] | None:
    """How many more of each category; None where there is no limit."""
    if ask.per_category_limit is None:
        return None
    had = _had(session, ask)
    return {category: ask.per_category_limit - had.get(category, 0) for category in categories(session, ask)}


def _had(session: Session, ask: Asking) -> dict[int | None, int]:
    """Items that the person has judged or holds, by category."""
    had: dict[int | None, int] = {}
    for statement in _counts():
        for category, number in session.execute(statement, ask.parameters(None)):
            had[category] = had.get(category, 0) + number
    return had


# Asked with every lease, so each is built once.


@cache
def _campaign() -> Select[Any]:
    urgent = exists().where(Item.campaign_id == bindparam("campaign"), text("items.priority > 0"))
    return select(
        Campaign.state,
        Campaign.stopping,
        Campaign.item_order,
        Campaign.gold_rate,
        Campaign.page,
        Campaign.per_person_limit,
        Campaign.per_category_limit,
        Campaign.suggestions_hidden,
        urgent.label("urgent"),
    ).where(Campaign.id == bindparam("campaign"))


@cache
def _categories() -> Select[Any]:
    return (
        select(CampaignCategory.category_id)
        .where(CampaignCategory.campaign_id == bindparam("campaign"))
        .order_by(CampaignCategory.position)
    )


@cache
def _counts() -> tuple[Executable, Executable]:
    judged = (
        select(Item.category_id, func.count())
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .where(
            Judgment.person_id == bindparam("person"),
            Judgment.active,
            Judgment.role == "annotator",
            Item.campaign_id == bindparam("campaign"),
        )
        .group_by(Item.category_id)
    )
    held = (
        select(Item.category_id, func.count())
        .select_from(Lease)
        .join(Item, Item.id == Lease.item_id)
        .where(
            Lease.campaign_id == bindparam("campaign"),
            Lease.person_id == bindparam("person"),
            Lease.deadline > bindparam("at"),
        )
        .group_by(Item.category_id)
    )
    return judged, held
