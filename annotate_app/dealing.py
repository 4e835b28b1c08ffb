"""The queries behind a lease: what one person may still be given, a window of it at a time, so that none is long.

Statements are built once: building them costs more than most of them take. A window looks at some hundred items from
a random place on; only where the windows hold nothing is the whole campaign searched, outside of any lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from random import Random
from typing import Any

from sqlalchemy import ColumnElement, Executable, Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from annotate_app import policy
from label_store.models import Campaign, CampaignCategory, Fetch, Item, Judgment, Lease, Takedown

_WINDOW = 400
"""Items that one query looks at. Large enough to find what a person has not judged among what they mostly have."""


@dataclass(frozen=True)
class Asking:
    """Who asks for items of which campaign, and what its curator wants."""

    campaign_id: int
    person_id: int
    at: datetime
    state: str
    rules: policy.Rules
    per_person_limit: int | None
    per_category_limit: int | None
    categories: tuple[int, ...]
    hides_suggestions: float = 0.0

    @property
    def most(self) -> int:
        """Judgments that an item may get."""
        return policy.most_judgments(self.rules.stopping)

    def parameters(self, category_id: int | None, **more: Any) -> dict[str, Any]:
        """Of the statements below."""
        return {
            "campaign": self.campaign_id,
            "person": self.person_id,
            "at": self.at,
            "category": category_id,
            "most": self.most,
            **more,
        }


def asking(session: Session, campaign_id: int, person_id: int, at: datetime) -> Asking:
    """The campaign as it is now. NoResultFound when it is gone."""
    campaign = session.connection().execute(_campaign(), {"campaign": campaign_id}).one()
    return Asking(
        campaign_id=campaign_id,
        person_id=person_id,
        at=at,
        state=campaign.state,
        rules=policy.Rules(
            stopping=campaign.stopping,
            order=campaign.item_order,
            gold_rate=campaign.gold_rate,
            page=policy.Page(**campaign.page) if campaign.page else None,
        ),
        per_person_limit=campaign.per_person_limit,
        per_category_limit=campaign.per_category_limit,
        categories=tuple(session.connection().scalars(_categories(), {"campaign": campaign_id})),
        hides_suggestions=campaign.suggestions_hidden,
    )


def left_of_limit(session: Session, ask: Asking) -> int | None:
    """How many more items the person may be given in all; None where there is no limit."""
    if ask.per_person_limit is None:
        return None
    return ask.per_person_limit - sum(_had(session, ask).values())


def left_of_categories(session: Session, ask: Asking) -> dict[int, int] | None:
    """How many more of each category; None where there is no limit."""
    if ask.per_category_limit is None:
        return None
    had = _had(session, ask)
    return {category: ask.per_category_limit - had.get(category, 0) for category in ask.categories}


def window(
    session: Session, ask: Asking, wanted: int, category_id: int | None, random: Random
) -> list[policy.Candidate]:
    """Items to choose from, mostly enough for `wanted`, locked; read from a random place on.

    What a model disputes comes whole, the rest by the number of judgments in the policy's order.
    """
    last = session.connection().scalar(_last()) or 1
    limit = max(2 * wanted, 32)
    found = _locked(session, _window("priority", category_id is not None), ask, category_id, n=0, limit=limit)
    for n in policy.order_of_counts(ask.rules.stopping, ask.rules.order):
        if len(found) >= wanted:
            break
        pivot = random.randrange(1, last + 1)
        for side in ("from", "below"):
            found += _locked(
                session, _window(side, category_id is not None), ask, category_id, n=n, pivot=pivot, limit=limit,
            )  # fmt: skip
            if len(found) >= wanted:
                break
    return found


def these(session: Session, ask: Asking, items: Sequence[int]) -> list[policy.Candidate]:
    """The same for items that a search of the whole campaign found."""
    return _locked(session, _window("these", False), ask, None, items=list(items), n=0, limit=len(items))


def search(session: Session, ask: Asking, wanted: int, category_id: int | None) -> list[int]:
    """Items of the whole campaign that could be given, locked or not; reads what it must, so not under a lock."""
    found: list[int] = []
    for n in policy.order_of_counts(ask.rules.stopping, ask.rules.order):
        found += session.scalars(_search(category_id is not None), ask.parameters(category_id, n=n, limit=4 * wanted))
        if len(found) >= wanted:
            break
    return found


def may_return(session: Session, ask: Asking, category_id: int | None) -> bool:
    """Whether items that others hold now may still come to this person."""
    return session.scalar(_open_to(category_id is not None), ask.parameters(category_id)) is not None


def unseen_gold(session: Session, ask: Asking, category_id: int | None) -> list[policy.Gold]:
    """Gold that the person has not judged and does not hold."""
    rows = session.execute(_gold(category_id is not None), ask.parameters(category_id)).all()
    return [policy.Gold(row.id, None if row.value is None else row.value == "yes") for row in rows]


def _locked(session: Session, query: Select[Any], ask: Asking, category_id: int | None, **more: Any) -> list[Any]:
    rows = session.connection().execute(query, ask.parameters(category_id, **more)).all()
    if rows and session.get_bind().dialect.name == "postgresql":
        # The rows are ours now; another look sees what others committed until they were.
        rows = (
            session.connection().execute(_again(), ask.parameters(category_id, items=[row.item for row in rows])).all()
        )
    return [policy.Candidate(**row._mapping) for row in rows]


def _had(session: Session, ask: Asking) -> dict[int | None, int]:
    """Items that the person has judged or holds, by category."""
    had: dict[int | None, int] = {}
    for statement in _counts():
        for category, number in session.execute(statement, ask.parameters(None)):
            had[category] = had.get(category, 0) + number
    return had


@cache
def _campaign() -> Select[Any]:
    return select(
        Campaign.state,
        Campaign.stopping,
        Campaign.item_order,
        Campaign.gold_rate,
        Campaign.page,
        Campaign.per_person_limit,
        Campaign.per_category_limit,
        Campaign.suggestions_hidden,
    ).where(Campaign.id == bindparam("campaign"))


@cache
def _categories() -> Select[Any]:
    return (
        select(CampaignCategory.category_id)
        .where(CampaignCategory.campaign_id == bindparam("campaign"))
        .order_by(CampaignCategory.position)
    )


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


def _open() -> ColumnElement[bool]:
    """Open; or given back by a reviewer, though consensus still calls it disputed."""
    return or_(Item.state == "open", (Item.state == "disputed") & (Item.extra > 0))


def _facts() -> tuple[Any, ...]:
    """The columns of a Candidate, by its names."""
    return (
        Item.id.label("item"),
        Item.n,
        _of_others().label("leased"),
        Item.category_id.label("category"),
        Item.priority,
        Item.extra,
    )


def _mine() -> tuple[ColumnElement[bool], ...]:
    return (~_judged(), ~_held(), ~_given(), ~_shown_to_nobody())


def _free() -> ColumnElement[bool]:
    return Item.n + _of_others() < bindparam("most") + Item.extra


@cache
def _window(kind: str, of_category: bool) -> Select[Any]:
    if kind == "these":
        ids: Any = bindparam("items", expanding=True)
    else:
        sides = {
            "from": (Item.n == bindparam("n"), Item.id >= bindparam("pivot")),
            "below": (Item.n == bindparam("n"), Item.id < bindparam("pivot")),
        }
        if kind == "priority":
            ids = select(Item.id).where(
                Item.campaign_id == bindparam("campaign"), Item.priority > 0, *_of_category(of_category)
            )
        else:
            ids = select(Item.id).where(*_asked(of_category, *sides[kind]))
        ids = ids.order_by(Item.priority.desc(), Item.id) if kind == "priority" else ids.order_by(Item.id)
        ids = ids.limit(_WINDOW)
    return (
        select(*_facts())
        .where(Item.id.in_(ids), _open(), Item.gold.is_(None), _free(), *_mine())
        .order_by(*((Item.priority.desc(), Item.id) if kind == "priority" else (Item.id,)))
        .limit(bindparam("limit"))
        .with_for_update(of=Item, skip_locked=True)
    )


@cache
def _again() -> Select[Any]:
    return select(*_facts(), _judged().label("judged"), _held().label("held"), _given().label("given")).where(
        Item.id.in_(bindparam("items", expanding=True)), _open(), Item.gold.is_(None)
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


@cache
def _counts() -> tuple[Executable, Executable]:
    judged = (
        select(Item.category_id, func.count())
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .where(
            Judgment.person_id == bindparam("person"),
            Judgment.active,
            Judgment.role == "annotator",
            Item.campaign_id == bindparam("campaign"),
        )
        .group_by(Item.category_id)
    )
    held = (
        select(Item.category_id, func.count())
        .select_from(Lease)
        .join(Item, Item.id == Lease.item_id)
        .where(
            Lease.campaign_id == bindparam("campaign"),
            Lease.person_id == bindparam("person"),
            Lease.deadline > bindparam("at"),
        )
        .group_by(Item.category_id)
    )
    return judged, held
