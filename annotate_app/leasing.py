"""Leases: items held for one person until a deadline, exact however many people ask at once.

On SQLite the whole decision runs under the one write lock. On PostgreSQL the rows of the items are locked
first (SKIP LOCKED) and counted afterwards, in a statement that sees what others committed meanwhile.
"""

import hashlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import Delete, Insert, Select, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from annotate_app import dealing, policy
from annotate_app.context import AppContext
from label_store.models import Category, Image, Item, Lease

MAX_ITEMS = 100
_TRIES = 20
_FORGET_AFTER = timedelta(days=30)
"""An ended lease stays this long, so that an answer given offline is still known to be its holder's."""

Outlook = Literal["work", "wait", "done"]


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


def lease(
    context: AppContext,
    campaign_id: int,
    person_id: int,
    wanted: int,
    *,
    category_id: int | None = None,
    one_category: bool = False,
) -> Leased:
    """Hold up to `wanted` items for a person.

    `category_id` asks for that category only; `one_category` lets the app pick one with work in it.
    """
    wanted = max(1, min(wanted, MAX_ITEMS))
    at = context.clock()
    deadline = at + timedelta(minutes=context.workspace.settings.lease_minutes)
    wish = _Wish(wanted, category_id, one_category)
    found: list[int] | None = None
    for _ in range(_TRIES):
        token = uuid.uuid4()
        shown = context.transact(
            lambda session, token=token, found=found: _attempt(  # type: ignore[misc]  # mypy types no default of a lambda
                session, context, campaign_id, person_id, wish, at, deadline, token, found
            )
        )
        if shown:
            context.metrics.add("cairn_leased_items_total", by=len(shown))
            return Leased(token, deadline, shown, "work")
        # Nothing near. The whole campaign is read outside of the lock, for the few times when it must be.
        with context.read() as session:
            ask = dealing.asking(session, campaign_id, person_id, at)
            found = _search(session, ask, wish) if ask.state == "open" else []
            if not found:
                return Leased(None, deadline, (), _outlook(session, ask, category_id))
        # We never wait for a row that somebody has locked: holding some rows while waiting for others is how
        # deadlocks are made. We come again.
        time.sleep(context.random.uniform(0.002, 0.02))
    return Leased(None, deadline, (), "wait")


@dataclass(frozen=True)
class _Wish:
    wanted: int
    category_id: int | None
    one_category: bool


def _attempt(
    session: Session,
    context: AppContext,
    campaign_id: int,
    person_id: int,
    wish: _Wish,
    at: datetime,
    deadline: datetime,
    token: uuid.UUID,
    found: list[int] | None,
) -> tuple[LeasedItem, ...]:
    """One decision, inside a write transaction: of what is near, or of the items that a search found."""
    ask = dealing.asking(session, campaign_id, person_id, at)
    wanted = _room(session, ask, wish)
    if wanted <= 0:
        return ()
    categories: list[int | None] = [wish.category_id]
    if wish.category_id is None and wish.one_category and found is None:
        categories = list(ask.categories)
        context.random.shuffle(categories)
    left = dealing.left_of_categories(session, ask)
    for category in categories:
        if found is not None:
            pool = dealing.these(session, ask, found)
        else:
            pool = dealing.window(session, ask, wanted, category, context.random)
        if wish.one_category and pool:
            category = pool[0].category
            pool = [candidate for candidate in pool if candidate.category == category]
        gold = []
        if pool and (ask.rules.gold_rate > 0 or ask.rules.page):
            gold = dealing.unseen_gold(session, ask, category)
        rules = replace(ask.rules, left=left)
        chosen = policy.choose(pool, gold, wanted, rules, context.random)
        if chosen:
            _hold(session, ask, chosen, deadline, token)
            return shown(session, ask, chosen)
    return ()


def _room(session: Session, ask: dealing.Asking, wish: _Wish) -> int:
    """How many items to give now; a page of fixed make-up is given whole."""
    if ask.state != "open":
        return 0
    wanted = ask.rules.page.items if ask.rules.page else wish.wanted
    left = dealing.left_of_limit(session, ask)
    return wanted if left is None else min(wanted, left)


def _search(session: Session, ask: dealing.Asking, wish: _Wish) -> list[int]:
    if _room(session, ask, wish) <= 0:
        return []
    left = dealing.left_of_categories(session, ask)
    if left is None or ask.categories == ():
        return dealing.search(session, ask, wish.wanted, wish.category_id)
    open_ones = [category for category in ask.categories if left[category] > 0]
    if wish.category_id is not None:
        open_ones = [category for category in open_ones if category == wish.category_id]
    return [item for category in open_ones for item in dealing.search(session, ask, wish.wanted, category)]


def _outlook(session: Session, ask: dealing.Asking, category_id: int | None) -> Outlook:
    """Whether items that others hold may still come back to this person."""
    if ask.state == "paused":
        return "wait"
    if ask.state != "open" or not dealing.may_return(session, ask, category_id):
        return "done"
    return "wait"


def held(context: AppContext, campaign_id: int, person_id: int) -> Leased:
    """What a person holds already, in the order in which it was given: for a page that was loaded again."""
    at = context.clock()
    with context.read() as session:
        rows = session.execute(
            select(Lease.item_id, Lease.deadline)
            .where(Lease.campaign_id == campaign_id, Lease.person_id == person_id, Lease.deadline > at)
            .order_by(Lease.leased_at, Lease.item_id)
        ).all()
        deadline = min((row.deadline for row in rows), default=at)
        ask = dealing.asking(session, campaign_id, person_id, at)
        return Leased(None, deadline, shown(session, ask, [row.item_id for row in rows]), "work")


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


def _hold(session: Session, ask: dealing.Asking, items: list[int], deadline: datetime, token: uuid.UUID) -> None:
    ended, forgotten, held = _holding()
    connection = session.connection()
    connection.execute(ended, {"person": ask.person_id, "items": items})
    connection.execute(forgotten, {"before": ask.at - _FORGET_AFTER})
    common = {
        "person_id": ask.person_id,
        "campaign_id": ask.campaign_id,
        "token": token,
        "leased_at": ask.at,
        "deadline": deadline,
    }
    connection.execute(held, [{"item_id": item, **common} for item in items])


def shown(session: Session, ask: dealing.Asking, items: Sequence[int]) -> tuple[LeasedItem, ...]:
    """The items as the person sees them, in this order; without suggestions for a share of the people."""
    rows = session.connection().execute(_shown(), {"items": list(items)})
    blind = sees_no_suggestions(ask.campaign_id, ask.person_id, ask.hides_suggestions)
    by_id = {
        row.id: LeasedItem(row.id, row.image_sha256, row.width, row.height, row.slug, None if blind else row.suggestion)
        for row in rows
    }
    return tuple(by_id[item] for item in items)


def sees_no_suggestions(campaign_id: int, person_id: int, share: float) -> bool:
    """Whether a person belongs to the share that judges without suggestions: by chance, and always the same."""
    digest = hashlib.blake2b(f"{campaign_id}/{person_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


@cache
def _holding() -> tuple[Delete, Delete, Insert]:
    """Forget what the person held of these items, forget what ended long ago, hold."""
    once = {"synchronize_session": False}
    return (
        delete(Lease)
        .where(Lease.person_id == bindparam("person"), Lease.item_id.in_(bindparam("items", expanding=True)))
        .execution_options(**once),
        delete(Lease).where(Lease.deadline < bindparam("before")).execution_options(**once),
        insert(Lease.__table__),  # type: ignore[arg-type]  # a mapped class's table is a Table
    )


@cache
def _shown() -> Select[Any]:
    return (
        select(Item.id, Item.image_sha256, Image.width, Image.height, Category.slug, Item.suggestion)
        .join(Image, Image.sha256 == Item.image_sha256)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(Item.id.in_(bindparam("items", expanding=True)))
    )
