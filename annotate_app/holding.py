"""Held items: written when they are given, shown to their holder, given back; ended ones forgotten after a month."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from annotate_app.asking import Asking, asking
from annotate_app.context import AppContext
from annotate_app.deck import Outlook
from label_store.models import Category, Image, Item, Lease
from label_store.one_step import fetch, insert_rows

_FORGET_AFTER = timedelta(days=30)
"""An ended lease stays this long, so that an answer given offline is still known to be its holder's."""
_FORGET_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class LeasedItem:
    """What a person is shown. Nothing here tells gold from the rest."""

    id: int
    sha256: str
    width: int
    height: int
    category: str | None
    suggestion: dict[str, object] | None


@dataclass(frozen=True)
class Leased:
    """The items of one request. `outlook`: more work now, wait for what others hold, or all done."""

    token: uuid.UUID | None
    deadline: datetime
    items: tuple[LeasedItem, ...]
    outlook: Outlook


def hold(
    session: Session,
    context: AppContext,
    ask: Asking,
    items: Sequence[LeasedItem],
    deadline: datetime,
    token: uuid.UUID,
) -> None:
    """Write down that the person holds these items, as they are shown to them, over ended leases of theirs."""
    row = {
        "person_id": ask.person_id,
        "campaign_id": ask.campaign_id,
        "token": token,
        "leased_at": ask.at,
        "deadline": deadline,
    }
    rows = [{"item_id": item.id, "suggestion_shown": item.suggestion is not None, **row} for item in items]
    insert_rows(session.connection(), Lease.__table__, rows, replace=True)  # type: ignore[arg-type]  # it is a Table
    if context.due("forget ended leases", ask.at, _FORGET_EVERY):
        session.execute(delete(Lease).where(Lease.deadline < ask.at - _FORGET_AFTER))


def held(context: AppContext, campaign_id: int, person_id: int) -> Leased:
    """What a person holds already, in the order in which it was given: for a page that was loaded again."""
    at = context.clock()
    with context.read() as session:
        rows = session.execute(
            select(Lease.item_id, Lease.deadline, Lease.suggestion_shown)
            .where(Lease.campaign_id == campaign_id, Lease.person_id == person_id, Lease.deadline > at)
            .order_by(Lease.leased_at, Lease.item_id)
        ).all()
        deadline = min((row.deadline for row in rows), default=at)
        ask = asking(session, campaign_id, person_id, at)
        items = shown(session, ask, [row.item_id for row in rows])
        saw = {row.item_id for row in rows if row.suggestion_shown}
        again = tuple(item if item.id in saw else replace(item, suggestion=None) for item in items)
        return Leased(None, deadline, again, "work")


def release(context: AppContext, campaign_id: int, person_id: int, items: Sequence[int]) -> int:
    """Give items back to the queue before the deadline; how many were held."""
    with context.write() as session:
        gone = session.execute(
            update(Lease)
            .where(
                Lease.campaign_id == campaign_id,
                Lease.person_id == person_id,
                Lease.item_id.in_(items),
                Lease.deadline > context.clock(),
            )
            .values(deadline=context.clock())
            .returning(Lease.item_id)
        )
        return len(gone.all())


def shown(session: Session, ask: Asking, items: Sequence[int]) -> tuple[LeasedItem, ...]:
    """The items as the person sees them, in this order; without suggestions for a share of the people."""
    blind = sees_no_suggestions(ask.campaign_id, ask.person_id, ask.hides_suggestions)
    by_id = {
        row[0]: LeasedItem(row[0], row[1], row[2], row[3], row[4], None if blind else row[5])
        for row in fetch(session.connection(), _shown(), {"items": list(items)})
    }
    return tuple(by_id[item] for item in items)


def sees_no_suggestions(campaign_id: int, person_id: int, share: float) -> bool:
    """Whether a person belongs to the share that judges without suggestions: by chance, and always the same."""
    digest = hashlib.blake2b(f"{campaign_id}/{person_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


@cache
def _shown() -> Select[Any]:
    return (
        select(Item.id, Item.image_sha256, Image.width, Image.height, Category.slug, Item.suggestion)
        .join(Image, Image.sha256 == Item.image_sha256)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(Item.id.in_(bindparam("items", expanding=True)))
    )
