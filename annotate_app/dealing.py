"""The queries behind a lease: where items for one person may be found, and how the found ones stand.

Statements are built once: building them costs more than most of them take. A window looks at some hundred items from
a random place on; only where the windows hold nothing is the whole campaign searched, outside of any lock. What was
found is looked at again by `look`, locked, before it is given.
"""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, select
from sqlalchemy.orm import Session

from annotate_app import policy, qualifying
from annotate_app.asking import Asking
from label_store.models import Fetch, Item, Judgment, Lease, Takedown
from label_store.one_step import Query, fetch

_WINDOW = 400
"""Items that one query looks at. Large enough to find what a person has not judged among what they mostly have."""


def urgent(session: Session, ask: Asking, category_id: int | None) -> list[int]:
    """What a model disputes or a reviewer gave back, the most urgent first."""
    rows = fetch(session.connection(), _window("priority", category_id is not None), ask.parameters(category_id))
    return [item for item, _ in sorted(rows, key=lambda row: (-row[1], row[0]))]


def windows(session: Session, ask: Asking, wanted: int, category_id: int | None, random: Random) -> list[int]:
    """Mostly at least `wanted` items, by the number of judgments in the policy's order; from a random place on."""
    connection = session.connection()
    last = connection.scalar(_last()) or 1
    found: list[int] = []
    for n in policy.order_of_counts(ask.rules.stopping, ask.rules.order):
        pivot = random.randrange(1, last + 1)
        for side in ("from", "below"):
            if len(found) >= wanted:
                return found
            query = _window(side, category_id is not None)
            found += sorted(row[0] for row in fetch(connection, query, ask.parameters(category_id, n=n, pivot=pivot)))
    return found


def search(session: Session, ask: Asking, wanted: int, category_id: int | None) -> list[int]:
    """Items of the whole campaign that could be given, locked or not; reads what it must, so not under a lock."""
    found: list[int] = []
    for n in policy.order_of_counts(ask.rules.stopping, ask.rules.order):
        found += session.scalars(_search(category_id is not None), ask.parameters(category_id, n=n, limit=4 * wanted))
        if len(found) >= wanted:
            break
    return found


def look(session: Session, ask: Asking, items: Sequence[int]) -> list[policy.Candidate]:
    """How these items stand for the person, locked. Missing: not open any more, or locked by somebody else."""
    connection = session.connection()
    asked = ask.parameters(None, items=list(items))
    if connection.dialect.name == "postgresql":
        # Locked first, counted afterwards: another statement sees what others committed until the rows were ours.
        asked["items"] = list(connection.scalars(_lock(), asked))
    if not asked["items"]:
        return []
    return [
        policy.Candidate(item, n, leased, category, priority, bool(judged), bool(held), bool(given), extra)
        for item, n, leased, category, priority, extra, judged, held, given in fetch(connection, _look(), asked)
    ]


def may_return(session: Session, ask: Asking, category_id: int | None) -> bool:
    """Whether items that others hold now may still come to this person."""
    return session.scalar(_open_to(category_id is not None), ask.parameters(category_id)) is not None


def unseen_gold(session: Session, ask: Asking, category_id: int | None) -> list[policy.Gold]:
    """Gold that the person has not judged, does not hold, and was not told the answer of."""
    rows = fetch(session.connection(), _gold(category_id is not None), ask.parameters(category_id))
    met = qualifying.met(session, ask.campaign_id, ask.person_id) if rows else set()
    return [policy.Gold(item, None if value is None else value == "yes") for item, value in rows if item not in met]


@cache
def _last() -> Select[Any]:
    return select(func.max(Item.id))


def _of_others() -> Any:
    return (
        select(func.count())
        .select_from(Lease)
        .where(Lease.item_id == Item.id, Lease.deadline > bindparam("at"), Lease.person_id != bindparam("person"))
        .correlate(Item)
        .scalar_subquery()
    )


def _judged() -> ColumnElement[bool]:
    return exists().where(
        Judgment.item_id == Item.id, Judgment.person_id == bindparam("person"), Judgment.active
    )  # fmt: skip


def _held() -> ColumnElement[bool]:
    return exists().where(
        Lease.item_id == Item.id, Lease.person_id == bindparam("person"), Lease.deadline > bindparam("at")
    )


def _given() -> ColumnElement[bool]:
    """Nobody judges what they contributed. For most people the inner query is empty, and found to be so once."""
    given = select(Fetch.image_sha256).where(
        Fetch.contributor_id == bindparam("person"), Fetch.image_sha256.is_not(None)
    )
    return Item.image_sha256.in_(given)


def _shown_to_nobody() -> ColumnElement[bool]:
    return exists().where(Takedown.sha256 == Item.image_sha256)


def _asked(of_category: bool, *more: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    """Ordinary open items of the campaign (and category)."""
    return (
        Item.campaign_id == bindparam("campaign"),
        Item.state == "open",
        Item.gold.is_(None),
        *_of_category(of_category),
        *more,
    )


def _of_category(of_category: bool) -> tuple[ColumnElement[bool], ...]:
    return (Item.category_id == bindparam("category"),) if of_category else ()


def _mine() -> tuple[ColumnElement[bool], ...]:
    return (~_judged(), ~_held(), ~_given(), ~_shown_to_nobody())


def _free() -> ColumnElement[bool]:
    return Item.n + _of_others() < bindparam("most") + Item.extra


@cache
def _window(kind: str, of_category: bool) -> Query:
    sides = {
        "from": (Item.n == bindparam("n"), Item.id >= bindparam("pivot")),
        "below": (Item.n == bindparam("n"), Item.id < bindparam("pivot")),
    }
    if kind == "priority":
        # Those that nobody waits for are left out first, else they would fill the window.
        urgent = (*_asked(of_category, Item.priority > 0, _free()),)
        ids = select(Item.id).where(*urgent).order_by(Item.priority.desc(), Item.id)
    else:
        ids = select(Item.id).where(*_asked(of_category, *sides[kind])).order_by(Item.id)
    return select(Item.id, Item.priority).where(
        Item.id.in_(ids.limit(_WINDOW)), Item.state == "open", Item.gold.is_(None), _free(), *_mine()
    )


@cache
def _lock() -> Select[Any]:
    return (
        select(Item.id)
        .where(Item.id.in_(bindparam("items", expanding=True)))
        .order_by(Item.id)
        .with_for_update(of=Item, skip_locked=True, key_share=True)
    )


@cache
def _look() -> Select[Any]:
    return select(
        Item.id,
        Item.n,
        _of_others().label("leased"),
        Item.category_id,
        Item.priority,
        Item.extra,
        _judged().label("judged"),
        _held().label("held"),
        _given().label("given"),
    ).where(
        Item.id.in_(bindparam("items", expanding=True)), Item.state == "open", Item.gold.is_(None), ~_shown_to_nobody()
    )


@cache
def _search(of_category: bool) -> Select[Any]:
    mine = _asked(of_category, Item.n == bindparam("n"), _free(), *_mine())
    return select(Item.id).where(*mine).limit(bindparam("limit"))


@cache
def _open_to(of_category: bool) -> Select[Any]:
    asked = _asked(of_category, Item.n < bindparam("most"), ~_judged(), ~_given(), ~_shown_to_nobody())
    return select(Item.id).where(*asked).limit(1)


@cache
def _gold(of_category: bool) -> Select[Any]:
    known = Item.gold["value"].as_string().label("value")
    return select(Item.id, known).where(
        Item.campaign_id == bindparam("campaign"), Item.gold.is_not(None), *_of_category(of_category), *_mine()
    )
