"""How well the people of a campaign agree: Krippendorff's alpha over the words of their answers.

Judgments are read page by page into arrays of numbers, so that a million of them take some megabytes.
"""

import json
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import Select, String, bindparam, func, select, type_coerce
from sqlalchemy.orm import Session

import consensus
from label_store import as_word, is_flag
from label_store.models import Campaign, Item, Judgment
from label_store.one_step import Query, fetch

KINDS = ("verify", "classify", "attributes")
"""Kinds whose answers are the same or not; of drawings nobody asks that."""
_ITEMS_A_PAGE = 2_000


def alpha_of(session: Session, campaign: Campaign) -> float | None:
    """Nominal alpha of the ordinary items' active judgments; None where there is nothing to compare.

    Flags and "unsure" are no answers. Krippendorff, Content Analysis (2004), section 11.3.
    """
    if campaign.kind not in KINDS:
        return None
    people: dict[int, int] = {}
    words: dict[str, int | None] = {}
    """What was said, as it is stored, by the number of its word; None: no answer."""
    numbers: dict[str, int] = {}
    pages = []
    items, last = 0, 0
    while (to := session.scalar(_end_of_page(), {"campaign": campaign.id, "above": last})) is not None:
        rows = fetch(session.connection(), _judgments(), {"campaign": campaign.id, "above": last, "to": to})
        place: dict[int, int] = {}
        page = []
        for item, person, answer in rows:
            said = answer if isinstance(answer, str) else json.dumps(answer, sort_keys=True)
            if said not in words:
                word = _word(json.loads(said))
                words[said] = None if word is None else numbers.setdefault(word, len(numbers))
            if (number := words[said]) is not None:
                place.setdefault(item, items + len(place))
                page.append((place[item], people.setdefault(person, len(people)), number))
        items += len(place)
        if page:
            pages.append(np.array(page, dtype=np.int64))
        last = to
    if not pages:
        return None
    table = np.concatenate(pages)
    return consensus.krippendorff_alpha(
        consensus.Judgments(
            item=table[:, 0],
            annotator=table[:, 1],
            answer=table[:, 2],
            n_items=items,
            n_annotators=len(people),
            n_classes=max(2, len(numbers)),
            n_answers=max(2, len(numbers)),
        ),
        resamples=1,
    ).alpha


def _word(answer: dict[str, Any]) -> str | None:
    if is_flag(answer) or answer.get("value") == "unsure":
        return None
    return as_word({key: value for key, value in answer.items() if key != "comment"})


def _ordinary() -> tuple[Any, ...]:
    # No index knows this expression: by one of the campaign each page, a range of ids, would read it all.
    return (Item.campaign_id + 0 == bindparam("campaign"), Item.id > bindparam("above"), Item.gold.is_(None))


@cache
def _end_of_page() -> Select[Any]:
    page = select(Item.id).where(*_ordinary()).order_by(Item.id).limit(_ITEMS_A_PAGE).subquery()
    return select(func.max(page.c.id))


@cache
def _judgments() -> Query:
    return (
        select(Judgment.item_id, Judgment.person_id, type_coerce(Judgment.answer, String).label("answer"))
        .join(Item, Item.id == Judgment.item_id)
        .where(*_ordinary(), Item.id <= bindparam("to"), Judgment.active, Judgment.role == "annotator")
    )
