"""Who gets what next: a pure decision over the items that a person may still judge.

Under a fixed rule items near settling come first, so that finished ones come out early; under a risk rule
items with the fewest judgments do, because each may be sure enough before it has all it could get. Chance
decides among equals, and items whose answer is known (gold) are mixed in at a rate, in random places, so
that nobody can tell them apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from consensus import StoppingRule


@dataclass(frozen=True)
class Candidate:
    """An ordinary item that the person has not judged and does not hold."""

    item: int
    n: int
    """Active judgments."""
    leased: int = 0
    """Active leases of other people."""


def most_judgments(stopping: Mapping[str, Any]) -> int:
    """How many active judgments an item may get: `n` of the fixed rule, `max_n` of the risk rule."""
    rule = StoppingRule.from_json(stopping)
    return rule.n if rule.rule == "fixed" else rule.max_n


def order_of_counts(stopping: Mapping[str, Any]) -> list[int]:
    """The numbers of judgments that an item may have and still be given out, those to be given first first."""
    counts = list(range(most_judgments(stopping)))
    return counts if StoppingRule.from_json(stopping).rule == "risk" else counts[::-1]


def has_room(candidate: Candidate, most: int) -> bool:
    """Whether one more person may be given the item: judgments and leases stay within what is asked for."""
    return candidate.n + candidate.leased < most


def choose(
    candidates: Sequence[Candidate],
    gold: Sequence[int],
    wanted: int,
    *,
    stopping: Mapping[str, Any],
    gold_rate: float,
    random: Random,
) -> list[int]:
    """At most `wanted` item ids, in the order in which they are shown.

    Each place is a gold item with probability `gold_rate` as long as there is gold that the person has not
    seen. Gold never fills places for want of ordinary items: a person with nothing left to do is done.
    """
    counts = order_of_counts(stopping)
    open_ones = [candidate for candidate in candidates if has_room(candidate, len(counts))]
    random.shuffle(open_ones)
    open_ones.sort(key=lambda candidate: counts.index(candidate.n))  # stable: chance decides among equals
    unseen = list(gold)
    random.shuffle(unseen)
    drawn = sum(random.random() < gold_rate for _ in range(min(wanted, len(open_ones))))
    with_gold = unseen[:drawn]
    ordinary = [candidate.item for candidate in open_ones[: wanted - len(with_gold)]]
    chosen = ordinary + with_gold
    random.shuffle(chosen)
    return chosen
