"""Which pictures of the store become items of a campaign."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, exists, insert, select
from sqlalchemy.orm import Session

from annotate_app.moderation import held_back
from label_store import UsageError
from label_store.models import Campaign, Candidate, Category, Consensus, Image, Item, Takedown, now

_CHUNK = 500


def known_images(session: Session, images: Iterable[str]) -> list[str]:
    """These, once each; UsageError names one that the store does not have or may not show."""
    wanted = list(dict.fromkeys(images))
    known: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        known.update(session.scalars(select(Image.sha256).where(Image.sha256.in_(wanted[start : start + _CHUNK]))))
    missing = [sha256 for sha256 in wanted if sha256 not in known]
    if missing:
        raise no_image(missing[0], more=len(missing) - 1)
    for start in range(0, len(wanted), _CHUNK):
        held = session.scalar(select(Image.sha256).where(Image.sha256.in_(wanted[start : start + _CHUNK]), held_back()))
        if held is not None:
            raise not_approved(held)
    return wanted


def no_image(name: str, more: int = 0) -> UsageError:
    """What is wrong with a name that no picture of the store has."""
    return UsageError(
        f"there is no image {name}" + (f" (and {more} more)" if more else ""),
        hint="an image is named by the SHA-256 of its bytes as they were fetched",
    )


def not_approved(sha256: str) -> UsageError:
    """What is wrong with a picture that may not be shown yet."""
    return UsageError(
        f"the picture {sha256} was given by the public and is not approved",
        hint="approve it at /moderate first",
    )


def put_items(
    session: Session,
    campaign: Campaign,
    categories: Sequence[Category],
    images: Sequence[str] | None,
    *,
    beside: bool = False,
) -> int:
    """Items of the campaign from `images`, else from what the store has for its categories; how many.

    `beside`: only what is no item of the campaign yet.
    """
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
