"""The consensus of a campaign of boxes or polygons: fused objects with the probability that each exists.

Reviewers' drawings decide an item (not where they contradict each other); everybody else's are matched and fused
(`consensus.objects`). An item is open below the judgments of its rule, disputed where its list of objects is more
likely wrong than right, else settled.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

import consensus
from consensus.intervals import wilson
from consensus.objects import FusedObject, ObjectsResult, drawings_of, fit_objects, same_objects
from label_store.assessment import STATES, Assessment
from label_store.models import Campaign, Person
from label_store.questions import CampaignData
from label_store.settle_annotators import AnnotatorReport, Measured, reports_of
from label_store.settle_items import ItemConsensus

METHOD = "objects"
VERSION = "2"
KINDS = {"boxes": "boxes", "polygons": "shapes"}
"""Kind of campaign -> the name of its answers' list."""
_DIGITS = 4
_LEAST = 0.5


def assess_objects(session: Session, campaign: Campaign, data: CampaignData) -> Assessment:
    """Fused objects, annotators and risks of a campaign whose kind is one of KINDS; writes nothing."""
    fused = fuse(data)
    rule = consensus.StoppingRule.from_json(campaign.stopping)
    items = items_of_objects(data, fused, rule)
    names = {row.id: row.name for row in session.execute(select(Person.id, Person.name))}
    error = consensus.label_error_of(np.array([item.risk for item in items if item.state == "settled"]))
    states = {state: sum(item.state == state for item in items) for state in STATES}
    return Assessment(
        campaign=campaign.slug,
        kind=campaign.kind,
        method=f"{METHOD}/{VERSION}",
        items=items,
        annotators=_annotators(data, fused, names),
        judgments=len(data.votes),
        alpha=None,
        alpha_low=None,
        alpha_high=None,
        label_error=error.estimate,
        label_error_low=error.low,
        label_error_high=error.high,
        version=campaign.consensus_version,
        states=states,
    )


def fuse(data: CampaignData) -> ObjectsResult:
    """What everybody but reviewers drew, fused; annotators are numbered as `judges_of` names them."""
    place = {item.id: n for n, item in enumerate(data.items)}
    people = judges_of(data)
    who = {person_id: n for n, person_id in enumerate(people)}
    drawn = [(place[vote.item_id], who[vote.person_id], vote.answer) for vote in data.votes if vote.role != "reviewer"]
    return fit_objects(drawings_of(drawn, data.categories, len(data.items), len(people)))


def judges_of(data: CampaignData) -> list[int]:
    """The people whose drawings are fused, in order."""
    return sorted({vote.person_id for vote in data.votes if vote.role != "reviewer"})


def decisions_of(data: CampaignData) -> tuple[dict[int, Mapping[str, Any]], set[int]]:
    """Item -> what a reviewer drew (the first of several who drew the same objects); and items where they contradict
    each other, or flagged the picture."""
    name = KINDS[data.kind]
    decided: dict[int, Mapping[str, Any]] = {}
    disputed: set[int] = set()
    for vote in data.votes:
        if vote.role == "reviewer" and "flag" in vote.answer:
            disputed.add(vote.item_id)
        elif vote.role == "reviewer" and name in vote.answer:
            first = decided.setdefault(vote.item_id, vote.answer)
            if first is not vote.answer and not same_objects(first, vote.answer):
                disputed.add(vote.item_id)
    return {item_id: answer for item_id, answer in decided.items() if item_id not in disputed}, disputed


def items_of_objects(
    data: CampaignData, fused: ObjectsResult, rule: consensus.StoppingRule
) -> tuple[ItemConsensus, ...]:
    """One row an item that is not gold."""
    objects: dict[int, list[FusedObject]] = defaultdict(list)
    for one in fused.objects:
        objects[one.item].append(one)
    right = 1.0 - fused.risk
    # A list that is wrong rather than right is as undecided as a tie.
    two = np.column_stack([right, np.where(fused.risk >= _LEAST, right, 0.0)])
    states = consensus.states(two, fused.n, rule)
    name = KINDS[data.kind]
    decided, contested = decisions_of(data)
    rows = []
    for position, item in enumerate(data.items):
        if item.gold is not None:
            continue
        found = objects[position]
        state, risk, n = str(states[position]), float(fused.risk[position]), int(fused.n[position])
        answer: dict[str, Any] | None = {
            name: [_drawn(one, data) for one in found if one.p >= _LEAST],
        }
        if item.id in decided:
            state, risk = "settled", 0.0
            answer = {name: [dict(thing) | {"p": 1.0} for thing in decided[item.id][name]]}
        elif n == 0:
            state, answer = "open", None
        if item.id in contested:
            state = "disputed"
        rows.append(ItemConsensus(item.id, state, answer, {"objects": [_told(one, data) for one in found]}, risk, n))
    return tuple(rows)


def _drawn(one: FusedObject, data: CampaignData) -> dict[str, Any]:
    """The object as an answer holds it, with p that it exists."""
    about: dict[str, Any] = {"category": data.categories[one.category], "p": _rounded(one.p)}
    if one.shape is not None:
        return about | {"rings": [[[float(x), float(y)] for x, y in ring] for ring in one.shape]}
    x, y, w, h = (float(side) for side in one.box)
    return about | {"x": x, "y": y, "w": w, "h": h, "crowd": False}


def _rounded(p: float) -> float:
    """Never 1, which is what a reviewer says (`dataset_builder.label_error` tells by it whose a list is)."""
    return min(round(p, _DIGITS), 1.0 - 10.0**-_DIGITS)


def _told(one: FusedObject, data: CampaignData) -> dict[str, Any]:
    return {
        "category": data.categories[one.category],
        "p": _rounded(one.p),
        "agreed": round(one.agreed, _DIGITS),
        "drawn_by": len(one.drawn_by),
        "box": [float(side) for side in one.box],
    }


def _annotators(data: CampaignData, fused: ObjectsResult, names: Mapping[int, str]) -> tuple[AnnotatorReport, ...]:
    """Accuracy: of the objects that exist on a person's items or that he drew, the share that exist and he drew."""
    name, people = KINDS[data.kind], judges_of(data)
    place = {item.id: n for n, item in enumerate(data.items)}
    seen: dict[int, set[int]] = defaultdict(set)
    for vote in data.votes:
        if vote.role != "reviewer" and name in vote.answer:
            seen[place[vote.item_id]].add(vote.person_id)
    hits: dict[int, float] = defaultdict(float)
    all_of: dict[int, float] = defaultdict(float)
    for one in fused.objects:
        drew = {people[j] for j in one.drawn_by}
        for person_id in seen[one.item]:
            hits[person_id] += one.p * (person_id in drew)
            all_of[person_id] += 1.0 if person_id in drew else one.p

    def measured(person_id: int) -> Measured:
        low, high = wilson(hits[person_id], all_of[person_id])
        return Measured(hits[person_id] / all_of[person_id] if all_of[person_id] else 1.0, low, high)

    def same(answer: Mapping[str, Any], gold: Mapping[str, Any]) -> bool | None:
        return same_objects(answer, gold) if name in answer and name in gold else None

    return reports_of(data, names, measured, same)
