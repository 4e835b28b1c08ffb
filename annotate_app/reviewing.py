"""What a reviewer looks at and decides: items by state, category or person; all judgments of one; a decision.

A decision is a judgment with the role reviewer beside the others; nothing that people said is changed by it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, or_, select, update
from sqlalchemy.orm import Session

from annotate_app.security.sessions import SignedIn
from label_store import as_word, check_answer, is_flag, log_event, returning
from label_store.errors import UsageError
from label_store.models import Campaign, Category, Consensus, Item, Judgment, Person, Takedown

QUEUES = ("disputed", "random")
PAGE = 48


@dataclass(frozen=True)
class ItemFilter:
    """Which items of a campaign; every field narrows."""

    state: str | None = None
    category: str | None = None
    person: str | None = None
    """Judged by the person of this name."""
    missed: bool = False
    """Gold that the person (or anybody) missed."""
    flagged: bool = False
    judged: bool = False
    """With at least one judgment."""
    answer: str | None = None
    """Settled or disputed with this consensus."""


@dataclass(frozen=True)
class ShownItem:
    """One item of a list."""

    id: int
    sha256: str
    category: str | None
    state: str
    n: int
    answer: str | None
    risk: float | None


@dataclass(frozen=True)
class GivenAnswer:
    """One active judgment of an item."""

    person: str
    role: str
    answer: str
    comment: str
    at: datetime
    active_ms: int


def items(
    session: Session, campaign: Campaign, wanted: ItemFilter, *, after: int = 0, n: int = PAGE
) -> list[ShownItem]:
    """The items of a filter above an id, in the order of their ids."""
    query = _shown(campaign).where(Item.id > after, *_narrowed(campaign, wanted)).order_by(Item.id).limit(n)
    return [_as_shown(row) for row in session.execute(query)]


def next_of(
    session: Session, campaign: Campaign, queue: str, person: SignedIn, *, dice: float, after: int
) -> int | None:
    """The next item that this reviewer has not decided: disputed ones the riskiest first, or judged ones at random."""
    decided = exists().where(
        Judgment.item_id == Item.id, Judgment.person_id == person.id, Judgment.role == "reviewer", Judgment.active
    )
    query = select(Item.id).where(Item.campaign_id == campaign.id, Item.gold.is_(None), ~decided, Item.id != after)
    if queue == "disputed":
        present = (Consensus.item_id == Item.id) & (Consensus.version == campaign.consensus_version)
        # The least certain first; what nobody has settled yet is the least certain of all.
        risk = func.coalesce(Consensus.risk, 1.0).desc()
        return session.scalar(
            query.outerjoin(Consensus, present).where(Item.state == "disputed").order_by(risk, Item.id).limit(1)
        )
    last = session.scalar(select(func.max(Item.id)).where(Item.campaign_id == campaign.id)) or 0
    judged = query.where(Item.n > 0).order_by(Item.id).limit(1)
    place = int(dice * last)
    return session.scalar(judged.where(Item.id > place)) or session.scalar(judged.where(Item.id <= place))


def one(session: Session, campaign: Campaign, item_id: int) -> ShownItem | None:
    """An item of this campaign; None when it is of another, or of none."""
    row = session.execute(_shown(campaign).where(Item.id == item_id)).one_or_none()
    return None if row is None else _as_shown(row)


def answers(session: Session, item_id: int) -> list[GivenAnswer]:
    """All active judgments of an item, the oldest first."""
    rows = session.execute(
        select(Person.name, Judgment.role, Judgment.answer, Judgment.answered_at, Judgment.active_ms)
        .join(Person, Person.id == Judgment.person_id)
        .where(Judgment.item_id == item_id, Judgment.active)
        .order_by(Judgment.received_at, Judgment.id)
    )
    return [
        GivenAnswer(
            row.name,
            row.role,
            as_word({key: value for key, value in row.answer.items() if key != "comment"}),
            row.answer.get("comment", ""),
            row.answered_at,
            row.active_ms,
        )
        for row in rows
    ]


def decide(
    session: Session, campaign: Campaign, item_id: int, person: SignedIn, answer: dict[str, Any], at: datetime
) -> uuid.UUID:
    """Add the reviewer's judgment; an earlier one of the same reviewer is superseded. The item is settled by it.

    Raises AnswerError when the answer does not fit, UsageError when the item is not of this campaign.
    """
    item = _of_campaign(session, campaign, item_id)
    attributes: Sequence[Any] = [a.as_schema() for a in item.category.attributes] if item.category else []
    checked = check_answer(
        campaign.kind,
        answer,
        categories=[category.slug for category in campaign.categories],
        attributes=attributes,
        size=(item.image.width, item.image.height),
    )
    before = session.scalar(
        select(Judgment).where(
            Judgment.item_id == item_id,
            Judgment.person_id == person.id,
            Judgment.role == "reviewer",
            Judgment.active,
        )
    )
    if before is not None:
        before.active, before.undone_at = False, at
        session.flush()
    decision = uuid.uuid4()
    session.add(
        Judgment(
            id=decision,
            item_id=item_id,
            person_id=person.id,
            role="reviewer",
            answer=checked,
            answered_at=at,
            received_at=at,
            supersedes=before.id if before else None,
        )
    )
    item.state = "disputed" if is_flag(checked) else "settled"
    item.priority, item.extra = 0, 0
    log_event(session, "item.decide", f"items:{item_id}", person_id=person.id, judgment=str(decision))
    return decision


def give_back(session: Session, campaign: Campaign, item_id: int, person: SignedIn) -> None:
    """Show the item to two more people, before everything else."""
    item = _of_campaign(session, campaign, item_id)
    returning.give_back(item, campaign.stopping)
    log_event(session, "item.return", f"items:{item_id}", person_id=person.id, extra=item.extra)


def set_aside_decision(session: Session, campaign: Campaign, item_id: int, person: SignedIn, at: datetime) -> None:
    """Take one's own decision back; the item is settled anew by what people said."""
    _of_campaign(session, campaign, item_id)
    session.execute(
        update(Judgment)
        .where(
            Judgment.item_id == item_id,
            Judgment.person_id == person.id,
            Judgment.role == "reviewer",
            Judgment.active,
        )
        .values(active=False, undone_at=at)
    )
    log_event(session, "item.undecide", f"items:{item_id}", person_id=person.id)


def _of_campaign(session: Session, campaign: Campaign, item_id: int) -> Item:
    item = session.scalar(
        select(Item).where(Item.id == item_id, Item.campaign_id == campaign.id).with_for_update(of=Item)
    )
    if item is None:
        raise UsageError(f"the campaign {campaign.slug!r} has no item {item_id}")
    return item


def _shown(campaign: Campaign) -> Select[Any]:
    return (
        select(
            Item.id, Item.image_sha256, Category.slug, Item.state, Item.n, Item.gold, Consensus.answer, Consensus.risk
        )
        .outerjoin(Category, Category.id == Item.category_id)
        .outerjoin(Consensus, (Consensus.item_id == Item.id) & (Consensus.version == campaign.consensus_version))
        .where(Item.campaign_id == campaign.id, ~exists().where(Takedown.sha256 == Item.image_sha256))
    )


def _as_shown(row: Any) -> ShownItem:
    known = row.gold if row.gold is not None else row.answer
    state = "gold" if row.gold is not None else row.state
    return ShownItem(
        row.id, row.image_sha256, row.slug, state, row.n, None if known is None else as_word(known), row.risk
    )


def _narrowed(campaign: Campaign, wanted: ItemFilter) -> list[Any]:
    narrow: list[Any] = []
    if wanted.state == "gold":
        narrow.append(Item.gold.is_not(None))
    elif wanted.state:
        narrow += [Item.state == wanted.state, Item.gold.is_(None)]
    if wanted.judged:
        narrow.append(or_(Item.n > 0, Item.gold.is_not(None)))
    if wanted.category:
        narrow.append(Category.slug == wanted.category)
    if wanted.answer:
        narrow.append(Consensus.answer["value"].as_string() == wanted.answer)
    of_item: tuple[Any, ...] = (Judgment.item_id == Item.id, Judgment.active)
    if wanted.person:
        of_item += (Judgment.person_id == select(Person.id).where(Person.name == wanted.person).scalar_subquery(),)
    if wanted.missed:
        missed = Judgment.answer["value"].as_string() != Item.gold["value"].as_string()
        narrow += [Item.gold.is_not(None), exists().where(*of_item, Judgment.role == "annotator", missed)]
    if wanted.flagged:
        narrow.append(exists().where(*of_item, Judgment.answer["flag"].as_string().is_not(None)))
    if wanted.person and not (wanted.missed or wanted.flagged):
        narrow.append(exists().where(*of_item))
    return narrow
