"""Images, the fetches that brought them, the candidates they are, and takedowns."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from label_store.models.base import Base, Json, Sha256, UTCDateTime, now, one_of, sha256_shape

FETCH_STATES = ("pending", "ok", "failed", "refused")
FETCH_REASONS = (
    "dns", "connect", "tls", "timeout", "http_4xx", "http_5xx", "robots", "opted_out",
    "private_address", "too_large", "not_image", "undecodable", "takedown",
)  # fmt: skip
"""Why a URL brought no image: the closed list of the design. `bad_row` rows never become a fetch."""


class Image(Base):
    """Bytes, named by the SHA-256 of exactly what was fetched; sizes are as a person sees the picture."""

    __tablename__ = "images"
    __table_args__ = (
        sha256_shape("sha256"),
        CheckConstraint("width > 0 AND height > 0", name="has_pixels"),
        CheckConstraint("bytes > 0", name="has_bytes"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude_range"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude_range"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="place_whole"),
    )

    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    bytes: Mapped[int]
    format: Mapped[str] = mapped_column(String(20))
    mode: Mapped[str] = mapped_column(String(20))
    width: Mapped[int]
    height: Mapped[int]
    orientation: Mapped[int] = mapped_column(default=1)
    icc_name: Mapped[str | None] = mapped_column(Text)
    taken_at: Mapped[str | None] = mapped_column(String(30))
    """EXIF's local time, ISO 8601 without a zone (EXIF has none)."""
    frames: Mapped[int] = mapped_column(default=1)
    latitude: Mapped[float | None] = mapped_column(Double)
    """Degrees north by WGS 84, from EXIF's GPS; kept only where the setting `keep_location` asks for it."""
    longitude: Mapped[float | None] = mapped_column(Double)
    """Degrees east."""
    rights: Mapped[str | None] = mapped_column(Text)
    """Licence or copyright words found inside the file."""
    creator: Mapped[str | None] = mapped_column(Text)
    """Author found inside the file."""
    phash: Mapped[str | None] = mapped_column(String(16), index=True)
    phash_version: Mapped[int | None]
    group: Mapped[str | None] = mapped_column(Sha256, index=True)
    """The group's id for splitting: the smallest SHA-256 in it at its first release."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class Fetch(Base):
    """The state of getting one URL (or one file): tried how often, with what result, under which licence."""

    __tablename__ = "fetches"
    __table_args__ = (
        one_of("status", FETCH_STATES),
        one_of("error", FETCH_REASONS),
        CheckConstraint("(status = 'ok') = (image_sha256 IS NOT NULL)", name="ok_has_image"),
        CheckConstraint(
            "(status IN ('failed', 'refused')) = (error IS NOT NULL)",
            name="error_has_reason",
        ),
        UniqueConstraint("url_hash"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    url_hash: Mapped[str] = mapped_column(Sha256)
    """SHA-256 of the normalised URL; the same URL twice is one fetch."""
    source: Mapped[str] = mapped_column(String(50), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    """For which it was asked for first; what it is proposed for, once it has brought a picture, candidates say."""
    query: Mapped[str | None] = mapped_column(Text)
    page_url: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str | None] = mapped_column(Text)
    caption: Mapped[str | None] = mapped_column(Text)
    license: Mapped[str | None] = mapped_column(Text)
    """SPDX identifier where it can be known, else the words found."""
    author: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(10), default="pending", index=True)
    error: Mapped[str | None] = mapped_column(String(20))
    detail: Mapped[str | None] = mapped_column(Text)
    http_status: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    overrides: Mapped[list[str]] = mapped_column(Json, default=list)
    """Opt-outs that the curator turned off by name for this fetch."""
    opt_outs: Mapped[list[str]] = mapped_column(Json, default=list, server_default="[]")
    """Opt-outs that site, page or file declared at this fetch, also those that the curator turned off by name."""
    image_sha256: Mapped[str | None] = mapped_column(ForeignKey("images.sha256"), index=True)
    contributor_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    """Who gave the picture; they are never asked to judge it."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    fetched_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Candidate(Base):
    """An image proposed for a category by a source."""

    __tablename__ = "candidates"
    __table_args__ = (
        UniqueConstraint("image_sha256", "category_id", "fetch_id"),
        Index("ix_candidates_category_id_image_sha256", "category_id", "image_sha256"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    image_sha256: Mapped[str] = mapped_column(ForeignKey("images.sha256"))
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"))
    fetch_id: Mapped[int] = mapped_column(ForeignKey("fetches.id"), index=True)
    query: Mapped[str | None] = mapped_column(Text)
    caption: Mapped[str | None] = mapped_column(Text)
    approved: Mapped[bool] = mapped_column(default=True)
    """False while a contribution waits for moderation."""
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class Takedown(Base):
    """A picture that may not be kept, met again or released; found by hash, URL or likeness."""

    __tablename__ = "takedowns"
    __table_args__ = (
        CheckConstraint("sha256 IS NOT NULL OR url_hash IS NOT NULL OR phash IS NOT NULL", name="names_something"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str | None] = mapped_column(Sha256, index=True)
    url: Mapped[str | None] = mapped_column(Text)
    url_hash: Mapped[str | None] = mapped_column(Sha256, index=True)
    phash: Mapped[str | None] = mapped_column(String(16))
    phash_version: Mapped[int | None]
    """Of which kind the hash is; null before kinds were kept here."""
    reason: Mapped[str] = mapped_column(Text, default="")
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
