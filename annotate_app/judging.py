"""Answers come in: each is accepted once, known when it comes again, or refused with the reason.

One batch is one transaction, committed to disk before the client hears of it. `items.n` changes in the
transaction that changes the judgments it counts.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Delete, Executable, Insert, Update, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from annotate_app import policy
from annotate_app.access import campaigns_of
from annotate_app.context import AppContext
from annotate_app.problems import Problem
from annotate_app.security.sessions import SignedIn
from label_store import AnswerError, check_answer, is_flag
from label_store.models import Attribute, Campaign, CampaignCategory, Category, Image, Item, Judgment, Lease

Status = Literal["accepted", "duplicate", "refused"]
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_AFTER = timedelta(days=1)
"""What a client's clock may say, from EARLIEST to this long after the answer was received."""
LONGEST_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Given:
    """One answer as the client sent it. `supersedes`: the person's own earlier judgment that this one corrects.

    An answer is worth more than the clock of the machine it was given on: an impossible `answered_at` becomes the
    time of receipt, an impossible `shown_at` is dropped, and `active_ms` ends at a day.
    """

    id: UUID
    item: int
    answer: dict[str, Any]
    answered_at: datetime
    shown_at: datetime | None = None
    active_ms: int = 0
    supersedes: UUID | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of it; `reason` is a sentence when it was refused."""

    id: UUID
    status: Status
    reason: str | None = None


class Refused(Exception):
    """This answer cannot be taken."""


def judge(context: AppContext, person: SignedIn, given: Sequence[Given]) -> list[Outcome]:
    """Take a batch of answers; durable when it returns, in the order of the batch."""

    def job(session: Session) -> tuple[list[Outcome], set[int]]:
        batch = _Batch(session, context, person, given)
        return batch.take(), batch.campaign_ids

    try:
        outcomes, campaign_ids = context.transact(job)
    except IntegrityError:
        # The same batch came twice at once (PostgreSQL): the other one is committed now, so these are known.
        outcomes, campaign_ids = context.transact(job)
    context.live.judged(campaign_ids)
    for status, number in Counter(outcome.status for outcome in outcomes).items():
        context.metrics.add("cairn_judgments_total", f'status="{status}"', by=number)
    return outcomes


def undo(context: AppContext, person: SignedIn, judgment_id: UUID, *, hold: bool) -> None:
    """Take one's own judgment back: its row stays, inactive, and the item returns to the queue.

    With `hold` the item is leased to the person again, to be answered anew. Undoing twice is the same as once.
    Problem 404 when it is not a judgment of this person, 409 when its campaign is closed: a new answer could
    not be given any more.
    """
    with context.write() as session:
        item_id = session.scalar(
            select(Judgment.item_id).where(Judgment.id == judgment_id, Judgment.person_id == person.id)
        )
        if item_id is None:
            raise Problem(404, f"you have given no judgment {judgment_id}")
        item = session.scalars(select(Item).where(Item.id == item_id).with_for_update()).one()
        judgment = session.get_one(Judgment, judgment_id)
        if not judgment.active:
            return
        campaign = session.get_one(Campaign, item.campaign_id)
        if campaign.state == "closed":
            raise Problem(409, f"the campaign {campaign.slug!r} is closed; the answer stays as it was given")
        _deactivate(judgment, item, context.clock())
        at = context.clock()
        minutes = context.workspace.settings.lease_minutes if hold else 0
        session.execute(delete(Lease).where(Lease.item_id == item.id, Lease.person_id == person.id))
        session.add(
            Lease(
                item_id=item.id,
                person_id=person.id,
                campaign_id=item.campaign_id,
                token=judgment_id,
                leased_at=at,
                deadline=at + timedelta(minutes=minutes),
            )
        )
    context.live.judged({item.campaign_id})
    context.metrics.add("cairn_undos_total")


def _counts(judgment: Judgment, item: Item) -> bool:
    """Whether a judgment is one of the item's n: an annotator's answer, not a flag, not to a gold item."""
    return judgment.role == "annotator" and item.gold is None and not is_flag(judgment.answer)


def _deactivate(judgment: Judgment, item: Item, at: datetime) -> None:
    judgment.active = False
    judgment.undone_at = at
    if _counts(judgment, item):
        item.n -= 1


def _possible(said: datetime | None, received: datetime) -> datetime | None:
    """The time in UTC, or None where no right clock could have said it."""
    try:
        at = None if said is None else said.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, in another time zone
        return None
    return at if at is not None and EARLIEST <= at <= received + LATEST_AFTER else None


class _Batch:
    """All rows a batch needs, read once, then one decision after another, then all that it changes, at once."""

    def __init__(self, session: Session, context: AppContext, person: SignedIn, given: Sequence[Given]) -> None:
        self.session = session
        self.person = person
        self.given = given
        asked = _statements()
        connection = session.connection()
        item_ids = sorted({entry.item for entry in given})
        # Locked in the order of their ids, so that two batches never wait for each other.
        self.items = {row.id: _Item(*row) for row in connection.execute(asked.items, {"items": item_ids})}
        # Read once the rows are ours: a lease that ended while we waited has ended.
        self.at = context.clock()
        self.campaign_ids = {item.campaign_id for item in self.items.values()}
        self.campaigns = campaigns_of(session, person, self.campaign_ids)
        self.slugs: dict[int, list[str]] = {campaign_id: [] for campaign_id in self.campaigns}
        for row in connection.execute(asked.slugs, {"campaigns": list(self.campaigns)}):
            self.slugs[row.campaign_id].append(row.slug)
        mine = {"items": item_ids, "person": person.id, "at": self.at}
        named = {entry.id for entry in given} | {entry.supersedes for entry in given if entry.supersedes}
        self.owners = _pairs(connection, asked.owners, {"ids": list(named)})
        self.mine = {row.item_id: _Mine(row.id, row.counts) for row in connection.execute(asked.mine, mine)}
        self.deadlines = _pairs(connection, asked.deadlines, mine)
        self.held_by_others = _pairs(connection, asked.held_by_others, mine)
        self.schemas = self._schemas()
        self.sizes = self._sizes()
        self.rows: list[dict[str, Any]] = []
        self.superseded: list[UUID] = []
        self.answered: set[int] = set()
        self.change: Counter[int] = Counter()

    def take(self) -> list[Outcome]:
        outcomes = []
        for entry in self.given:
            try:
                if self.owners.get(entry.id) == self.person.id:
                    outcomes.append(Outcome(entry.id, "duplicate"))
                    continue
                if entry.id in self.owners:
                    raise Refused("this id belongs to another judgment")
                self._accept(entry)
                outcomes.append(Outcome(entry.id, "accepted"))
            except (Refused, AnswerError) as error:
                outcomes.append(Outcome(entry.id, "refused", str(error)))
        self._write()
        return outcomes

    def _accept(self, entry: Given) -> None:
        item = self.items.get(entry.item)
        campaign = self.campaigns.get(item.campaign_id) if item else None
        if item is None or campaign is None:
            raise Refused(f"there is no item {entry.item} that is open to you")
        answer = self._checked(entry, item, campaign)
        previous = self.mine.get(item.id)
        if entry.supersedes is not None:
            if previous is None or previous.id != entry.supersedes:
                raise Refused("the judgment that this one corrects is not your present one of this item")
            if campaign.state == "closed":
                raise Refused(f"the campaign {campaign.slug!r} is closed")
            self.superseded.append(previous.id)
            self.change[item.id] -= previous.counts and not item.is_gold
        else:
            self._must_be_open(item, campaign)
        counts = not is_flag(answer)
        self.rows.append(
            {
                "id": entry.id,
                "item_id": item.id,
                "person_id": self.person.id,
                "role": "annotator",
                "answer": answer,
                "shown_at": _possible(entry.shown_at, self.at),
                "answered_at": _possible(entry.answered_at, self.at) or self.at,
                "received_at": self.at,
                "active_ms": min(entry.active_ms, LONGEST_MS),
                "supersedes": entry.supersedes,
                "active": True,
                "undone_at": None,
            }
        )
        self.change[item.id] += counts and not item.is_gold
        self.answered.add(item.id)
        self.mine[item.id] = _Mine(entry.id, counts)
        self.owners[entry.id] = self.person.id

    def _write(self) -> None:
        asked = _statements()
        connection = self.session.connection()
        for row in self.rows:  # one that corrected another of this very batch was never active in the store
            if row["id"] in self.superseded:
                row |= {"active": False, "undone_at": self.at}
        if self.superseded:
            connection.execute(asked.deactivate, {"ids": self.superseded, "at": self.at})
        if self.rows:
            connection.execute(asked.insert, self.rows)
            connection.execute(asked.release, {"items": sorted(self.answered), "person": self.person.id})
        for by in sorted({by for by in self.change.values() if by}):
            changed = [item for item in sorted(self.change) if self.change[item] == by]
            connection.execute(asked.count, {"ids": changed, "by": by})

    def _must_be_open(self, item: "_Item", campaign: Campaign) -> None:
        if item.id in self.mine:
            raise Refused("you have already judged this item")
        deadline = self.deadlines.get(item.id)
        if deadline is None:
            raise Refused("this item was not given to you")
        if campaign.state in ("closed", "draft"):
            raise Refused(f"the campaign {campaign.slug!r} is {campaign.state}")
        if deadline > self.at or item.is_gold:
            return
        present = policy.Candidate(item.id, item.n, self.held_by_others.get(item.id, 0), extra=item.extra)
        if item.state != "open" or not policy.has_room(present, policy.most_judgments(campaign.stopping)):
            raise Refused("your time for this item was over and others have judged it enough since")

    def _checked(self, entry: Given, item: "_Item", campaign: Campaign) -> dict[str, Any]:
        try:
            text = json.dumps(entry.answer, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, UnicodeEncodeError, RecursionError) as error:
            raise AnswerError(f"the answer is not JSON: {error}") from error
        if b"\\u0000" in text:
            raise AnswerError("the answer holds a NUL character")
        return check_answer(
            campaign.kind,
            entry.answer,
            categories=self.slugs[campaign.id],
            attributes=self.schemas.get(item.category_id or 0, ()),
            size=self.sizes.get(item.image_sha256),
        )

    def _schemas(self) -> dict[int, list[dict[str, Any]]]:
        asked = {
            item.category_id
            for item in self.items.values()
            if item.category_id and item.campaign_id in self.campaigns
            and self.campaigns[item.campaign_id].kind == "attributes"
        }  # fmt: skip
        schemas: dict[int, list[dict[str, Any]]] = {}
        if asked:
            rows = self.session.scalars(
                select(Attribute).join(Category).where(Category.id.in_(asked)).order_by(Attribute.position)
            )
            for row in rows:
                schemas.setdefault(row.category_id, []).append(row.as_schema())
        return schemas

    def _sizes(self) -> dict[str, tuple[int, int]]:
        if not any(campaign.kind in ("boxes", "polygons") for campaign in self.campaigns.values()):
            return {}
        shas = {item.image_sha256 for item in self.items.values()}
        rows = self.session.execute(select(Image.sha256, Image.width, Image.height).where(Image.sha256.in_(shas)))
        return {sha256: (width, height) for sha256, width, height in rows}


def _pairs(connection: Connection, query: Executable, parameters: dict[str, Any]) -> dict[Any, Any]:
    return {row[0]: row[1] for row in connection.execute(query, parameters)}


@dataclass(frozen=True)
class _Item:
    """What a decision needs to know of an item."""

    id: int
    campaign_id: int
    category_id: int | None
    image_sha256: str
    state: str
    n: int
    extra: int
    is_gold: bool


@dataclass(frozen=True)
class _Mine:
    """The person's active judgment of an item; `counts`: it is an answer, not a flag."""

    id: UUID
    counts: bool


@dataclass(frozen=True)
class _Statements:
    """Built once: building one costs more than most of them take."""

    items: Executable
    slugs: Executable
    owners: Executable
    mine: Executable
    deadlines: Executable
    held_by_others: Executable
    insert: Insert
    deactivate: Update
    release: Delete
    count: Update


@cache
def _statements() -> _Statements:
    items: Any = bindparam("items", expanding=True)
    ids: Any = bindparam("ids", expanding=True)
    person: Any = bindparam("person")
    at: Any = bindparam("at")
    return _Statements(
        items=select(
            Item.id,
            Item.campaign_id,
            Item.category_id,
            Item.image_sha256,
            Item.state,
            Item.n,
            Item.extra,
            Item.gold.is_not(None),
        )
        .where(Item.id.in_(items))
        .order_by(Item.id)
        .with_for_update(of=Item),
        slugs=select(CampaignCategory.campaign_id, Category.slug)
        .join(Category, Category.id == CampaignCategory.category_id)
        .where(CampaignCategory.campaign_id.in_(bindparam("campaigns", expanding=True)))
        .order_by(CampaignCategory.position),
        owners=select(Judgment.id, Judgment.person_id).where(Judgment.id.in_(ids)),
        mine=select(Judgment.item_id, Judgment.id, Judgment.answer["flag"].as_string().is_(None).label("counts")).where(
            Judgment.item_id.in_(items), Judgment.person_id == person, Judgment.role == "annotator", Judgment.active
        ),
        deadlines=select(Lease.item_id, Lease.deadline).where(Lease.item_id.in_(items), Lease.person_id == person),
        held_by_others=select(Lease.item_id, func.count())
        .where(Lease.item_id.in_(items), Lease.person_id != person, Lease.deadline > at)
        .group_by(Lease.item_id),
        insert=insert(Judgment.__table__),  # type: ignore[arg-type]  # a mapped class's table is a Table
        deactivate=update(Judgment).where(Judgment.id.in_(ids)).values(active=False, undone_at=at),
        release=delete(Lease).where(Lease.item_id.in_(items), Lease.person_id == person),
        count=update(Item).where(Item.id.in_(ids)).values(n=Item.n + bindparam("by")),
    )
