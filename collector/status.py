"""What was collected so far, per category and source, what was left out and why, and how long the rest will take."""

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import case, distinct, func, select
from sqlalchemy.orm import Session

from collector.progress import RunState, run_states
from label_store import UsageError, Workspace
from label_store.models import FETCH_REASONS, Candidate, Category, Fetch, Image, now

_RECENTLY = timedelta(minutes=10)


@dataclass(frozen=True)
class CategoryStatus:
    """One category's pictures by one source."""

    category: str
    source: str
    candidates: int
    images: int
    last_ten_minutes: int = 0
    """Candidates."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Addresses by reason, each with the category for which it was first asked for."""


@dataclass(frozen=True)
class SourceStatus:
    """The addresses of one source by what became of them."""

    source: str
    ok: int
    reasons: dict[str, int]
    to_try_again: int
    to_try_now: int
    """Those of them whose time has come."""
    next_try_at: datetime | None
    """When the first of the others may be tried."""
    last_fetched_at: datetime | None
    last_ten_minutes: int
    run: RunState | None = None
    """How far its last run came."""


@dataclass(frozen=True)
class CollectStatus:
    """The whole store."""

    images: int
    bytes: int
    categories: Sequence[CategoryStatus]
    sources: Sequence[SourceStatus]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        values = asdict(self)
        for shown, source in zip(values["sources"], self.sources, strict=True):
            if source.run is not None:
                shown["run"] |= {"left": source.run.left, "seconds_left": source.run.seconds_left}
        return values


@dataclass
class _Ends:
    """What became of one source's addresses, while it is counted."""

    counts: Counter[str] = field(default_factory=Counter)
    last: datetime | None = None


def collect_status(workspace: Workspace) -> CollectStatus:
    """Counts from one consistent view of the label store; three passes over its tables, whatever their size."""
    at = now()
    runs = {run.source: run for run in run_states(workspace.folder, at)}
    with workspace.read() as session:
        images, size = session.execute(select(func.count(), func.coalesce(func.sum(Image.bytes), 0))).one()
        ends, left_out = _ends(session)
        categories = _categories(session, ends, left_out, at)
        again = _to_try_again(session, at)
        recent = _recent(session, at)
    sources = []
    for source in sorted({*ends, *runs}):
        end = ends.get(source, _Ends())
        later, due, next_at = again.get(source, (0, 0, None))
        sources.append(
            SourceStatus(
                source,
                ok=end.counts.pop("ok", 0),
                reasons=dict(sorted(end.counts.items())),
                to_try_again=later + due,
                to_try_now=due,
                next_try_at=next_at,
                last_fetched_at=end.last,
                last_ten_minutes=recent.get(source, 0),
                run=runs.get(source),
            )
        )
    return CollectStatus(int(images), int(size), categories, sources)


_LeftOut = Mapping[tuple[int, str], Mapping[str, int]]
"""Addresses by reason, of each category's id and source."""


def _ends(session: Session) -> tuple[dict[str, _Ends], _LeftOut]:
    sources: dict[str, _Ends] = defaultdict(_Ends)
    left_out: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    what = (Fetch.source, Fetch.category_id, Fetch.status, Fetch.error)
    for source, category, status, error, n, last in session.execute(
        select(*what, func.count(), func.max(Fetch.fetched_at)).group_by(*what)
    ):
        end = sources[source]
        end.counts[error or status] += n
        end.last = max(filter(None, (end.last, last)), default=None)
        if category is not None and error is not None:
            left_out[category, source][error] += n
    return sources, left_out


def _categories(session: Session, sources: Collection[str], left_out: _LeftOut, at: datetime) -> list[CategoryStatus]:
    slugs = {row[0]: row[1] for row in session.execute(select(Category.id, Category.slug))}
    recent = Candidate.created_at >= at - _RECENTLY
    counts = (func.count(), func.count(distinct(Candidate.image_sha256)), func.sum(case((recent, 1), else_=0)))
    found = {
        # Source by source: a set of ids is a tenth of the work of joining every candidate to its wide row in fetches.
        (category, source): (n, images, lately)
        for source in sources
        for category, n, images, lately in session.execute(
            select(Candidate.category_id, *counts)
            .where(Candidate.fetch_id.in_(select(Fetch.id).where(Fetch.source == source)))
            .group_by(Candidate.category_id)
        )
    }
    rows = []
    for category, source in {*found, *left_out}:
        n, pictures, lately = found.get((category, source), (0, 0, 0))
        reasons = dict(left_out.get((category, source), {}))
        rows.append(CategoryStatus(slugs[category], source, n, pictures, int(lately or 0), reasons))
    return sorted(rows, key=lambda row: (row.category, row.source))


def _to_try_again(session: Session, at: datetime) -> dict[str, tuple[int, int, datetime | None]]:
    """(Later, now, first time of the later ones) of each source's addresses whose failure may pass."""
    waiting = select(Fetch.source, func.count(), func.min(Fetch.retry_at)).where(
        Fetch.status == "failed", Fetch.retry_at.is_not(None)
    )
    found: dict[str, tuple[int, int, datetime | None]] = {}
    for source, n, _ in session.execute(waiting.where(Fetch.retry_at <= at).group_by(Fetch.source)):
        found[source] = (0, n, None)
    for source, n, first in session.execute(waiting.where(Fetch.retry_at > at).group_by(Fetch.source)):
        found[source] = (n, found.get(source, (0, 0, None))[1], first)
    return found


def _recent(session: Session, at: datetime) -> dict[str, int]:
    rows = session.execute(
        select(Fetch.source, func.count())
        .where(Fetch.status == "ok", Fetch.fetched_at >= at - _RECENTLY)
        .group_by(Fetch.source)
    )
    return {row[0]: row[1] for row in rows}


def write_left_out(workspace: Workspace, path: Path, reason: str | None = None) -> int:
    """A CSV of the addresses that brought no picture, with why and when; how many. All, or those of one reason."""
    if reason is not None and reason not in FETCH_REASONS:
        raise UsageError(f"{reason!r} is no reason", hint=f"these are: {', '.join(FETCH_REASONS)}")
    query = (
        select(
            Fetch.url,
            Fetch.source,
            Category.slug,
            Fetch.error,
            Fetch.detail,
            Fetch.http_status,
            Fetch.fetched_at,
            Fetch.retry_at,
        )
        .outerjoin(Category, Category.id == Fetch.category_id)
        .where(Fetch.error.is_not(None) if reason is None else Fetch.error == reason)
        .order_by(Fetch.id)
        .execution_options(yield_per=1000)
    )
    names = ("url", "source", "category", "reason", "detail", "http_status", "tried_at", "retry_at")
    n = 0
    # utf-8 has no place for half a pair, and an address of a list may hold one.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with (
            unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
            workspace.read() as session,
        ):
            writer = csv.writer(file)
            writer.writerow(names)
            for row in session.execute(query):
                writer.writerow("" if value is None else value for value in row)
                n += 1
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return n
