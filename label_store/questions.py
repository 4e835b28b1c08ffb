"""A campaign's judgments as integer arrays: one question for verify and classify, one an attribute otherwise.

This is the seam between SQL and `consensus`, which knows arrays only. Reviewers' judgments are known answers (most of
them decide; where as many say one thing as another, nobody has), models and annotators are judges, flags no answers.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

import consensus
from label_store.models import Attribute, Campaign, CategoryParent, Item, Judgment

UNSURE = "unsure"
NO_PARENT = -1


@dataclass(frozen=True)
class CampaignItem:
    """An item as consensus needs it."""

    id: int
    category_id: int | None
    gold: Mapping[str, Any] | None


@dataclass(frozen=True)
class Vote:
    """One active judgment."""

    item_id: int
    person_id: int
    role: str
    answer: Mapping[str, Any]
    moment: float = math.nan
    """Seconds since 1970 when it was given in the app; NaN for one that was not timed, as imported ones."""
    seconds: float = 0.0
    """Time in view."""


@dataclass(frozen=True)
class CampaignData:
    """All that a consensus of a campaign depends on, in an order that does not depend on the database."""

    kind: str
    items: tuple[CampaignItem, ...]
    votes: tuple[Vote, ...]
    categories: tuple[str, ...]
    schemas: Mapping[int, Sequence[Mapping[str, Any]]]
    parents: tuple[int, ...] = ()
    """Of each category its parent in the taxonomy, by id; -1 without one. Categories of one parent are siblings."""


@dataclass(frozen=True)
class Question:
    """One categorical question: who gave which of `choices` to which item.

    `item_ids` and `person_ids` translate the arrays' integers; `gold` are positions into them
    (`decided`: those of them that a reviewer decided).
    `attribute` and `choice` name the part of the answer ('' for verify and classify; `choice` for one
    choice of an attribute that allows several, whose classes are no and yes).
    """

    attribute: str
    choice: str
    choices: tuple[str, ...]
    item_ids: tuple[int, ...]
    person_ids: tuple[int, ...]
    judgments: consensus.Judgments
    gold: Mapping[int, int]
    decided: frozenset[int] = frozenset()
    contested: frozenset[int] = frozenset()
    """Where as many reviewers say one answer as another: nobody has decided."""
    parents: NDArray[np.int64] | None = None
    """int64 [K], of each choice its parent in the taxonomy, -1 without one; None where no two have the same."""
    moment: NDArray[np.float64] | None = None
    seconds: NDArray[np.float64] | None = None
    """Per judgment, as in `Vote`."""


def read_campaign(session: Session, campaign: Campaign) -> CampaignData:
    """Read a campaign's items and active judgments."""
    items = tuple(
        CampaignItem(*row)
        for row in session.execute(
            select(Item.id, Item.category_id, Item.gold).where(Item.campaign_id == campaign.id).order_by(Item.id)
        )
    )
    votes = tuple(
        Vote(
            row.item_id,
            row.person_id,
            row.role,
            row.answer,
            row.answered_at.timestamp() if row.active_ms > 0 else math.nan,
            row.active_ms / 1000.0,
        )
        for row in session.execute(
            select(
                Judgment.item_id,
                Judgment.person_id,
                Judgment.role,
                Judgment.answer,
                Judgment.answered_at,
                Judgment.active_ms,
            )
            .join(Item, Item.id == Judgment.item_id)
            .where(Item.campaign_id == campaign.id, Judgment.active)
            .order_by(Judgment.item_id, Judgment.person_id, Judgment.role)
        )
    )
    schemas: dict[int, list[dict[str, Any]]] = defaultdict(list)
    wanted = {item.category_id for item in items if item.category_id is not None}
    for attribute in session.scalars(
        select(Attribute).where(Attribute.category_id.in_(wanted)).order_by(Attribute.position, Attribute.id)
    ):
        schemas[attribute.category_id].append(attribute.as_schema())
    slugs, ids = tuple(c.slug for c in campaign.categories), [c.id for c in campaign.categories]
    return CampaignData(campaign.kind, items, votes, slugs, dict(schemas), _parents(session, ids))


def _parents(session: Session, ids: Sequence[int]) -> tuple[int, ...]:
    """Of several parents of a category the one that most of these categories have (of equals the oldest)."""
    mine = set(ids)
    edges = [
        (child, parent)
        for child, parent in session.execute(select(CategoryParent.child_id, CategoryParent.parent_id))
        if child in mine
    ]
    children = Counter(parent for _, parent in edges)
    found: dict[int, int] = {}
    for child, parent in sorted(edges, key=lambda edge: (children[edge[1]], -edge[1])):
        found[child] = parent  # the last is the one with the most
    return tuple(found.get(i, NO_PARENT) for i in ids)


def questions(data: CampaignData) -> Iterator[Question]:
    """The categorical questions of a campaign, in a fixed order; boxes and polygons ask none (`settle_objects`)."""
    if data.kind == "verify":
        yield _question(data, "", "", ("no", "yes"), _value, _item_ids(data, None))
    elif data.kind == "classify":
        parents = np.array([*data.parents, NO_PARENT], dtype=np.int64) if _any_siblings(data.parents) else None
        yield _question(data, "", "", (*data.categories, "none"), _value, _item_ids(data, None), parents)
    elif data.kind == "attributes":
        for category_id, schemas in sorted(data.schemas.items()):
            ids = _item_ids(data, category_id)
            for schema in schemas:
                yield from _attribute_questions(data, schema, ids)


def _any_siblings(parents: Sequence[int]) -> bool:
    known = [parent for parent in parents if parent != NO_PARENT]
    return len(known) > len(set(known))


def _attribute_questions(data: CampaignData, schema: Mapping[str, Any], ids: tuple[int, ...]) -> Iterator[Question]:
    name = schema["name"]

    def one(answer: Mapping[str, Any]) -> str | None:
        picked = _values(answer).get(name)
        return picked if isinstance(picked, str) else None

    if not schema["multiple"]:
        yield _question(data, name, "", tuple(schema["choices"]), one, ids)
        return
    for choice in schema["choices"]:

        def has(answer: Mapping[str, Any], choice: str = choice) -> str | None:
            picked = _values(answer).get(name)
            if isinstance(picked, list):
                return "yes" if choice in picked else "no"
            return UNSURE if picked == UNSURE else None

        yield _question(data, name, choice, ("no", "yes"), has, ids)


def _values(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    values = answer.get("values")
    return values if isinstance(values, Mapping) else {}


def _item_ids(data: CampaignData, category_id: int | None) -> tuple[int, ...]:
    return tuple(item.id for item in data.items if category_id is None or item.category_id == category_id)


def _value(answer: Mapping[str, Any]) -> str | None:
    value = answer.get("value")
    return value if isinstance(value, str) else None


def _question(
    data: CampaignData,
    attribute: str,
    choice: str,
    choices: tuple[str, ...],
    pick: Any,
    item_ids: tuple[int, ...],
    parents: NDArray[np.int64] | None = None,
) -> Question:
    position = {item_id: n for n, item_id in enumerate(item_ids)}
    answers = {word: n for n, word in enumerate((*choices, UNSURE))}
    person_ids = tuple(sorted({vote.person_id for vote in data.votes if vote.role != "reviewer"}))
    who = {person_id: n for n, person_id in enumerate(person_ids)}
    gold: dict[int, int] = {}
    reviewed: dict[int, Counter[int]] = defaultdict(Counter)
    for item in data.items:
        known = answers.get(pick(item.gold) or "") if item.gold and item.id in position else None
        if known is not None and known < len(choices):
            gold[position[item.id]] = known
    rows: list[tuple[int, int, int]] = []
    times: list[tuple[float, float]] = []
    for vote in data.votes:
        answer = answers.get(pick(vote.answer) or "")
        if answer is None or vote.item_id not in position:
            continue  # a flag, or an item of another category
        if vote.role != "reviewer":
            rows.append((position[vote.item_id], who[vote.person_id], answer))
            times.append((vote.moment, vote.seconds))
        elif answer < len(choices):
            reviewed[position[vote.item_id]][answer] += 1
    decided, contested = set[int](), set[int]()
    for place, said in reviewed.items():
        most = [answer for answer, n in said.items() if n == max(said.values())]
        if len(most) == 1:
            gold[place] = most[0]
            decided.add(place)
        else:
            contested.add(place)
    array = np.array(rows, dtype=np.int64).reshape(-1, 3)
    judgments = consensus.Judgments(
        item=array[:, 0],
        annotator=array[:, 1],
        answer=array[:, 2],
        n_items=len(item_ids),
        n_annotators=len(person_ids),
        n_classes=len(choices),
        n_answers=len(choices) + 1,
    )
    timed = np.array(times, dtype=np.float64).reshape(-1, 2)
    return Question(
        attribute,
        choice,
        choices,
        item_ids,
        person_ids,
        judgments,
        gold,
        frozenset(decided),
        frozenset(contested),
        parents,
        timed[:, 0],
        timed[:, 1],
    )
