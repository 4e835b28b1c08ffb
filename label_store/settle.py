"""Settling a campaign: its judgments through `consensus`, and the posteriors back into the store.

`assess` only reads and computes (the curator's page, reports); `settle` also writes the consensus rows
and the items' states. The same judgments give the same numbers to the last bit.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import consensus
from consensus.cautions import cautions
from label_store.assessment import STATES, Assessment
from label_store.errors import UsageError
from label_store.events import log_event
from label_store.fitting import FittedQuestion, fit_questions
from label_store.model_opinion import join_opinions, parts_of
from label_store.models import Campaign, Consensus, Item, Person
from label_store.questions import UNSURE, CampaignData, Question, questions, read_campaign
from label_store.settle_annotators import annotators_of
from label_store.settle_items import items_of
from label_store.settle_objects import KINDS, assess_objects
from label_store.settle_writing import my_turn, write_items
from label_store.workspace import Workspace

DEFAULT_METHOD = "map-dawid-skene"


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
    """Posteriors, annotators and agreement of a campaign from its active judgments; writes nothing.

    `METHOD+RUN` counts a run's predictions as one more judge (`label_store.feedback`).
    """
    return _assess(session, campaign, method, read_campaign(session, campaign))


def _assess(session: Session, campaign: Campaign, method: str, data: CampaignData) -> Assessment:
    if data.kind in KINDS:
        return assess_objects(session, campaign, data)
    asked = list(questions(data))
    base, run = parts_of(method)
    fitted = fit_questions(asked, base)
    if run:
        fitted = join_opinions(session, campaign, run, asked, fitted)
    rule = consensus.StoppingRule.from_json(campaign.stopping)
    gold_ids = {item.id for item in data.items if item.gold is not None}
    items = items_of(data, asked, fitted, rule, gold_ids)
    names = {row.id: row.name for row in session.execute(select(Person.id, Person.name))}
    largest = max(range(len(asked)), key=lambda n: len(asked[n].judgments), default=None)
    alpha = consensus.krippendorff_alpha(asked[largest].judgments) if largest is not None else None
    error = consensus.label_error_of(np.array([item.risk for item in items if item.state == "settled"]))
    return Assessment(
        campaign=campaign.slug,
        kind=campaign.kind,
        method=f"{method}/{fitted[0].result.version if fitted else consensus.VERSION}",
        items=items,
        annotators=annotators_of(data, asked, fitted, names),
        judgments=len(data.votes),
        alpha=alpha.alpha if alpha else None,
        alpha_low=alpha.low if alpha else None,
        alpha_high=alpha.high if alpha else None,
        label_error=error.estimate,
        label_error_low=error.low,
        label_error_high=error.high,
        version=campaign.consensus_version,
        states={state: sum(item.state == state for item in items) for state in STATES},
        cautions=tuple(_cautions(asked, fitted, largest, alpha)),
    )


def _cautions(
    asked: Sequence[Question],
    fitted: Sequence[FittedQuestion],
    largest: int | None,
    alpha: consensus.Agreement | None,
) -> list[str]:
    """What speaks against a group of annotators, per question; agreement is measured of the largest question only."""
    out = []
    for q, (question, one) in enumerate(zip(asked, fitted, strict=True)):
        agreement = alpha if q == largest else None
        named = f"{question.attribute} {question.choice}".strip()
        for sentence in cautions(one.alone, question.judgments, agreement, (*question.choices, UNSURE)):
            out.append(f"{named}: {sentence}" if named else sentence)
    return out


def settle(workspace: Workspace, slug: str, method: str | None = DEFAULT_METHOD, *, told: bool = True) -> Assessment:
    """Compute a campaign's consensus and keep it; another method is a new version beside the old one.

    A method that was used before writes its own version anew. `method` None is the campaign's own: the one it
    was last settled with. `told` adds an event; the app's live consensus, which settles every other second,
    does without. Two that settle one campaign at once do so one after the other.

    People go on judging meanwhile: everything is read and computed outside of a write transaction, and what has
    changed is written some hundred items at a time. An item that was judged since it was read keeps its state
    until it is settled again; the `states` returned are those of the judgments that were read.
    """
    with my_turn(workspace):
        with workspace.read() as session:
            campaign = find_campaign(session, slug)
            if method is None:
                method = (campaign.consensus_method or DEFAULT_METHOD).split("/")[0]
            data = read_campaign(session, campaign)
            assessment = _assess(session, campaign, method, data)
            campaign_id, same = campaign.id, campaign.consensus_method == assessment.method
            cautioned = campaign.cautions or []
            version = campaign.consensus_version if same else _version(session, campaign, assessment.method)
        if not same:
            # Nobody reads the rows of a version before the campaign says that it is the present one.
            write_items(workspace, campaign_id, version, assessment.method, data, assessment.items, states=False)
            with workspace.write() as session:
                campaign = session.get_one(Campaign, campaign_id)
                campaign.consensus_version, campaign.consensus_method = version, assessment.method
        write_items(workspace, campaign_id, version, assessment.method, data, assessment.items)
        if told or cautioned != list(assessment.cautions):
            with workspace.write() as session:
                session.get_one(Campaign, campaign_id).cautions = list(assessment.cautions) or None
                if told:
                    log_event(session, "settle", f"campaigns:{slug}", method=assessment.method, **assessment.states)
    return replace(assessment, version=version)


def _version(session: Session, campaign: Campaign, method: str) -> int:
    """The version this method already has in the campaign, else the next one."""
    versions = select(func.max(Consensus.version)).join(Item).where(Item.campaign_id == campaign.id)
    own = session.scalar(versions.where(Consensus.method == method))
    return own or max(campaign.consensus_version, session.scalar(versions) or 0) + 1
