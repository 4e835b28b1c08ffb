"""Who asks for items of which campaign: what its curator wants, and how much this person may still be given."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Executable, Select, bindparam, exists, func, select, text
from sqlalchemy.orm import Session

from annotate_app import budget, policy
from label_store import tallies
from label_store.models import Campaign, CampaignCategory, Item, Lease


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
    has_budget: bool

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
        has_budget=campaign.has_budget,
    )


def categories(session: Session, ask: Asking) -> list[int]:
    """The campaign's categories in the order in which they are shown."""
    return list(session.connection().scalars(_categories(), {"campaign": ask.campaign_id}))


def left_of_limit(session: Session, ask: Asking, *, locked: bool) -> int | None:
    """How many more items the person may be given in all: of their own limit, of the campaign's budget; None: any."""
    limits = []
    if ask.per_person_limit is not None:
        limits.append(ask.per_person_limit - sum(_had(session, ask).values()))
    if ask.has_budget:
        limits.append(budget.left(session, ask.campaign_id, ask.at, locked=locked) or 0)
    return min(limits, default=None)


def limit_reached(session: Session, ask: Asking) -> bool:
    """Whether the person, or the campaign's budget, has had all there is, whatever others give back."""
    if ask.has_budget and budget.spent(session, ask.campaign_id):
        return True
    if ask.per_person_limit is None:
        return False
    return sum(tallies.judged(session, ask.campaign_id, ask.person_id).values()) >= ask.per_person_limit


def left_of_categories(session: Session, ask: Asking) -> dict[int, int] | None:
    """How many more of each category; None where there is no limit."""
    if ask.per_category_limit is None:
        return None
    had = _had(session, ask)
    return {category: ask.per_category_limit - had.get(category, 0) for category in categories(session, ask)}


def _had(session: Session, ask: Asking) -> dict[int | None, int]:
    """Items that the person has judged or holds, by category."""
    had = tallies.judged(session, ask.campaign_id, ask.person_id)
    for category, number in session.execute(_held(), ask.parameters(None)):
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
        Campaign.has_budget,
    ).where(Campaign.id == bindparam("campaign"))


@cache
def _categories() -> Select[Any]:
    return (
        select(CampaignCategory.category_id)
        .where(CampaignCategory.campaign_id == bindparam("campaign"))
        .order_by(CampaignCategory.position)
    )


@cache
def _held() -> Executable:
    return (
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
