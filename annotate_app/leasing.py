"""Leases: items held for one person until a deadline, exact however many people ask at once.

On SQLite the whole decision runs under the one write lock. On PostgreSQL the rows of the items are locked
first (SKIP LOCKED) and counted afterwards, in a statement that sees what others committed meanwhile.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from sqlalchemy import ColumnElement, ScalarSelect, delete, exists, func, select, update
from sqlalchemy.orm import Session

from annotate_app import policy
from annotate_app.context import AppContext
from label_store.models import Campaign, Category, Fetch, Image, Item, Judgment, Lease, Takedown

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
    for _ in range(_TRIES):
        with context.write() as session:
            campaign = session.get_one(Campaign, campaign_id)
            dealer = _Dealer(session, campaign, person_id, at, context.random)
            chosen = dealer.deal(wanted, category_id, one_category) if campaign.state == "open" else []
            if chosen:
                token = _hold(session, campaign_id, person_id, chosen, at, deadline)
                context.metrics.add("cairn_leased_items_total", by=len(chosen))
                return Leased(token, deadline, _shown(session, chosen), "work")
            outlook = _outlook(session, campaign, person_id, category_id)
            if outlook == "done" or campaign.state != "open" or not dealer.skipped_any(category_id):
                break
        time.sleep(context.random.uniform(0.005, 0.05))
    return Leased(None, deadline, (), outlook)


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
        return Leased(None, deadline, _shown(session, [row.item_id for row in rows]), "work")


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


class _Dealer:
    """One decision, inside one write transaction."""

    def __init__(self, session: Session, campaign: Campaign, person_id: int, at: datetime, random: Random) -> None:
        self.session = session
        self.campaign = campaign
        self.person_id = person_id
        self.at = at
        self.random = random
        self.most = policy.most_judgments(campaign.stopping)

    def deal(self, wanted: int, category_id: int | None, one_category: bool) -> list[int]:
        wanted = min(wanted, self._left_of_limit())
        if wanted <= 0:
            return []
        if category_id is not None or not one_category:
            return self._new(wanted, category_id)
        categories: list[int | None] = [category.id for category in self.campaign.categories]
        self.random.shuffle(categories)
        for category in categories:
            chosen = self._new(wanted, category)
            if chosen:
                return chosen
        return []

    def _left_of_limit(self) -> int:
        if self.campaign.per_person_limit is None:
            return MAX_ITEMS
        judged = self.session.scalar(
            select(func.count())
            .select_from(Judgment)
            .join(Item, Item.id == Judgment.item_id)
            .where(
                Judgment.person_id == self.person_id,
                Judgment.active,
                Judgment.role == "annotator",
                Item.campaign_id == self.campaign.id,
            )
        )
        holding = self.session.scalar(
            select(func.count()).where(
                Lease.campaign_id == self.campaign.id, Lease.person_id == self.person_id, Lease.deadline > self.at
            )
        )
        return self.campaign.per_person_limit - (judged or 0) - (holding or 0)

    def _new(self, wanted: int, category_id: int | None) -> list[int]:
        pool: list[policy.Candidate] = []
        for n in policy.order_of_counts(self.campaign.stopping):
            pool += self._locked(n, max(4 * wanted, 64), category_id)
            if len(pool) >= wanted:
                break
        gold = self._unseen_gold(category_id) if pool and self.campaign.gold_rate > 0 else []
        return policy.choose(
            pool,
            gold,
            wanted,
            stopping=self.campaign.stopping,
            gold_rate=self.campaign.gold_rate,
            random=self.random,
        )

    def _locked(self, n: int, limit: int, category_id: int | None) -> list[policy.Candidate]:
        """Items with `n` judgments from a random place on, locked, then counted afresh."""
        of_others = self._leases_of_others()
        pivot = self.random.randrange(1, (self.session.scalar(select(func.max(Item.id))) or 1) + 1)
        ids: list[int] = []
        for side in (Item.id >= pivot, Item.id < pivot):
            if len(ids) >= limit:
                break
            query = (
                select(Item.id)
                .where(
                    Item.campaign_id == self.campaign.id,
                    Item.state == "open",
                    Item.n == n,
                    Item.gold.is_(None),
                    side,
                    of_others < self.most - n,
                    *self._mine_to_judge(),
                    *_of_category(category_id),
                )
                .order_by(Item.id)
                .limit(limit - len(ids))
                .with_for_update(of=Item, skip_locked=True)
            )
            ids += self.session.scalars(query)
        if not ids:
            return []
        counted = select(Item.id, Item.n, of_others).where(
            Item.id.in_(ids), Item.state == "open", *self._mine_to_judge()
        )
        return [policy.Candidate(*row) for row in self.session.execute(counted)]

    def skipped_any(self, category_id: int | None) -> bool:
        """Whether there is an item to give after all, whose row somebody else had locked for a moment.

        We never wait for such a row: holding some rows while waiting for others is how deadlocks are made.
        """
        free = select(Item.id).where(
            Item.campaign_id == self.campaign.id,
            Item.state == "open",
            Item.gold.is_(None),
            Item.n + self._leases_of_others() < self.most,
            *self._mine_to_judge(),
            *_of_category(category_id),
        )
        return self._left_of_limit() > 0 and self.session.scalar(free.limit(1)) is not None

    def _leases_of_others(self) -> ScalarSelect[int]:
        return (
            select(func.count())
            .select_from(Lease)
            .where(Lease.item_id == Item.id, Lease.deadline > self.at)
            .correlate(Item)
            .scalar_subquery()
        )

    def _unseen_gold(self, category_id: int | None) -> list[int]:
        query = select(Item.id).where(
            Item.campaign_id == self.campaign.id,
            Item.gold.is_not(None),
            *self._mine_to_judge(),
            *_of_category(category_id),
        )
        return list(self.session.scalars(query))

    def _mine_to_judge(self) -> tuple[ColumnElement[bool], ...]:
        """The person has not judged the item, does not hold it, did not give its picture, which was not taken down."""
        return (
            ~_given_by(self.person_id),
            ~_judged_by(self.person_id),
            ~exists().where(Lease.item_id == Item.id, Lease.person_id == self.person_id, Lease.deadline > self.at),
            ~exists().where(Takedown.sha256 == Item.image_sha256),
        )


def _judged_by(person_id: int) -> ColumnElement[bool]:
    return exists().where(Judgment.item_id == Item.id, Judgment.person_id == person_id, Judgment.active)


def _given_by(person_id: int) -> ColumnElement[bool]:
    """Nobody judges what they contributed. For most people the inner query is empty, and found to be so once."""
    given = select(Fetch.image_sha256).where(Fetch.contributor_id == person_id, Fetch.image_sha256.is_not(None))
    return Item.image_sha256.in_(given)


def _of_category(category_id: int | None) -> tuple[ColumnElement[bool], ...]:
    return () if category_id is None else (Item.category_id == category_id,)


def _hold(
    session: Session, campaign_id: int, person_id: int, items: list[int], at: datetime, deadline: datetime
) -> uuid.UUID:
    token = uuid.uuid4()
    session.execute(delete(Lease).where(Lease.person_id == person_id, Lease.item_id.in_(items)))
    session.execute(
        delete(Lease).where(Lease.deadline < at - _FORGET_AFTER).execution_options(synchronize_session=False)
    )
    session.add_all(
        Lease(
            item_id=item,
            person_id=person_id,
            campaign_id=campaign_id,
            token=token,
            leased_at=at,
            deadline=deadline,
        )
        for item in items
    )
    return token


def _shown(session: Session, items: list[int]) -> tuple[LeasedItem, ...]:
    rows = session.execute(
        select(Item.id, Item.image_sha256, Image.width, Image.height, Category.slug, Item.suggestion)
        .join(Image, Image.sha256 == Item.image_sha256)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(Item.id.in_(items))
    )
    by_id = {row[0]: LeasedItem(*row) for row in rows}
    return tuple(by_id[item] for item in items)


def _outlook(session: Session, campaign: Campaign, person_id: int, category_id: int | None) -> Outlook:
    """Whether items that others hold may still come back to this person."""
    if campaign.state == "paused":
        return "wait"
    if campaign.state != "open":
        return "done"
    may_return = session.scalar(
        select(Item.id)
        .where(
            Item.campaign_id == campaign.id,
            Item.state == "open",
            Item.n < policy.most_judgments(campaign.stopping),
            Item.gold.is_(None),
            ~_judged_by(person_id),
            ~_given_by(person_id),
            ~exists().where(Takedown.sha256 == Item.image_sha256),
            *_of_category(category_id),
        )
        .limit(1)
    )
    return "done" if may_return is None else "wait"
