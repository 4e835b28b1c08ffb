"""Taking a picture down: its bytes go, and it is refused when it is met again by hash, URL or likeness."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

import imaging
from label_store.blobs import BlobError
from label_store.errors import UsageError
from label_store.events import log_event
from label_store.models import Fetch, Image, Takedown
from label_store.origin import url_hash
from label_store.rehash import rehash
from label_store.workspace import Workspace

Likeness = tuple[str, int | None]
"""A perceptual hash, and of which kind it is."""


@dataclass(frozen=True)
class TakedownResult:
    """What was taken down now."""

    sha256s: tuple[str, ...]
    urls: tuple[str, ...]


def take_down(
    workspace: Workspace,
    *,
    sha256: str | None = None,
    url: str | None = None,
    near: bytes | None = None,
    reason: str,
    dry_run: bool = False,
) -> TakedownResult:
    """Refuse a picture for ever and forget its bytes; recorded before the bytes go, so repeating is safe.

    With `dry_run` nothing changes; the result says what would go.
    """
    if sum(given is not None for given in (sha256, url, near)) != 1:
        raise UsageError("name exactly one of a SHA-256, a URL or a picture file to take down")
    if near is not None and not dry_run:
        rehash(workspace)  # a hash of an older version is no measure of how near a picture is
    with workspace.read() if dry_run else workspace.write() as session:
        add: Callable[..., None] = _nothing if dry_run else partial(_add, session)
        images: list[Image] = []
        if sha256 is not None:
            found = session.get(Image, sha256)
            images = [found] if found else []
            add(sha256=sha256, phash=_likeness(workspace, found) if found else None, reason=reason)
        elif url is not None:
            key = url_hash(url)
            fetch = session.scalar(select(Fetch).where(Fetch.url_hash == key))
            add(url=url, url_hash=key, reason=reason)
            if fetch is not None and fetch.image_sha256 is not None:
                image = session.get_one(Image, fetch.image_sha256)
                images = [image]
                add(sha256=image.sha256, phash=_likeness(workspace, image), reason=reason)
        elif near is not None:
            mine = imaging.phash(imaging.hashing_picture(near, max_pixels=workspace.settings.max_image_pixels))
            add(phash=(imaging.phash_hex(mine), imaging.PHASH_VERSION), reason=reason)
            for image in session.scalars(select(Image).where(Image.phash.is_not(None))):
                likeness = _likeness(workspace, image)
                if likeness is None or likeness[1] != imaging.PHASH_VERSION:
                    continue
                if (int(likeness[0], 16) ^ mine).bit_count() <= workspace.settings.near_takedown_radius:
                    images.append(image)
                    add(sha256=image.sha256, phash=likeness, reason=reason)
        urls = [
            fetched.url
            for image in images
            for fetched in session.scalars(select(Fetch).where(Fetch.image_sha256 == image.sha256))
        ]
        for address in urls:
            add(url=address, url_hash=url_hash(address), reason=reason)
        for image in images:
            if not dry_run:
                log_event(session, "takedown", f"images:{image.sha256}", reason=reason)
        hashes = tuple(image.sha256 for image in images)
    if dry_run:
        return TakedownResult(hashes, tuple(urls))
    for sha256 in hashes:
        workspace.blobs.remove(sha256)
        for copy in (workspace.folder / "cache").rglob(f"{sha256}*"):
            copy.unlink(missing_ok=True)  # smaller renditions that the annotation app keeps
    return TakedownResult(hashes, tuple(urls))


def _nothing(**_: object) -> None:
    """What a dry run records."""


def tells_likeness() -> ColumnElement[bool]:
    """Takedowns that refuse look-alikes: with a hash of the kind that is made now, or of before kinds were kept."""
    of_now = or_(Takedown.phash_version.is_(None), Takedown.phash_version == imaging.PHASH_VERSION)
    return and_(Takedown.phash.is_not(None), of_now)


def _likeness(workspace: Workspace, image: Image) -> Likeness | None:
    """A picture's hash of the kind that is made now, and which kind that is: its bytes go, so that it cannot be made
    later. Where they are gone already it stays what it was; hashes of two kinds are never compared."""
    known = None if image.phash is None else (image.phash, image.phash_version)
    if image.phash_version == imaging.PHASH_VERSION:
        return known
    try:
        described = imaging.describe(workspace.blobs.get(image.sha256), workspace.settings.max_image_pixels)
    except (BlobError, imaging.ImageError):
        return known
    return None if described.phash is None else (imaging.phash_hex(described.phash), imaging.PHASH_VERSION)


def _add(
    session: Session,
    *,
    sha256: str | None = None,
    url: str | None = None,
    url_hash: str | None = None,
    phash: Likeness | None = None,
    reason: str,
) -> None:
    value, version = phash or (None, None)
    session.add(Takedown(sha256=sha256, url=url, url_hash=url_hash, phash=value, phash_version=version, reason=reason))
