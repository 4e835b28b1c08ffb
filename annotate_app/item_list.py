"""The items behind a figure: a filter, which is the address of a list, and the list, page by page.

Numbers are found first, by what indexes know, and details then of one page only.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import nsmallest
from itertools import chain, islice
from typing import Any, Literal

from sqlalchemy import Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from annotate_app import policy
from annotate_app.answer_words import in_words
from annotate_app.gold import same_answer
from label_store import is_flag
from label_store.models import Campaign, Category, Consensus, Image, Item, Judgment, Person, Takedown, Tally

PAGE = 48
LAST_DAY = date.max - timedelta(days=1)
"""The last day that has a next one."""
RECENT = timedelta(hours=1)
Order = Literal["id", "risk"]
_GOLD_AT_ONCE = 200


@dataclass(frozen=True)
class ItemFilter:
    """Which items of a campaign; every field narrows."""

    state: str | None = None
    """open, settled, disputed: ordinary items of the state; ordinary: all that are not gold; gold."""
    category: str | None = None
    person: str | None = None
    """Judged by the person of this name; the fields about judgments are about theirs."""
    missed: bool = False
    """Gold that the person (or anybody) missed."""
    flagged: bool = False
    judged: bool = False
    """With at least one judgment."""
    answer: str | None = None
    """Settled or disputed with this consensus."""
    question: str | None = None
    """Of which attribute `answer` and `said` are."""
    said: str | None = None
    """So judged by the person (or anybody)."""
    differs: bool = False
    """Settled as something else than the person (or anybody) said."""
    disagree: bool = False
    """People gave different answers."""
    enough: bool | None = None
    """Open, with all judgments that the rule asks for; or with fewer."""
    day: date | None = None
    """Judged on this day, UTC; at most `LAST_DAY`."""
    recent: bool = False
    """Judged within the last hour."""
    under_ms: int | None = None
    """Judged within so many milliseconds in view."""
    suggestion: str | None = None
    """any: it has one; shown, hidden: judged by the person (or anybody) with it or without it."""


@dataclass(frozen=True)
class ShownItem:
    """One item of a list."""

    id: int
    sha256: str
    width: int
    height: int
    category: str | None
    state: str
    n: int
    answer: str | None
    risk: float | None


def items(
    session: Session,
    campaign: Campaign,
    wanted: ItemFilter,
    at: datetime,
    *,
    after: int = 0,
    order: Order = "id",
    n: int = PAGE,
) -> list[ShownItem]:
    """The items of a filter behind the item `after`: in the order of their numbers, or the riskiest first."""
    query = select(Item.id).where(*_narrowed(session, campaign, wanted, at))
    if order == "id":
        query = query.where(Item.id > after).order_by(Item.id)
    else:
        query = query.join(Consensus, _present(campaign)).order_by(Consensus.risk.desc(), Item.id)
        risk = session.scalar(
            select(Consensus.risk).where(Consensus.item_id == after, Consensus.version == campaign.consensus_version)
        )
        if risk is not None:
            query = query.where(or_(Consensus.risk < risk, and_(Consensus.risk == risk, Item.id > after)))
    if not wanted.missed:
        found = list(session.scalars(query.limit(n)))
    else:
        missed = _missed(session, campaign, wanted.person, after=after if order == "id" else 0)
        found = _of_missed(session, query, missed, order, n)
    by_id = {row.id: _as_shown(row) for row in session.execute(_shown(campaign).where(Item.id.in_(found)))}
    return [by_id[item] for item in found]


def _of_missed(session: Session, query: Select[int], missed: Iterable[list[int]], order: Order, n: int) -> list[int]:
    """The first `n` of the query that are missed gold; those come some at a time in the order of their numbers."""
    if order == "id":
        each = (session.scalars(query.where(Item.id.in_(ids))) for ids in missed)
        return list(islice(chain.from_iterable(each), n))
    with_risk = query.add_columns(Consensus.risk)
    rows = chain.from_iterable(session.execute(with_risk.where(Item.id.in_(ids)).limit(n)) for ids in missed)
    return [row[0] for row in nsmallest(n, rows, key=lambda row: (-row[1], row[0]))]


def one(session: Session, campaign: Campaign, item_id: int) -> ShownItem | None:
    """An item of this campaign; None when it is of another, or of none, or its picture was taken down."""
    row = session.execute(
        _shown(campaign).where(Item.id == item_id, Item.campaign_id == campaign.id, ~_taken_down())
    ).one_or_none()
    return None if row is None else _as_shown(row)


def _present(campaign: Campaign) -> Any:
    return (Consensus.item_id == Item.id) & (Consensus.version == campaign.consensus_version)


def _taken_down() -> Any:
    return exists().where(Takedown.sha256 == Item.image_sha256)


def _shown(campaign: Campaign) -> Select[Any]:
    return (
        select(
            Item.id, Item.image_sha256, Image.width, Image.height, Category.slug, Item.state, Item.n, Item.gold,
            Consensus.answer, Consensus.risk,
        )
        .join(Image, Image.sha256 == Item.image_sha256)
        .outerjoin(Category, Category.id == Item.category_id)
        .outerjoin(Consensus, _present(campaign))
    )  # fmt: skip


def _as_shown(row: Any) -> ShownItem:
    known = row.gold if row.gold is not None else row.answer
    state = "gold" if row.gold is not None else row.state
    return ShownItem(
        row.id, row.image_sha256, row.width, row.height, row.slug, state, row.n,
        None if known is None else in_words(known), row.risk,
    )  # fmt: skip


def _narrowed(session: Session, campaign: Campaign, wanted: ItemFilter, at: datetime) -> list[Any]:
    narrow: list[Any] = [Item.campaign_id == campaign.id, ~_taken_down()]
    if wanted.state == "gold":
        narrow.append(Item.gold.is_not(None))
    elif wanted.state == "ordinary":
        narrow.append(Item.gold.is_(None))
    elif wanted.state:
        narrow += [Item.state == wanted.state, Item.gold.is_(None)]
    if wanted.enough is not None:
        most = policy.most_judgments(campaign.stopping)
        narrow += [Item.state == "open", Item.gold.is_(None), Item.n >= most if wanted.enough else Item.n < most]
    if wanted.category:
        narrow.append(Item.category_id == select(Category.id).where(Category.slug == wanted.category).scalar_subquery())
    if wanted.answer:
        settled = _said(session, Consensus.answer, wanted.question) == wanted.answer
        narrow.append(exists().where(_present(campaign), settled).correlate(Item))
    if wanted.suggestion == "any":
        narrow.append(Item.suggestion.is_not(None))
    if wanted.judged:
        narrow.append(or_(Item.n > 0, exists().where(*_judgments(wanted)).correlate(Item)))
    narrow += _by_judgments(session, campaign, wanted, at)
    return narrow


def _by_judgments(session: Session, campaign: Campaign, wanted: ItemFilter, at: datetime) -> list[Any]:
    """That there is a judgment as wanted: all that is said of it is true of one.

    By the person and the time they are found through an index of both; else item by item.
    """
    like: list[Any] = []
    if wanted.flagged:
        like.append(Judgment.answer["flag"].as_string().is_not(None))
    if wanted.said:
        like.append(_said(session, Judgment.answer, wanted.question) == wanted.said)
    if wanted.day:
        start = datetime.combine(wanted.day, time(), UTC)
        like += [Judgment.received_at >= start, Judgment.received_at < start + timedelta(days=1)]
    if wanted.recent:
        like.append(Judgment.received_at > at - RECENT)
    if wanted.under_ms is not None:
        like += [Judgment.active_ms > 0, Judgment.active_ms < wanted.under_ms]
    if wanted.suggestion in ("shown", "hidden"):
        like.append(Judgment.suggestion_shown.is_(wanted.suggestion == "shown"))
    narrow: list[Any] = []
    if wanted.person or wanted.day or wanted.recent:
        people = select(Tally.person_id).where(Tally.campaign_id == campaign.id)
        if wanted.person:
            people = select(Person.id).where(Person.name == wanted.person)
        by_them = (Judgment.person_id.in_(people), Judgment.active, Judgment.role == "annotator")
        if like or not wanted.missed:
            narrow.append(Item.id.in_(select(Judgment.item_id).where(*by_them, *like)))
    elif like:
        narrow.append(exists().where(*_judgments(wanted), *like).correlate(Item))
    if wanted.differs:
        otherwise = exists().where(_present(campaign), _whole(Judgment.answer) != _whole(Consensus.answer))
        said = Judgment.answer["flag"].as_string().is_(None)
        narrow += [
            Item.state == "settled",
            Item.gold.is_(None),
            exists().where(*_judgments(wanted), said, otherwise.correlate(Item, Judgment)).correlate(Item),
        ]
    if wanted.disagree:
        whole = _whole(Judgment.answer)
        different = (
            select(true())
            .where(*_judgments(wanted), Judgment.answer["flag"].as_string().is_(None))
            .group_by(Judgment.item_id)
            .having(func.min(whole) < func.max(whole))
            .correlate(Item)
        )
        narrow.append(and_(Item.n > 1, different.exists()))
    return narrow


def _judgments(wanted: ItemFilter) -> tuple[Any, ...]:
    """Those of the item that count, by the wanted person where there is one."""
    of_item = (Judgment.item_id == Item.id, Judgment.active, Judgment.role == "annotator")
    if not wanted.person:
        return of_item
    return (*of_item, Judgment.person_id == select(Person.id).where(Person.name == wanted.person).scalar_subquery())


def _said(session: Session, answer: Any, question: str | None) -> Any:
    """What an answer says; SQLite's paths of JSON know neither every name nor how it is written in the text."""
    if question is None:
        return answer["value"].as_string()
    if session.get_bind().dialect.name != "sqlite":
        return answer["values"][question].as_string()
    each = func.json_each(answer, "$.values").table_valued("key", "value")
    return select(each.c.value).where(each.c.key == question).scalar_subquery()


def _whole(answer: Any) -> Any:
    """What an answer says, without its comment, to be compared within one database."""
    parts = [answer[name].as_string() for name in ("value", "values", "boxes", "shapes")]
    return func.coalesce(*parts)


def _missed(session: Session, campaign: Campaign, person: str | None, *, after: int = 0) -> Iterator[list[int]]:
    """Gold behind `after` that was missed, some at a time in the order of their numbers.

    Compared here, as the figures are: a box is right when it is near enough.
    """
    gold = select(Item.id).where(Item.campaign_id == campaign.id, Item.gold.is_not(None)).order_by(Item.id)
    answers = (
        select(Item.id, Judgment.answer, Item.gold)
        .join(Judgment, Judgment.item_id == Item.id)
        .where(Judgment.active, Judgment.role == "annotator")
    )
    if person:
        answers = answers.join(Person, Person.id == Judgment.person_id).where(Person.name == person)
    while ids := session.scalars(gold.where(Item.id > after).limit(_GOLD_AT_ONCE)).all():
        after = ids[-1]
        rows = session.execute(answers.where(Item.id.in_(ids)))
        missed = {item for item, answer, known in rows if not is_flag(answer) and not same_answer(answer, known)}
        if missed:
            yield sorted(missed)
