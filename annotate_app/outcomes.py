"""What became of given pictures: waiting, declined and why, being judged, in which releases, taken back."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from annotate_app.security.sessions import hash_secret
from label_store.models import Candidate, Category, Contribution, Item, Release, ReleaseImage, Submission, Takedown

Word = Literal["waiting", "declined", "approved", "judged", "settled", "released", "withdrawn", "taken_down"]


@dataclass(frozen=True)
class Fate:
    """One given picture as its giver sees it. `reason` and `comment`: why it was declined; `releases`: NAME/N."""

    id: int
    sha256: str
    category: str
    license: str
    author: str | None
    given_at: datetime
    word: Word
    reason: str | None = None
    comment: str = ""
    releases: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether the picture itself is still here to be shown."""
        return self.word not in ("declined", "withdrawn", "taken_down")


def of_link(session: Session, secret: str) -> list[Fate] | None:
    """What was given under this link, in order; None when there is no such link."""
    submission = session.scalar(select(Submission.id).where(Submission.token_hash == hash_secret(secret)))
    return None if submission is None else _fates(session, Contribution.submission_id == submission)


def of_person(session: Session, person_id: int, limit: int = 500) -> list[Fate]:
    """The newest that a person with an account gave, newest first."""
    return _fates(session, Submission.person_id == person_id, limit)[::-1]


def _fates(session: Session, which: ColumnElement[bool], limit: int = 500) -> list[Fate]:
    rows = session.execute(
        select(Contribution, Candidate, Category.name, Submission.license, Submission.author)
        .join(Candidate, Candidate.id == Contribution.candidate_id)
        .join(Category, Category.id == Candidate.category_id)
        .join(Submission, Submission.id == Contribution.submission_id)
        .where(which)
        .order_by(Contribution.id.desc())
        .limit(limit)
    ).all()
    return [
        _fate(
            session,
            contribution,
            Fate(contribution.id, candidate.image_sha256, name, license_id, author, contribution.created_at, "waiting"),
        )
        for contribution, candidate, name, license_id, author in reversed(rows)
    ]


def _fate(session: Session, contribution: Contribution, given: Fate) -> Fate:
    sha256 = given.sha256
    if contribution.state == "declined":
        return replace(
            given, word="declined", reason=contribution.reason or "other", comment=contribution.comment or ""
        )
    if contribution.state == "withdrawn":
        return replace(given, word="withdrawn")
    if session.scalar(select(exists().where(Takedown.sha256 == sha256))):
        return replace(given, word="taken_down")
    if contribution.state == "waiting":
        return given
    releases = tuple(
        f"{name}/{version}"
        for name, version in session.execute(
            select(Release.name, Release.version)
            .join(ReleaseImage, ReleaseImage.release_id == Release.id)
            .where(ReleaseImage.image_sha256 == sha256)
            .order_by(Release.name, Release.version)
        )
    )
    if releases:
        return replace(given, word="released", releases=releases)
    states = set(session.scalars(select(Item.state).where(Item.image_sha256 == sha256, Item.gold.is_(None))))
    if "open" in states or "disputed" in states:
        return replace(given, word="judged")
    return replace(given, word="settled" if states else "approved")
