"""What a reviewer looks at and decides: what is disputed, all judgments of one item, a decision.

A decision is a judgment with the role reviewer beside the others; nothing that people said is changed by it.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from annotate_app.answer_words import in_words
from annotate_app.security.sessions import SignedIn
from label_store import check_answer, is_flag, log_event, returning
from label_store.errors import UsageError
from label_store.models import Campaign, Consensus, Item, Judgment, Person

QUEUES = ("disputed", "random")
_AHEAD = 20
"""So many reviewers at once each look at another item."""


@dataclass(frozen=True)
class GivenAnswer:
    """One active judgment of an item: `said` without its comment, `answer` the same in words."""

    person: str
    role: str
    said: Mapping[str, Any]
    answer: str
    comment: str
    at: datetime
    active_ms: int


def disputed(
    session: Session, campaign: Campaign, person: SignedIn, *, after: int, claim: Callable[[int], bool]
) -> int | None:
    """The next disputed item that this reviewer has not decided, the riskiest first, of those that they can `claim`.

    The first where others look at all of them. What nobody has settled yet is the least certain of all.
    """
    decided = exists().where(
        Judgment.item_id == Item.id, Judgment.person_id == person.id, Judgment.role == "reviewer", Judgment.active
    )
    present = (Consensus.item_id == Item.id) & (Consensus.version == campaign.consensus_version)
    found = session.scalars(
        select(Item.id)
        .outerjoin(Consensus, present)
        .where(
            Item.campaign_id == campaign.id, Item.state == "disputed", Item.gold.is_(None), ~decided, Item.id != after
        )
        .order_by(func.coalesce(Consensus.risk, 1.0).desc(), Item.id)
        .limit(_AHEAD)
    ).all()
    return next(filter(claim, found), next(iter(found), None))


def answers(session: Session, item_id: int) -> list[GivenAnswer]:
    """All active judgments of an item, the oldest first."""
    rows = session.execute(
        select(Person.name, Judgment.role, Judgment.answer, Judgment.answered_at, Judgment.active_ms)
        .join(Person, Person.id == Judgment.person_id)
        .where(Judgment.item_id == item_id, Judgment.active)
        .order_by(Judgment.received_at, Judgment.id)
    ).all()
    said = [{key: value for key, value in row.answer.items() if key != "comment"} for row in rows]
    return [
        GivenAnswer(
            row.name,
            row.role,
            bare,
            in_words(bare),
            row.answer.get("comment", ""),
            row.answered_at,
            row.active_ms,
        )
        for row, bare in zip(rows, said, strict=True)
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
