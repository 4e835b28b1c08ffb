"""How far a campaign is: five figures, its days, categories, annotators. What the progress page and the API show."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, case, func, select, type_coerce
from sqlalchemy.orm import Session

from annotate_app import policy
from annotate_app.agreement import alpha_of
from annotate_app.gold import same_answer
from label_store import is_flag
from label_store.models import Campaign, Category, Consensus, Item, Judgment, Person

_PACE_WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class CategoryProgress:
    """One category of a campaign; classify has one row for all. `share_yes`: verify only, of settled items."""

    slug: str | None
    name: str
    items: int
    judgments: int
    settled: int
    disputed: int
    judged_enough: int
    share_yes: float | None


@dataclass(frozen=True)
class AnnotatorProgress:
    """One person in a campaign; `pace` is judgments a minute of time in view, None when that was not measured."""

    name: str
    judgments: int
    pace: float | None
    gold: int
    gold_misses: int
    flags: int
    last_at: datetime


@dataclass(frozen=True)
class Progress:
    """A campaign at one moment. Items are ordinary ones; gold is counted apart."""

    slug: str
    kind: str
    state: str
    items: int
    settled: int
    disputed: int
    judged_enough: int
    judgments: int
    judgments_asked: int
    cost: float
    gold_items: int
    alpha: float | None
    estimated_error: float | None
    people: int
    per_hour: float
    time_left_hours: float | None
    categories: tuple[CategoryProgress, ...]
    annotators: tuple[AnnotatorProgress, ...]
    settled_as: tuple[tuple[str, int], ...] = ()
    """classify: how many items were settled as what, the most frequent first."""
    days: tuple[tuple[str, int], ...] = ()
    """Judgments by the day on which they came, ISO 8601, UTC, in order."""

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def campaign_progress(session: Session, campaign: Campaign, at: datetime) -> Progress:
    """Count a campaign; one pass over its items and one over its judgments."""
    most = policy.most_judgments(campaign.stopping)
    ordinary = (Item.campaign_id == campaign.id, Item.gold.is_(None))
    items, settled, disputed, enough, counted = session.execute(
        select(
            func.count(),
            _number(Item.state == "settled"),
            _number(Item.state == "disputed"),
            _number((Item.n >= most) | (Item.state == "settled")),
            func.coalesce(func.sum(Item.n), 0),
        ).where(*ordinary)
    ).one()
    asked = session.scalar(
        select(func.coalesce(func.sum(case((Item.state == "open", most), else_=Item.n)), 0)).where(*ordinary)
    )
    gold_items = session.scalar(select(func.count()).where(Item.campaign_id == campaign.id, Item.gold.is_not(None)))
    days, annotators = _annotators(session, campaign)
    judgments = sum(row.judgments for row in annotators)
    recent = session.scalar(
        select(func.count())
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .where(Item.campaign_id == campaign.id, Judgment.active, Judgment.received_at > at - _PACE_WINDOW)
    )
    left = max(0, int(asked or 0) - int(counted))
    per_hour = float(recent or 0)
    return Progress(
        slug=campaign.slug,
        kind=campaign.kind,
        state=campaign.state,
        items=items,
        settled=settled,
        disputed=disputed,
        judged_enough=enough,
        judgments=judgments,
        judgments_asked=int(asked or 0),
        cost=judgments * campaign.price_per_judgment,
        gold_items=gold_items or 0,
        alpha=alpha_of(session, campaign) if judgments else None,
        estimated_error=_estimated_error(session, campaign),
        people=len(annotators),
        per_hour=per_hour,
        time_left_hours=0.0 if left == 0 else (left / per_hour if per_hour else None),
        categories=_categories(session, campaign),
        annotators=annotators,
        settled_as=_settled_as(session, campaign) if campaign.kind == "classify" else (),
        days=days,
    )


def _number(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _categories(session: Session, campaign: Campaign) -> tuple[CategoryProgress, ...]:
    most = policy.most_judgments(campaign.stopping)
    rows = session.execute(
        select(
            Category.slug,
            Category.name,
            func.count(Item.id),
            func.coalesce(func.sum(Item.n), 0),
            _number(Item.state == "settled"),
            _number(Item.state == "disputed"),
            _number((Item.n >= most) | (Item.state == "settled")),
        )
        .select_from(Item)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(Item.campaign_id == campaign.id, Item.gold.is_(None))
        .group_by(Category.id, Category.slug, Category.name)
        .order_by(Category.slug)
    ).all()
    yes = _settled_yes(session, campaign) if campaign.kind == "verify" else {}
    return tuple(
        CategoryProgress(
            slug=slug,
            name=name or "all categories",
            items=items,
            judgments=int(judgments),
            settled=settled,
            disputed=disputed,
            judged_enough=enough,
            share_yes=yes.get(slug, 0) / settled if campaign.kind == "verify" and settled else None,
        )
        for slug, name, items, judgments, settled, disputed, enough in rows
    )


def _settled(campaign: Campaign) -> tuple[ColumnElement[bool], ...]:
    """Items that the campaign's newest consensus settled, gold left out."""
    return (
        Item.campaign_id == campaign.id,
        Item.gold.is_(None),
        Consensus.version == campaign.consensus_version,
        Consensus.state == "settled",
    )


def _settled_yes(session: Session, campaign: Campaign) -> dict[str, int]:
    rows = session.execute(
        select(Category.slug, Consensus.answer)
        .join(Item, Item.id == Consensus.item_id)
        .join(Category, Category.id == Item.category_id)
        .where(*_settled(campaign))
    )
    yes: dict[str, int] = {}
    for slug, answer in rows:
        yes[slug] = yes.get(slug, 0) + ((answer or {}).get("value") == "yes")
    return yes


def _estimated_error(session: Session, campaign: Campaign) -> float | None:
    mean = session.scalar(
        select(func.avg(Consensus.risk)).join(Item, Item.id == Consensus.item_id).where(*_settled(campaign))
    )
    return None if mean is None else float(mean)


def _settled_as(session: Session, campaign: Campaign) -> tuple[tuple[str, int], ...]:
    value = Consensus.answer["value"].as_string()
    rows = session.execute(
        select(value, func.count())
        .join(Item, Item.id == Consensus.item_id)
        .where(*_settled(campaign))
        .group_by(value)
        .order_by(func.count().desc(), value)
    )
    return tuple((word, number) for word, number in rows if word is not None)


def _annotators(
    session: Session, campaign: Campaign
) -> tuple[tuple[tuple[str, int], ...], tuple[AnnotatorProgress, ...]]:
    """Judgments by day, and by person the most diligent first, in one pass."""
    day = _day(session)
    of_campaign = (Item.campaign_id == campaign.id, Judgment.active, Judgment.role == "annotator")
    rows = session.execute(
        select(
            Person.id,
            Person.name,
            day.label("day"),
            func.count().label("judgments"),
            func.sum(Judgment.active_ms).label("milliseconds"),
            _number(Judgment.active_ms > 0).label("timed"),
            func.max(Judgment.received_at).label("last_at"),
        )
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .join(Person, Person.id == Judgment.person_id)
        .where(*of_campaign)
        .group_by(Person.id, Person.name, day)
    ).all()
    by_day: Counter[str] = Counter()
    of_person: dict[int, list[Any]] = {}
    for row in rows:
        by_day[str(row.day)] += row.judgments
        of_person.setdefault(row.id, []).append(row)
    golds: dict[int, list[bool]] = {}
    for person_id, answer, known in session.execute(
        select(Judgment.person_id, Judgment.answer, Item.gold)
        .join(Item, Item.id == Judgment.item_id)
        .where(*of_campaign, Item.gold.is_not(None))
    ):
        if not is_flag(answer):
            golds.setdefault(person_id, []).append(not same_answer(answer, known))
    flagged = (
        select(Judgment.person_id, func.count())
        .join(Item, Item.id == Judgment.item_id)
        .where(*of_campaign, Judgment.answer["flag"].as_string().is_not(None))
        .group_by(Judgment.person_id)
    )
    flags = {row[0]: row[1] for row in session.execute(flagged)}
    annotators = [
        _annotator(parts, golds.get(person_id, []), flags.get(person_id, 0)) for person_id, parts in of_person.items()
    ]
    return tuple(sorted(by_day.items())), tuple(sorted(annotators, key=lambda one: (-one.judgments, one.name)))


def _annotator(days: list[Any], golds: list[bool], flags: int) -> AnnotatorProgress:
    milliseconds, timed = (sum(int(getattr(row, name) or 0) for row in days) for name in ("milliseconds", "timed"))
    return AnnotatorProgress(
        name=days[0].name,
        judgments=sum(row.judgments for row in days),
        pace=60_000 * timed / milliseconds if milliseconds else None,
        gold=len(golds),
        gold_misses=sum(golds),
        flags=flags,
        last_at=max(row.last_at for row in days),
    )


def _day(session: Session) -> Any:
    """The day of receipt, UTC, whatever the time zone of the server."""
    if session.get_bind().dialect.name == "postgresql":
        return func.date(func.timezone("UTC", Judgment.received_at))
    return func.substr(type_coerce(Judgment.received_at, String), 1, 10)
