"""What was released: so that splits and groups stay as they were, for ever."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from label_store.models.base import Base, Json, Sha256, UTCDateTime, now, one_of

SPLITS = ("train", "val", "test")
UNSURE = "unsure"
"""The split of pictures that people could not tell; of these nothing is decided for later releases."""


class Release(Base):
    """One immutable version of the dataset."""

    __tablename__ = "releases"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("version >= 1", name="version_from_one"),
        CheckConstraint("name <> ''", name="name_not_empty"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[int]
    manifest_sha256: Mapped[str] = mapped_column(Sha256)
    """The release's id."""
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("releases.id"))
    path: Mapped[str] = mapped_column(Text)
    """Relative to the workspace."""
    recipe: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class ReleaseImage(Base):
    """One image of a release: its key, split, label and group."""

    __tablename__ = "release_images"
    __table_args__ = (UniqueConstraint("release_id", "key"), one_of("split", (*SPLITS, UNSURE)))

    release_id: Mapped[int] = mapped_column(ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True)
    image_sha256: Mapped[str] = mapped_column(ForeignKey("images.sha256"), primary_key=True, index=True)
    key: Mapped[str] = mapped_column(String(64))
    split: Mapped[str] = mapped_column(String(6))
    label: Mapped[int]
    group: Mapped[str] = mapped_column(Sha256)
