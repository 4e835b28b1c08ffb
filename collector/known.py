"""What the label store already knows of addresses, looked up in chunks so that a resumed run repeats nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from label_store.models import Candidate, Fetch, Takedown

CHUNK = 500
"""Addresses in one lookup; below every database's limit of bound values."""


@dataclass(frozen=True)
class Known:
    """The recorded state of one address."""

    fetch_id: int
    status: str
    reason: str | None
    retry_at: datetime | None
    fetched_at: datetime | None
    category_ids: frozenset[int] = frozenset()
    """The categories for which this fetch's picture was proposed."""
    sha256: str | None = None
    """Of its picture, where it brought one."""
    etag: str | None = None
    last_modified: str | None = None
    opt_outs: frozenset[str] = frozenset()
    """By name, those that its refusal was for, or that were in force when it was got."""

    def wanted_again(self, retry: Collection[str], overrides: Collection[str]) -> bool:
        """Whether it was left out for a reason that the curator has taken back: by its name, or an opt-out's."""
        if self.status not in ("failed", "refused") or self.reason is None:
            return False
        if self.reason == "opted_out" and self.opt_outs and self.opt_outs <= set(overrides):
            return True
        return self.reason in retry or (self.reason == "robots" and "robots" in overrides)


def look_up(session: Session, hashes: Sequence[str]) -> dict[str, Known]:
    """The recorded state of those of at most CHUNK URL hashes that were ever tried."""
    rows = session.execute(
        select(
            Fetch.url_hash,
            Fetch.id,
            Fetch.status,
            Fetch.error,
            Fetch.retry_at,
            Fetch.fetched_at,
            Fetch.image_sha256,
            Fetch.etag,
            Fetch.last_modified,
            Fetch.opt_outs,
        ).where(Fetch.url_hash.in_(hashes))
    ).all()
    proposed: dict[int, set[int]] = {}
    done = [row.id for row in rows if row.status == "ok"]
    if done:
        for fetch_id, category_id in session.execute(
            select(Candidate.fetch_id, Candidate.category_id).where(Candidate.fetch_id.in_(done))
        ):
            proposed.setdefault(fetch_id, set()).add(category_id)
    return {
        row.url_hash: Known(
            row.id,
            row.status,
            row.error,
            row.retry_at,
            row.fetched_at,
            frozenset(proposed.get(row.id, ())),
            row.image_sha256,
            row.etag,
            row.last_modified,
            frozenset(row.opt_outs or ()),
        )
        for row in rows
    }


def taken_down(session: Session, hashes: Sequence[str]) -> Mapping[str, str]:
    """Those of at most CHUNK URL hashes that were taken down, with the reason given."""
    rows = session.execute(select(Takedown.url_hash, Takedown.reason).where(Takedown.url_hash.in_(hashes)))
    return {key: reason for key, reason in rows if key is not None}


def what_to_do(
    known: Known | None,
    run_began: datetime,
    at: datetime,
    lost: bool = False,
    refresh: bool = False,
    again: bool = False,
) -> Literal["fetch", "done", "wait"]:
    """Whether an address is fetched now: new ones, and failures that may pass once their time has come.

    `refresh` asks of each picture that was got before this run whether it is still the same.
    `again` asks also for what was left out for good before this run.
    `lost` says that a picture was got and its bytes are no longer there; it is got again.
    `retry_at` is the sign of a failure that may pass. One that failed within this run waits for the next.
    """
    if known is None or known.status == "pending" or lost:
        return "fetch"
    in_this_run = known.fetched_at is not None and known.fetched_at >= run_began
    if known.status == "ok":
        return "fetch" if refresh and not in_this_run else "done"
    if again and not in_this_run:
        return "fetch"
    if known.retry_at is None:
        return "done"
    if known.retry_at > at or in_this_run:
        return "wait"
    return "fetch"
