"""Work over HTTP: items held for the caller, to be judged before a deadline."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app import holding, leasing, previewing
from annotate_app.access import CampaignFacts, find_campaign, work_of
from annotate_app.context import Context
from annotate_app.deck import Outlook
from annotate_app.problems import Problem
from annotate_app.security.roles import Annotator, AnnotatorClaim, Reviewer
from label_store.models import CampaignCategory, Category

router = APIRouter(prefix="/api/v1/campaigns", tags=["work"])


class LeaseIn(BaseModel):
    """How many items, and which. A wish that does not exist is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")

    n: Annotated[int, Field(ge=1, le=leasing.MAX_ITEMS)] = 20
    category: str | None = None
    """Only items that ask about this category (verify, attributes)."""
    one_category: bool = False
    """Items of one category, whichever has work."""


class ItemOut(BaseModel):
    """What to judge."""

    id: int
    sha256: str
    width: int
    height: int
    category: str | None
    suggestion: dict[str, Any] | None


class LeaseOut(BaseModel):
    """The items. When there are none, `outlook` says whether to come back ("wait") or not ("done")."""

    lease: UUID | None
    deadline: datetime
    items: list[ItemOut]
    outlook: Outlook


class ReleaseIn(BaseModel):
    """Items to give back."""

    items: Annotated[list[Annotated[int, Field(ge=1, le=2**31 - 1)]], Field(max_length=1000)]


class ReleaseOut(BaseModel):
    """How many were held and are free again."""

    released: int


@router.post("/{campaign}/leases", response_model=LeaseOut)
async def create_lease(context: Context, claim: AnnotatorClaim, campaign: str, wanted: LeaseIn) -> Response:
    """Up to `n` items for you, held 30 minutes. May be called ahead, while earlier items are being judged."""
    at, token = context.clock(), uuid4()

    def first(session: Session) -> tuple[leasing.Attempt, tuple[holding.LeasedItem, ...]]:
        person = claim.person(session, at)
        found = work_of(session, person, campaign)
        attempt = leasing.Attempt(context, found.id, person.id, _wish(session, found, wanted), at)
        return attempt, attempt.make(session, token)

    attempt, items = await context.in_turn(first)
    leased = attempt.leased(token, items) if items else await run_in_threadpool(attempt.insist)
    body = {"lease": leased.token, "deadline": leased.deadline, "items": leased.items, "outlook": leased.outlook}
    return Response(to_json(body), media_type="application/json")


@router.get("/{campaign}/leases")
def get_leases(context: Context, person: Annotator, campaign: str) -> LeaseOut:
    """What you hold already and have not judged: for a page that was loaded again."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
    return _as_json(holding.held(context, found.id, person.id))


@router.post("/{campaign}/leases/release")
def release_lease(context: Context, person: Annotator, campaign: str, wanted: ReleaseIn) -> ReleaseOut:
    """Give items back that you will not judge, so that others need not wait for the deadline."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
    return ReleaseOut(released=holding.release(context, found.id, person.id, wanted.items))


@router.get("/{campaign}/preview")
def get_preview(
    context: Context,
    person: Reviewer,
    campaign: str,
    n: Annotated[int, Query(ge=1, le=leasing.MAX_ITEMS)] = 20,
    category: str | None = None,
    one_category: bool = False,
) -> LeaseOut:
    """Items as annotators would be given them, drawn anew each time; nobody holds them, and gold is not among them."""
    at = context.clock()
    with context.read() as session:
        found = work_of(session, person, campaign)
        wish = _wish(session, found, LeaseIn(n=n, category=category, one_category=one_category))
        items = previewing.preview(session, found.id, person.id, wish, at, context.random)
    return _as_json(holding.Leased(None, at, items, "work" if items else "done"))


def _wish(session: Session, campaign: CampaignFacts, wanted: LeaseIn) -> leasing.Wish:
    category_id = None
    if wanted.category is not None:
        category_id = session.scalar(
            select(Category.id)
            .join(CampaignCategory, CampaignCategory.category_id == Category.id)
            .where(CampaignCategory.campaign_id == campaign.id, Category.slug == wanted.category)
        )
        if category_id is None:
            raise Problem(422, f"the campaign {campaign.slug!r} does not ask about {wanted.category!r}")
    if campaign.kind == "classify" and (wanted.category or wanted.one_category):
        raise Problem(422, "the items of a classify campaign have no category to choose")
    return leasing.Wish(wanted.n, category_id, wanted.one_category)


def _as_json(leased: holding.Leased) -> LeaseOut:
    return LeaseOut(
        lease=leased.token,
        deadline=leased.deadline,
        items=[ItemOut.model_validate(item, from_attributes=True) for item in leased.items],
        outlook=leased.outlook,
    )
