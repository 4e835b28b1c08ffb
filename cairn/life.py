"""The whole life of one image: fetched, proposed, judged by whom, settled how, grouped, split, released."""

import hashlib
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from label_store import UsageError, Workspace, url_hash
from label_store.explaining import evidence_of
from label_store.models import (
    Campaign,
    Candidate,
    Category,
    Consensus,
    Event,
    Fetch,
    Image,
    Item,
    Judgment,
    Person,
    Release,
    ReleaseImage,
    Takedown,
)


def find_image(session: Session, named: str) -> str:
    """The SHA-256 that its first 8 digits or more, a release key, a URL, a file, a file's name or an item means."""
    if "://" in named:
        fetch = session.scalar(select(Fetch).where(Fetch.url_hash == url_hash(named)))
        if fetch is None:
            raise UsageError(f"{named} was never fetched", hint="`cairn collect status` shows what was")
        if fetch.image_sha256 is None:
            raise UsageError(f"{named} brought no picture: {fetch.error} ({fetch.detail})")
        return fetch.image_sha256
    if re.fullmatch(r"[0-9]{1,7}", named):
        item = session.get(Item, int(named))
        if item is None:
            raise UsageError(f"there is no item {named}", hint="items have numbers in `cairn audit` and in exports")
        return item.image_sha256
    if not re.fullmatch(r"[0-9a-f]{8,64}", named):
        return _of_file(session, named)
    found = list(session.scalars(select(Image.sha256).where(Image.sha256.startswith(named)).limit(3)))
    if not found:
        raise UsageError(
            f"no picture of this workspace begins with {named}", hint="`cairn collect status` says what is here"
        )
    if len(found) > 1:
        raise UsageError(f"several pictures begin with {named}", hint="give more of its digits")
    return found[0]


def _of_file(session: Session, named: str) -> str:
    """A picture by the file itself, or by the name that it was fetched under."""
    path = Path(named)
    if path.is_file():
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if session.get(Image, sha256) is not None:
            return sha256
    if not path.name:
        raise UsageError(f"{named!r} names no picture", hint="give a URL, a file, or 8 digits or more of a SHA-256")
    ends = Fetch.url.endswith(f"/{quote(path.name)}", autoescape=True)
    found = session.scalars(select(Fetch.image_sha256).where(ends, Fetch.image_sha256.is_not(None)).distinct().limit(3))
    names = [name for name in found if name]
    if not names:
        raise UsageError(
            f"no picture of this workspace was fetched under the name {path.name!r}",
            hint="give its URL, the first 8 digits of its SHA-256, or an item's number",
        )
    if len(names) > 1:
        raise UsageError(f"several pictures have the name {path.name!r}", hint="give the URL of the one")
    return names[0]


def life_of(workspace: Workspace, named: str) -> dict[str, Any]:
    """Everything the store knows about one image, as plain values."""
    with workspace.read() as session:
        sha256 = find_image(session, named)
        image = session.get_one(Image, sha256)
        return {
            "image": {
                **_columns(image),
                "bytes_kept": workspace.blobs.has(sha256),
            },
            "fetches": [
                _columns(fetch)
                for fetch in session.scalars(select(Fetch).where(Fetch.image_sha256 == sha256).order_by(Fetch.id))
            ],
            "candidates": [
                {"category": slug, "query": query, "caption": caption, "fetch": fetch_id}
                for slug, query, caption, fetch_id in session.execute(
                    select(Category.slug, Candidate.query, Candidate.caption, Candidate.fetch_id)
                    .join(Category, Category.id == Candidate.category_id)
                    .where(Candidate.image_sha256 == sha256)
                    .order_by(Candidate.id)
                )
            ],
            "items": [_item(session, item) for item in _items(session, sha256)],
            "releases": [
                {
                    "release": f"{release.name}/{release.version}",
                    "key": member.key,
                    "split": member.split,
                    "label": member.label,
                    "group": member.group,
                }
                for member, release in session.execute(
                    select(ReleaseImage, Release)
                    .join(Release, Release.id == ReleaseImage.release_id)
                    .where(ReleaseImage.image_sha256 == sha256)
                    .order_by(Release.id)
                )
            ],
            "left_out": left_out(workspace, session, sha256),
            "takedowns": [_columns(row) for row in session.scalars(select(Takedown).where(Takedown.sha256 == sha256))],
            "events": [
                _columns(row)
                for row in session.scalars(select(Event).where(Event.subject == f"images:{sha256}").order_by(Event.id))
            ],
        }


def left_out(workspace: Workspace, session: Session, sha256: str) -> list[dict[str, Any]]:
    """From which releases the image was left out, and why (their dropped.parquet)."""
    import pyarrow.parquet as parquet

    rows = []
    for release in session.scalars(select(Release).order_by(Release.id)):
        file = workspace.folder / release.path / "dropped.parquet"
        if file.is_file():
            for row in parquet.read_table(file, filters=[("sha256", "=", sha256)]).to_pylist():
                rows.append({"release": f"{release.name}/{release.version}", **row})
    return rows


def _items(session: Session, sha256: str) -> list[Item]:
    return list(session.scalars(select(Item).where(Item.image_sha256 == sha256).order_by(Item.id)))


def _item(session: Session, item: Item) -> dict[str, Any]:
    campaign = session.get_one(Campaign, item.campaign_id)
    consensus = session.get(Consensus, (item.id, campaign.consensus_version))
    evidence = evidence_of(session, campaign, item.id)
    return {
        "item": item.id,
        "campaign": campaign.slug,
        "kind": campaign.kind,
        "category": item.category.slug if item.category else None,
        "state": item.state,
        "gold": item.gold,
        "judgments": [
            {
                "person": name,
                "role": judgment.role,
                "answer": judgment.answer,
                "answered_at": judgment.answered_at,
                "active_ms": judgment.active_ms,
                "undone": not judgment.active,
                "weights": [
                    asdict(weight)
                    for weight in evidence.judgments.get(judgment.person_id, ())
                    if judgment.active and judgment.role != "reviewer"
                ],
            }
            for judgment, name in session.execute(
                select(Judgment, Person.name)
                .join(Person, Person.id == Judgment.person_id)
                .where(Judgment.item_id == item.id)
                .order_by(Judgment.received_at, Judgment.id)
            )
        ],
        "consensus": _columns(consensus) if consensus else None,
        "other_evidence": [asdict(other) for other in evidence.others],
    }


def _columns(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
