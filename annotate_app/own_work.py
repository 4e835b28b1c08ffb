"""What a person has done in a campaign, for their own eyes: past answers to go back to, count, pace, agreement, pay."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, tuple_
from sqlalchemy.orm import Session

from annotate_app import policy
from annotate_app.holding import LeasedItem
from label_store import is_flag
from label_store.models import Campaign, Category, Consensus, Image, Item, Judgment

_PACE_OVER = 200
"""The pace is taken from so many of the latest answers."""
_MOST_LEFT = 100_000
"""Items that wait are counted up to this; a total beyond it tells one person nothing."""


@dataclass(frozen=True)
class PastAnswer:
    """One active judgment of the person, with its item as it was shown."""

    id: uuid.UUID
    item: LeasedItem
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class OwnFigures:
    """`per_hour`: answers an hour of time in view. `agreement`: the share of `compared` answers that are what was
    settled. `earned`: None where the campaign pays nothing. `total`: about how many answers there are for the person,
    those given among them; others at work make it smaller. None where there is nothing to tell yet."""

    judged: int
    per_hour: float | None
    agreement: float | None
    compared: int
    earned: float | None
    total: int | None


def past_answers(
    session: Session, campaign_id: int, person_id: int, n: int, before: uuid.UUID | None = None
) -> list[PastAnswer]:
    """The person's `n` latest active judgments, the newest first; `before` pages on from one of them."""
    query = (
        select(
            Judgment.id, Judgment.answer,
            Item.id, Item.image_sha256, Image.width, Image.height, Category.slug,
            case((Judgment.suggestion_shown.is_(True), Judgment.suggestion)).label("suggestion"),
        )
        .join(Item, Item.id == Judgment.item_id)
        .join(Image, Image.sha256 == Item.image_sha256)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(*_mine(campaign_id, person_id))
        .order_by(Judgment.answered_at.desc(), Judgment.id.desc())
        .limit(n)
    )  # fmt: skip
    if before is not None:
        at = session.scalar(select(Judgment.answered_at).where(Judgment.id == before, Judgment.person_id == person_id))
        query = query.where(tuple_(Judgment.answered_at, Judgment.id) < tuple_(at, before))
    return [PastAnswer(row[0], LeasedItem(*row[2:]), row[1]) for row in session.execute(query)]


def own_figures(session: Session, campaign: Campaign, person_id: int) -> OwnFigures:
    """How much, how fast, how often as the others, and for how much. Nothing here tells which items are gold."""
    mine = _mine(campaign.id, person_id)
    joined = select(func.count()).select_from(Judgment).join(Item, Item.id == Judgment.item_id)
    judged = session.scalar(joined.where(*mine)) or 0
    latest = session.scalars(
        select(Judgment.active_ms)
        .join(Item, Item.id == Judgment.item_id)
        .where(*mine)
        .order_by(Judgment.answered_at.desc())
        .limit(_PACE_OVER)
    ).all()
    active_ms = sum(latest)
    settled = session.execute(
        select(Judgment.answer, Consensus.answer)
        .join(Item, Item.id == Judgment.item_id)
        .join(Consensus, Consensus.item_id == Item.id)
        .where(
            *mine,
            Consensus.version == campaign.consensus_version,
            Consensus.state == "settled",
            Item.gold.is_(None),
            Item.n > 1,
        )
    ).all()
    pairs = [(own, others) for own, others in settled if others and not is_flag(own)]
    same = sum(_said(own) == _said(others) for own, others in pairs)
    price = campaign.price_per_judgment
    return OwnFigures(
        judged=judged,
        per_hour=3_600_000 * len(latest) / active_ms if active_ms else None,
        agreement=same / len(pairs) if pairs else None,
        compared=len(pairs),
        earned=judged * price if price else None,
        total=_total(session, campaign, mine, judged),
    )


def _total(session: Session, campaign: Campaign, mine: tuple[ColumnElement[bool], ...], judged: int) -> int | None:
    """What was judged and what waits for the person's answer, within the campaign's limits.

    Of gold it counts as much as is expected and not what was given: a total that grew by an answer would tell that its
    item was gold, while the answer can still be taken back.
    """
    bounds = [campaign.per_person_limit, (campaign.per_category_limit or 0) * len(campaign.categories) or None]
    limits = [max(judged, bound) for bound in bounds if bound is not None]
    wants = (Item.campaign_id == campaign.id, Item.state == "open", Item.n < policy.most_judgments(campaign.stopping))
    waiting = select(Item.id).where(*wants).limit(_MOST_LEFT + 1).subquery()
    left = session.scalar(select(func.count()).select_from(waiting)) or 0
    if left > _MOST_LEFT:
        return min(limits, default=None)
    joined = select(func.count()).select_from(Judgment).join(Item, Item.id == Judgment.item_id)
    gold = session.scalar(select(func.count()).where(*wants, Item.gold.is_not(None))) or 0
    done = session.scalar(joined.where(*mine, *wants, Item.gold.is_(None))) or 0
    ordinary = (session.scalar(joined.where(*mine, Item.gold.is_(None))) or 0) + max(0, left - gold - done)
    share = _gold_share(campaign)
    return min([max(judged, ordinary + min(gold, round(ordinary * share / (1 - share)))), *limits])


def _gold_share(campaign: Campaign) -> float:
    """The share of gold among what people are given, below 1."""
    page = campaign.page
    return (page["right"] + page["wrong"]) / page["items"] if page else campaign.gold_rate


def _mine(campaign_id: int, person_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Item.campaign_id == campaign_id,
        Judgment.person_id == person_id,
        Judgment.role == "annotator",
        Judgment.active.is_(True),
    )


def _said(answer: Mapping[str, Any]) -> Any:
    return answer.get("value", answer.get("values"))
