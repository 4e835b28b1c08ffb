"""Items ready to be given, kept in memory so that a lease need not look for them: a hint, never a promise.

Whatever is handed out here is looked at again inside the transaction that gives it. A deck is made anew every few
seconds, so that returned items, new ones and changed orders are met soon
(docs/decisions/012-a-lease-costs-the-same.md).
"""

import threading
import time
from collections.abc import Container, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

LIVES = timedelta(seconds=5)
SET_BACK = timedelta(minutes=10)
"""A time that lies so far before a deck's is of a clock that was set back, not of a request that waited."""
Outlook = Literal["work", "wait", "done"]
MOST = 2000
"""Items of one deck; what is beyond them is found again when these are gone."""
QUICK = 0.1
"""Seconds of a search after which nobody is made to wait for the next one."""
SHARE_OF_TIME = 0.05
"""Searching in vain for one person takes at most this share of one core."""


class Deck:
    """Ready items in the order in which they are to be given. Safe to use from any thread."""

    def __init__(self, made_at: datetime, *, stays: bool) -> None:
        """`stays`: a given item keeps its place for the next person, so that items are finished one by one;
        else it goes behind all others, so that all are begun."""
        self.made_at = made_at
        self._stays = stays
        self._items: dict[int, None] = {}
        self._known: dict[int, set[int]] = {}
        self._lock = threading.Lock()

    def hand(self, person: int, number: int, besides: Container[int] = ()) -> list[int]:
        """The next items that the person, as far as is known here, may be given; none of `besides`."""
        with self._lock:
            known = self._known.get(person) or set()
            fitting = (item for item in self._items if item not in known and item not in besides)
            return list(islice(fitting, number))

    def put(self, items: Iterable[int]) -> None:
        """Add ready items behind the others."""
        with self._lock:
            for item in items:
                if len(self._items) >= MOST:
                    return
                self._items.setdefault(item)

    def knows(self, person: int, items: Iterable[int]) -> None:
        """These are not for this person: judged, held, or contributed by them."""
        with self._lock:
            self._known.setdefault(person, set()).update(items)

    def gave(self, person: int, items: Sequence[int]) -> None:
        """These were given to this person."""
        self.knows(person, items)
        if not self._stays:
            with self._lock:
                for item in items:
                    if item in self._items:
                        del self._items[item]
                        self._items[item] = None

    def spend(self, items: Iterable[int]) -> None:
        """These are for nobody now: judged or held often enough, settled, or taken down."""
        with self._lock:
            for item in items:
                self._items.pop(item, None)


class Decks:
    """The decks of an app process, one for each campaign and wished category."""

    def __init__(self) -> None:
        self._decks: dict[tuple[int, int | None], Deck] = {}
        self._resting: dict[tuple[int, int, int | None], tuple[float, Outlook]] = {}
        self._lock = threading.Lock()

    def of(self, campaign: int, category: int | None, at: datetime, *, stays: bool) -> Deck:
        """The present deck; an empty one where there was none or it was made too long ago."""
        with self._lock:
            deck = self._decks.get((campaign, category))
            # Who waited for a turn comes with an older time, and takes the deck that others made meanwhile.
            if deck is None or not -SET_BACK < at - deck.made_at < LIVES:
                deck = self._decks[campaign, category] = Deck(at, stays=stays)
            return deck

    def rest(self, campaign: int, person: int, category: int | None, outlook: Outlook, searched: float) -> None:
        """A search of the whole campaign that took `searched` seconds found nothing for this person.

        A quick one may be repeated at once; a slow one not before twenty times as long has passed.
        """
        if searched > QUICK:
            with self._lock:
                self._resting[campaign, person, category] = (time.monotonic() + searched / SHARE_OF_TIME, outlook)

    def told(self, campaign: int, person: int, category: int | None) -> Outlook | None:
        """The outlook of such a search that was made a short while ago."""
        with self._lock:
            until, outlook = self._resting.get((campaign, person, category), (0.0, "wait"))
            return outlook if until > time.monotonic() else None
