"""Who gets what next: a pure decision over the items that a person may still judge.

What a model disputes comes first. Then, unless a curator chose otherwise, items near settling under a fixed rule,
so that finished ones come out early, and the least judged ones under a risk rule, because each may be sure enough
before it has all it could get. Chance decides among equals, and items whose answer is known (gold) are mixed in, in
random places, so that nobody can tell them apart.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from consensus import StoppingRule
from label_store.returning import most_judgments

Order = Literal["auto", "near_first", "near_last"]
"""Items near settling first or last; `auto`: first under a fixed rule, last under a risk rule."""


@dataclass(frozen=True)
class Candidate:
    """An ordinary item as it stands for one person."""

    item: int
    n: int
    """Active judgments."""
    leased: int = 0
    """Active leases of other people."""
    category: int | None = None
    priority: int = 0
    """Above zero: to be given before all others, the highest first (a model disputes what people said)."""
    judged: bool = False
    """The person has judged it."""
    held: bool = False
    """The person holds it already."""
    given: bool = False
    """The person contributed its picture."""
    extra: int = 0
    """Judgments that it may get beyond the stopping rule's most (below zero: fewer): it was given back."""


@dataclass(frozen=True)
class Gold:
    """An item whose answer is known and that the person has not seen. `right`: verify only, the answer is yes."""

    item: int
    right: bool | None = None


@dataclass(frozen=True)
class Page:
    """A page of fixed make-up, as ImageNetV2's: so many pictures, of which so many are known right and known wrong."""

    items: int
    right: int
    wrong: int


@dataclass(frozen=True)
class Rules:
    """What a campaign asks of the choice. `left`: how many more of a category the person may have (absent: any)."""

    stopping: Mapping[str, Any]
    order: Order = "auto"
    gold_rate: float = 0.0
    page: Page | None = None
    left: Mapping[int, int] | None = None


def order_of_counts(stopping: Mapping[str, Any], order: Order = "auto") -> list[int]:
    """The numbers of judgments that an item may have and still be given out, those to be given first first."""
    counts = list(range(most_judgments(stopping)))
    if order == "auto":
        order = "near_last" if StoppingRule.from_json(stopping).rule == "risk" else "near_first"
    return counts if order == "near_last" else counts[::-1]


def finishes_items(stopping: Mapping[str, Any], order: Order = "auto") -> bool:
    """Whether items near settling come first, so that one is finished before the next is begun."""
    return order_of_counts(stopping, order)[0] > 0


def has_room(candidate: Candidate, most: int) -> bool:
    """Whether one more person may be given the item: judgments and leases stay within what is asked for."""
    return candidate.n + candidate.leased < most + candidate.extra


def may_be_given(candidate: Candidate, most: int) -> bool:
    """Whether this person may: there is room, it is new to them, and they did not contribute its picture."""
    return has_room(candidate, most) and not (candidate.judged or candidate.held or candidate.given)


def choose(
    candidates: Sequence[Candidate], gold: Sequence[Gold], wanted: int, rules: Rules, random: Random
) -> list[int]:
    """At most `wanted` item ids, in the order in which they are shown.

    Each place is a gold item with probability `gold_rate` as long as there is gold that the person has not
    seen; on a page of fixed make-up the numbers are as it says. Gold never fills places for want of ordinary
    items: a person with nothing left to do is done.
    """
    counts = order_of_counts(rules.stopping, rules.order)
    place = {n: k for k, n in enumerate(counts)}
    open_ones = [candidate for candidate in candidates if may_be_given(candidate, len(counts))]
    random.shuffle(open_ones)
    # Stable: chance decides among equals.
    open_ones.sort(key=lambda candidate: (-candidate.priority, place.get(candidate.n, -1)))
    open_ones = _within_limits(open_ones, rules.left)
    if rules.page and wanted < rules.page.right + rules.page.wrong:
        return []  # a limit leaves less than the known ones of a page
    with_gold = _gold(gold, min(wanted, len(open_ones)), rules, random)
    chosen = [candidate.item for candidate in open_ones[: wanted - len(with_gold)]] + with_gold
    random.shuffle(chosen)
    return chosen


def _within_limits(candidates: list[Candidate], left: Mapping[int, int] | None) -> list[Candidate]:
    if left is None:
        return candidates
    taken: Counter[int | None] = Counter()
    within = []
    for candidate in candidates:
        if taken[candidate.category] < left.get(candidate.category or 0, len(candidates)):
            taken[candidate.category] += 1
            within.append(candidate)
    return within


def _gold(gold: Sequence[Gold], places: int, rules: Rules, random: Random) -> list[int]:
    unseen = list(gold)
    random.shuffle(unseen)
    if rules.page is None:
        drawn = sum(random.random() < rules.gold_rate for _ in range(places))
        return [known.item for known in unseen[:drawn]]
    if places == 0:
        return []
    right = [known.item for known in unseen if known.right]
    wrong = [known.item for known in unseen if known.right is False]
    return right[: rules.page.right] + wrong[: rules.page.wrong]
