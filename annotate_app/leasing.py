"""Leases: items held for one person until a deadline, exact however many people ask at once.

Where items may be found is a matter of hints: what is urgent, the deck, windows, a search of everything. Whether
they may be given is decided under SQLite's one write lock, or, on PostgreSQL, once their rows are locked.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from annotate_app import dealing, policy
from annotate_app.asking import Asking, asking, categories, left_of_categories, left_of_limit, limit_reached
from annotate_app.context import AppContext
from annotate_app.deck import Deck, Outlook
from annotate_app.holding import Leased, LeasedItem, hold, shown
from annotate_app.turns import lock_person

MAX_ITEMS = 100
_TRIES = 20
_HANDS = 3
"""Looks at the deck before windows are opened for somebody who has judged most of what is in it."""


@dataclass(frozen=True)
class Wish:
    """`category_id`: items of that category only; `one_category`: of one, whichever has work in it."""

    wanted: int
    category_id: int | None = None
    one_category: bool = False


@dataclass(frozen=True)
class Attempt:
    """To hold up to so many items for a person."""

    context: AppContext
    campaign_id: int
    person_id: int
    wish: Wish
    at: datetime

    @property
    def deadline(self) -> datetime:
        """Until when the items are held."""
        return self.at + timedelta(minutes=self.context.workspace.settings.lease_minutes)

    def leased(self, token: uuid.UUID, items: tuple[LeasedItem, ...]) -> Leased:
        """The answer when there are items."""
        self.context.metrics.add("cairn_leased_items_total", by=len(items))
        return Leased(token, self.deadline, items, "work")

    def insist(self) -> Leased:
        """Search the whole campaign, outside of the lock, for the few times when nothing is near."""
        context, person = self.context, self.person_id
        for _ in range(_TRIES):
            told = context.decks.told(self.campaign_id, person, self.wish.category_id)
            if told is not None:
                return Leased(None, self.deadline, (), told)
            with context.read() as session:
                ask = asking(session, self.campaign_id, person, self.at)
                began = time.monotonic()
                found = _search(session, ask, self.wish) if ask.state == "open" else []
                if not found:
                    outlook = _outlook(session, ask, self.wish.category_id)
                    took = time.monotonic() - began
                    context.decks.rest(self.campaign_id, person, self.wish.category_id, outlook, took)
                    return Leased(None, self.deadline, (), outlook)
            token = uuid.uuid4()
            items = context.transact(lambda session, token=token, found=found: self.make(session, token, found))  # type: ignore[misc]  # mypy types no default of a lambda
            if items:
                return self.leased(token, items)
            # We never wait for a row that somebody has locked: holding some rows while waiting for others is how
            # deadlocks are made. We come again.
            time.sleep(context.random.uniform(0.002, 0.02))
        return Leased(None, self.deadline, (), "wait")

    def make(self, session: Session, token: uuid.UUID, found: list[int] | None = None) -> tuple[LeasedItem, ...]:
        """One decision, inside a write transaction: of what is near, or of the items that a search found.

        What is held now; nothing when nothing was found, or others hold it.
        """
        lock_person(session, self.campaign_id, self.person_id)
        ask = asking(session, self.campaign_id, self.person_id, self.at)
        wanted = _room(session, ask, self.wish, locked=True)
        if wanted <= 0:
            return ()
        wished: list[int | None] = [self.wish.category_id]
        if self.wish.category_id is None and self.wish.one_category and found is None:
            wished = list(categories(session, ask))
            self.context.random.shuffle(wished)
        rules = replace(ask.rules, left=left_of_categories(session, ask))
        for category in wished:
            deck = self.context.decks.of(
                ask.campaign_id, category, ask.at, stays=policy.finishes_items(rules.stopping, rules.order)
            )
            if found is None:
                pool = self._near(session, ask, deck, wanted, category)
            else:
                pool = _look(session, ask, deck, found)
                deck.put(found)
            if self.wish.one_category and pool:
                category = pool[0].category
                pool = [candidate for candidate in pool if candidate.category == category]
            gold = []
            if pool and (rules.gold_rate > 0 or rules.page):
                gold = dealing.unseen_gold(session, ask, category)
            chosen = policy.choose(pool, gold, wanted, rules, self.context.random)
            if chosen:
                items = shown(session, ask, chosen)
                hold(session, self.context, ask, items, self.deadline, token)
                deck.gave(ask.person_id, chosen)
                return items
        return ()

    def _near(
        self, session: Session, ask: Asking, deck: Deck, wanted: int, category: int | None
    ) -> list[policy.Candidate]:
        """What is urgent, then what the deck has, then what windows show: some more than wanted, to choose from."""
        pool: dict[int, policy.Candidate] = {}
        number = wanted + max(8, wanted // 2)
        if ask.urgent:
            urgent = dealing.urgent(session, ask, category)[:number]
            pool |= {one.item: one for one in _look(session, ask, deck, urgent)}
        for _ in range(_HANDS):
            if len(pool) >= wanted:
                return list(pool.values())
            handed = deck.hand(ask.person_id, number, besides=pool)
            if not handed:
                break
            pool |= {one.item: one for one in _look(session, ask, deck, handed)}
        if len(pool) < wanted:
            seen = dealing.windows(session, ask, number, category, self.context.random)
            deck.put(seen)
            fresh = [item for item in seen if item not in pool][:number]
            pool |= {one.item: one for one in _look(session, ask, deck, fresh)}
        return list(pool.values())


def _look(session: Session, ask: Asking, deck: Deck, items: Sequence[int]) -> list[policy.Candidate]:
    """Those of the items that may be given to the person, locked; the deck learns about the others."""
    candidates = dealing.look(session, ask, items) if items else []
    fitting = [candidate for candidate in candidates if policy.may_be_given(candidate, ask.most)]
    deck.spend(candidate.item for candidate in candidates if not policy.has_room(candidate, ask.most))
    deck.knows(ask.person_id, set(items) - {candidate.item for candidate in fitting})
    return fitting


def _room(session: Session, ask: Asking, wish: Wish, *, locked: bool) -> int:
    """How many items to give now; a page of fixed make-up is given whole."""
    if ask.state != "open":
        return 0
    wanted = ask.rules.page.items if ask.rules.page else wish.wanted
    left = left_of_limit(session, ask, locked=locked)
    return wanted if left is None else min(wanted, left)


def _search(session: Session, ask: Asking, wish: Wish) -> list[int]:
    if _room(session, ask, wish, locked=False) <= 0:
        return []
    left = left_of_categories(session, ask)
    if not left:
        return dealing.search(session, ask, wish.wanted, wish.category_id)
    open_ones = [category for category, number in left.items() if number > 0]
    if wish.category_id is not None:
        open_ones = [category for category in open_ones if category == wish.category_id]
    return [item for category in open_ones for item in dealing.search(session, ask, wish.wanted, category)]


def _outlook(session: Session, ask: Asking, category_id: int | None) -> Outlook:
    """Whether items that others hold may still come back to this person."""
    if ask.state == "paused":
        return "wait"
    if ask.state != "open" or limit_reached(session, ask) or not dealing.may_return(session, ask, category_id):
        return "done"
    return "wait"
