"""A campaign's audit: which settled items reviewers should judge, and the error of the labels that their answers show.

The labels are what people's judgments give without any reviewer; a reviewer's answer then says whether that was right.
Items are asked in an order of their own (a hash), so that who was asked first is a random sample of each stratum and
a larger audit contains the smaller one. Nothing is stored but the reviewers' judgments themselves.
"""

import csv
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

import consensus
from consensus.judgments import Floats, Ints
from label_store.answers import AnswerError, check_answer
from label_store.audit_population import Population, population_of
from label_store.errors import UsageError
from label_store.events import log_event
from label_store.models import Campaign, Item, Judgment, Person, now
from label_store.questions import read_campaign
from label_store.settle import find_campaign
from label_store.workspace import Workspace

SURE = 0.01
_NAMESPACE = uuid.UUID("5f0c1b9e-7d0b-4c53-9f0e-3f3b6e0c8d11")


@dataclass(frozen=True)
class CampaignAudit:
    """What is known of the error of a campaign's settled labels, and what to judge to know more.

    model: the estimate that takes people's errors as independent. audited: corrected by reviewers, None before
    any. to_judge: items for the wanted width, in the order to judge them, those judged already left out.
    wanted: how many the audit then holds. no_answer: sampled items that a reviewer flagged or was unsure of.
    sure: labels whose risk is at most 1 % (corrected by the audit where there is one); sure_wrong, sure_judged:
    what the audit says of just these.
    """

    campaign: str
    labels: int
    model: consensus.LabelError
    audited: consensus.AuditedError | None
    wanted: int
    expected_width: float
    to_judge: tuple[int, ...]
    no_answer: int
    sure: int
    sure_judged: int
    sure_wrong: int


@dataclass
class Reviews:
    """What became of a file of reviewers' answers: rows taken, known already, and refused (row, why)."""

    accepted: int = 0
    duplicate: int = 0
    unfilled: int = 0
    """Rows of an item without reviewer and answer."""
    refused: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class AuditedLabels:
    """Settled labels of a campaign as people alone gave them, arrays [N], and what an audit says of them.

    label: the answer; risk as people's judgments know it; reviewed: a reviewer decided it; stratum: within which
    sampled was drawn at random; wrong: 1 where a reviewer's answer is another. decided: all items that a reviewer
    decided, also those that people alone had not settled.
    """

    ids: Ints
    label: tuple[str, ...]
    risk: Floats
    reviewed: np.ndarray
    stratum: Ints
    sampled: np.ndarray
    wrong: Floats
    decided: frozenset[int]


def audit_campaign(session: Session, campaign: Campaign, width: float = 0.02) -> CampaignAudit:
    """Read a campaign's judgments and say how wrong its settled labels are; width: of the wanted 95 % interval."""
    population = population_of(read_campaign(session, campaign), campaign)
    risk = population.risk
    model = consensus.label_error_of(risk)
    if not len(risk):
        raise UsageError(
            f"campaign {campaign.slug!r} has no settled labels to audit",
            hint=f"cairn campaign status {campaign.slug} shows how far it is",
        )
    stratum = consensus.strata_of(risk)
    asked = _asked_in_order(campaign.slug, population, stratum)
    sample = _sample(asked, population)
    audited = None
    shares = None
    sure = risk <= SURE
    if len(sample):
        audited = consensus.audited_error(risk, stratum, sample, population.wrong[sample])
        corrected = consensus.recalibrated(risk, stratum, sample, population.wrong[sample])
        shares = np.bincount(stratum, weights=corrected) / np.bincount(stratum)
        sure = corrected <= SURE
    plan = consensus.plan_audit(risk, width, wrong=shares)
    to_judge = [
        int(population.ids[place])
        for order, n in zip(asked, plan.per_stratum, strict=True)
        for place in order[:n]
        if not population.judged[place]
    ]
    return CampaignAudit(
        campaign=campaign.slug,
        labels=len(risk),
        model=model,
        audited=audited,
        wanted=plan.n,
        expected_width=plan.width,
        to_judge=tuple(to_judge),
        no_answer=int(population.in_vain.sum()),
        sure=int(sure.sum()),
        sure_judged=int(sure[sample].sum()),
        sure_wrong=int(population.wrong[sample][sure[sample]].sum()),
    )


def audited_error(session: Session, campaign: Campaign) -> consensus.AuditedError | None:
    """What reviewers' random sample says of the campaign's settled labels; None where nothing of it is judged."""
    reviewed = select(Judgment.id).join(Item).where(Item.campaign_id == campaign.id, Judgment.role == "reviewer")
    if session.scalar(reviewed.limit(1)) is None:
        return None
    try:
        return audit_campaign(session, campaign).audited
    except UsageError:  # nothing is settled
        return None


def audited_labels(session: Session, campaign: Campaign) -> AuditedLabels | None:
    """A campaign's labels with what reviewers say of them; None where nothing is settled, or of attributes.

    Of boxes and polygons a label is the picture's whole list of objects, which has no name ('').
    """
    if campaign.kind == "attributes":
        return None
    population = population_of(read_campaign(session, campaign), campaign)
    if not len(population.risk):
        return None
    stratum = consensus.strata_of(population.risk)
    sampled = np.zeros(len(population.risk), dtype=bool)
    sampled[_sample(_asked_in_order(campaign.slug, population, stratum), population)] = True
    return AuditedLabels(
        population.ids, population.label, population.risk, population.judged, stratum, sampled, population.wrong,
        population.decided,
    )  # fmt: skip


def take_reviews(workspace: Workspace, slug: str, path: Path) -> Reviews:
    """Take reviewers' answers from a CSV with the columns item, reviewer, answer; the same file twice is as once."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as text: {error}", hint="give a CSV file in UTF-8") from error
    rows = csv.DictReader(text.splitlines())
    missing = {"item", "reviewer", "answer"} - set(rows.fieldnames or ())
    if missing:
        raise UsageError(
            f"{path} has no column {' and no '.join(sorted(missing))}", hint="the columns are item, reviewer, answer"
        )
    result = Reviews()
    with workspace.write() as session:
        campaign = find_campaign(session, slug)
        for number, row in enumerate(rows, start=2):
            try:
                _take(session, campaign, row, result)
            except AnswerError as error:
                result.refused.append((number, str(error)))
        log_event(session, "audit.reviews", f"campaigns:{slug}", accepted=result.accepted, refused=len(result.refused))
    return result


def _take(session: Session, campaign: Campaign, row: dict[str, str | None], result: Reviews) -> None:
    named, name = (row["item"] or "").strip(), " ".join((row["reviewer"] or "").split())[:100]
    if not name and not (row["answer"] or "").strip():
        result.unfilled += bool(named)
        return
    item = session.get(Item, int(named)) if named.isascii() and named.isdigit() and len(named) < 10 else None
    if item is None or item.campaign_id != campaign.id:
        raise AnswerError(f"the campaign has no item {named!r}")
    if not name:
        raise AnswerError("there is no reviewer")
    answer = check_answer(
        campaign.kind,
        _parsed((row["answer"] or "").strip()),
        categories=[category.slug for category in campaign.categories],
        attributes=[a.as_schema() for a in item.category.attributes] if item.category else [],
        size=(item.image.width, item.image.height),
    )
    person = session.scalar(select(Person).where(Person.name == name))
    if person is None:
        person = Person(name=name, role="reviewer")
        session.add(person)
        session.flush()
    before = session.scalar(
        select(Judgment).where(
            Judgment.item_id == item.id, Judgment.person_id == person.id, Judgment.role == "reviewer", Judgment.active
        )
    )
    if before is not None:
        if before.answer != answer:
            raise AnswerError(f"{name} answered item {item.id} otherwise before")
        result.duplicate += 1
        return
    at = now()
    session.add(
        Judgment(
            id=uuid.uuid5(_NAMESPACE, f"{campaign.id}/{item.id}/{person.id}"),
            item_id=item.id,
            person_id=person.id,
            role="reviewer",
            answer=answer,
            answered_at=at,
            received_at=at,
        )
    )
    session.flush()
    result.accepted += 1


def _parsed(text: str) -> object:
    if not text.startswith("{"):
        return {"value": text}
    try:
        return json.loads(text)
    except ValueError as error:
        raise AnswerError(f"the answer is not JSON: {error}") from error


def audit_key(slug: str, item_id: int) -> bytes:
    """By this an audit sorts the items of a campaign: an order that has nothing to do with what is in them."""
    return hashlib.blake2b(f"{slug}/{item_id}".encode(), digest_size=8).digest()


def _asked_in_order(slug: str, population: Population, stratum: Ints) -> list[list[int]]:
    """For each stratum the places of its items in the order in which an audit asks for them."""
    key = [audit_key(slug, i) for i in population.ids.tolist()]
    orders: list[list[int]] = [[] for _ in range(int(stratum.max()) + 1)]
    for place in sorted(range(len(key)), key=key.__getitem__):
        if not population.in_vain[place]:
            orders[int(stratum[place])].append(place)
    return orders


def _sample(asked: list[list[int]], population: Population) -> Ints:
    """The places that are a random sample of their strata and were judged."""
    done = [_judged_first(order, population.judged) for order in asked]
    return np.array([place for order, n in zip(asked, done, strict=True) for place in order[:n]], dtype=np.int64)


def _judged_first(order: list[int], judged: np.ndarray) -> int:
    """How many from the beginning are judged: items that reviewers judged for another reason are no random sample."""
    for n, place in enumerate(order):
        if not judged[place]:
            return n
    return len(order)
