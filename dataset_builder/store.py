"""What the label store knows of the pictures that a recipe considers, as plain values."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from dataset_builder.errors import RecipeError
from imaging import PHASH_VERSION
from label_store import tells_likeness
from label_store.models import (
    Campaign,
    Candidate,
    Category,
    Consensus,
    Contribution,
    Fetch,
    Image,
    Item,
    Judgment,
    Takedown,
)

_AT_ONCE = 5000


@dataclass(frozen=True)
class Answered:
    """One item's consensus at its campaign's present version; `state` is open where there is none yet."""

    campaign: str
    kind: str
    category: str | None
    state: str
    answer: dict[str, Any] | None = None
    posterior: dict[str, Any] = field(default_factory=dict)
    n: int = 0
    risk: float = 0.0


@dataclass(frozen=True)
class Provenance:
    """Where a picture was got, under which licence; one per URL that brought it."""

    url: str
    page_url: str | None = None
    source: str = ""
    license: str | None = None
    author: str | None = None
    fetched_at: datetime | None = None


@dataclass(frozen=True)
class Picture:
    """A picture that the recipe's campaigns ask about; width and height in pixels as a person sees it."""

    sha256: str
    width: int
    height: int
    bytes: int
    answers: tuple[Answered, ...] = ()
    provenances: tuple[Provenance, ...] = ()
    taken_down: str | None = None
    """Why it may not be released; None when it may."""


@dataclass(frozen=True)
class Asked:
    """A campaign that the recipe takes answers from."""

    id: int
    slug: str
    kind: str
    title: str
    categories: tuple[str, ...]
    method: str | None


@dataclass(frozen=True)
class CategoryFacts:
    """What a release says of a category."""

    slug: str
    name: str
    definition: str
    wnid: str | None


def read_campaigns(session: Session, slugs: Sequence[str] | None) -> list[Asked]:
    """The recipe's campaigns in its order (all, by slug, when it names none)."""
    rows = {row.slug: row for row in session.scalars(select(Campaign).order_by(Campaign.slug))}
    for slug in slugs or ():
        if slug not in rows:
            raise RecipeError(
                f"the recipe names the campaign {slug!r}, which this workspace does not have",
                hint=f"its campaigns: {', '.join(rows) or 'none yet; make one with `cairn campaign create`'}",
            )
    return [
        Asked(row.id, row.slug, row.kind, row.title, tuple(c.slug for c in row.categories), row.consensus_method)
        for row in (rows[slug] for slug in (rows if slugs is None else slugs))
    ]


def read_categories(session: Session) -> dict[str, CategoryFacts]:
    """Every category of the taxonomy by its slug."""
    return {
        row.slug: CategoryFacts(row.slug, row.name, row.definition, row.wnid)
        for row in session.scalars(select(Category))
    }


def read_pictures(session: Session, campaigns: Sequence[Asked], takedown_radius: int) -> list[Picture]:
    """Every picture that the campaigns show, in the order of SHA-256, with all that decides about it.

    Gold items give no answer: a picture that occurs only as gold has none.
    """
    ids = [campaign.id for campaign in campaigns]
    answers = _answers(session, campaigns)
    shown = select(Item.image_sha256).where(Item.campaign_id.in_(ids)).distinct()
    provenances = _provenances(session, shown)
    refused = _Takedowns(session, takedown_radius)
    images = session.execute(
        select(Image.sha256, Image.width, Image.height, Image.bytes, Image.phash)
        .where(Image.sha256.in_(shown))
        .order_by(Image.sha256)
    )
    return [
        Picture(
            sha256, width, height, size,
            tuple(answers.get(sha256, ())),
            tuple(provenances.get(sha256, ())),
            refused.reason(sha256, phash),
        )
        for sha256, width, height, size, phash in images
    ]  # fmt: skip


def phashes_of(session: Session, sha256s: Sequence[str]) -> dict[str, str | None]:
    """{sha256: stored hash} of those of these pictures that the store has.

    None where a hash says nothing, or is of another version (`rehash` could not read the picture).
    """
    found: dict[str, str | None] = {}
    for start in range(0, len(sha256s), _AT_ONCE):
        part = sha256s[start : start + _AT_ONCE]
        rows = session.execute(select(Image.sha256, Image.phash, Image.phash_version).where(Image.sha256.in_(part)))
        found |= {row.sha256: row.phash if row.phash_version == PHASH_VERSION else None for row in rows}
    return found


def newest_judgment(session: Session, campaigns: Sequence[Asked]) -> datetime | None:
    """When the last active judgment of these campaigns was given; else the last consensus."""
    ids = [campaign.id for campaign in campaigns]
    judged = session.scalar(
        select(func.max(Judgment.answered_at)).join(Item).where(Item.campaign_id.in_(ids), Judgment.active)
    )
    if judged is not None:
        return judged
    return session.scalar(select(func.max(Consensus.at)).join(Item).where(Item.campaign_id.in_(ids)))


def stale_campaigns(session: Session, campaigns: Sequence[Asked]) -> list[str]:
    """Campaigns with an answer given, or undone, after their newest consensus, which does not know of it."""
    found = []
    for campaign in campaigns:
        changed = session.execute(
            select(func.max(Judgment.received_at), func.max(Judgment.undone_at))
            .join(Item)
            .where(Item.campaign_id == campaign.id, Item.gold.is_(None))
        ).one()
        settled = session.scalar(
            select(func.max(Consensus.at))
            .join(Item)
            .join(Campaign, Campaign.id == Item.campaign_id)
            .where(Item.campaign_id == campaign.id, Consensus.version == Campaign.consensus_version)
        )
        times = [at for at in changed if at is not None]
        if times and (settled is None or max(times) > settled):
            found.append(campaign.slug)
    return found


def _answers(session: Session, campaigns: Sequence[Asked]) -> dict[str, list[Answered]]:
    found: dict[str, list[Answered]] = defaultdict(list)
    for campaign in campaigns:
        rows = session.execute(
            select(Item.image_sha256, Category.slug)
            .add_columns(Consensus.state, Consensus.answer, Consensus.posterior, Consensus.n, Consensus.risk)
            .join(Campaign, Campaign.id == Item.campaign_id)
            .outerjoin(Category, Category.id == Item.category_id)
            .outerjoin(
                Consensus,
                and_(Consensus.item_id == Item.id, Consensus.version == Campaign.consensus_version),
            )
            .where(Item.campaign_id == campaign.id, Item.gold.is_(None))
            .order_by(Item.image_sha256, Category.slug)
        )
        for sha256, category, state, answer, posterior, n, risk in rows:
            found[sha256].append(
                Answered(
                    campaign.slug,
                    campaign.kind,
                    category,
                    state or "open",
                    answer,
                    posterior or {},
                    n or 0,
                    risk or 0.0,
                )
            )
    return found


def _provenances(session: Session, shown: Select[str]) -> dict[str, list[Provenance]]:
    found: dict[str, list[Provenance]] = defaultdict(list)
    # What somebody gave counts once a curator has approved it: a declined one's licence may be nobody's to give.
    not_approved = (
        select(Candidate.fetch_id)
        .join(Contribution, Contribution.candidate_id == Candidate.id)
        .where(Contribution.state != "approved")
    )
    rows = session.scalars(
        select(Fetch)
        .where(Fetch.status == "ok", Fetch.image_sha256.in_(shown), Fetch.id.not_in(not_approved))
        .order_by(Fetch.id)
    )
    for row in rows:
        found[row.image_sha256 or ""].append(
            Provenance(row.url, row.page_url, row.source, row.license, row.author, row.fetched_at)
        )
    return found


class _Takedowns:
    """Every takedown, by SHA-256, by the URLs of a picture, and by likeness."""

    def __init__(self, session: Session, radius: int) -> None:
        self._radius = radius
        self._by_sha256: dict[str, str] = {}
        self._hashes: list[tuple[int, str]] = []
        for row in session.scalars(select(Takedown).order_by(Takedown.id)):
            why = _why(row.at)
            if row.sha256:
                self._by_sha256.setdefault(row.sha256, why)
        for row in session.scalars(select(Takedown).where(tells_likeness()).order_by(Takedown.id)):
            self._hashes.append((int(row.phash or "0", 16), _why(row.at)))
        by_url = session.execute(
            select(Fetch.image_sha256, Takedown.at).join(Takedown, Takedown.url_hash == Fetch.url_hash)
        )
        for sha256, at in by_url:
            if sha256:
                self._by_sha256.setdefault(sha256, _why(at))

    def reason(self, sha256: str, phash: str | None) -> str | None:
        if sha256 in self._by_sha256:
            return self._by_sha256[sha256]
        if phash is not None:
            mine = int(phash, 16)
            for theirs, why in self._hashes:
                if (mine ^ theirs).bit_count() <= self._radius:
                    return f"like a picture that was {why}"
        return None


def _why(at: datetime) -> str:
    """What releases tell; the reason given stays here, since it may name people."""
    return f"taken down on {at:%Y-%m-%d}"
