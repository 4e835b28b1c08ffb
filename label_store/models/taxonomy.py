"""Categories, their parents, and the attributes asked of each."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from label_store.models.base import Base, Json, UTCDateTime, now


class Category(Base):
    """A class of the taxonomy."""

    __tablename__ = "categories"
    __table_args__ = (CheckConstraint("slug <> ''", name="slug_not_empty"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    definition: Mapped[str] = mapped_column(Text, default="")
    synonyms: Mapped[list[str]] = mapped_column(Json, default=list)
    translations: Mapped[dict[str, list[str]]] = mapped_column(Json, default=dict)
    wnid: Mapped[str | None] = mapped_column(String(20), unique=True)
    guideline: Mapped[str] = mapped_column(Text, default="")
    examples: Mapped[dict[str, list[str]]] = mapped_column(Json, default=dict)
    """{"good": [sha256, ...], "bad": [sha256, ...]}"""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

    attributes: Mapped[list["Attribute"]] = relationship(
        back_populates="category", order_by="Attribute.position", cascade="all, delete-orphan"
    )


class CategoryParent(Base):
    """One is-a edge; a category may have several parents."""

    __tablename__ = "category_parents"
    __table_args__ = (CheckConstraint("child_id <> parent_id", name="not_itself"),)

    child_id: Mapped[int] = mapped_column(ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True)
    parent_id: Mapped[int] = mapped_column(
        ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Attribute(Base):
    """One question asked of every picture of a category: its choices, one or several of them."""

    __tablename__ = "attributes"
    __table_args__ = (
        UniqueConstraint("category_id", "name"),
        CheckConstraint("name <> ''", name="name_not_empty"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    choices: Mapped[list[str]] = mapped_column(Json)
    multiple: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)

    category: Mapped[Category] = relationship(back_populates="attributes")

    def as_schema(self) -> dict[str, Any]:
        """The question as the API shows it."""
        return {"name": self.name, "choices": list(self.choices), "multiple": self.multiple}
