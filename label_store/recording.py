"""Results of fetching into the tables, many at once: images, fetches and candidates, in the caller's transaction.

A batch costs a handful of statements however many pictures are in it; one picture is a batch of one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

import imaging
from label_store.errors import CairnError
from label_store.models import Candidate, Category, Fetch, Image, now
from label_store.origin import Examined, Origin, url_hash
from label_store.taxonomy import find_category

_CHOSEN = ("robots", "opted_out", "private_address", "takedown")
"""Reasons by which we chose not to take a picture."""
_TOLD = (
    "query", "page_url", "title", "caption", "license", "author", "http_status", "etag", "last_modified",
    "contributor_id",
)  # fmt: skip
"""What an attempt may say of a fetch; what it does not say stays as it was."""
_IMAGES, _FETCHES, _CANDIDATES = (Fetch.metadata.tables[name] for name in ("images", "fetches", "candidates"))
"""Filled as tables and not as models, for which the ORM would look at every row again."""
_EMPTY_FETCH: Mapping[str, Any] = {column.name: None for column in _FETCHES.columns if column.name != "id"}
_Key = TypeVar("_Key", int, str)
_LOOKUP = 500
"""Keys in one lookup; below every database's limit of bound values."""


@dataclass(frozen=True)
class Failure:
    """Why an address brought no picture: a reason of the closed list, and when to try again, if ever."""

    reason: str
    detail: str
    retry_at: datetime | None = None
    refused: bool = False
    """We chose not to, also where the reason alone does not say so."""


@dataclass(frozen=True)
class Result:
    """What became of one address: a picture whose bytes are durable, a failure, or the picture it had before."""

    origin: Origin
    examined: Examined | None = None
    failure: Failure | None = None
    unchanged: bool = False
    """The server said that the picture is still the same; with neither of the three nothing was asked."""
    more: tuple[Origin, ...] = ()
    """Further mentions of the same picture, each with a category."""


@dataclass(frozen=True)
class Recorded:
    """What one result changed."""

    fetch_id: int
    sha256: str | None = None
    new_image: bool = False
    new_candidates: int = 0


def record_all(session: Session, results: Sequence[Result]) -> list[Recorded]:
    """Record results in their order; durable when the caller's transaction is.

    Raises UsageError for a category that does not exist, CairnError for a picture without a URL.
    """
    keys = [_key_of(result.origin) for result in results]
    before = _fetches(session, keys)
    category_ids = _category_ids(session, results)
    after: dict[str, dict[str, Any]] = {}
    pictures: list[str | None] = []  # of each address, when its result came
    for key, result in zip(keys, results, strict=True):
        if key not in after:
            after[key] = dict(before[key]) if key in before else _new_fetch(key, result.origin)
        _tell(after[key], result, category_ids)
        pictures.append(after[key]["image_sha256"])
    fresh = _add_images(session, (result.examined for result in results if result.examined is not None))
    if made := [row for key, row in after.items() if key not in before]:
        session.execute(insert(_FETCHES), made)
    changed = [row for key, row in after.items() if key in before and row != before[key]]
    if changed:
        session.execute(update(Fetch), changed)
    ids = {key: row["id"] for key, row in before.items()} | _ids(session, [key for key in after if key not in before])
    fetched = [(ids[key], sha256) for key, sha256 in zip(keys, pictures, strict=True)]
    proposals = _propose(session, results, fetched, category_ids)
    recorded = []
    for key, result, proposed in zip(keys, results, proposals, strict=True):
        sha256 = result.examined.facts.sha256 if result.examined else None
        new = sha256 in fresh
        fresh.discard(sha256 or "")  # twice in one batch it is new once
        recorded.append(Recorded(ids[key], sha256, new, proposed))
    return recorded


def record(session: Session, examined: Examined, origin: Origin) -> Recorded:
    """Record a picture whose bytes are already durable: its image, fetch and candidate, in this transaction."""
    return record_all(session, [Result(origin, examined)])[0]


def record_failure(session: Session, origin: Origin, failure: Failure) -> Recorded:
    """Record why a URL brought no image; a success that was told stays told."""
    return record_all(session, [Result(origin, failure=failure)])[0]


def _key_of(origin: Origin) -> str:
    if not origin.url:
        raise CairnError("a picture without a URL cannot be recorded", hint="use a file: URL for local files")
    return url_hash(origin.url)


def _fetches(session: Session, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The rows of those addresses that have one, by the hash of the address."""
    found: dict[str, dict[str, Any]] = {}
    for part in _parts(keys):
        for row in session.execute(select(Fetch.__table__).where(Fetch.url_hash.in_(part))).mappings():
            found[row["url_hash"]] = dict(row)
    return found


def _ids(session: Session, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(keys):
        found.update(session.execute(select(Fetch.url_hash, Fetch.id).where(Fetch.url_hash.in_(part))).all())
    return found


def _new_fetch(key: str, origin: Origin) -> dict[str, Any]:
    return {
        **_EMPTY_FETCH,
        "url": origin.url, "url_hash": key, "source": origin.source, "status": "pending", "attempts": 0,
        "overrides": [], "opt_outs": [], "created_at": now(),
    }  # fmt: skip


def _tell(row: dict[str, Any], result: Result, category_ids: Mapping[str, int]) -> None:
    """Bring a fetch's row up to date with one result."""
    origin, failure = result.origin, result.failure
    if result.examined is None and failure is None and not result.unchanged:
        return
    row["attempts"] += 1
    row["fetched_at"] = origin.fetched_at or now()
    for name in _TOLD:
        value = getattr(origin, name)
        if value is not None:
            row[name] = value
    if row["category_id"] is None and origin.category:
        row["category_id"] = category_ids.get(origin.category)
    if origin.overrides:
        row["overrides"] = list(origin.overrides)
    if origin.opt_outs:
        row["opt_outs"] = list(origin.opt_outs)
    if result.examined is not None:
        row |= {"status": "ok", "error": None, "detail": None, "retry_at": None}
        row["image_sha256"] = result.examined.facts.sha256
    elif failure is not None and row["status"] != "ok":
        row["status"] = "refused" if failure.refused or failure.reason in _CHOSEN else "failed"
        row |= {"error": failure.reason, "detail": failure.detail[:2000], "retry_at": failure.retry_at}


def _add_images(session: Session, pictures: Iterable[Examined]) -> set[str]:
    """Add those that are not there; the SHA-256 of each added one."""
    wanted = {examined.facts.sha256: examined for examined in pictures}
    known: set[str] = set()
    for part in _parts(list(wanted)):
        known.update(session.scalars(select(Image.sha256).where(Image.sha256.in_(part))))
    new = [_image(examined) for sha256, examined in wanted.items() if sha256 not in known]
    if new:
        session.execute(insert(_IMAGES), new)
    return {row["sha256"] for row in new}


def _image(examined: Examined) -> dict[str, Any]:
    facts, file = examined.facts, examined.file
    return {
        "sha256": facts.sha256, "bytes": facts.bytes, "format": facts.format, "mode": facts.mode,
        "width": facts.width, "height": facts.height, "orientation": facts.orientation, "icc_name": facts.icc_name,
        "taken_at": facts.taken_at.isoformat() if facts.taken_at else None, "frames": facts.frames,
        "phash": examined.phash, "phash_version": imaging.PHASH_VERSION,
        "creator": file.creator, "rights": file.words, "latitude": file.latitude, "longitude": file.longitude,
    }  # fmt: skip


def _propose(
    session: Session,
    results: Sequence[Result],
    fetched: Sequence[tuple[int, str | None]],
    category_ids: Mapping[str, int],
) -> list[int]:
    """Propose each result's picture for the categories of its mentions; how many proposals of each are new."""
    known: set[tuple[str, int, int]] = set()
    for part in _parts([fetch_id for fetch_id, sha256 in fetched if sha256 is not None]):
        keys = select(Candidate.image_sha256, Candidate.category_id, Candidate.fetch_id)
        known.update(session.execute(keys.where(Candidate.fetch_id.in_(part))).all())
    new: list[dict[str, Any]] = []
    made = []
    for result, (fetch_id, sha256) in zip(results, fetched, strict=True):
        count = len(new)
        for one in (result.origin, *result.more):
            if one.category is None or sha256 is None or result.failure is not None:
                continue
            key = (sha256, category_ids[one.category], fetch_id)
            if key not in known:
                known.add(key)
                new.append({
                    "image_sha256": sha256, "category_id": key[1], "fetch_id": fetch_id,
                    "query": one.query, "caption": one.caption, "approved": one.approved, "created_at": now(),
                })  # fmt: skip
        made.append(len(new) - count)
    if new:
        session.execute(insert(_CANDIDATES), new)
    return made


def _category_ids(session: Session, results: Sequence[Result]) -> Mapping[str, int]:
    """By slug; UsageError where a picture is proposed for a category that does not exist."""
    named = [(one.category, result) for result in results for one in (result.origin, *result.more) if one.category]
    found: dict[str, int] = {}
    for part in _parts(sorted({slug for slug, _ in named})):
        found.update(session.execute(select(Category.slug, Category.id).where(Category.slug.in_(part))).all())
    for slug, result in named:
        if slug not in found and result.failure is None:
            find_category(session, slug)  # raises, with the nearest names
    return found


def _parts(keys: Sequence[_Key]) -> Iterable[Sequence[_Key]]:
    return (keys[start : start + _LOOKUP] for start in range(0, len(keys), _LOOKUP))
