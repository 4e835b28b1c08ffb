"""Settling a campaign: its judgments through `consensus`, and the posteriors back into the store.

`assess` only reads and computes (the curator's page, reports); `settle` also writes the consensus rows
and the items' states. The same judgments give the same numbers to the last bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

import consensus
from label_store.errors import UsageError
from label_store.events import log_event
from label_store.fitting import fit_questions
from label_store.models import Campaign, Consensus, Item, Person, now
from label_store.questions import CampaignData, Question, questions, read_campaign
from label_store.settle_objects import KINDS, assess_objects
from label_store.workspace import Workspace

DEFAULT_METHOD = "map-dawid-skene"
TOP = 10
"""A posterior names at most so many answers; the rest of its mass is `other`."""


@dataclass(frozen=True)
class AnnotatorReport:
    """How good one person is in a campaign, with what is suspicious."""

    person_id: int
    name: str
    n: int
    accuracy: float
    low: float
    high: float
    gold_n: int
    gold_right: int
    flags: tuple[str, ...]


@dataclass(frozen=True)
class ItemConsensus:
    """One item's row of `consensus`."""

    item_id: int
    state: str
    answer: dict[str, Any] | None
    posterior: dict[str, Any]
    risk: float
    n: int


@dataclass(frozen=True)
class Assessment:
    """What the judgments of a campaign say."""

    campaign: str
    kind: str
    method: str
    items: tuple[ItemConsensus, ...]
    annotators: tuple[AnnotatorReport, ...]
    judgments: int
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    label_error: float | None
    label_error_low: float | None
    label_error_high: float | None
    version: int = 0
    states: Mapping[str, int] = field(default_factory=dict)


def find_campaign(session: Session, slug: str) -> Campaign:
    """The campaign with this slug; UsageError names the newest of those there are."""
    campaign = session.scalar(select(Campaign).where(Campaign.slug == slug))
    if campaign is None:
        known = list(session.scalars(select(Campaign.slug).order_by(Campaign.id.desc()).limit(8)))
        raise UsageError(
            f"there is no campaign {slug!r}",
            hint=f"there are {', '.join(known)}" if known else "make one with `cairn campaign create`",
        )
    return campaign


def assess(session: Session, campaign: Campaign, method: str = DEFAULT_METHOD) -> Assessment:
    """Posteriors, annotators and agreement of a campaign from its active judgments; writes nothing."""
    data = read_campaign(session, campaign)
    if data.kind in KINDS:
        return assess_objects(session, campaign, data)
    asked = list(questions(data))
    results = fit_questions(asked, method)
    rule = consensus.StoppingRule.from_json(campaign.stopping)
    gold_ids = {item.id for item in data.items if item.gold is not None}
    items = _items(data, asked, results, rule, gold_ids)
    names = {row.id: row.name for row in session.execute(select(Person.id, Person.name))}
    largest = max(range(len(asked)), key=lambda n: len(asked[n].judgments), default=None)
    alpha = consensus.krippendorff_alpha(asked[largest].judgments) if largest is not None else None
    error = consensus.label_error_of(np.array([item.risk for item in items if item.state == "settled"]))
    states: dict[str, int] = {"open": 0, "settled": 0, "disputed": 0}
    for item in items:
        states[item.state] += 1
    return Assessment(
        campaign=campaign.slug,
        kind=campaign.kind,
        method=f"{method}/{results[0].version if results else consensus.VERSION}",
        items=items,
        annotators=_annotators(data, asked, results, names),
        judgments=len(data.votes),
        alpha=alpha.alpha if alpha else None,
        alpha_low=alpha.low if alpha else None,
        alpha_high=alpha.high if alpha else None,
        label_error=error.estimate,
        label_error_low=error.low,
        label_error_high=error.high,
        version=campaign.consensus_version,
        states=states,
    )


def settle(workspace: Workspace, slug: str, method: str | None = DEFAULT_METHOD, *, told: bool = True) -> Assessment:
    """Compute a campaign's consensus and keep it; another method is a new version beside the old one.

    A method that was used before writes its own version anew. `method` None is the campaign's own: the one it
    was last settled with. `told` adds an event; the app's live consensus, which settles every other second,
    does without. Two that settle one campaign at once do so one after the other.
    """
    with workspace.write() as session:
        campaign = find_campaign(session, slug)
        # NO KEY: people may go on leasing items of the campaign meanwhile (their rows reference it).
        session.refresh(campaign, with_for_update={"key_share": True})
        if method is None:
            method = (campaign.consensus_method or DEFAULT_METHOD).split("/")[0]
        assessment = assess(session, campaign, method)
        if campaign.consensus_method != assessment.method:
            campaign.consensus_version = _version(session, campaign, assessment.method)
            campaign.consensus_method = assessment.method
        _keep(session, campaign, assessment)
        if told:
            log_event(session, "settle", f"campaigns:{campaign.slug}", method=assessment.method, **assessment.states)
        version = campaign.consensus_version
    return Assessment(**{**assessment.__dict__, "version": version})


def _version(session: Session, campaign: Campaign, method: str) -> int:
    """The version this method already has in the campaign, else the next one."""
    versions = select(func.max(Consensus.version)).join(Item).where(Item.campaign_id == campaign.id)
    own = session.scalar(versions.where(Consensus.method == method))
    return own or max(campaign.consensus_version, session.scalar(versions) or 0) + 1


def _keep(session: Session, campaign: Campaign, assessment: Assessment) -> None:
    mine = select(Item.id).where(Item.campaign_id == campaign.id)
    session.execute(
        delete(Consensus).where(Consensus.version == campaign.consensus_version, Consensus.item_id.in_(mine))
    )
    at = now()
    rows = [
        {
            "item_id": item.item_id,
            "version": campaign.consensus_version,
            "state": item.state,
            "answer": item.answer,
            "posterior": item.posterior,
            "risk": item.risk,
            "n": item.n,
            "method": assessment.method,
            "at": at,
        }
        for item in assessment.items
    ]
    for start in range(0, len(rows), 5000):
        session.execute(insert(Consensus), rows[start : start + 5000])
    for state in ("open", "settled", "disputed"):
        session.execute(
            update(Item)
            .where(
                Item.id.in_(
                    select(Consensus.item_id).where(
                        Consensus.version == campaign.consensus_version,
                        Consensus.state == state,
                        Consensus.item_id.in_(mine),
                    )
                ),
                Item.state != state,
            )
            .values(state=state)
            .execution_options(synchronize_session=False)
        )


def _items(
    data: CampaignData,
    asked: Sequence[Question],
    results: Sequence[consensus.Result],
    rule: consensus.StoppingRule,
    gold_ids: set[int],
) -> tuple[ItemConsensus, ...]:
    """One row an item that is not gold; an item of several questions is as sure as its least sure one."""
    parts: dict[int, list[tuple[int, int]]] = {item.id: [] for item in data.items if item.id not in gold_ids}
    for q, question in enumerate(asked):
        for position, item_id in enumerate(question.item_ids):
            if item_id in parts:
                parts[item_id].append((q, position))
    states = [consensus.states(result.posterior, result.n, rule) for result in results]
    flagged = {vote.item_id for vote in data.votes if vote.role == "reviewer" and "flag" in vote.answer}
    rows = []
    for item_id, places in parts.items():
        if not places:
            continue
        n = max(int(results[q].n[position]) for q, position in places)
        seen = {str(states[q][position]) for q, position in places}
        state = next(state for state in ("open", "disputed", "settled") if state in seen)
        answer: dict[str, Any] | None
        answer, posterior = _answer(data.kind, asked, results, places)
        decided = all(position in asked[q].decided for q, position in places)
        if n == 0 and not decided:
            state, answer = "open", None
        if item_id in flagged:
            state = "disputed"
        elif decided:
            state = "settled"
        risk = max(float(results[q].risk[position]) for q, position in places)
        rows.append(ItemConsensus(item_id, state, answer, posterior, min(max(risk, 0.0), 1.0), n))
    return tuple(rows)


def _answer(
    kind: str, asked: Sequence[Question], results: Sequence[consensus.Result], places: Sequence[tuple[int, int]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    if kind != "attributes":
        (q, position) = places[0]
        row = results[q].posterior[position]
        return {"value": asked[q].choices[int(row.argmax())]}, _top(asked[q].choices, row)
    values: dict[str, Any] = {}
    posterior: dict[str, dict[str, float]] = {}
    for q, position in places:
        question, row = asked[q], results[q].posterior[position]
        if question.choice:
            picked = values.setdefault(question.attribute, [])
            if row[1] > 0.5:
                picked.append(question.choice)
            posterior.setdefault(question.attribute, {})[question.choice] = float(row[1])
        else:
            values[question.attribute] = question.choices[int(row.argmax())]
            posterior[question.attribute] = _top(question.choices, row)
    return {"values": values}, posterior


def _top(choices: Sequence[str], row: np.ndarray) -> dict[str, float]:
    """Answer -> probability, the likeliest first; beyond ten the rest is `other`."""
    order = np.argsort(-row, kind="stable")
    top = {choices[int(k)]: float(row[k]) for k in order[:TOP]}
    if len(order) > TOP:
        top["other"] = float(max(0.0, row[order[TOP:]].sum()))
    return top


def _annotators(
    data: CampaignData, asked: Sequence[Question], results: Sequence[consensus.Result], names: Mapping[int, str]
) -> tuple[AnnotatorReport, ...]:
    """Per person, over all questions: accuracy weighted by answers, the widest of its intervals, all flags."""
    gold = {item.id: item.gold for item in data.items if item.gold is not None}
    right: dict[int, list[int]] = {}
    for vote in data.votes:
        if vote.item_id in gold and vote.role == "annotator" and "flag" not in vote.answer:
            told = right.setdefault(vote.person_id, [0, 0])
            told[0] += 1
            told[1] += int(_same(vote.answer, gold[vote.item_id]))
    total: dict[int, int] = {}
    for vote in data.votes:
        if vote.role != "reviewer":
            total[vote.person_id] = total.get(vote.person_id, 0) + 1
    flags = [
        consensus.flags(result, question.judgments, seconds=question.seconds, moment=question.moment)
        for question, result in zip(asked, results, strict=True)
    ]
    reports = []
    for person_id in sorted(total):
        rows, raised = [], set[str]()
        for q, question in enumerate(asked):
            if person_id in question.person_ids:
                a = question.person_ids.index(person_id)
                quality = results[q].annotator
                if quality.n[a] > 0:
                    rows.append((quality.n[a], quality.accuracy[a], quality.low[a], quality.high[a]))
                    raised |= flags[q][a]
        weights = np.array([row[0] for row in rows], dtype=float)
        accuracy, low, high = (
            float(np.average([row[k] for row in rows], weights=weights)) if rows else 0.0 for k in (1, 2, 3)
        )
        gold_n, gold_right = right.get(person_id, [0, 0])
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
                tuple(sorted(raised)),
            )
        )
    return tuple(reports)


def _same(answer: Mapping[str, Any], gold: Mapping[str, Any] | None) -> bool:
    """Whether an answer is the gold one (a comment beside it does not matter)."""
    known = {key: value for key, value in (gold or {}).items() if key != "comment"}
    return {key: value for key, value in answer.items() if key != "comment"} == known
