"""The one door by which a picture enters, collected or contributed: checked, hashed, kept, recorded.

`examine` is pure and picklable (a process pool runs it); `record` writes within the caller's
transaction after the bytes are durable; `ingest` does both for one picture.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

import imaging
from label_store.errors import CairnError, TakenDown
from label_store.models import Candidate, Category, Fetch, Image, Takedown, now
from label_store.taxonomy import find_category
from label_store.workspace import Workspace


@dataclass(frozen=True)
class Origin:
    """Where a picture came from. `url` names it for ever (`file:` URLs for folders)."""

    source: str
    url: str
    category: str | None = None
    query: str | None = None
    page_url: str | None = None
    title: str | None = None
    caption: str | None = None
    license: str | None = None
    author: str | None = None
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    overrides: tuple[str, ...] = ()
    contributor_id: int | None = None
    fetched_at: datetime | None = None
    approved: bool = True


@dataclass(frozen=True)
class Examined:
    """What the bytes of a picture say of themselves; raises nothing more after this."""

    facts: imaging.ImageFacts
    phash: str
    plain: bool = False


@dataclass(frozen=True)
class Ingested:
    """What became of one picture."""

    sha256: str
    fetch_id: int
    new_image: bool
    new_candidate: bool = field(default=False)


def url_hash(url: str) -> str:
    """SHA-256 hex of the URL in its normal form: host lower case, no default port, no fragment (RFC 3986, 6.2)."""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").lower()
        if ":" in host:
            host = f"[{host}]"
        port = parts.port
        default = {"http": 80, "https": 443}.get(parts.scheme.lower())
        netloc = host if port in (None, default) else f"{host}:{port}"
        normal = urlunsplit((parts.scheme.lower(), netloc, parts.path or "/", parts.query, ""))
    except ValueError:  # a broken port or bracket: the words themselves are its name
        normal = url.strip()
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()


def examine(data: bytes, max_pixels: int = 100_000_000) -> Examined:
    """Check and describe a picture; raises imaging.ImageError with its reason."""
    facts = imaging.inspect(data, max_pixels=max_pixels)
    canonical = imaging.canonical(data, max_pixels=max_pixels)
    return Examined(
        facts=facts,
        phash=imaging.phash_hex(imaging.phash(canonical)),
        plain=imaging.is_plain(canonical),
    )


def ingest(workspace: Workspace, data: bytes, origin: Origin) -> Ingested:
    """Check, hash, keep and record one picture; durable when it returns.

    Raises imaging.ImageError (not a whole picture), TakenDown, UsageError (no such category); the
    failure of a picture is recorded as the fetch's reason before it is raised.
    """
    try:
        examined = examine(data, workspace.settings.max_image_pixels)
        with workspace.read() as session:
            refuse_taken_down(session, examined, origin.url, workspace.settings.near_takedown_radius)
    except imaging.ImageError as error:
        with workspace.write() as session:
            record_failure(session, origin, error.reason, str(error))
        raise
    except TakenDown as error:
        with workspace.write() as session:
            record_failure(session, origin, "takedown", str(error))
        raise
    workspace.blobs.put(data)
    with workspace.write() as session:
        return record(session, examined, origin)


def record(session: Session, examined: Examined, origin: Origin) -> Ingested:
    """Record a picture whose bytes are already durable: its image, fetch and candidate, in this transaction."""
    facts = examined.facts
    new_image = session.get(Image, facts.sha256) is None
    if new_image:
        session.add(
            Image(
                sha256=facts.sha256,
                bytes=facts.bytes,
                format=facts.format,
                mode=facts.mode,
                width=facts.width,
                height=facts.height,
                orientation=facts.orientation,
                icc_name=facts.icc_name,
                taken_at=facts.taken_at.isoformat() if facts.taken_at else None,
                frames=facts.frames,
                phash=None if examined.plain else examined.phash,
                phash_version=imaging.PHASH_VERSION,
            )
        )
        session.flush()
    fetch = _fetch(session, origin)
    fetch.status, fetch.error, fetch.detail = "ok", None, None
    fetch.image_sha256, fetch.retry_at = facts.sha256, None
    session.flush()
    new_candidate = propose(session, fetch, origin) if origin.category else False
    return Ingested(facts.sha256, fetch.id, new_image, new_candidate)


def propose(session: Session, fetch: Fetch, origin: Origin) -> bool:
    """Propose a fetched image for the origin's category; False when it already was."""
    assert fetch.image_sha256
    assert origin.category
    category: Category = find_category(session, origin.category)
    known = session.scalar(
        select(Candidate.id).where(
            Candidate.image_sha256 == fetch.image_sha256,
            Candidate.category_id == category.id,
            Candidate.fetch_id == fetch.id,
        )
    )
    if known is not None:
        return False
    session.add(
        Candidate(
            image_sha256=fetch.image_sha256,
            category_id=category.id,
            fetch_id=fetch.id,
            query=origin.query,
            caption=origin.caption,
            approved=origin.approved,
        )
    )
    session.flush()
    return True


def record_failure(
    session: Session,
    origin: Origin,
    reason: str,
    detail: str,
    *,
    refused: bool = False,
    retry_at: datetime | None = None,
) -> Fetch:
    """Record why a URL brought no image; `refused` when we chose not to (robots, private address, takedown)."""
    fetch = _fetch(session, origin)
    if fetch.status == "ok":
        return fetch  # a success that was told stays told
    refused = refused or reason in ("robots", "opted_out", "private_address", "takedown")
    fetch.status, fetch.error = ("refused" if refused else "failed"), reason
    fetch.detail, fetch.retry_at = detail[:2000], retry_at
    session.flush()
    return fetch


def refuse_taken_down(session: Session, examined: Examined | None, url: str, radius: int) -> None:
    """Raise TakenDown when the URL, the bytes or a near picture was taken down."""
    sha256 = examined.facts.sha256 if examined else None
    hit = session.scalar(
        select(Takedown).where(or_(Takedown.url_hash == url_hash(url), Takedown.sha256 == (sha256 or "")))
    )
    if hit is None and examined is not None and not examined.plain:
        mine = int(examined.phash, 16)
        for takedown in session.scalars(select(Takedown).where(Takedown.phash.is_not(None))):
            if (int(takedown.phash or "0", 16) ^ mine).bit_count() <= radius:
                hit = takedown
                break
    if hit is not None:
        raise TakenDown(
            f"{url} was taken down on {hit.at:%Y-%m-%d}" + (f" ({hit.reason})" if hit.reason else ""),
            hint="its bytes are not kept; `cairn takedown --list` shows why",
        )


def _fetch(session: Session, origin: Origin) -> Fetch:
    """The row of the origin's URL, made or brought up to date with what this attempt says."""
    if not origin.url:
        raise CairnError("a picture without a URL cannot be recorded", hint="use a file: URL for local files")
    key = url_hash(origin.url)
    fetch = session.scalar(select(Fetch).where(Fetch.url_hash == key))
    if fetch is None:
        fetch = Fetch(url=origin.url, url_hash=key, source=origin.source, attempts=0, status="pending")
        session.add(fetch)
    fetch.attempts += 1
    fetch.fetched_at = origin.fetched_at or now()
    for name in (
        "query",
        "page_url",
        "title",
        "caption",
        "license",
        "author",
        "http_status",
        "etag",
        "last_modified",
    ):
        value = getattr(origin, name)
        if value is not None:
            setattr(fetch, name, value)
    if origin.overrides:
        fetch.overrides = list(origin.overrides)
    if origin.contributor_id is not None:
        fetch.contributor_id = origin.contributor_id
    return fetch
