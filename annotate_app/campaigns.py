"""What curators do with campaigns: make one from the candidates in the store, seed gold, open and close it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.choosing import known_images, put_items
from consensus import ConsensusError, StoppingRule
from label_store import (
    UsageError,
    Workspace,
    find_campaign,
    find_category,
    log_event,
    slugify,
)
from label_store.models import (
    CAMPAIGN_STATES,
    ITEM_ORDERS,
    KINDS,
    Campaign,
    CampaignCategory,
    Category,
    now,
)

IMAGENET_V2_RULE = {"rule": "fixed", "n": 10}
IMAGENET_V2_PAGE = {"items": 48, "right": 3, "wrong": 3}


@dataclass(frozen=True)
class CampaignMade:
    """A new campaign and how many items it has."""

    id: int
    slug: str
    kind: str
    items: int


def create_campaign(
    workspace: Workspace,
    slug: str,
    kind: str,
    categories: Sequence[str],
    *,
    stopping: Mapping[str, Any] | None = None,
    gold_rate: float = 0.0,
    guideline: str = "",
    title: str = "",
    images: Iterable[str] | None = None,
    per_person_limit: int | None = None,
    per_category_limit: int | None = None,
    price_per_judgment: float = 0.0,
    budget: float | None = None,
    open_to_all: bool = True,
    item_order: str = "auto",
    suggestions_hidden: float = 0.0,
    imagenet_v2: bool = False,
    state: str = "open",
    person_id: int | None = None,
) -> CampaignMade:
    """Make a campaign; its items come from the store.

    verify: each (image, category) that a source proposed. classify, boxes, polygons: each image proposed for one
    of the categories, once. attributes: the images that other campaigns settled as the category. `images`
    (SHA-256s) replaces that choice; for verify every category is asked of each of them.

    `imagenet_v2` is the layout of Recht et al. 2019 (arXiv:1902.10811, section 3): pages of 48 pictures with 3 known
    right and 3 known wrong, 10 people an item; the known ones come by `add_gold`.

    Raises UsageError when the slug is taken, a category is unknown, or nothing is there to judge.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no campaign of kind {kind!r}", hint=f"it is one of {', '.join(KINDS)}")
    if not slug or slugify(slug) != slug or slug.isdigit():
        raise UsageError(
            f"{slug!r} cannot be the name of a campaign",
            hint="lower-case words joined by hyphens, not only digits; for instance "
            + repr(slugify(slug) if slugify(slug) and not slugify(slug).isdigit() else "dogs-2026"),
        )
    if not categories:
        raise UsageError("a campaign asks about at least one category", hint="name it with --category")
    if not 0 <= gold_rate < 1:
        raise UsageError(f"the gold rate is a share from 0 to below 1, not {gold_rate}")
    if not 0 <= suggestions_hidden <= 1:
        raise UsageError(f"the share of people without suggestions is from 0 to 1, not {suggestions_hidden}")
    if item_order not in ITEM_ORDERS:
        raise UsageError(f"there is no order {item_order!r}", hint=f"it is one of {', '.join(ITEM_ORDERS)}")
    if imagenet_v2 and kind != "verify":
        raise UsageError("ImageNetV2's pages are for campaigns of kind verify")
    rule = dict(IMAGENET_V2_RULE if imagenet_v2 else stopping or {"rule": "fixed", "n": 3})
    try:
        StoppingRule.from_json(rule)
    except ConsensusError as error:
        raise UsageError(str(error), hint=error.hint) from error
    with workspace.write() as session:
        if session.scalar(select(Campaign.id).where(Campaign.slug == slug)) is not None:
            raise UsageError(
                f"there is already a campaign {slug!r}", hint=f"see it with `cairn campaign status {slug}`"
            )
        asked = [find_category(session, name) for name in dict.fromkeys(categories)]
        if kind == "attributes":
            _require_attributes(asked)
        campaign = Campaign(
            slug=slug,
            title=title or slug,
            kind=kind,
            guideline=guideline,
            stopping=rule,
            gold_rate=gold_rate,
            per_person_limit=per_person_limit,
            per_category_limit=per_category_limit,
            price_per_judgment=price_per_judgment,
            budget=budget,
            open_to_all=open_to_all,
            item_order=item_order,
            suggestions_hidden=suggestions_hidden,
            page=IMAGENET_V2_PAGE if imagenet_v2 else None,
            state=state,
            created_at=now(),
        )
        session.add(campaign)
        session.flush()
        session.add_all(
            CampaignCategory(campaign_id=campaign.id, category_id=category.id, position=position)
            for position, category in enumerate(asked)
        )
        chosen = None if images is None else known_images(session, images)
        number = put_items(session, campaign, asked, chosen)
        if number == 0:
            raise UsageError(
                f"there is nothing to judge for {', '.join(category.slug for category in asked)}",
                hint="settle a verify or classify campaign of it first, or give the images"
                if kind == "attributes"
                else "collect pictures for it first: `cairn collect --help`",
            )
        subject = f"campaigns:{campaign.id}"
        log_event(session, "campaign.create", subject, person_id=person_id, slug=slug, kind=kind, items=number)
        return CampaignMade(campaign.id, slug, kind, number)


def add_items(workspace: Workspace, slug: str, *, person_id: int | None = None) -> int:
    """Take what came for the campaign's categories since it was made; how many items it got."""
    with workspace.write() as session:
        campaign = find_campaign(session, slug)
        if campaign.state == "closed":
            raise UsageError(f"the campaign {slug!r} is closed", hint=f"open it first: `cairn campaign open {slug}`")
        number = put_items(session, campaign, campaign.categories, None, beside=True)
        log_event(session, "campaign.items", f"campaigns:{campaign.id}", person_id=person_id, items=number)
        return number


def set_state(session: Session, campaign: Campaign, state: str, *, person_id: int | None = None) -> None:
    """Open, pause or close a campaign; what was judged stays."""
    if state not in CAMPAIGN_STATES:
        raise UsageError(f"a campaign is {', '.join(CAMPAIGN_STATES)}, not {state!r}")
    campaign.state = state
    campaign.closed_at = now() if state == "closed" else None
    log_event(session, f"campaign.{state}", f"campaigns:{campaign.id}", person_id=person_id)


def _require_attributes(categories: Sequence[Category]) -> None:
    for category in categories:
        if not category.attributes:
            raise UsageError(
                f"category {category.slug!r} has no attributes to ask about",
                hint=f"give it some: `cairn taxonomy add {category.name!r} --attribute colour=red,blue`, "
                "or many at once with `cairn taxonomy import FILE.toml`",
            )
