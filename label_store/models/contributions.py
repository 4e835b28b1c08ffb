"""Pictures that the public gave: the consent under which, and what a curator decided about each."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from label_store.models.base import Base, Sha256, UTCDateTime, now, one_of, sha256_shape
from label_store.models.pictures import Candidate

CONTRIBUTION_STATES = ("waiting", "approved", "declined", "withdrawn")
DECLINE_REASONS = ("not_shown", "quality", "rights", "private", "offensive", "other")


class Submission(Base):
    """What one person agreed to when giving pictures; its link shows what became of them.

    The words of the consent are kept as they were shown, because a later version of Cairn may say it otherwise.
    """

    __tablename__ = "submissions"
    __table_args__ = (
        sha256_shape("token_hash"),
        CheckConstraint("license <> ''", name="license_not_empty"),
        CheckConstraint("author <> ''", name="author_not_empty"),
        CheckConstraint("consent_version <> '' AND consent_text <> ''", name="consent_not_empty"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(Sha256, unique=True)
    """SHA-256 of the link's secret, which is told to the giver alone."""
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    """None: given without an account."""
    license: Mapped[str] = mapped_column(String(100))
    """SPDX identifier."""
    author: Mapped[str | None] = mapped_column(String(200))
    """Whom to credit, as the giver wrote it."""
    consent_version: Mapped[str] = mapped_column(String(20))
    consent_text: Mapped[str] = mapped_column(Text)
    consented_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class Contribution(Base):
    """One picture given for one category: its candidate waits until a curator approves it."""

    __tablename__ = "contributions"
    __table_args__ = (
        one_of("state", CONTRIBUTION_STATES),
        one_of("reason", DECLINE_REASONS),
        CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="decided_has_time"),
        CheckConstraint("state <> 'waiting' OR decided_by_id IS NULL", name="waiting_is_undecided"),
        CheckConstraint(
            "state NOT IN ('approved', 'declined') OR decided_by_id IS NOT NULL", name="decided_by_somebody"
        ),
        CheckConstraint("(state = 'declined') = (reason IS NOT NULL)", name="declined_has_reason"),
        CheckConstraint("state = 'declined' OR comment = ''", name="comment_is_on_a_decline"),
        CheckConstraint("reason <> 'other' OR comment <> ''", name="other_has_comment"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"), index=True)
    candidate_id: Mapped[int] = mapped_column(ForeignKey("candidates.id"), unique=True)
    state: Mapped[str] = mapped_column(String(10), default="waiting", index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """The curator; None also where a giver without an account took the picture back."""
    reason: Mapped[str | None] = mapped_column(String(20))
    comment: Mapped[str] = mapped_column(Text, default="")
    """What the curator adds to the reason; the giver reads it."""

    submission: Mapped[Submission] = relationship(viewonly=True)
    candidate: Mapped[Candidate] = relationship(viewonly=True)
