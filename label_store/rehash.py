"""Perceptual hashes of another version are made again from the bytes: two kinds must never be compared as one."""

from dataclasses import dataclass

from sqlalchemy import select, update

import imaging
from label_store.blobs import BlobError
from label_store.models import Image
from label_store.workspace import Workspace

_AT_ONCE = 200


@dataclass(frozen=True)
class Rehashed:
    """How many pictures got a hash of this version, and how many could not be read and keep what they had."""

    renewed: int
    left: int


def rehash(workspace: Workspace) -> Rehashed:
    """Bring every picture's hash to `imaging.PHASH_VERSION`; repeating is cheap, and goes on where it was stopped."""
    outdated = Image.phash_version.is_distinct_from(imaging.PHASH_VERSION)
    with workspace.read() as session:
        names = list(session.scalars(select(Image.sha256).where(outdated).order_by(Image.sha256)))
    renewed = 0
    for start in range(0, len(names), _AT_ONCE):
        found = {name: _hash(workspace, name) for name in names[start : start + _AT_ONCE]}
        with workspace.write() as session:
            for name, hashed in found.items():
                if hashed is not None:
                    row = update(Image).where(Image.sha256 == name)
                    session.execute(row.values(phash=hashed[0], phash_version=imaging.PHASH_VERSION))
                    renewed += 1
    return Rehashed(renewed, len(names) - renewed)


def _hash(workspace: Workspace, sha256: str) -> tuple[str | None] | None:
    """(the hash, None where it says nothing), or None where the bytes are gone or damaged."""
    try:
        found = imaging.describe(workspace.blobs.get(sha256), workspace.settings.max_image_pixels).phash
    except (BlobError, imaging.ImageError):
        return None
    return (None if found is None else imaging.phash_hex(found),)
