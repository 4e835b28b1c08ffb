"""Pictures that people give: each is checked, enters by `label_store.ingest` unapproved, and is written down once.

Sending a picture again (same bytes, same giver, same category) finds what the first time left, also where the app
was killed in between: the picture's address is made from these three.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import imaging
from annotate_app.consent import Terms
from annotate_app.context import AppContext
from annotate_app.problems import Problem
from annotate_app.security.sessions import hash_secret
from label_store import Origin, TakenDown, ingest, log_event, url_hash
from label_store.models import Candidate, Category, Contribution, Fetch, Submission, Takedown

SOURCE = "contribution"
DAY = timedelta(days=1)
_NAMES = uuid.UUID("6b6e2a53-5ad7-4a55-9a0e-1f8a3c2f7f0d")
"""Namespace of the addresses of given pictures (RFC 9562, version 5)."""

TAKEN_DOWN = "this picture, or one just like it, was taken down and is not taken again"
TAKEN_BACK = "this picture was taken back before and is not taken again"

Status = Literal["taken", "known", "refused"]


@dataclass(frozen=True)
class Giver:
    """Who gives. Without an account it is whoever holds the link's secret."""

    person_id: int | None
    secret: str

    @property
    def name(self) -> str:
        """What tells this giver from all others."""
        return f"person:{self.person_id}" if self.person_id is not None else f"link:{hash_secret(self.secret)}"


@dataclass(frozen=True)
class Given:
    """What became of one picture of a request; `reason` is a sentence where it was refused."""

    status: Status
    contribution: int | None = None
    reason: str | None = None
    hint: str = ""
    faulty: bool = False
    """Nothing that a careful giver sends: not a picture, broken, too large, or taken down."""


@dataclass(frozen=True)
class CategoryShown:
    """A category that pictures can be given for."""

    id: int
    slug: str
    name: str
    definition: str
    guideline: str


def find_category(session: Session, slug: str) -> CategoryShown:
    """The category of this slug; Problem 404 when there is none."""
    row = session.execute(
        select(Category.id, Category.slug, Category.name, Category.definition, Category.guideline).where(
            Category.slug == slug
        )
    ).one_or_none()
    if row is None:
        raise Problem(404, f"there is no category {slug!r}", hint="/contribute lists those there are")
    return CategoryShown(*row)


def categories(session: Session, wanted: str, limit: int) -> tuple[list[CategoryShown], int]:
    """Categories whose slug, name or definition has the words, by name, and how many there are in all."""
    query = select(Category.id, Category.slug, Category.name, Category.definition, Category.guideline)
    if wanted:
        query = query.where(
            or_(*(column.icontains(wanted, autoescape=True) for column in (Category.slug, Category.name)))
        )
    number = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(Category.name, Category.id).limit(limit))
    return [CategoryShown(*row) for row in rows], number


def left_today(context: AppContext, person_id: int | None) -> int:
    """How many pictures a person (None: one without an account) may still give in this day; Problem 429 for none."""
    settings, since = context.workspace.settings, context.clock() - DAY
    with context.read() as session:
        everybody = session.scalar(select(func.count()).where(Contribution.created_at > since)) or 0
        own = 0
        if person_id is not None:
            own = session.scalar(
                select(func.count())
                .select_from(Contribution)
                .join(Submission, Submission.id == Contribution.submission_id)
                .where(Contribution.created_at > since, Submission.person_id == person_id)
            ) or 0  # fmt: skip
    left = min(settings.contributions_per_day - everybody, settings.contributions_per_person - own)
    if left <= 0:
        raise Problem(
            429,
            "as many pictures as are taken in a day were given today; thank you",
            hint="come back tomorrow",
            headers={"Retry-After": "3600"},
        )
    return left


def take(context: AppContext, giver: Giver, category: CategoryShown, terms: Terms, data: bytes) -> Given:
    """Take one picture; durable when it returns. Slow: it decodes, so it is called in a thread of its own.

    Problem 409 when the link's secret is another giver's, or was used with other terms.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    address = f"urn:uuid:{uuid.uuid5(_NAMES, f'{giver.name} {sha256} {category.slug}')}"
    with context.read() as session:
        _submission(session, giver, terms)
        known = _given_before(session, address)
        if known is not None and known.state in ("waiting", "approved"):
            return Given("known", known.id)
        reason = TAKEN_BACK if known is not None and known.state == "withdrawn" else None
        reason = reason or _already_here(session, sha256, category)
    if reason is not None:
        return Given("refused", reason=reason)
    origin = Origin(
        SOURCE,
        address,
        category=category.slug,
        license=terms.license,
        author=terms.author,
        contributor_id=giver.person_id,
        fetched_at=context.clock(),
        approved=False,
    )
    try:
        ingest(context.workspace, data, origin)
    except imaging.ImageError as error:
        return Given("refused", reason=_sentence(str(error)), hint=error.hint, faulty=True)
    except TakenDown:
        return Given("refused", reason=TAKEN_DOWN, faulty=True)
    try:
        contribution = _write_down(context, giver, terms, category, address, sha256)
    except IntegrityError:  # the same picture came twice at once, and the other one is written down now
        contribution = _write_down(context, giver, terms, category, address, sha256)
    if not context.workspace.blobs.has(sha256):  # declined elsewhere between our keeping and our recording
        context.workspace.blobs.put(data)
    return contribution


def _given_before(session: Session, address: str) -> Contribution | None:
    return session.scalar(
        select(Contribution)
        .join(Candidate, Candidate.id == Contribution.candidate_id)
        .join(Fetch, Fetch.id == Candidate.fetch_id)
        .where(Fetch.url_hash == url_hash(address))
    )


def _already_here(session: Session, sha256: str, category: CategoryShown) -> str | None:
    """Why exactly these bytes are not taken for this category; None when they are."""
    written = exists().where(Contribution.candidate_id == Candidate.id)
    declined = _in_state("declined")
    if session.scalar(select(exists().where(Takedown.sha256 == sha256))):
        return TAKEN_DOWN
    here = select(Candidate.id).where(Candidate.image_sha256 == sha256)
    if session.scalar(here.where(declined).limit(1)) is not None:
        return "exactly this picture was given before and declined"
    # One that is unapproved and written down nowhere is what a killed app left; it stands in nobody's way.
    same = here.where(Candidate.category_id == category.id, or_(Candidate.approved, written), ~_in_state("withdrawn"))
    if session.scalar(same.limit(1)) is not None:
        return f"exactly this picture is here already for {category.name}"
    return None


def _in_state(state: str) -> ColumnElement[bool]:
    return exists().where(Contribution.candidate_id == Candidate.id, Contribution.state == state)


def _submission(session: Session, giver: Giver, terms: Terms) -> Submission | None:
    """What the giver agreed to under this link before, if anything."""
    found = session.scalar(select(Submission).where(Submission.token_hash == hash_secret(giver.secret)))
    if found is None:
        return None
    if found.person_id != giver.person_id:
        raise Problem(409, "this form was sent by somebody else before", hint="load the page again")
    if (found.license, found.author, found.consent_version) != (terms.license, terms.author, terms.consent.version):
        raise Problem(
            409,
            "pictures were given with this form under other terms",
            hint="load the page again to give more with another licence or name",
        )
    return found


def _write_down(
    context: AppContext, giver: Giver, terms: Terms, category: CategoryShown, address: str, sha256: str
) -> Given:
    with context.write() as session:
        known = _given_before(session, address)
        if known is not None:
            return Given("known", known.id)
        submission = _submission(session, giver, terms)
        if submission is None:
            submission = Submission(
                token_hash=hash_secret(giver.secret),
                person_id=giver.person_id,
                license=terms.license,
                author=terms.author,
                consent_version=terms.consent.version,
                consent_text=terms.consent.text,
                consented_at=context.clock(),
            )
            session.add(submission)
            session.flush()
        candidate = session.scalars(
            select(Candidate)
            .join(Fetch, Fetch.id == Candidate.fetch_id)
            .where(Fetch.url_hash == url_hash(address), Candidate.category_id == category.id)
        ).one()
        contribution = Contribution(submission_id=submission.id, candidate_id=candidate.id, created_at=context.clock())
        session.add(contribution)
        session.flush()
        log_event(
            session,
            "contribution.give",
            f"contributions:{contribution.id}",
            person_id=giver.person_id,
            image=sha256,
            category=category.slug,
            license=terms.license,
        )
        return Given("taken", contribution.id)


def _sentence(text: str) -> str:
    """imaging's sentence as a part of one of ours: no capital, no full stop."""
    return text[:1].lower() + text[1:].rstrip(".")
