"""What was collected so far, per category and source, and what was left out and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import distinct, func, select

from label_store import Workspace
from label_store.models import Candidate, Category, Fetch, Image, now

_RECENTLY = timedelta(minutes=10)


@dataclass(frozen=True)
class CategoryStatus:
    """One category's pictures by one source."""

    category: str
    source: str
    candidates: int
    images: int


@dataclass(frozen=True)
class SourceStatus:
    """The addresses of one source by what became of them."""

    source: str
    ok: int
    reasons: dict[str, int]
    to_try_again: int
    last_fetched_at: datetime | None
    last_ten_minutes: int


@dataclass(frozen=True)
class CollectStatus:
    """The whole store."""

    images: int
    bytes: int
    categories: Sequence[CategoryStatus]
    sources: Sequence[SourceStatus]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def collect_status(workspace: Workspace) -> CollectStatus:
    """Counts from one consistent view of the label store."""
    with workspace.read() as session:
        images, size = session.execute(select(func.count(), func.coalesce(func.sum(Image.bytes), 0))).one()
        categories = [
            CategoryStatus(*row)
            for row in session.execute(
                select(
                    Category.slug,
                    Fetch.source,
                    func.count(Candidate.id),
                    func.count(distinct(Candidate.image_sha256)),
                )
                .join(Candidate, Candidate.category_id == Category.id)
                .join(Fetch, Fetch.id == Candidate.fetch_id)
                .group_by(Category.slug, Fetch.source)
                .order_by(Category.slug, Fetch.source)
            )
        ]
        ends: dict[str, dict[str, int]] = {}
        for source, status, error, n in session.execute(
            select(Fetch.source, Fetch.status, Fetch.error, func.count()).group_by(
                Fetch.source, Fetch.status, Fetch.error
            )
        ):
            ends.setdefault(source, {})[error or status] = n
        rows = session.execute(select(Fetch.source, func.max(Fetch.fetched_at)).group_by(Fetch.source))
        last: dict[str, datetime | None] = {row[0]: row[1] for row in rows}
        again = dict(_count_where(session, Fetch.status == "failed", Fetch.retry_at.is_not(None)))
        recent = dict(_count_where(session, Fetch.status == "ok", Fetch.fetched_at >= now() - _RECENTLY))
    sources = [
        SourceStatus(
            source,
            ok=counts.pop("ok", 0),
            reasons=dict(sorted(counts.items())),
            to_try_again=again.get(source, 0),
            last_fetched_at=last[source],
            last_ten_minutes=recent.get(source, 0),
        )
        for source, counts in sorted(ends.items())
    ]
    return CollectStatus(int(images), int(size), categories, sources)


def _count_where(session: Any, *conditions: Any) -> list[tuple[str, int]]:
    rows = session.execute(select(Fetch.source, func.count()).where(*conditions).group_by(Fetch.source))
    return [(source, n) for source, n in rows]
