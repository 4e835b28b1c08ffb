"""A newcomer's way into a campaign: the guideline, then a few pictures whose answer is known, with feedback on each.

The pictures are the categories' good and bad examples, then a third of the campaign's gold at most. It teaches; what
keeps bad answers out of the labels is gold and consensus.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from label_store import log_event
from label_store.models import Campaign, Event, Image, Item, Judgment, Takedown

ASKED = 6
ENOUGH = 0.75
"""At most so many pictures, and this share of them right."""
PASSED = "qualification.pass"
MET = "qualification.meet"
_OPTIONS = 4


@dataclass(frozen=True)
class Question:
    """A picture with its known answer. `category` is asked about (verify); `options` are the answers to choose from."""

    sha256: str
    category: str | None
    options: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class Grade:
    """How many of the pictures were right, and whether that is enough."""

    right: int
    asked: int

    @property
    def passed(self) -> bool:
        """Whether the person may start."""
        return self.right >= least(self.asked)


def least(asked: int) -> int:
    """So many of `asked` have to be right."""
    return math.ceil(ENOUGH * asked)


def is_new(session: Session, campaign: Campaign, person_id: int) -> bool:
    """Whether the person has neither passed here nor judged anything here."""
    passed = exists().where(
        Event.action == PASSED, Event.subject == f"campaigns:{campaign.id}", Event.person_id == person_id
    )
    judged = exists().where(
        Judgment.item_id == Item.id, Item.campaign_id == campaign.id, Judgment.person_id == person_id
    )
    return not session.scalar(select(passed | judged))


def questions(session: Session, campaign: Campaign, person_id: int) -> list[Question]:
    """The person's pictures, the same however often they are asked for; none for kinds without one-word answers."""
    if campaign.kind not in ("verify", "classify"):
        return []
    slugs = [category.slug for category in campaign.categories]
    known: dict[tuple[str, str | None], str] = {}
    for category in campaign.categories:
        for quality, verdict in (("good", "yes"), ("bad", "no")):
            for sha256 in category.examples.get(quality, []):
                if campaign.kind == "verify":
                    known.setdefault((sha256, category.slug), verdict)
                elif verdict == "yes":
                    known.setdefault((sha256, None), category.slug)
    known |= {key: answer for key, answer in _teaching_gold(session, campaign).items() if key not in known}
    shown = _that_can_be_shown(session, {sha256 for sha256, _ in known})
    drawn = sorted((key for key in known if key[0] in shown), key=lambda key: _lot(person_id, campaign.id, *key))
    chosen = _mixed(drawn, known)[:ASKED]
    return [Question(key[0], key[1], _options(campaign.kind, slugs, known[key], key[0]), known[key]) for key in chosen]


def grade(asked: Sequence[Question], answers: Mapping[str, str]) -> Grade:
    """`answers`: what was said of each picture, by its SHA-256."""
    return Grade(sum(answers.get(question.sha256) == question.answer for question in asked), len(asked))


def record(session: Session, campaign: Campaign, person_id: int, result: Grade) -> None:
    """Write down that the person may start, and on what."""
    log_event(session, PASSED, f"campaigns:{campaign.id}", person_id=person_id, right=result.right, asked=result.asked)


def remember(session: Session, campaign: Campaign, person_id: int, told: Sequence[Question]) -> None:
    """Write down which gold the person was told the answers of: it tells nothing about them any more."""
    slug_of = {category.id: category.slug for category in campaign.categories}
    asked = {(question.sha256, question.category) for question in told}
    rows = session.execute(
        select(Item.id, Item.image_sha256, Item.category_id).where(
            Item.campaign_id == campaign.id,
            Item.gold.is_not(None),
            Item.image_sha256.in_([question.sha256 for question in told]),
        )
    )
    items = {row.id for row in rows if (row.image_sha256, slug_of.get(row.category_id)) in asked}
    fresh = sorted(items - met(session, campaign.id, person_id))
    if fresh:
        log_event(session, MET, _lesson(campaign.id, person_id), person_id=person_id, items=fresh)


def met(session: Session, campaign_id: int, person_id: int) -> set[int]:
    """Gold items whose answers the person was told."""
    rows = session.scalars(
        select(Event.detail).where(Event.subject == _lesson(campaign_id, person_id), Event.action == MET)
    )
    return {item for detail in rows for item in detail["items"]}


def _lesson(campaign_id: int, person_id: int) -> str:
    """By its own subject it is found quickly with every lease."""
    return f"lessons:{campaign_id}/{person_id}"


def _teaching_gold(session: Session, campaign: Campaign) -> dict[tuple[str, str | None], str]:
    """A third of the gold, the same for everybody, so that the rest stays unseen."""
    slug_of = {category.id: category.slug for category in campaign.categories}
    rows = session.execute(
        select(Item.id, Item.image_sha256, Item.category_id, Item.gold)
        .where(Item.campaign_id == campaign.id, Item.gold.is_not(None))
        .order_by(Item.id)
    ).all()
    rows = sorted(rows, key=lambda row: _lot(campaign.id, row[0]))[: len(rows) // 3]
    answers = (((row[1], slug_of.get(row[2])), (row[3] or {}).get("value")) for row in rows)
    return {key: value for key, value in answers if isinstance(value, str) and value != "unsure"}


def _that_can_be_shown(session: Session, hashes: set[str]) -> set[str]:
    here = select(Image.sha256).where(Image.sha256.in_(hashes), ~exists().where(Takedown.sha256 == Image.sha256))
    return set(session.scalars(here))


def _mixed(
    drawn: Sequence[tuple[str, str | None]], known: Mapping[tuple[str, str | None], str]
) -> list[tuple[str, str | None]]:
    """Each answer in turn, so that "yes" to everything does not pass; one picture once."""
    by_answer: dict[str, list[tuple[str, str | None]]] = {}
    for key in drawn:
        by_answer.setdefault(known[key], []).append(key)
    mixed: dict[str, tuple[str, str | None]] = {}
    for k in range(max((len(keys) for keys in by_answer.values()), default=0)):
        for keys in by_answer.values():
            if k < len(keys):
                mixed.setdefault(keys[k][0], keys[k])
    return list(mixed.values())


def _options(kind: str, slugs: Sequence[str], answer: str, sha256: str) -> tuple[str, ...]:
    if kind == "verify":
        return ("yes", "no")
    others = sorted((slug for slug in slugs if slug != answer), key=lambda slug: _lot(sha256, slug))
    chosen = {answer, *others[: _OPTIONS - 1]}
    return tuple(slug for slug in (*slugs, answer) if slug in chosen)[: len(chosen)]


def _lot(*what: Any) -> bytes:
    return hashlib.blake2b(repr(what).encode(), digest_size=8).digest()
