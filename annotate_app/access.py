"""Which campaigns a person may see and work in; one they may not see does not exist for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from annotate_app.problems import Problem
from annotate_app.security.roles import REVIEWS
from annotate_app.security.sessions import SignedIn
from label_store.models import Campaign, Invitation
from label_store.one_step import fetch

_SEES_ALL = (*REVIEWS, "viewer")


def visible_campaigns(person: SignedIn) -> Select[Campaign]:
    """All campaigns for those who curate, review or watch; else those open to all or joined by invitation."""
    return _visible(person.role in _SEES_ALL).params(person=person.id)


def find_campaign(session: Session, person: SignedIn, id_or_slug: str) -> Campaign:
    """The campaign of this slug or number; Problem 404 when there is none that the person may see."""
    sees_all = person.role in _SEES_ALL
    asked: dict[str, Any] = {"person": person.id, "slug": id_or_slug}
    campaign = session.scalar(_by_slug(sees_all), asked)
    if campaign is None and id_or_slug.isascii() and id_or_slug.isdigit() and len(id_or_slug) < 10:
        campaign = session.scalar(_by_id(sees_all), {**asked, "id": int(id_or_slug)})
    if campaign is None:
        raise Problem(404, f"there is no campaign {id_or_slug!r} that is open to you")
    return campaign


@dataclass(frozen=True)
class CampaignFacts:
    """What taking an answer needs to know of a campaign."""

    id: int
    slug: str
    state: str
    kind: str
    stopping: Mapping[str, Any]
    per_person_limit: int | None = None
    per_category_limit: int | None = None
    has_budget: bool = False


def campaigns_of(session: Session, person: SignedIn, ids: set[int]) -> dict[int, CampaignFacts]:
    """Those of these campaigns that the person may see, by id."""
    asked = {"person": person.id, "ids": sorted(ids)}
    rows = fetch(session.connection(), _by_ids(person.role in _SEES_ALL), asked)
    return {row[0]: CampaignFacts(*row) for row in rows}


def work_of(session: Session, person: SignedIn, id_or_slug: str) -> CampaignFacts:
    """As `find_campaign`, of what many ask every second; Problem 404 alike."""
    row = session.connection().execute(
        _facts_by_slug(person.role in _SEES_ALL), {"person": person.id, "slug": id_or_slug}
    ).one_or_none()  # fmt: skip
    if row is not None:
        return CampaignFacts(*row)
    found = find_campaign(session, person, id_or_slug)
    return CampaignFacts(
        found.id,
        found.slug,
        found.state,
        found.kind,
        found.stopping,
        found.per_person_limit,
        found.per_category_limit,
        found.has_budget,
    )


# Asked with every request, so each is built once.


@cache
def _visible(sees_all: bool) -> Select[Campaign]:
    query = select(Campaign).order_by(Campaign.id)
    if sees_all:
        return query
    invited = exists().where(Invitation.campaign_id == Campaign.id, Invitation.used_by_id == bindparam("person"))
    return query.where(or_(Campaign.open_to_all, invited), Campaign.state != "draft")


@cache
def _by_slug(sees_all: bool) -> Select[Campaign]:
    return _visible(sees_all).where(Campaign.slug == bindparam("slug"))


@cache
def _by_id(sees_all: bool) -> Select[Campaign]:
    return _visible(sees_all).where(Campaign.id == bindparam("id"))


@cache
def _by_ids(sees_all: bool) -> Select[Any]:
    return _facts(sees_all).where(Campaign.id.in_(bindparam("ids", expanding=True)))


@cache
def _facts_by_slug(sees_all: bool) -> Select[Any]:
    return _facts(sees_all).where(Campaign.slug == bindparam("slug"))


def _facts(sees_all: bool) -> Select[Any]:
    return _visible(sees_all).with_only_columns(
        Campaign.id,
        Campaign.slug,
        Campaign.state,
        Campaign.kind,
        Campaign.stopping,
        Campaign.per_person_limit,
        Campaign.per_category_limit,
        Campaign.has_budget,
    )
