"""Campaigns, items, leases, judgments, consensus and model predictions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from label_store.models.base import Base, Json, UTCDateTime, now, one_of
from label_store.models.pictures import Image
from label_store.models.taxonomy import Category

KINDS = ("verify", "classify", "attributes", "boxes", "polygons")
CAMPAIGN_STATES = ("draft", "open", "paused", "closed")
ITEM_STATES = ("open", "settled", "disputed")
JUDGMENT_ROLES = ("annotator", "reviewer", "model")
ITEM_ORDERS = ("auto", "near_first", "near_last")


class Campaign(Base):
    """A labelling job."""

    __tablename__ = "campaigns"
    __table_args__ = (
        one_of("kind", KINDS),
        one_of("state", CAMPAIGN_STATES),
        CheckConstraint("gold_rate >= 0 AND gold_rate < 1", name="gold_rate_share"),
        CheckConstraint("price_per_judgment >= 0", name="price_not_negative"),
        CheckConstraint("budget >= 0", name="budget_not_negative"),
        CheckConstraint("per_person_limit >= 1", name="limit_from_one"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_has_time"),
        CheckConstraint("slug <> ''", name="slug_not_empty"),
        one_of("item_order", ITEM_ORDERS),
        CheckConstraint("per_category_limit >= 1", name="category_limit_from_one"),
        CheckConstraint("suggestions_hidden >= 0 AND suggestions_hidden <= 1", name="hidden_share"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(100), unique=True)
    title: Mapped[str] = mapped_column(String(300), default="")
    kind: Mapped[str] = mapped_column(String(20))
    guideline: Mapped[str] = mapped_column(Text, default="")
    stopping: Mapped[dict[str, Any]] = mapped_column(Json)
    """{"rule": "fixed", "n": 3} or {"rule": "risk", "max_risk": 0.01, "max_n": 10}"""
    gold_rate: Mapped[float] = mapped_column(default=0.0)
    item_order: Mapped[str] = mapped_column(String(10), default="auto", server_default="auto")
    """Items near settling first or last; `auto`: first under a fixed rule, last under a risk rule."""
    page: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """{"items": 48, "right": 3, "wrong": 3}: every page holds so many pictures, so many of them known."""
    per_person_limit: Mapped[int | None]
    per_category_limit: Mapped[int | None]
    """Most judgments that one person may give about one category."""
    budget: Mapped[float | None]
    price_per_judgment: Mapped[float] = mapped_column(default=0.0)
    open_to_all: Mapped[bool] = mapped_column(default=True)
    """Any signed-in annotator may join; otherwise by invitation to this campaign."""
    crowd: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """{"platform", "link_hash", "code", "items"}: open to workers of a crowd platform by a link."""
    suggestions_hidden: Mapped[float] = mapped_column(default=0.0, server_default="0")
    """Share of people who are not shown a model's suggestions, so that their influence can be measured."""
    state: Mapped[str] = mapped_column(String(10), default="open")
    consensus_method: Mapped[str | None] = mapped_column(String(100))
    consensus_version: Mapped[int] = mapped_column(default=0)
    cautions: Mapped[list[str] | None] = mapped_column(Json)
    """What its last consensus says of groups of annotators that may mislead; None where nothing."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    categories: Mapped[list[Category]] = relationship(
        secondary="campaign_categories", order_by="CampaignCategory.position", viewonly=True
    )

    @hybrid_property
    def has_budget(self) -> bool:
        """Whether what it may cost in all is limited, and a judgment costs something."""
        return self.budget is not None and self.price_per_judgment > 0

    @has_budget.inplace.expression
    @classmethod
    def _has_budget(cls) -> ColumnElement[bool]:
        return (cls.budget.is_not(None) & (cls.price_per_judgment > 0)).label("has_budget")


class CampaignCategory(Base):
    """Which categories a campaign asks about, in the order they are shown."""

    __tablename__ = "campaign_categories"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)


class Item(Base):
    """What a person is shown: an image, and for verify and attributes a category, in a campaign."""

    __tablename__ = "items"
    __table_args__ = (
        one_of("state", ITEM_STATES),
        UniqueConstraint("campaign_id", "image_sha256", "category_id"),
        # NULL is distinct from NULL in a unique key, so kinds without a category need a key of their own.
        Index(
            "uq_items_campaign_id_image_sha256_no_category",
            "campaign_id",
            "image_sha256",
            unique=True,
            sqlite_where=text("category_id IS NULL"),
            postgresql_where=text("category_id IS NULL"),
        ),
        # A window of items from a random place on is read from one of these two, in the order of the ids.
        Index("ix_items_campaign_id_state_n_id", "campaign_id", "state", "n", "id"),
        Index("ix_items_campaign_id_category_id_state_n_id", "campaign_id", "category_id", "state", "n", "id"),
        Index(
            "ix_items_campaign_id_priority",
            "campaign_id",
            "priority",
            sqlite_where=text("priority > 0"),
            postgresql_where=text("priority > 0"),
        ),
        Index(
            "ix_items_campaign_id_gold",
            "campaign_id",
            sqlite_where=text("gold IS NOT NULL"),
            postgresql_where=text("gold IS NOT NULL"),
        ),
        Index(
            "ix_items_campaign_id_suggestion",
            "campaign_id",
            sqlite_where=text("suggestion IS NOT NULL"),
            postgresql_where=text("suggestion IS NOT NULL"),
        ),
        CheckConstraint("n >= 0", name="n_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    image_sha256: Mapped[str] = mapped_column(ForeignKey("images.sha256"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    gold: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The known answer in the shape of the campaign's kind; gold counts for nobody's n, never released."""
    suggestion: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """What a model says, in the shape of an answer, with its name as `model`; classify may have a list `likely`."""
    state: Mapped[str] = mapped_column(String(10), default="open")
    n: Mapped[int] = mapped_column(default=0)
    """Active answers (not flags) by annotators, kept in the transaction that changes them."""
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    """Above zero: given back to people, before all others, the highest first."""
    extra: Mapped[int] = mapped_column(default=0, server_default="0")
    """Judgments that it may get beyond the stopping rule's most, below zero: fewer (`label_store.returning`)."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

    image: Mapped[Image] = relationship(viewonly=True)
    category: Mapped[Category | None] = relationship(viewonly=True)
    campaign: Mapped[Campaign] = relationship(viewonly=True)


class CampaignFigures(Base):
    """What the curator's page shows of a large campaign, kept because counting it takes seconds."""

    __tablename__ = "campaign_figures"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    seconds: Mapped[float]
    """How long counting took."""
    figures: Mapped[dict[str, Any]] = mapped_column(Json)


class Lease(Base):
    """One item held for one annotator until a deadline; the row goes when the answer comes."""

    __tablename__ = "leases"
    __table_args__ = (Index("ix_leases_person_id_campaign_id", "person_id", "campaign_id"),)

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    token: Mapped[UUID]
    """One lease request holds several items under one token."""
    leased_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    deadline: Mapped[datetime] = mapped_column(UTCDateTime)
    suggestion_shown: Mapped[bool | None]
    """Whether its holder was shown the item's suggestion; None: not known, as when it has changed since."""


class Judgment(Base):
    """One person's answer to one item. Rows are only added; undone ones stop being active."""

    __tablename__ = "judgments"
    __table_args__ = (
        one_of("role", JUDGMENT_ROLES),
        CheckConstraint("active_ms >= 0", name="active_ms_not_negative"),
        CheckConstraint("active = (undone_at IS NULL)", name="undone_is_not_active"),
        Index(
            "uq_judgments_one_active",
            "item_id",
            "person_id",
            "role",
            unique=True,
            sqlite_where=text("active = 1"),  # in the words of a query, else SQLite would not look there
            postgresql_where=text("active"),
        ),
        Index("ix_judgments_person_id_received_at", "person_id", "received_at"),
        Index(
            "ix_judgments_item_id_suggestion_shown",
            "item_id",
            sqlite_where=text("suggestion_shown IS NOT NULL"),
            postgresql_where=text("suggestion_shown IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Made by the client, so that sending twice is the same as once."""
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    role: Mapped[str] = mapped_column(String(10), default="annotator")
    answer: Mapped[dict[str, Any]] = mapped_column(Json)
    shown_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    answered_at: Mapped[datetime] = mapped_column(UTCDateTime)
    received_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    active_ms: Mapped[int] = mapped_column(default=0)
    supersedes: Mapped[UUID | None] = mapped_column(ForeignKey("judgments.id"), unique=True)
    active: Mapped[bool] = mapped_column(default=True)
    undone_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    suggestion: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The item's suggestion when it was judged, where it is known whether the person was shown it."""
    suggestion_shown: Mapped[bool | None]


class Tally(Base):
    """How many active judgments a person has given as an annotator in a campaign; category 0 where items have none."""

    __tablename__ = "tallies"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    category_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    judgments: Mapped[int]


class Consensus(Base):
    """An item's posterior over answers under one version of the campaign's method."""

    __tablename__ = "consensus"
    __table_args__ = (
        one_of("state", ITEM_STATES),
        CheckConstraint("risk >= 0 AND risk <= 1", name="risk_share"),
        CheckConstraint("state <> 'settled' OR answer IS NOT NULL", name="settled_has_answer"),
        CheckConstraint("n >= 0", name="n_not_negative"),
    )

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    answer: Mapped[dict[str, Any] | None] = mapped_column(Json)
    posterior: Mapped[dict[str, Any]] = mapped_column(Json)
    risk: Mapped[float]
    n: Mapped[int]
    method: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class Prediction(Base):
    """A model's out-of-fold probabilities for one item, returned as one more judge."""

    __tablename__ = "predictions"

    run: Mapped[str] = mapped_column(String(200), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    probabilities: Mapped[dict[str, float]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
