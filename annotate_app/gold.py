"""Items whose answer is known: shown unmarked among the others, counted for nobody's n."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from annotate_app.choosing import known_images
from label_store import UsageError, Workspace, check_answer, find_campaign, is_flag, log_event
from label_store.models import Campaign, Category, Item


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
                known_images(session, [sha256])
                item = Item(campaign_id=campaign.id, image_sha256=sha256, category_id=category and category.id)
                session.add(item)
            item.gold, item.n = known, 0
        log_event(session, "campaign.gold", f"campaigns:{campaign.id}", items=len(answers))
    return len(answers)


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
