"""Campaigns as JSON: those open to the caller, and the progress of one."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotate_app.access import find_campaign, visible_campaigns
from annotate_app.campaigns import set_state
from annotate_app.context import Context
from annotate_app.languages import DEFAULT, words_in
from annotate_app.problems import Problem
from annotate_app.security.roles import Annotator, Curator, Watcher
from label_store.models import Campaign, Item, Judgment

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


class AttributeOut(BaseModel):
    """One question of a category."""

    name: str
    choices: list[str]
    multiple: bool


class CategoryOut(BaseModel):
    """A category as annotators see it."""

    slug: str
    name: str
    definition: str
    synonyms: list[str]
    guideline: str
    examples: dict[str, list[str]]
    attributes: list[AttributeOut]


class CampaignOut(BaseModel):
    """A campaign as annotators see it. `judged`: how many active judgments the caller has given in it."""

    id: int
    slug: str
    title: str
    kind: str
    state: str
    guideline: str
    categories: list[CategoryOut]
    judged: int
    preview: bool = False
    """The page shows how the work looks: nobody holds its items, and nothing is saved."""


class StateIn(BaseModel):
    """The state a campaign shall have."""

    state: str


@router.get("")
def list_campaigns(context: Context, person: Annotator) -> list[CampaignOut]:
    """The campaigns that are open to you, oldest first."""
    with context.read() as session:
        judged = judged_by(session, person.id)
        campaigns = session.scalars(visible_campaigns(person).where(Campaign.state == "open"))
        return [as_json(campaign, judged.get(campaign.id, 0)) for campaign in campaigns]


@router.get("/{campaign}")
def get_campaign(context: Context, person: Annotator, campaign: str) -> CampaignOut:
    """One campaign by number or slug."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        return as_json(found, judged_by(session, person.id).get(found.id, 0))


@router.get("/{campaign}/progress")
def get_progress(context: Context, person: Watcher, campaign: str) -> dict[str, Any]:
    """How far a campaign is, how the annotators agree, and who does what; `counted_at` says of when the figures are."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
    figures = context.figures.of(found.id)
    if figures is None:
        raise Problem(
            503,
            f"the figures of the campaign {found.slug!r} are being counted for the first time",
            hint="ask again in a few seconds",
            headers={"Retry-After": "2"},
        )
    progress, counted_at = figures
    return {**progress.as_json(), "counted_at": counted_at}


@router.put("/{campaign}/state")
def put_state(context: Context, person: Curator, campaign: str, wanted: StateIn) -> StateIn:
    """Open, pause or close a campaign."""
    with context.write() as session:
        set_state(session, find_campaign(session, person, campaign), wanted.state, person_id=person.id)
    return wanted


def judged_by(session: Session, person_id: int) -> dict[int, int]:
    """Active judgments of a person, by campaign."""
    rows = session.execute(
        select(Item.campaign_id, func.count())
        .join(Judgment, Judgment.item_id == Item.id)
        .where(Judgment.person_id == person_id, Judgment.active, Judgment.role == "annotator")
        .group_by(Item.campaign_id)
    )
    return {row[0]: row[1] for row in rows}


def as_json(campaign: Campaign, judged: int, language: str = DEFAULT) -> CampaignOut:
    """What annotators may know of a campaign: nothing of gold, nothing of others.

    Categories are called as in `language` where the taxonomy has a word; all their other words are synonyms.
    """
    return CampaignOut(
        id=campaign.id,
        slug=campaign.slug,
        title=campaign.title,
        kind=campaign.kind,
        state=campaign.state,
        guideline=campaign.guideline,
        judged=judged,
        categories=[
            CategoryOut(
                slug=category.slug,
                name=name,
                definition=category.definition,
                synonyms=synonyms,
                guideline=category.guideline,
                examples=category.examples,
                attributes=[AttributeOut(**attribute.as_schema()) for attribute in category.attributes],
            )
            for category in campaign.categories
            for name, *synonyms in [
                dict.fromkeys([*words_in(language, category.translations), category.name, *category.synonyms])
            ]
        ],
    )
