"""Given pictures before people judge them: a curator approves or declines each, and a giver may take one back.

Declining keeps the record and removes the bytes where nothing else refers to them. The decision is committed
first: an app killed in between has decided, and deciding the same again removes what was left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from annotate_app.security.sessions import SignedIn
from label_store import log_event, take_down
from label_store.models import (
    DECLINE_REASONS,
    Candidate,
    Category,
    Contribution,
    Fetch,
    Image,
    Item,
    Person,
    ReleaseImage,
    Submission,
    Takedown,
)

if TYPE_CHECKING:  # campaigns are also made where no web framework is installed
    from annotate_app.context import AppContext

REASONS: dict[str, str] = {
    "not_shown": "it does not show the category",
    "quality": "it is too small, blurred or damaged",
    "rights": "its rights are unclear: a watermark, a screenshot, somebody else’s work",
    "private": "it shows people or things that should stay private",
    "offensive": "it is offensive",
    "other": "another reason",
}
"""What a giver reads for each reason of the closed list."""
assert tuple(REASONS) == DECLINE_REASONS
WITHDRAWN = "taken back by whoever gave it"
MAX_COMMENT = 500

Verdict = Literal["approve", "decline"]
_STATE_OF: dict[Verdict, str] = {"approve": "approved", "decline": "declined"}


@dataclass(frozen=True)
class Waiting:
    """One picture of the queue."""

    id: int
    sha256: str
    width: int
    height: int
    category: str
    category_name: str
    license: str
    author: str | None
    giver: str | None
    given_at: datetime


@dataclass(frozen=True)
class Decision:
    """What a curator says of one picture. `reason` is of the closed list and only on a decline."""

    id: int
    verdict: Verdict
    reason: str | None = None
    comment: str = ""


@dataclass(frozen=True)
class Decided:
    """What became of a decision; `reason` is a sentence where it was refused."""

    id: int
    status: Literal["accepted", "duplicate", "refused"]
    reason: str | None = None


def waiting(session: Session, *, category: str | None = None, after: int = 0, limit: int = 48) -> list[Waiting]:
    """The oldest waiting pictures with an id above `after`; those that were taken down are left out."""
    query = (
        select(
            Contribution.id,
            Candidate.image_sha256,
            Image.width,
            Image.height,
            Category.slug,
            Category.name,
            Submission.license,
            Submission.author,
            Person.name,
            Contribution.created_at,
        )
        .join(Candidate, Candidate.id == Contribution.candidate_id)
        .join(Image, Image.sha256 == Candidate.image_sha256)
        .join(Category, Category.id == Candidate.category_id)
        .join(Submission, Submission.id == Contribution.submission_id)
        .outerjoin(Person, Person.id == Submission.person_id)
        .where(
            Contribution.state == "waiting",
            Contribution.id > after,
            ~exists().where(Takedown.sha256 == Candidate.image_sha256),
        )
        .order_by(Contribution.id)
        .limit(limit)
    )
    if category is not None:
        query = query.where(Category.slug == category)
    rows: Any = session.execute(query)
    return [Waiting(*row) for row in rows]


def waiting_by_category(session: Session) -> list[tuple[str, str, int]]:
    """(slug, name, how many wait) of each category in which some do, by name."""
    rows = session.execute(
        select(Category.slug, Category.name, func.count())
        .join(Candidate, Candidate.category_id == Category.id)
        .join(Contribution, Contribution.candidate_id == Candidate.id)
        .where(Contribution.state == "waiting", ~exists().where(Takedown.sha256 == Candidate.image_sha256))
        .group_by(Category.slug, Category.name)
        .order_by(Category.name)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def decide(context: "AppContext", person: SignedIn, decisions: Sequence[Decision]) -> list[Decided]:
    """Take a batch of decisions; durable when it returns. One that cannot be taken holds up no other."""
    declined: list[str] = []
    with context.write() as session:
        ids = sorted({one.id for one in decisions})
        # Locked in the order of their ids, so that two curators never wait for each other.
        rows = {
            row.id: row
            for row in session.scalars(
                select(Contribution).where(Contribution.id.in_(ids)).order_by(Contribution.id).with_for_update()
            )
        }
        outcomes = []
        for decision in decisions:
            contribution = rows.get(decision.id)
            if contribution is None:
                outcomes.append(Decided(decision.id, "refused", f"there is no contribution {decision.id}"))
                continue
            candidate = session.get_one(Candidate, contribution.candidate_id)
            outcomes.append(_decided(session, context.clock(), person, contribution, candidate, decision))
            if decision.verdict == "decline" and outcomes[-1].status != "refused":
                declined.append(candidate.image_sha256)
    for sha256 in dict.fromkeys(declined):
        _forget_bytes(context, sha256)
    return outcomes


def withdraw(context: "AppContext", contribution_id: int, *, person_id: int | None) -> None:
    """Take a picture back for its giver: out of every later release, its bytes gone, refused when it is met again.

    Where the same picture is here by another way too, that one stays and only the giver's is taken back. Twice is
    the same as once; a declined picture stays declined.
    """
    with context.read() as session:
        contribution = session.get_one(Contribution, contribution_id)
        candidate = session.get_one(Candidate, contribution.candidate_id)
        if contribution.state in ("declined", "withdrawn"):
            return
        elsewhere = _comes_otherwise(session, candidate)
    if not elsewhere:
        # Before the row says so: an app killed in between has already taken the picture out.
        take_down(context.workspace, sha256=candidate.image_sha256, reason=WITHDRAWN)
    with context.write() as session:
        contribution = session.scalars(
            select(Contribution).where(Contribution.id == contribution_id).with_for_update()
        ).one()
        if contribution.state in ("declined", "withdrawn"):
            return
        contribution.state = "withdrawn"
        contribution.decided_at, contribution.decided_by_id = context.clock(), person_id
        session.get_one(Candidate, contribution.candidate_id).approved = False
        log_event(
            session,
            "contribution.withdraw",
            f"contributions:{contribution_id}",
            person_id=person_id,
            image=candidate.image_sha256,
        )


def held_back() -> ColumnElement[bool]:
    """Of an image: it was only ever given, and no curator has approved it; it is in no campaign."""
    proposed = select(Candidate.id).where(Candidate.image_sha256 == Image.sha256)
    given = proposed.join(Contribution, Contribution.candidate_id == Candidate.id)
    return and_(
        given.exists(), ~proposed.where(Candidate.approved).exists(), ~exists().where(Item.image_sha256 == Image.sha256)
    )


def _decided(
    session: Session,
    at: datetime,
    person: SignedIn,
    contribution: Contribution,
    candidate: Candidate,
    decision: Decision,
) -> Decided:
    state = _STATE_OF[decision.verdict]
    comment = " ".join(decision.comment.split())
    if contribution.state == state:
        return Decided(decision.id, "duplicate")
    if contribution.state != "waiting":
        return Decided(decision.id, "refused", f"this picture was {contribution.state} already")
    if session.scalar(select(exists().where(Takedown.sha256 == candidate.image_sha256))):
        return Decided(decision.id, "refused", "this picture was taken down")
    if decision.verdict == "decline":
        if decision.reason not in REASONS:
            return Decided(decision.id, "refused", f"a decline has a reason: one of {', '.join(REASONS)}")
        if decision.reason == "other" and not comment:
            return Decided(decision.id, "refused", "the reason 'other' needs a comment that says which")
        if len(comment) > MAX_COMMENT:
            return Decided(decision.id, "refused", f"a comment has at most {MAX_COMMENT} characters")
        contribution.reason, contribution.comment = decision.reason, comment
    contribution.state = state
    contribution.decided_at, contribution.decided_by_id = at, person.id
    candidate.approved = decision.verdict == "approve"
    detail = {"reason": decision.reason, "comment": comment} if decision.verdict == "decline" else {}
    log_event(
        session,
        f"contribution.{decision.verdict}",
        f"contributions:{contribution.id}",
        person_id=person.id,
        image=candidate.image_sha256,
        **detail,
    )
    return Decided(decision.id, "accepted")


def _comes_otherwise(session: Session, candidate: Candidate) -> bool:
    """Whether the picture is here by another way than this candidate, that was neither declined nor taken back."""
    gone = (
        select(Candidate.fetch_id)
        .join(Contribution, Contribution.candidate_id == Candidate.id)
        .where(Candidate.image_sha256 == candidate.image_sha256, Contribution.state.in_(("declined", "withdrawn")))
    )
    others = exists().where(
        Fetch.image_sha256 == candidate.image_sha256, Fetch.id != candidate.fetch_id, Fetch.id.not_in(gone)
    )
    return bool(session.scalar(select(others)))


def _forget_bytes(context: "AppContext", sha256: str) -> None:
    """Remove the bytes of a declined picture unless something else refers to them."""
    with context.read() as session:
        candidate = session.scalars(
            select(Candidate)
            .join(Contribution, Contribution.candidate_id == Candidate.id)
            .where(Candidate.image_sha256 == sha256, Contribution.state == "declined")
            .limit(1)
        ).one()
        needed = session.scalar(
            select(
                or_(exists().where(Item.image_sha256 == sha256), exists().where(ReleaseImage.image_sha256 == sha256))
            )
        )
        if needed or _comes_otherwise(session, candidate):
            return
    context.workspace.blobs.remove(sha256)
    context.pictures.forget(sha256)
