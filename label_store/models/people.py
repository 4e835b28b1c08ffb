"""People, their sessions and tokens, invitations, and the record of who did what."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from label_store.models.base import Base, Json, Sha256, UTCDateTime, now, one_of

ROLES = ("owner", "curator", "reviewer", "annotator", "contributor", "viewer", "model")


class Person(Base):
    """Somebody (or, with role `model`, something) that judges, reviews or runs the place."""

    __tablename__ = "people"
    __table_args__ = (one_of("role", ROLES), CheckConstraint("name <> ''", name="name_not_empty"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(20), default="annotator")
    language: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class LoginSession(Base):
    """A signed-in browser or an API token; only the SHA-256 of the secret is kept."""

    __tablename__ = "sessions"
    __table_args__ = (one_of("kind", ("browser", "token")),)

    token_hash: Mapped[str] = mapped_column(Sha256, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10), default="browser")
    scopes: Mapped[list[str]] = mapped_column(Json, default=list)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Invitation(Base):
    """A link that makes one account with one role; only the SHA-256 of its secret is kept."""

    __tablename__ = "invitations"
    __table_args__ = (
        one_of("role", ROLES),
        CheckConstraint("(used_at IS NULL) = (used_by_id IS NULL)", name="used_by_somebody"),
    )

    token_hash: Mapped[str] = mapped_column(Sha256, primary_key=True)
    role: Mapped[str] = mapped_column(String(20), default="annotator")
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    used_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))


class Event(Base):
    """Who did what to what, append-only."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    action: Mapped[str] = mapped_column(String(50))
    subject: Mapped[str] = mapped_column(Text, default="", index=True)
    """What it was done to, as `table:key`, for instance `images:<sha256>`."""
    detail: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
