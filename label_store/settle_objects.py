"""The consensus of a campaign of boxes or polygons: fused objects with the probability that each exists.

Reviewers' drawings decide an item; everybody else's are matched and fused (`consensus.objects`). An item is open below
the judgments of its rule, disputed where its list of objects is more likely wrong than right, else settled.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

import consensus
from consensus.intervals import wilson
from consensus.objects import FusedObject, ObjectsResult, drawings_of, fit_objects, same_objects
from label_store.models import Campaign, Person
from label_store.questions import CampaignData, Vote
from label_store.settle_annotators import AnnotatorReport
from label_store.settle_items import ItemConsensus

if TYPE_CHECKING:
    from label_store.settle import Assessment

METHOD = "objects"
VERSION = "1"
KINDS = {"boxes": "boxes", "polygons": "shapes"}
"""Kind of campaign -> the name of its answers' list."""
_DIGITS = 4
_LEAST = 0.5


def assess_objects(session: Session, campaign: Campaign, data: CampaignData) -> "Assessment":
    """Fused objects, annotators and risks of a campaign whose kind is one of KINDS; writes nothing."""
    from label_store.settle import Assessment

    place = {item.id: n for n, item in enumerate(data.items)}
    judges = [vote for vote in data.votes if vote.role != "reviewer"]
    people = sorted({vote.person_id for vote in judges})
    who = {person_id: n for n, person_id in enumerate(people)}
    drawn = [(place[vote.item_id], who[vote.person_id], vote.answer) for vote in judges]
    fused = fit_objects(drawings_of(drawn, data.categories, len(data.items), len(people)))
    rule = consensus.StoppingRule.from_json(campaign.stopping)
    items = _items(data, fused, rule)
    names = {row.id: row.name for row in session.execute(select(Person.id, Person.name))}
    error = consensus.label_error_of(np.array([item.risk for item in items if item.state == "settled"]))
    states = {state: sum(item.state == state for item in items) for state in ("open", "settled", "disputed")}
    return Assessment(
        campaign=campaign.slug,
        kind=campaign.kind,
        method=f"{METHOD}/{VERSION}",
        items=items,
        annotators=_annotators(data, people, fused, names),
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


def _items(data: CampaignData, fused: ObjectsResult, rule: consensus.StoppingRule) -> tuple[ItemConsensus, ...]:
    objects: dict[int, list[FusedObject]] = defaultdict(list)
    for one in fused.objects:
        objects[one.item].append(one)
    right = 1.0 - fused.risk
    # A list that is wrong rather than right is as undecided as a tie.
    two = np.column_stack([right, np.where(fused.risk >= _LEAST, right, 0.0)])
    states = consensus.states(two, fused.n, rule)
    name = KINDS[data.kind]
    decided: dict[int, Vote] = {}
    flagged: set[int] = set()
    for vote in data.votes:
        if vote.role == "reviewer" and name in vote.answer:
            decided[vote.item_id] = vote
        elif vote.role == "reviewer" and "flag" in vote.answer:
            flagged.add(vote.item_id)
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
            answer = {name: [dict(thing) | {"p": 1.0} for thing in decided[item.id].answer[name]]}
        elif n == 0:
            state, answer = "open", None
        if item.id in flagged:
            state = "disputed"
        rows.append(ItemConsensus(item.id, state, answer, {"objects": [_told(one, data) for one in found]}, risk, n))
    return tuple(rows)


def _drawn(one: FusedObject, data: CampaignData) -> dict[str, Any]:
    """The object as an answer holds it, with p that it exists."""
    about: dict[str, Any] = {"category": data.categories[one.category], "p": round(one.p, _DIGITS)}
    if one.shape is not None:
        return about | {"rings": [[[float(x), float(y)] for x, y in ring] for ring in one.shape]}
    x, y, w, h = (float(side) for side in one.box)
    return about | {"x": x, "y": y, "w": w, "h": h, "crowd": False}


def _told(one: FusedObject, data: CampaignData) -> dict[str, Any]:
    return {
        "category": data.categories[one.category],
        "p": round(one.p, _DIGITS),
        "agreed": round(one.agreed, _DIGITS),
        "drawn_by": len(one.drawn_by),
        "box": [float(side) for side in one.box],
    }


def _annotators(
    data: CampaignData, people: list[int], fused: ObjectsResult, names: Mapping[int, str]
) -> tuple[AnnotatorReport, ...]:
    """Accuracy: of the objects that exist on a person's items or that he drew, the share that exist and he drew."""
    gold = {item.id: item.gold for item in data.items if item.gold is not None}
    seen: dict[int, set[int]] = defaultdict(set)
    place = {item.id: n for n, item in enumerate(data.items)}
    told: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    total: dict[int, int] = defaultdict(int)
    for vote in data.votes:
        if vote.role == "reviewer":
            continue
        total[vote.person_id] += 1
        if KINDS[data.kind] in vote.answer:
            seen[place[vote.item_id]].add(vote.person_id)
            known = gold.get(vote.item_id)
            if known is not None and vote.role == "annotator" and KINDS[data.kind] in known:
                told[vote.person_id][0] += 1
                told[vote.person_id][1] += int(same_objects(vote.answer, known))
    hits: dict[int, float] = defaultdict(float)
    all_of: dict[int, float] = defaultdict(float)
    for one in fused.objects:
        drew = {people[j] for j in one.drawn_by}
        for person_id in seen[one.item]:
            hits[person_id] += one.p * (person_id in drew)
            all_of[person_id] += 1.0 if person_id in drew else one.p
    reports = []
    for person_id in people:
        low, high = wilson(hits[person_id], all_of[person_id])
        accuracy = hits[person_id] / all_of[person_id] if all_of[person_id] else 1.0
        gold_n, gold_right = told[person_id]
        reports.append(
            AnnotatorReport(
                person_id,
                names.get(person_id, str(person_id)),
                total[person_id],
                accuracy,
                low,
                high,
                gold_n,
                gold_right,
                (),
            )
        )
    return tuple(reports)
