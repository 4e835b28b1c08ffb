"""The one door by which a picture enters, collected or contributed: checked, hashed, kept, recorded.

`examine` is pure; `ingest` takes one picture all the way. The collector goes the same way in batches:
`imaging.describe_all` in processes of its own and `examined`, its takedowns, `put_all` of the blob store, `record_all`.
"""

from dataclasses import replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

import imaging
from label_store.errors import TakenDown
from label_store.models import Takedown
from label_store.origin import Examined, Origin, url_hash
from label_store.recording import Failure, Recorded, record, record_failure
from label_store.takedown import tells_likeness
from label_store.workspace import Workspace


def examine(data: bytes, max_pixels: int = 100_000_000, keep_location: bool = False) -> Examined:
    """Check and describe a picture; raises imaging.ImageError with its reason."""
    return examined(imaging.describe(data, max_pixels), keep_location)


def examined(found: imaging.Description, keep_location: bool = False) -> Examined:
    """What the label store keeps of a description; where the picture was taken only if that is asked for."""
    file = found.file
    if not keep_location and file.latitude is not None:
        file = replace(file, latitude=None, longitude=None)
    return Examined(found.facts, None if found.phash is None else imaging.phash_hex(found.phash), file)


def ingest(workspace: Workspace, data: bytes, origin: Origin) -> Recorded:
    """Check, hash, keep and record one picture; durable when it returns.

    Raises imaging.ImageError (not a whole picture), TakenDown, UsageError (no such category); the
    failure of a picture is recorded as the fetch's reason before it is raised.
    """
    try:
        examined = examine(data, workspace.settings.max_image_pixels, workspace.settings.keep_location)
        with workspace.read() as session:
            refuse_taken_down(session, examined, origin.url, workspace.settings.near_takedown_radius)
    except imaging.ImageError as error:
        with workspace.write() as session:
            record_failure(session, origin, Failure(error.reason, str(error)))
        raise
    except TakenDown as error:
        with workspace.write() as session:
            record_failure(session, origin, Failure("takedown", str(error)))
        raise
    workspace.blobs.put(data)
    with workspace.write() as session:
        return record(session, examined, origin)


def refuse_taken_down(session: Session, examined: Examined | None, url: str, radius: int) -> None:
    """Raise TakenDown when the URL, the bytes or a near picture was taken down."""
    sha256 = examined.facts.sha256 if examined else None
    hit = session.scalar(
        select(Takedown).where(or_(Takedown.url_hash == url_hash(url), Takedown.sha256 == (sha256 or "")))
    )
    if hit is None and examined is not None and examined.phash is not None:
        mine = int(examined.phash, 16)
        for takedown in session.scalars(select(Takedown).where(tells_likeness())):
            if (int(takedown.phash or "0", 16) ^ mine).bit_count() <= radius:
                hit = takedown
                break
    if hit is not None:
        raise TakenDown(
            f"{url} was taken down on {hit.at:%Y-%m-%d}" + (f" ({hit.reason})" if hit.reason else ""),
            hint="its bytes are not kept; `cairn takedown --list` shows why",
        )
