"""A disk that is full: how much the rest of a run needs, by the pictures that came so far."""

import errno
import shutil

from sqlalchemy import func, select

from label_store import CairnError, FolderBlobs, StoreFull, Workspace
from label_store.models import Image


class DiskFull(CairnError):
    """There is no space for the next picture."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that the disk or the quota is full."""
    while error is not None:
        if isinstance(error, StoreFull) or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
            return True
        error = error.__cause__
    return False


def disk_full(workspace: Workspace, left: int | None) -> DiskFull:
    """The sentence for a full disk; `left` addresses are not yet settled (None where nobody knows)."""
    mean = None
    try:
        with workspace.read() as session:
            mean = session.scalar(select(func.avg(Image.bytes)))
    except CairnError:
        pass  # the database lies on the same disk; the sentence is worth having without the figure
    places = [workspace.folder]
    if isinstance(workspace.blobs, FolderBlobs) and workspace.blobs.root.is_dir():
        places.append(workspace.blobs.root)  # it may be on another disk
    free, place = min((shutil.disk_usage(place).free, place) for place in places)
    needed = "the space that the rest needs is not known"
    if left and mean:
        needed = f"the {left:,} addresses left need about {size_words(left * float(mean))}"
    elif mean:
        needed = f"a thousand pictures take about {size_words(1000 * float(mean))}"
    return DiskFull(
        f"the disk of {place} is full ({size_words(free)} free): {needed}; what was recorded stays",
        hint="free some space and run the same command again; it continues where it stopped",
    )


def size_words(size: float) -> str:
    """Bytes as people say them."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"
