"""What curators do with campaigns: make one from the candidates in the store, seed gold, open and close it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, func, insert, select
from sqlalchemy.orm import Session

from annotate_app.moderation import held_back
from consensus import ConsensusError, StoppingRule
from label_store import (
    UsageError,
    Workspace,
    check_answer,
    find_campaign,
    find_category,
    is_flag,
    log_event,
    slugify,
)
from label_store.models import (
    CAMPAIGN_STATES,
    ITEM_ORDERS,
    Campaign,
    CampaignCategory,
    Candidate,
    Category,
    Consensus,
    Image,
    Item,
    Judgment,
    Takedown,
    now,
)

KINDS = ("verify", "classify", "attributes", "boxes", "polygons")
"""The kinds that have a page to judge them on."""
_CHUNK = 500
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
        chosen = None if images is None else _known_images(session, images)
        number = _add_items(session, campaign, asked, chosen)
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
        number = _add_items(session, campaign, campaign.categories, None, beside=True)
        log_event(session, "campaign.items", f"campaigns:{campaign.id}", person_id=person_id, items=number)
        return number


def add_gold(workspace: Workspace, slug: str, answers: Mapping[str | tuple[str, str], Mapping[str, Any]]) -> int:
    """Make items gold: their answer is known, they are shown unmarked, and they count for nobody's n.

    Keys are an image's SHA-256, or (SHA-256, category) where a campaign asks about several; values are
    answers in the shape of the campaign's kind. An image that is no item yet becomes one. Returns how many.
    """
    with workspace.write() as session:
        campaign = find_campaign(session, slug)
        by_slug = {category.slug: category for category in campaign.categories}
        for key, answer in answers.items():
            sha256, category = _gold_key(campaign, by_slug, key)
            attributes = [attribute.as_schema() for attribute in category.attributes] if category else []
            known = check_answer(campaign.kind, answer, categories=list(by_slug), attributes=attributes)
            if is_flag(known):
                raise UsageError(f"a flag cannot be the known answer of {sha256}")
            item = session.scalar(
                select(Item).where(
                    Item.campaign_id == campaign.id,
                    Item.image_sha256 == sha256,
                    Item.category_id.is_(None) if category is None else Item.category_id == category.id,
                )
            )
            if item is None:
                _known_images(session, [sha256])
                item = Item(campaign_id=campaign.id, image_sha256=sha256, category_id=category and category.id)
                session.add(item)
            item.gold, item.n = known, 0
        log_event(session, "campaign.gold", f"campaigns:{campaign.id}", items=len(answers))
    return len(answers)


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
                hint="give it some with `cairn taxonomy import FILE.toml`",
            )


def _gold_key(
    campaign: Campaign, by_slug: Mapping[str, Category], key: str | tuple[str, str]
) -> tuple[str, Category | None]:
    if campaign.kind not in ("verify", "attributes"):
        return (key if isinstance(key, str) else key[0]), None
    if isinstance(key, tuple):
        sha256, name = key
        if name not in by_slug:
            raise UsageError(f"the campaign {campaign.slug!r} does not ask about {name!r}")
        return sha256, by_slug[name]
    if len(by_slug) != 1:
        raise UsageError(
            f"the campaign {campaign.slug!r} asks about several categories",
            hint="name the category of each gold item: (sha256, category)",
        )
    return key, next(iter(by_slug.values()))


def _known_images(session: Session, images: Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys(images))
    known: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        known.update(session.scalars(select(Image.sha256).where(Image.sha256.in_(wanted[start : start + _CHUNK]))))
    missing = [sha256 for sha256 in wanted if sha256 not in known]
    if missing:
        raise UsageError(
            f"there is no image {missing[0]}" + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""),
            hint="an image is named by the SHA-256 of its bytes as they were fetched",
        )
    for start in range(0, len(wanted), _CHUNK):
        held = session.scalar(select(Image.sha256).where(Image.sha256.in_(wanted[start : start + _CHUNK]), held_back()))
        if held is not None:
            raise UsageError(
                f"the picture {held} was given by the public and is not approved",
                hint="approve it at /moderate first",
            )
    return wanted


def _add_items(
    session: Session,
    campaign: Campaign,
    categories: Sequence[Category],
    images: Sequence[str] | None,
    *,
    beside: bool = False,
) -> int:
    ids = [category.id for category in categories]
    if images is not None:
        asked: list[int | None] = list(ids) if campaign.kind in ("verify", "attributes") else [None]
        rows = [(sha256, category_id) for sha256 in images for category_id in asked]
    elif campaign.kind == "verify":
        rows = _rows(session, _candidates(ids, Candidate.image_sha256, Candidate.category_id))
    elif campaign.kind != "attributes":
        rows = [(row[0], None) for row in session.execute(_candidates(ids, Candidate.image_sha256))]
    else:
        rows = [(sha256, category.id) for category in categories for sha256 in settled_as(session, category)]
    if beside:
        known = session.execute(select(Item.image_sha256, Item.category_id).where(Item.campaign_id == campaign.id))
        there = {(row[0], row[1]) for row in known}
        rows = [row for row in rows if row not in there]
    made = now()
    for start in range(0, len(rows), _CHUNK):
        session.execute(
            insert(Item),
            [
                {
                    "campaign_id": campaign.id,
                    "image_sha256": sha256,
                    "category_id": category_id,
                    "state": "open",
                    "n": 0,
                    "created_at": made,
                }
                for sha256, category_id in rows[start : start + _CHUNK]
            ],
        )
    return len(rows)


def _rows(session: Session, query: Select[Any]) -> list[tuple[str, int | None]]:
    return [(row[0], row[1]) for row in session.execute(query)]


def _candidates(category_ids: Sequence[int], *columns: Any) -> Select[Any]:
    """Distinct approved candidates of these categories whose pictures were not taken down."""
    return (
        select(*columns)
        .where(
            Candidate.category_id.in_(category_ids),
            Candidate.approved,
            ~exists().where(Takedown.sha256 == Candidate.image_sha256),
        )
        .distinct()
        .order_by(*columns)
    )


def settled_as(session: Session, category: Category) -> list[str]:
    """SHA-256s of the images that a verify or classify campaign settled as the category, sorted."""
    rows = session.execute(
        select(Item.image_sha256, Item.category_id, Consensus.answer, Campaign.kind)
        .join(Consensus, Consensus.item_id == Item.id)
        .join(Campaign, Campaign.id == Item.campaign_id)
        .where(
            Campaign.kind.in_(("verify", "classify")),
            Consensus.state == "settled",
            Item.gold.is_(None),
            Consensus.version == Campaign.consensus_version,
            ~exists().where(Takedown.sha256 == Item.image_sha256),
        )
    )
    found = set()
    for sha256, category_id, answer, kind in rows:
        value = (answer or {}).get("value")
        if (kind == "verify" and category_id == category.id and value == "yes") or (
            kind == "classify" and value == category.slug
        ):
            found.add(sha256)
    return sorted(found)


def number_of_judgments(session: Session, campaign_id: int) -> int:
    """Active judgments of a campaign, gold included."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Judgment)
            .join(Item, Item.id == Judgment.item_id)
            .where(Item.campaign_id == campaign_id, Judgment.active)
        )
        or 0
    )
