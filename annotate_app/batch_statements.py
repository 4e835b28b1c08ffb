"""The statements of a batch of answers, built once: building one costs more than most of them take."""

from functools import cache
from typing import Any

from sqlalchemy import Delete, Select, Update, bindparam, delete, func, select, update

from label_store.models import Item, Judgment, Lease
from label_store.one_step import Query


def _named(name: str) -> Any:
    return bindparam(name, expanding=True)


@cache
def items() -> Query:
    """The items of a batch, locked in the order of their ids, so that two batches never wait for each other."""
    return (
        select(
            Item.id,
            Item.campaign_id,
            Item.category_id,
            Item.image_sha256,
            Item.state,
            Item.n,
            Item.extra,
            Item.gold.is_not(None).label("is_gold"),
            Item.suggestion,
        )
        .where(Item.id.in_(_named("items")))
        .order_by(Item.id)
        .with_for_update(of=Item, key_share=True)  # a lease that names the item need not wait
    )


@cache
def mine() -> Select[Any]:
    """The person's active judgment and lease of each item, where there are."""
    person: Any = bindparam("person")
    judgment = (Judgment.item_id == Item.id) & (Judgment.person_id == person) & (Judgment.role == "annotator")
    counts = Judgment.answer["flag"].as_string().is_(None).label("counts")
    return (
        select(
            Item.id,
            Judgment.id,
            counts,
            Judgment.suggestion,
            Judgment.suggestion_shown,
            Lease.deadline,
            Lease.suggestion_shown.label("saw"),
        )
        .select_from(Item)
        .outerjoin(Judgment, judgment & Judgment.active)
        .outerjoin(Lease, (Lease.item_id == Item.id) & (Lease.person_id == person))
        .where(Item.id.in_(_named("items")))
    )


@cache
def owners() -> Query:
    """Whose judgments have these ids."""
    return select(Judgment.id, Judgment.person_id).where(Judgment.id.in_(_named("ids")))


@cache
def held_by_others() -> Select[Any]:
    """How many others hold an item."""
    return select(func.count()).where(
        Lease.item_id == bindparam("item"), Lease.person_id != bindparam("person"), Lease.deadline > bindparam("at")
    )


@cache
def held_by_me() -> Select[int, int | None]:
    """What the person holds of a campaign, with categories."""
    return (
        select(Lease.item_id, Item.category_id)
        .join(Item, Item.id == Lease.item_id)
        .where(
            Lease.campaign_id == bindparam("campaign"),
            Lease.person_id == bindparam("person"),
            Lease.deadline > bindparam("at"),
        )
    )


@cache
def deactivate() -> Update:
    """Judgments that were corrected."""
    return update(Judgment).where(Judgment.id.in_(_named("ids"))).values(active=False, undone_at=bindparam("at"))


@cache
def release() -> Delete:
    """The person's leases of these items, gone."""
    return delete(Lease).where(Lease.item_id.in_(_named("items")), Lease.person_id == bindparam("person"))


@cache
def count() -> Update:
    """More or fewer judgments of these items."""
    return update(Item).where(Item.id.in_(_named("ids"))).values(n=Item.n + bindparam("by"))
