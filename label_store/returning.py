"""Giving an item back to people: two more of them, before everything else, whatever consensus says meanwhile.

While it is with them its `priority` is above zero and its `extra` says where that ends: at the stopping rule's most and
so many more (fewer, where it was judged less). The next settling after that makes both zero again.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_

import consensus
from label_store.models import Item

EXTRA = 2


def most_judgments(stopping: Mapping[str, Any]) -> int:
    """How many active judgments an item may get: `n` of the fixed rule, `max_n` of the risk rule."""
    rule = consensus.StoppingRule.from_json(stopping)
    return rule.n if rule.rule == "fixed" else rule.max_n


def give_back(item: Item, stopping: Mapping[str, Any], priority: int = 1) -> None:
    """Two more people than have judged it. Done again before anybody has, it changes nothing."""
    item.extra = item.n + EXTRA - most_judgments(stopping)
    item.priority = max(item.priority, priority)
    item.state = "open"


def with_people(stopping: Mapping[str, Any]) -> ColumnElement[bool]:
    """Whether an item that was given back still waits for answers."""
    return and_(Item.priority > 0, Item.n < most_judgments(stopping) + Item.extra)
