"""Work over HTTP: items held for the caller, to be judged before a deadline."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from annotate_app import leasing
from annotate_app.access import find_campaign
from annotate_app.context import Context
from annotate_app.problems import Problem
from annotate_app.security.roles import Annotator

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
    outlook: leasing.Outlook


class ReleaseIn(BaseModel):
    """Items to give back."""

    items: Annotated[list[Annotated[int, Field(ge=1, le=2**31 - 1)]], Field(max_length=1000)]


class ReleaseOut(BaseModel):
    """How many were held and are free again."""

    released: int


@router.post("/{campaign}/leases")
def create_lease(context: Context, person: Annotator, campaign: str, wanted: LeaseIn) -> LeaseOut:
    """Up to `n` items for you, held 30 minutes. May be called ahead, while earlier items are being judged."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
        by_slug = {category.slug: category.id for category in found.categories} if wanted.category else {}
    if wanted.category is not None and wanted.category not in by_slug:
        raise Problem(422, f"the campaign {found.slug!r} does not ask about {wanted.category!r}")
    if found.kind == "classify" and (wanted.category or wanted.one_category):
        raise Problem(422, "the items of a classify campaign have no category to choose")
    leased = leasing.lease(
        context,
        found.id,
        person.id,
        wanted.n,
        category_id=None if wanted.category is None else by_slug[wanted.category],
        one_category=wanted.one_category,
    )
    return _as_json(leased)


@router.get("/{campaign}/leases")
def get_leases(context: Context, person: Annotator, campaign: str) -> LeaseOut:
    """What you hold already and have not judged: for a page that was loaded again."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
    return _as_json(leasing.held(context, found.id, person.id))


@router.post("/{campaign}/leases/release")
def release_lease(context: Context, person: Annotator, campaign: str, wanted: ReleaseIn) -> ReleaseOut:
    """Give items back that you will not judge, so that others need not wait for the deadline."""
    with context.read() as session:
        found = find_campaign(session, person, campaign)
    return ReleaseOut(released=leasing.release(context, found.id, person.id, wanted.items))


def _as_json(leased: leasing.Leased) -> LeaseOut:
    return LeaseOut(
        lease=leased.token,
        deadline=leased.deadline,
        items=[ItemOut.model_validate(item, from_attributes=True) for item in leased.items],
        outlook=leased.outlook,
    )
