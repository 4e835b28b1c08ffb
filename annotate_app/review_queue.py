"""Random review in the order in which an audit asks (`label_store.audit`), and who looks at what meanwhile.

So whoever reviews the queue from its beginning judges a random sample of the labels, and `cairn audit` tells from the
answers how wrong they are. What a reviewer skips comes again at the next visit; until then the sample ends before it.
"""

import heapq
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.orm import Session

from label_store.audit import audit_key
from label_store.models import Campaign, Item, Judgment, Takedown
from label_store.one_step import Query, fetch

AHEAD = 500
"""Items whose turn is known; finding them reads the numbers of all items of the campaign."""
LIVES = timedelta(minutes=10)
"""After this long what was judged meanwhile takes its place among them."""
LOOKS = timedelta(minutes=10)
"""An item that a reviewer was sent to is sent to no other one for so long."""
_IDS_AT_ONCE = 20_000


@dataclass(frozen=True)
class _Turns:
    made_at: datetime
    items: tuple[int, ...]


class ReviewQueue:
    """One per app; safe to use from any thread."""

    def __init__(self) -> None:
        self._turns: dict[int, _Turns] = {}
        self._looks: dict[int, tuple[int, datetime]] = {}
        self._lock = threading.Lock()

    def next(self, session: Session, campaign: Campaign, person_id: int, at: datetime, *, after: int = 0) -> int | None:
        """The next judged item behind `after` that no reviewer has decided; at the end the first that was skipped.

        None of those that people look at once more. The item is this reviewer's from now on.
        """
        for fresh in (False, True):
            turns = self._of(session, campaign, at, fresh=fresh)
            place = turns.items.index(after) + 1 if after in turns.items else 0
            for item in (*turns.items[place:], *turns.items[:place]):
                if item == after or session.scalar(_still_to_do(), {"item": item}) is None:
                    continue
                if self.claim(item, person_id, at):
                    return item
        return None

    def claim(self, item: int, person_id: int, at: datetime) -> bool:
        """A reviewer is to look at this item; False when another one was sent to it a short while ago."""
        with self._lock:
            self._looks = {item: look for item, look in self._looks.items() if at - look[1] < LOOKS}
            if self._looks.get(item, (person_id,))[0] != person_id:
                return False
            self._looks[item] = (person_id, at)
            return True

    def _of(self, session: Session, campaign: Campaign, at: datetime, *, fresh: bool) -> _Turns:
        turns = self._turns.get(campaign.id)
        if turns is None or fresh or not timedelta() <= at - turns.made_at < LIVES:
            items = first_in_order(session, campaign, AHEAD)
            turns = self._turns[campaign.id] = _Turns(at, tuple(items))
        return turns


def first_in_order(session: Session, campaign: Campaign, n: int) -> list[int]:
    """The first `n` judged items that no reviewer has decided, in the audit's order."""
    slug = campaign.slug
    return heapq.nsmallest(n, _to_do(session, campaign.id), key=lambda item: audit_key(slug, item))


def _to_do(session: Session, campaign_id: int) -> Iterator[int]:
    decided = {row[0] for row in fetch(session.connection(), _decided(), {"campaign": campaign_id})}
    above = 0
    while True:
        asked = {"campaign": campaign_id, "above": above, "n": _IDS_AT_ONCE}
        ids = sorted(row[0] for row in fetch(session.connection(), _judged(), asked))
        yield from (item for item in ids if item not in decided)
        if len(ids) < _IDS_AT_ONCE:
            return
        above = ids[-1]


def _ordinary() -> tuple[Any, ...]:
    return (Item.n > 0, Item.priority == 0, Item.gold.is_(None), ~exists().where(Takedown.sha256 == Item.image_sha256))


@cache
def _judged() -> Query:
    return (
        select(Item.id)
        .where(Item.campaign_id + 0 == bindparam("campaign"), Item.id > bindparam("above"), *_ordinary())
        .order_by(Item.id)
        .limit(bindparam("n"))
    )


@cache
def _decided() -> Query:
    return (
        select(Judgment.item_id)
        .join(Item, Item.id == Judgment.item_id)
        .where(Item.campaign_id == bindparam("campaign"), Judgment.role == "reviewer", Judgment.active)
    )


@cache
def _still_to_do() -> Select[Any]:
    decided = exists().where(Judgment.item_id == Item.id, Judgment.role == "reviewer", Judgment.active)
    return select(Item.id).where(Item.id == bindparam("item"), *_ordinary(), ~decided)
